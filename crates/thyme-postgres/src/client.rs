//! A connection to the server.
mod rows;
mod socket;
mod tap;
mod tls;

use std::fmt;
use std::ops::{Deref, DerefMut};

use thyme_core::{Error, Kind, Result, duration};
use tokio::task::JoinHandle;
use tokio_postgres::config::SslMode as Wire;
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

pub use rows::Rows;

use crate::config::{Connection, SslMode};
use crate::error;
use socket::Socket;
use tap::{Flow, Tap, Tapped};

/// A connection. Dropped, it ends with everything that was under way on it.
pub struct Client {
    inner: tokio_postgres::Client,
    task: JoinHandle<()>,
    flow: Flow,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

impl Deref for Client {
    type Target = tokio_postgres::Client;

    fn deref(&self) -> &Self::Target {
        &self.inner
    }
}

impl DerefMut for Client {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.inner
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Connects, logs in, and makes the session independent of the settings of server and role: UTC, ISO dates, all digits.
///
/// # Errors
/// `Auth` for a refused log-in or a server that cannot be proven, `NotFound` for a database that is not there, `Unavailable` for
/// a server that can't be reached or takes longer than `connect_timeout`, `Config` for TLS files that can't be read.
pub async fn connect(connection: &Connection) -> Result<Client> {
    let limit = connection.connect_timeout;
    let connected = match tokio::time::timeout(limit, open(connection)).await {
        Ok(connected) => connected,
        Err(_) => Err(Error::new(Kind::Unavailable, format!("no connection within {}", duration::show(limit)))),
    };
    connected.map_err(|error| error.context("server", connection.identity()).context("user", &connection.user))
}

async fn open(connection: &Connection) -> Result<Client> {
    let config = config(connection)?;
    // A Unix socket has no TLS, whatever is asked for.
    let mode = if connection.host.starts_with('/') { SslMode::Disable } else { connection.sslmode };
    let tls = if mode == SslMode::Disable { None } else { Some(tls::connector(connection)?) };
    let client = match (mode, tls) {
        (SslMode::Disable, _) | (_, None) => plain(connection, &config).await?,
        // The two modes with a second way; what the server said to the first counts when both fail.
        (SslMode::Allow, Some(tls)) => match plain(connection, &config).await? {
            Err(first) if unwelcome(&first) => secure(connection, &config, Wire::Require, tls).await?.map_err(|_| first),
            done => done,
        },
        (SslMode::Prefer, Some(tls)) => match secure(connection, &config, Wire::Prefer, tls).await? {
            Err(first) if unwelcome(&first) || error::tls(&first).is_some() => {
                plain(connection, &config).await?.map_err(|_| first)
            }
            done => done,
        },
        (_, Some(tls)) => secure(connection, &config, Wire::Require, tls).await?,
    };
    let client = client.map_err(|e| {
        let hint = tls::remedy(&e);
        let error = error::from_pg(e, format_args!("connect with sslmode {mode}"));
        match hint {
            Some((name, text)) => error.context(name, text),
            None => error,
        }
    })?;
    let settings = settings(connection);
    client.batch_execute(&settings).await.map_err(|e| error::from_pg(e, "set up the session"))?;
    Ok(client)
}

/// Whether `pg_hba.conf` has no place for this kind of connection, so that another kind is worth a try.
fn unwelcome(error: &tokio_postgres::Error) -> bool {
    error.code() == Some(&SqlState::INVALID_AUTHORIZATION_SPECIFICATION)
}

/// What the server says to those who come.
type Answer = Result<Client, tokio_postgres::Error>;

async fn plain(connection: &Connection, config: &Config) -> Result<Answer> {
    session(connection, config, Wire::Disable, NoTls).await
}

async fn secure(connection: &Connection, config: &Config, wire: Wire, mut tls: MakeRustlsConnect) -> Result<Answer> {
    let tls = MakeTlsConnect::<Socket>::make_tls_connect(&mut tls, &connection.host);
    let tls = tls.map_err(|e| Error::new(Kind::Config, "`host` is no name that TLS can prove").source(e))?;
    session(connection, config, wire, Tapped(tls)).await
}

async fn session<T>(connection: &Connection, config: &Config, wire: Wire, tls: T) -> Result<Answer>
where
    T: TlsConnect<Tap<Socket>> + Send,
    T::Stream: Send + 'static,
    T::Future: Send,
{
    let mut config = config.clone();
    config.ssl_mode(wire);
    let socket = socket::open(connection).await.map_err(|e| Error::new(Kind::Unavailable, "cannot connect").source(e))?;
    let flow = Flow::default();
    let tap = Tap::new(socket, flow.clone(), wire != Wire::Disable);
    Ok(config.connect_raw(tap, tls).await.map(|(inner, wire)| {
        // What ends the connection also ends the statement under way, which reports it.
        let task = tokio::spawn(async move { drop(wire.await) });
        Client { inner, task, flow }
    }))
}

fn config(connection: &Connection) -> Result<Config> {
    let mut config = Config::new();
    config.dbname(&connection.database).user(&connection.user).application_name(&connection.application_name);
    if let Some(password) = &connection.password {
        config.password(password.reveal()?.expose());
    }
    Ok(config)
}

fn settings(connection: &Connection) -> String {
    let fixed = "SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; SET IntervalStyle = 'postgres'; SET extra_float_digits = 3; \
        SET bytea_output = 'hex'; SET lc_monetary = 'C'; SET standard_conforming_strings = on; \
        SET client_min_messages = warning; SET idle_in_transaction_session_timeout = 0";
    let limit = connection.statement_timeout.map(|limit| format!("; SET statement_timeout = {}", limit.as_millis()));
    format!("{fixed}{}", limit.unwrap_or_default())
}
