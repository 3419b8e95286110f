//! Connection strings: `postgresql://user:password@host:5432/database?sslmode=require`.
use std::time::Duration;

use serde_json::{Map, Value};
use thyme_core::connector::percent_decode;
use thyme_core::{Error, Kind, Result, Secret, duration};

use super::connection::Given;

/// The fields in a connection string without its query, for the registry.
pub(crate) fn from_url(url: &str) -> Result<Value> {
    let parts = parts(url)?;
    let texts = [("user", parts.user), ("password", parts.password), ("host", parts.host), ("database", parts.database)];
    let mut fields: Map<_, _> =
        texts.into_iter().filter_map(|(name, text)| Some((name.to_owned(), Value::from(text?)))).collect();
    if let Some(port) = parts.port {
        fields.insert("port".to_owned(), Value::from(port));
    }
    Ok(Value::Object(fields))
}

/// A whole connection string. Errors name what is wrong, never the string: it may hold a password.
pub(super) fn parse(url: &str) -> Result<Given> {
    let (base, query) = url.split_once('?').unwrap_or((url, ""));
    let parts = parts(base)?;
    let mut given = Given {
        user: parts.user,
        password: parts.password.map(Secret::new),
        host: parts.host,
        port: parts.port,
        database: parts.database,
        ..Given::default()
    };
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').ok_or_else(|| wrong("an option without `=`"))?;
        let value = percent_decode(value)?;
        match name {
            "sslmode" => {
                let mode = serde_json::from_value(Value::from(value));
                given.sslmode = Some(mode.map_err(|_| wrong("an unknown `sslmode`"))?);
            }
            "sslrootcert" => given.sslrootcert = Some(value),
            "sslcert" => given.sslcert = Some(value),
            "sslkey" => given.sslkey = Some(Secret::file(value)),
            "application_name" => given.application_name = Some(value),
            "schema" => given.schema = Some(value),
            "user" => given.user = Some(value),
            "password" => given.password = Some(Secret::new(value)),
            "host" => given.host = Some(value),
            "port" => given.port = Some(port(&value)?),
            "dbname" => given.database = Some(value),
            "connect_timeout" => {
                let seconds = value.parse().ok().map(Duration::from_secs);
                given.connect_timeout = Some(seconds.map_or_else(|| duration::parse(&value), Ok)?);
            }
            other => return Err(wrong(&format!("the option `{}`, which is not known here", percent_decode(other)?))),
        }
    }
    Ok(given)
}

#[derive(Debug, Default)]
struct Parts {
    user: Option<String>,
    password: Option<String>,
    host: Option<String>,
    port: Option<u16>,
    database: Option<String>,
}

fn parts(base: &str) -> Result<Parts> {
    let rest = base
        .split_once(':')
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("postgres") || scheme.eq_ignore_ascii_case("postgresql"));
    let rest = rest.and_then(|(_, rest)| rest.strip_prefix("//"));
    let rest = rest.ok_or_else(|| wrong("something that does not begin with `postgresql://`"))?;
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (who, place) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (user, password) = who.split_once(':').map_or((who, None), |(user, password)| (user, Some(password)));
    if place.contains(',') {
        return Err(wrong("more than one host"));
    }
    let (host, port_text) = match place.strip_prefix('[') {
        Some(rest) => {
            let (host, tail) = rest.split_once(']').ok_or_else(|| wrong("an address without its closing `]`"))?;
            (host, tail.strip_prefix(':').unwrap_or(tail))
        }
        None => place.rsplit_once(':').unwrap_or((place, "")),
    };
    let some = |text: &str| if text.is_empty() { Ok(None) } else { percent_decode(text).map(Some) };
    Ok(Parts {
        user: some(user)?,
        password: password.map_or(Ok(None), some)?,
        host: some(host)?,
        port: if port_text.is_empty() { None } else { Some(port(port_text)?) },
        database: some(path)?,
    })
}

fn port(text: &str) -> Result<u16> {
    text.parse().map_err(|_| wrong("a port that is not a number from 0 to 65535"))
}

fn wrong(what: &str) -> Error {
    Error::new(
        Kind::Config,
        format!("the connection string holds {what}: expected `postgresql://user:password@host:5432/database`"),
    )
}

#[cfg(test)]
mod tests {
    use super::super::SslMode;
    use super::*;

    #[test]
    fn the_parts_of_a_connection_string() {
        let given = parse("postgresql://me:p%40ss%3Aword@[::1]:6432/my%20db?sslmode=verify-full&connect_timeout=3").unwrap();
        assert_eq!((given.user.as_deref(), given.host.as_deref(), given.port), (Some("me"), Some("::1"), Some(6432)));
        assert_eq!(given.password.unwrap().reveal().unwrap().expose(), "p@ss:word");
        assert_eq!((given.database.as_deref(), given.sslmode), (Some("my db"), Some(SslMode::VerifyFull)));
        assert_eq!(given.connect_timeout, Some(Duration::from_secs(3)));
        let socket = parse("postgres://u@%2Frun%2Fpg/db").unwrap();
        assert_eq!((socket.host.as_deref(), socket.port), (Some("/run/pg"), None));
    }

    #[test]
    fn mistakes_are_named_without_the_password() {
        for (url, what) in [
            ("mysql://u:hunter2@h/db", "does not begin with"),
            ("postgres://u:hunter2@a,b/db", "more than one host"),
            ("postgres://u:hunter2@h:port/db", "not a number"),
            ("postgres://u:hunter2@h/db?sslmode=maybe", "unknown `sslmode`"),
            ("postgres://u:hunter2@h/db?hunter=1", "`hunter`, which is not known"),
            ("postgres://u:hunter2%@h/db", "hexadecimal"),
        ] {
            let error = parse(url).unwrap_err().to_string();
            assert!(error.contains(what) && !error.contains("hunter2"), "{url}: {error}");
        }
    }

    #[test]
    fn a_field_and_the_connection_string_must_agree() {
        let given = Given { host: Some("a".into()), password: Some("hunter2".into()), ..Given::default() };
        let same = given.clone().resolve(Some(&Secret::new("postgres://me:hunter2@a"))).unwrap();
        assert_eq!((same.host.as_str(), same.user.as_str(), same.database.as_str(), same.port), ("a", "me", "me", 5432));
        for url in ["postgres://me@b", "postgres://me:hunter3@a"] {
            let error = given.clone().resolve(Some(&Secret::new(url))).unwrap_err();
            assert!(error.message().contains("say different things") && !format!("{error:?}").contains("hunter"), "{error}");
        }
        assert!(given.resolve(None).unwrap_err().message().contains("THYME_POSTGRES_USER"));
    }
}
