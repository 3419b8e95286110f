//! Connection strings: `scheme:rest?field=value&…`.
use crate::{Error, Kind, Result};

/// A connection string in its parts.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parts<'a> {
    /// `-` for stdout, and `file` for a path without a scheme.
    pub(super) scheme: String,
    /// Everything before the first `?`.
    pub(super) base: &'a str,
    /// The query's fields and values, decoded.
    pub(super) query: Vec<(String, String)>,
}

pub(super) fn split(text: &str) -> Result<Parts<'_>> {
    let (base, query) = text.split_once('?').unwrap_or((text, ""));
    if base.is_empty() {
        return Err(Error::new(Kind::Config, "the connection string is empty"));
    }
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, "true"));
        Ok((percent_decode(name)?, percent_decode(value)?))
    };
    let query = query.split('&').filter(|part| !part.is_empty()).map(pair).collect::<Result<_>>()?;
    let plain = |scheme: &&str| {
        let first = scheme.chars().next().is_some_and(|c| c.is_ascii_alphabetic());
        first && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
    };
    let scheme = if base == "-" { "-" } else { base.split_once(':').map(|(scheme, _)| scheme).filter(plain).unwrap_or("file") };
    Ok(Parts { scheme: scheme.to_ascii_lowercase(), base, query })
}

/// `%3F` as `?` and so on; what a connection string holds between its separators.
///
/// # Errors
/// `Config` for a `%` without two hexadecimal digits, and for bytes that are not UTF-8.
pub fn percent_decode(text: &str) -> Result<String> {
    let wrong = |what| Error::new(Kind::Config, format!("{what} in a connection string; a bare `%` is written `%25`"));
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        if first == b'%' {
            let hex = tail.get(..2).and_then(|hex| Some((char::from(hex[0]).to_digit(16)?, char::from(hex[1]).to_digit(16)?)));
            let (high, low) = hex.ok_or_else(|| wrong("`%` without two hexadecimal digits"))?;
            bytes.push((high * 16 + low) as u8);
            rest = &tail[2..];
        } else {
            bytes.push(first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).map_err(|_| wrong("bytes that are not UTF-8"))
}
