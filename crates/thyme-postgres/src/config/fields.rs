//! The connection-level fields, written once for the source and the sink; how texts become values.
use std::time::Duration;

use serde::{Deserialize, Deserializer};
use serde_json::Value;
use thyme_core::{Result, duration};

/// A config struct with its own fields first, then those that say where the server is.
macro_rules! with_connection {
    ($(#[$meta:meta])* pub struct $name:ident { $($own:tt)* }) => {
        $(#[$meta])*
        pub struct $name {
            $($own)*

            /// The schema of the table.
            #[schemars(extend("x-connection" = true, "default" = "public"))]
            pub schema: Option<String>,

            /// A name, an address, or the folder of a Unix socket (it begins with `/`).
            #[schemars(extend("x-connection" = true, "default" = "localhost"))]
            pub host: Option<String>,

            /// The port of the server.
            #[schemars(extend("x-connection" = true, "default" = 5432))]
            pub port: Option<u16>,

            /// The database; that with the name of the user unless said otherwise.
            #[schemars(extend("x-connection" = true))]
            pub database: Option<String>,

            /// Who connects. Here or in `url`: the user of the operating system is never taken.
            #[schemars(extend("x-connection" = true))]
            pub user: Option<String>,

            /// The password, for SCRAM, MD5 and clear text as the server asks.
            #[schemars(extend("x-connection" = true))]
            pub password: Option<thyme_core::Secret>,

            /// A connection string, `postgresql://user:password@host:5432/database?sslmode=verify-full`, in place of the single
            /// fields. What is given both ways must agree.
            #[schemars(extend("x-connection" = true))]
            pub url: Option<thyme_core::Secret>,

            /// How the connection is encrypted and the server proven, as in libpq: `disable`, `allow` and `prefer` (with TLS if
            /// the server has it, unproven), `require` (always with TLS; unproven unless `sslrootcert` is given), `verify-ca`
            /// (the certificate is trusted), `verify-full` (and it names this host).
            #[schemars(extend(
                "x-connection" = true,
                "default" = "prefer",
                "x-aliases" = ["ssl"],
                "x-value-aliases" = {"true": "require", "false": "disable"}
            ))]
            pub sslmode: Option<$crate::config::SslMode>,

            /// A PEM file with the certificates that may have signed the server's; those that the system trusts unless said
            /// otherwise.
            #[schemars(extend("x-connection" = true, "x-path" = true))]
            pub sslrootcert: Option<String>,

            /// A PEM file with the client's certificate, and what leads from it to the server's CA.
            #[schemars(extend("x-connection" = true, "x-path" = true))]
            pub sslcert: Option<String>,

            /// The private key of `sslcert`: PEM text, or `{ file = "client.key" }`.
            #[schemars(extend("x-connection" = true))]
            pub sslkey: Option<thyme_core::Secret>,

            /// What the server shows in `pg_stat_activity`.
            #[schemars(extend("x-connection" = true, "default" = "thyme"))]
            pub application_name: Option<String>,

            /// How long one statement may take; what the server says unless given.
            #[serde(default, deserialize_with = "crate::config::fields::time")]
            #[schemars(with = "Option<String>", extend("x-connection" = true, "format" = "duration"))]
            pub statement_timeout: Option<std::time::Duration>,

            /// How long it may take to connect, TLS and log-in included.
            #[serde(default, deserialize_with = "crate::config::fields::time")]
            #[schemars(with = "Option<String>", extend("x-connection" = true, "format" = "duration", "default" = "10s"))]
            pub connect_timeout: Option<std::time::Duration>,
        }

        impl $name {
            /// Where the server is and who connects: these fields, the parts of `url`, and the defaults.
            ///
            /// # Errors
            /// `Config` for a `url` that does not parse or contradicts a field, and for a missing user.
            pub fn connection(&self) -> thyme_core::Result<$crate::config::Connection> {
                $crate::config::connection::Given {
                    schema: self.schema.clone(),
                    host: self.host.clone(),
                    port: self.port,
                    database: self.database.clone(),
                    user: self.user.clone(),
                    password: self.password.clone(),
                    sslmode: self.sslmode,
                    sslrootcert: self.sslrootcert.clone(),
                    sslcert: self.sslcert.clone(),
                    sslkey: self.sslkey.clone(),
                    application_name: self.application_name.clone(),
                    statement_timeout: self.statement_timeout,
                    connect_timeout: self.connect_timeout,
                }
                .resolve(self.url.as_ref())
            }
        }
    };
}
pub(super) use with_connection;

/// `5s`, `2m` …
pub(super) fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| duration::parse(&text).map_err(serde::de::Error::custom)).transpose()
}

/// A text, or a number by its JSON text.
pub(super) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    match Option::<Value>::deserialize(deserializer)? {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(Value::Number(number)) => Ok(Some(number.to_string())),
        Some(_) => Err(serde::de::Error::custom("expected a text or a number")),
    }
}

/// One name, or a list of them.
pub(super) fn names<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Form {
        One(String),
        Many(Vec<String>),
    }
    Ok(match Form::deserialize(deserializer)? {
        Form::One(name) => vec![name],
        Form::Many(names) => names,
    })
}
