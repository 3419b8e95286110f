//! Where a partition stands, and what the first look found.
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thyme_core::testing::broken;
use thyme_core::{Error, Kind, Result, SplitId};

use crate::client::{Partition, TopicIds};

/// The position of a split.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct At {
    /// The offset of the next record.
    pub(super) offset: i64,
    /// The id of the topic, where the brokers say it: one that was made anew has another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) topic: Option<Arc<str>>,
}

/// The position of the source as a whole: where the partitions of the first look begin that no row has come from yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Base {
    /// The offset to begin with. A partition that is neither here nor among the splits came later.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) begin: BTreeMap<SplitId, i64>,
    /// The ids of the topics that the offsets are of.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) topics: TopicIds,
}

/// Sees that a topic is the one that a position is of, as far as both have an id.
///
/// # Errors
/// `CursorLost` for another of the same name.
pub(super) fn same(topic: &str, was: Option<&str>, is: Option<&str>) -> Result<()> {
    match (was, is) {
        (Some(was), Some(is)) if was != is && !broken("kafka.no_topic_id") => {
            let text = "the topic was deleted and made anew: the position is of the one before";
            Err(Error::new(Kind::CursorLost, text).context("topic", topic))
        }
        _ => Ok(()),
    }
}

/// The name of a partition as a split: `orders-3`.
pub(super) fn split(partition: &Partition) -> SplitId {
    format!("{}-{}", partition.0, partition.1).into()
}

/// The partition of a split.
///
/// # Errors
/// `CursorLost` for a name that is none.
pub(super) fn partition(split: &str) -> Result<Partition> {
    let parts = split.rsplit_once('-').and_then(|(topic, number)| Some((topic.to_owned(), number.parse().ok()?)));
    parts.ok_or_else(|| Error::new(Kind::CursorLost, "a split that is no partition of a topic").context("split", split))
}

#[cfg(test)]
mod tests {
    use thyme_core::Position;

    use super::*;

    #[test]
    fn partitions_are_named_as_their_folders_are() {
        assert_eq!(&*split(&("a-b".into(), 12)), "a-b-12");
        assert_eq!(partition("a-b-12").unwrap(), ("a-b".to_owned(), 12));
        assert_eq!(partition("orders").unwrap_err().kind(), Kind::CursorLost);
    }

    #[test]
    fn old_cursors_still_load() {
        let at: At = Position::of(&serde_json::json!({"offset": 42})).get().unwrap();
        assert_eq!(at, At { offset: 42, topic: None });
        let at: At = Position::of(&serde_json::json!({"offset": 42, "topic": "0a"})).get().unwrap();
        assert_eq!(at.topic.as_deref(), Some("0a"));
        let base: Base = Position::of(&serde_json::json!({"begin": {"orders-0": 7}})).get().unwrap();
        assert_eq!(base.begin.get("orders-0"), Some(&7));
        assert_eq!(Position::of(&serde_json::json!({})).get::<Base>().unwrap(), Base::default());
    }
}
