//! What a `read_committed` reader has to see.
use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;
use thyme_core::Result;
use thyme_testkit::kafka::Record;

use crate::place::Place;

/// What is wrong with a topic.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Wrong {
    /// Rows of the table that are not there, or not as they are.
    pub(crate) lost: usize,
    /// Records beyond the first of a row.
    pub(crate) repeated: usize,
    /// Records before which one of the same key came that is later by the cursor.
    pub(crate) misplaced: usize,
}

/// Compares the topic with the table. Returns the rows, and what is wrong.
pub(crate) async fn compare(place: &Place) -> Result<(usize, Wrong)> {
    let sql =
        "select id || '|' || user_id || '|' || amount || '|' || (extract(epoch from ts) * 1000000)::bigint from transactions";
    let rows = place.database.column(sql).await?;
    let mut left: BTreeMap<String, bool> = rows.into_iter().map(|row| (row, false)).collect();
    let mut wrong = Wrong::default();
    let mut last: BTreeMap<String, (Timestamp, i64)> = BTreeMap::new();
    for record in place.kafka.read(&place.topic).await? {
        let (text, key, at) = row(&record);
        match left.get_mut(&text) {
            Some(seen) if !*seen => *seen = true,
            Some(_) => wrong.repeated += 1,
            None => panic!("a record of no row: {text}"),
        }
        if last.get(&key).is_some_and(|last| *last > at) {
            wrong.misplaced += 1;
        }
        last.insert(key, at);
    }
    wrong.lost = left.values().filter(|seen| !**seen).count();
    Ok((left.len(), wrong))
}

/// The row as the table has it, its key, and its place by the cursor.
fn row(record: &Record) -> (String, String, (Timestamp, i64)) {
    let value: Value = serde_json::from_slice(record.value.as_deref().unwrap()).unwrap();
    let (id, user) = (value["id"].as_i64().unwrap(), value["user_id"].as_str().unwrap());
    let ts: Timestamp = value["ts"].as_str().unwrap().parse().unwrap();
    assert_eq!(record.key_text(), user);
    let text = format!("{id}|{user}|{}|{}", value["amount"].as_f64().unwrap(), ts.as_microsecond());
    (text, user.to_owned(), (ts, id))
}
