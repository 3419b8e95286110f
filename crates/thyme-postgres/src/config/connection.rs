//! Where the server is and who connects.
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use thyme_core::{Error, Kind, Result, Secret};

use super::url;

/// Where the server is and who connects: the connection-level fields with their defaults filled in.
#[derive(Clone, Debug)]
pub struct Connection {
    /// A name, an address, or the folder of a Unix socket.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The database.
    pub database: String,
    /// The user.
    pub user: String,
    /// The password, if there is one.
    pub password: Option<Secret>,
    /// The schema of the table.
    pub schema: String,
    /// How the connection is encrypted and the server proven.
    pub sslmode: SslMode,
    /// Certificates that may have signed the server's.
    pub sslrootcert: Option<PathBuf>,
    /// The client's certificate.
    pub sslcert: Option<PathBuf>,
    /// Its private key, as PEM.
    pub sslkey: Option<Secret>,
    /// What the server shows in `pg_stat_activity`.
    pub application_name: String,
    /// How long one statement may take.
    pub statement_timeout: Option<Duration>,
    /// How long it may take to connect.
    pub connect_timeout: Duration,
}

impl Connection {
    /// The server and database without user and secrets: `postgres://host:5432/db`.
    #[must_use]
    pub fn identity(&self) -> String {
        format!("postgres://{}:{}/{}", self.host, self.port, self.database)
    }
}

/// How the connection is encrypted and the server proven, as libpq defines it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SslMode {
    /// Never with TLS.
    Disable,
    /// Without TLS; with it if the server insists.
    Allow,
    /// With TLS if the server has it; the server is not proven.
    #[default]
    Prefer,
    /// Always with TLS. The server is proven only if `sslrootcert` is given, as under `verify-ca`.
    Require,
    /// Always with TLS, and the certificate is signed by a trusted CA.
    VerifyCa,
    /// Always with TLS, the certificate is signed by a trusted CA and names the host.
    VerifyFull,
}

impl fmt::Display for SslMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Disable => "disable",
            Self::Allow => "allow",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        })
    }
}

/// The fields as they were given, one by one or as the parts of a connection string.
#[derive(Clone, Debug, Default)]
pub(super) struct Given {
    pub(super) schema: Option<String>,
    pub(super) host: Option<String>,
    pub(super) port: Option<u16>,
    pub(super) database: Option<String>,
    pub(super) user: Option<String>,
    pub(super) password: Option<Secret>,
    pub(super) sslmode: Option<SslMode>,
    pub(super) sslrootcert: Option<String>,
    pub(super) sslcert: Option<String>,
    pub(super) sslkey: Option<Secret>,
    pub(super) application_name: Option<String>,
    pub(super) statement_timeout: Option<Duration>,
    pub(super) connect_timeout: Option<Duration>,
}

impl Given {
    /// These fields, then those of `url`, then the defaults.
    pub(super) fn resolve(self, url: Option<&Secret>) -> Result<Connection> {
        let other = url.map(|url| url::parse(url.reveal()?.expose())).transpose()?.unwrap_or_default();
        let user = one("user", self.user, other.user)?.filter(|user| !user.is_empty());
        let user = user.ok_or_else(|| {
            Error::new(Kind::Config, "no user to connect as: set `user`, THYME_POSTGRES_USER, or a user in `url`")
        })?;
        let connection = Connection {
            host: one("host", self.host, other.host)?.filter(|host| !host.is_empty()).unwrap_or_else(|| "localhost".into()),
            port: one("port", self.port, other.port)?.unwrap_or(5432),
            database: one("database", self.database, other.database)?.filter(|db| !db.is_empty()).unwrap_or_else(|| user.clone()),
            user,
            password: secret("password", self.password, other.password)?,
            schema: one("schema", self.schema, other.schema)?.filter(|name| !name.is_empty()).unwrap_or_else(|| "public".into()),
            sslmode: one("sslmode", self.sslmode, other.sslmode)?.unwrap_or_default(),
            sslrootcert: one("sslrootcert", self.sslrootcert, other.sslrootcert)?.map(PathBuf::from),
            sslcert: one("sslcert", self.sslcert, other.sslcert)?.map(PathBuf::from),
            sslkey: secret("sslkey", self.sslkey, other.sslkey)?,
            application_name: one("application_name", self.application_name, other.application_name)?
                .unwrap_or_else(|| "thyme".into()),
            statement_timeout: self.statement_timeout,
            connect_timeout: one("connect_timeout", self.connect_timeout, other.connect_timeout)?
                .unwrap_or(Duration::from_secs(10)),
        };
        if connection.sslcert.is_some() != connection.sslkey.is_some() {
            return Err(Error::new(Kind::Config, "`sslcert` and `sslkey` belong together: one is missing"));
        }
        Ok(connection)
    }
}

/// The value that was given, by the field or the connection string.
fn one<T: PartialEq>(name: &'static str, field: Option<T>, url: Option<T>) -> Result<Option<T>> {
    match (field, url) {
        (Some(field), Some(url)) if field != url => Err(twice(name)),
        (field, url) => Ok(field.or(url)),
    }
}

fn secret(name: &'static str, field: Option<Secret>, url: Option<Secret>) -> Result<Option<Secret>> {
    if let (Some(field), Some(url)) = (&field, &url)
        && field.reveal()?.expose() != url.reveal()?.expose()
    {
        return Err(twice(name));
    }
    Ok(field.or(url))
}

fn twice(name: &'static str) -> Error {
    Error::new(Kind::Config, format!("`{name}` (or its environment variable) and `url` say different things: keep one of them"))
}
