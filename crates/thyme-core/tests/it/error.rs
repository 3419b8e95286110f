//! What people and engines see of an error.
use std::time::Duration;

use thyme_core::{Cursor, Error, Kind, Position, ResultExt, Retry};

#[test]
fn one_line_with_context_and_causes() {
    let cause = std::io::Error::other("connection reset");
    let error = Err::<(), _>(Error::new(Kind::Unavailable, "the server went away").source(cause))
        .context("host", || "db.internal")
        .unwrap_err();
    let error = error.context("port", 5432);
    assert_eq!(error.to_string(), "the server went away (host: db.internal, port: 5432): connection reset");
    assert_eq!(format!("{error:?}"), format!("unavailable error: {error}"));
    assert_eq!((error.kind(), error.retry_advice()), (Kind::Unavailable, Retry::Backoff));
    let later = Error::new(Kind::RateLimited, "slow down").retry(Retry::After(Duration::from_secs(7)));
    assert_eq!(later.retry_advice(), Retry::After(Duration::from_secs(7)));
}

#[test]
fn what_cannot_succeed_is_not_retried() {
    for kind in
        [Kind::Config, Kind::Auth, Kind::NotFound, Kind::Unsupported, Kind::Schema, Kind::Data, Kind::Conflict, Kind::CursorLost]
    {
        assert_eq!(Error::new(kind, "x").retry_advice(), Retry::No, "{kind}");
    }
    assert_eq!(size_of::<Error>(), size_of::<usize>());
}

#[test]
fn a_position_that_no_longer_parses_is_lost_not_restarted() {
    assert_eq!(Position::of(&"text").get::<u64>().unwrap_err().kind(), Kind::CursorLost);
    assert_eq!(Cursor::from_json(b"{\"seq\":").unwrap_err().kind(), Kind::CursorLost);
    let mut cursor = Cursor::start("memory");
    cursor.splits.insert("x".into(), Position::of(&"y".repeat(Cursor::MAX_BYTES)));
    assert_eq!(cursor.to_json().unwrap_err().kind(), Kind::Unexpected);
}
