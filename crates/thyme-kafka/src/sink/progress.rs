//! The progress topic: where each task stands, in the transaction of its rows, and who owns it.
//!
//! The topic is compacted and holds two records a task, in its first partition, where nobody's settings can move them: the
//! cursor, and the owner, which a writer puts there when it opens the task. Keys are JSON arrays:
//! `["cursor", topic, pipeline, task]`; values are JSON objects with a `version`.
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thyme_core::{Cursor, Error, Kind, Result, Task};

/// The shape of the values.
const VERSION: u32 = 1;

/// Whose records of the progress topic these are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The topic that is written.
    pub(super) topic: String,
    /// Who writes.
    pub(super) task: Task,
}

/// What a record of the progress topic is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum About {
    /// Where the task stands.
    Cursor,
    /// Who writes it.
    Owner,
}

#[derive(Serialize, Deserialize)]
struct Key<'a>(About, #[serde(borrow)] std::borrow::Cow<'a, str>, std::borrow::Cow<'a, str>, std::borrow::Cow<'a, str>);

#[derive(Serialize, Deserialize)]
struct Value {
    version: u32,
    /// Who wrote this.
    owner: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cursor: Option<Cursor>,
}

impl Place {
    /// The key of what is said about this task.
    ///
    /// # Errors
    /// None in practice: texts have a JSON form.
    pub(super) fn key(&self, about: About) -> Result<Vec<u8>> {
        let key = Key(about, (&*self.topic).into(), (&*self.task.pipeline).into(), (&*self.task.task).into());
        serde_json::to_vec(&key).map_err(no_form)
    }
}

/// The value that says where a task stands; without a cursor, that `owner` writes it.
///
/// # Errors
/// `Unexpected` for a cursor that is too large.
pub(super) fn value(owner: &str, cursor: Option<&Cursor>) -> Result<Vec<u8>> {
    if let Some(cursor) = cursor {
        cursor.to_json()?;
    }
    let value = Value { version: VERSION, owner: owner.to_owned(), cursor: cursor.cloned() };
    serde_json::to_vec(&value).map_err(no_form)
}

/// What the progress topic says about one task, gathered record by record.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Standing {
    /// Where it stands.
    pub(super) cursor: Option<Cursor>,
    /// Who opened it last.
    pub(super) owner: Option<String>,
}

/// Gathers what is said about one task.
#[derive(Debug)]
pub(super) struct Gather {
    cursor: Vec<u8>,
    owner: Vec<u8>,
    /// The newest values, not looked into before the end.
    newest: [Option<Vec<u8>>; 2],
}

impl Gather {
    /// For the task of `place`.
    ///
    /// # Errors
    /// As [`Place::key`].
    pub(super) fn new(place: &Place) -> Result<Self> {
        Ok(Self { cursor: place.key(About::Cursor)?, owner: place.key(About::Owner)?, newest: [None, None] })
    }

    /// Takes the next record; true when it says who the owner is.
    pub(super) fn take(&mut self, key: &[u8], value: Option<&[u8]>) -> bool {
        let [cursor, owner] = &mut self.newest;
        if key == self.cursor {
            *cursor = value.map(<[u8]>::to_vec);
        } else if key == self.owner {
            *owner = value.map(<[u8]>::to_vec);
            return true;
        }
        false
    }

    /// Who the owner is by the records so far.
    ///
    /// # Errors
    /// As [`Gather::finish`].
    pub(super) fn owner(&self) -> Result<Option<String>> {
        let [_, owner] = &self.newest;
        Ok(owner.as_deref().map(parse).transpose()?.map(|value| value.owner))
    }

    /// What is said about the task.
    ///
    /// # Errors
    /// `CursorLost` for what does not parse, `Unsupported` for what a later release wrote.
    pub(super) fn finish(self) -> Result<Standing> {
        let owner = self.owner()?;
        let [cursor, _] = &self.newest;
        let cursor = cursor.as_deref().map(parse).transpose()?.and_then(|value| value.cursor);
        Ok(Standing { cursor, owner })
    }
}

/// The cursors of one pipeline, gathered record by record.
#[derive(Debug)]
pub(super) struct Cursors {
    topic: String,
    pipeline: String,
    found: BTreeMap<Arc<str>, Vec<u8>>,
}

impl Cursors {
    /// Those that `pipeline` has with the rows of `topic`.
    pub(super) fn new(topic: &str, pipeline: &str) -> Self {
        Self { topic: topic.to_owned(), pipeline: pipeline.to_owned(), found: BTreeMap::new() }
    }

    /// Takes the next record.
    pub(super) fn take(&mut self, key: &[u8], value: Option<&[u8]>) {
        let Ok(Key(About::Cursor, topic, pipeline, task)) = serde_json::from_slice(key) else { return };
        if topic != self.topic || pipeline != self.pipeline {
            return;
        }
        match value {
            Some(value) => self.found.insert(task.as_ref().into(), value.to_vec()),
            None => self.found.remove(task.as_ref()),
        };
    }

    /// The cursors by task.
    ///
    /// # Errors
    /// As [`Gather::finish`].
    pub(super) fn finish(self) -> Result<BTreeMap<Arc<str>, Cursor>> {
        let parsed = self.found.into_iter().map(|(task, value)| Ok(parse(&value)?.cursor.map(|cursor| (task, cursor))));
        parsed.filter_map(Result::transpose).collect()
    }
}

fn parse(value: &[u8]) -> Result<Value> {
    #[derive(Deserialize)]
    struct Version {
        version: u32,
    }
    let wrong = |e| Error::new(Kind::CursorLost, "a record of the progress topic does not parse").source(e);
    let Version { version } = serde_json::from_slice(value).map_err(wrong)?;
    if version > VERSION {
        let text = format!("the progress topic was written by a later release: its records have version {version}");
        return Err(Error::new(Kind::Unsupported, text));
    }
    serde_json::from_slice(value).map_err(wrong)
}

fn no_form(error: serde_json::Error) -> Error {
    Error::new(Kind::Unexpected, "a record of the progress topic has no JSON form").source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(pipeline: &str, task: &str) -> Place {
        Place { topic: "orders".into(), task: Task { pipeline: pipeline.into(), task: task.into() } }
    }

    /// As the first release wrote it: never to be changed.
    #[test]
    fn the_records_keep_their_shape() {
        let place = place("p", "a/\"ü\"");
        assert_eq!(place.key(About::Cursor).unwrap(), r#"["cursor","orders","p","a/\"ü\""]"#.as_bytes());
        let stored = br#"{"version":1,"owner":"me","cursor":{"seq":7,"source":"s"}}"#;
        let cursor = Cursor { seq: 7, ..Cursor::start("s") };
        assert_eq!(value("me", Some(&cursor)).unwrap(), stored);
        let mut gather = Gather::new(&place).unwrap();
        assert!(!gather.take(&place.key(About::Cursor).unwrap(), Some(stored)));
        assert!(gather.take(&place.key(About::Owner).unwrap(), Some(br#"{"version":1,"owner":"you"}"#)));
        let standing = gather.finish().unwrap();
        assert_eq!((standing.cursor, standing.owner.as_deref()), (Some(cursor), Some("you")));
    }

    #[test]
    fn the_last_record_counts_and_those_of_others_do_not() {
        let mut gather = Gather::new(&place("p", "0")).unwrap();
        let mut cursors = Cursors::new("orders", "p");
        let mut put = |pipeline: &str, task: &str, seq: Option<u64>| {
            let key = place(pipeline, task).key(About::Cursor).unwrap();
            let value = seq.map(|seq| value("me", Some(&Cursor { seq, ..Cursor::start("s") })).unwrap());
            gather.take(&key, value.as_deref());
            cursors.take(&key, value.as_deref());
        };
        for (pipeline, task, seq) in [("p", "0", Some(1)), ("q", "0", Some(9)), ("p", "1", Some(5)), ("p", "0", Some(2))] {
            put(pipeline, task, seq);
        }
        put("p", "1", None);
        assert_eq!(gather.finish().unwrap().cursor.unwrap().seq, 2);
        let found = cursors.finish().unwrap();
        assert_eq!(found.iter().map(|(task, cursor)| (&**task, cursor.seq)).collect::<Vec<_>>(), [("0", 2)]);
    }

    #[test]
    fn what_does_not_parse_is_no_empty_standing() {
        for (stored, kind) in [(&b"{"[..], Kind::CursorLost), (br#"{"version":2,"x":1}"#, Kind::Unsupported)] {
            let mut gather = Gather::new(&place("p", "0")).unwrap();
            gather.take(&place("p", "0").key(About::Cursor).unwrap(), Some(stored));
            assert_eq!(gather.finish().unwrap_err().kind(), kind);
        }
    }
}
