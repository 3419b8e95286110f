//! What the server or the connection to it says, as an error by kind.
use std::error::Error as _;
use std::fmt;

use thyme_core::{Error, Kind};
use tokio_postgres::error::{DbError, SqlState};

/// `error`, which happened while doing `what` (`"read the table"`), with the kind that its SQLSTATE stands for.
pub fn from_pg(error: tokio_postgres::Error, what: impl fmt::Display) -> Error {
    let message = format!("cannot {what}");
    match error.as_db_error() {
        Some(db) => Error::new(kind(db.code().code()), message).source(ServerError::new(db)),
        None => Error::new(without_answer(&error), message).source(error),
    }
}

/// The SQLSTATE that the server gave, if it was the server that refused.
pub fn code(error: &Error) -> Option<&SqlState> {
    Some(&error.source()?.downcast_ref::<ServerError>()?.code)
}

/// The one table from SQLSTATE to kind: single codes first, then classes.
fn kind(code: &str) -> Kind {
    match code {
        // Who we are, what we may do.
        "42501" => Kind::Auth,
        // Objects that are not there: database, schema, table, column, function, type.
        "3D000" | "3F000" | "42P01" | "42703" | "42883" | "42704" | "42P02" => Kind::NotFound,
        // What raw SQL of the user (`query`, `where`, `on_conflict`) can get wrong.
        "42601" | "42P10" | "42803" | "42702" | "42P18" | "42P19" | "42P20" => Kind::Config,
        // A read-only standby, perhaps in the middle of a failover; locks, deadlocks, statement time-outs.
        "25006" | "25P02" | "25P03" | "25P04" | "55P03" | "55006" | "57014" | "72000" => Kind::Unavailable,
        // A row that is too big for a page or an index.
        "54000" => Kind::Data,
        _ => match code.get(..2).unwrap_or_default() {
            "28" => Kind::Auth,
            "08" | "40" | "53" | "57" | "58" => Kind::Unavailable,
            "22" | "23" | "44" => Kind::Data,
            "0A" => Kind::Unsupported,
            "42" | "2B" => Kind::Schema,
            "26" | "34" => Kind::Unavailable,
            _ => Kind::Unexpected,
        },
    }
}

/// The kind of a failure that is not an answer of the server.
fn without_answer(error: &tokio_postgres::Error) -> Kind {
    if let Some(tls) = tls(error) {
        return match tls {
            // A proof that failed will fail again; anything else may be a cut connection.
            rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented => Kind::Auth,
            rustls::Error::AlertReceived(_) => Kind::Auth,
            _ => Kind::Unavailable,
        };
    }
    let text = error.to_string();
    let cause = error.source().map(ToString::to_string).unwrap_or_default();
    if text.starts_with("authentication error") || cause == "password missing" {
        Kind::Auth
    } else if text.starts_with("invalid configuration") || (text.starts_with("error performing TLS") && !cut(error)) {
        Kind::Config
    } else if error.is_closed() || cut(error) || text.starts_with("error communicating") || text.starts_with("error connecting") {
        Kind::Unavailable
    } else {
        Kind::Unexpected
    }
}

/// Whether the line broke in the middle of something.
fn cut(error: &tokio_postgres::Error) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, TimedOut, UnexpectedEof};
    let io = error.source().and_then(|cause| cause.downcast_ref::<std::io::Error>()).map(std::io::Error::kind);
    io.is_some_and(|kind| matches!(kind, BrokenPipe | ConnectionAborted | ConnectionReset | TimedOut | UnexpectedEof))
}

/// What TLS has to say, where it was TLS that failed.
pub fn tls(error: &tokio_postgres::Error) -> Option<&rustls::Error> {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if let Some(tls) = inner.downcast_ref::<rustls::Error>() {
            return Some(tls);
        }
        let io = inner.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        cause = match io {
            Some(io) => Some(io as &(dyn std::error::Error + 'static)),
            None => inner.source(),
        };
    }
    None
}

/// An answer of the server in one line.
#[derive(Debug)]
struct ServerError {
    code: SqlState,
    text: String,
}

impl ServerError {
    fn new(db: &DbError) -> Self {
        let mut text = format!("{} (SQLSTATE {}", db.message(), db.code().code());
        for (name, part) in [("detail", db.detail()), ("hint", db.hint()), ("where", db.where_())] {
            if let Some(part) = part {
                text.push_str(&format!(", {name}: {}", part.replace('\n', "; ")));
            }
        }
        text.push(')');
        Self { code: db.code().clone(), text }
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for ServerError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sqlstate_has_its_kind() {
        for (code, expected) in [
            ("28P01", Kind::Auth),
            ("28000", Kind::Auth),
            ("42501", Kind::Auth),
            ("3D000", Kind::NotFound),
            ("42P01", Kind::NotFound),
            ("42703", Kind::NotFound),
            ("42601", Kind::Config),
            ("42804", Kind::Schema),
            ("0A000", Kind::Unsupported),
            ("22003", Kind::Data),
            ("23505", Kind::Data),
            ("40001", Kind::Unavailable),
            ("40P01", Kind::Unavailable),
            ("53100", Kind::Unavailable),
            ("53300", Kind::Unavailable),
            ("57014", Kind::Unavailable),
            ("57P01", Kind::Unavailable),
            ("08006", Kind::Unavailable),
            ("XX000", Kind::Unexpected),
            ("", Kind::Unexpected),
        ] {
            assert_eq!(kind(code), expected, "{code}");
        }
    }
}
