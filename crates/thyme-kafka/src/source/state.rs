//! Where a partition stands, and what the first look found.
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use thyme_core::{Error, Kind, Result, SplitId};

use crate::client::Partition;

/// The position of a split.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct At {
    /// The offset of the next record.
    pub(super) offset: i64,
}

/// The position of the source as a whole: where the partitions of the first look begin that no row has come from yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Base {
    /// The offset to begin with. A partition that is neither here nor among the splits came later.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) begin: BTreeMap<SplitId, i64>,
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
        assert_eq!(at, At { offset: 42 });
        let base: Base = Position::of(&serde_json::json!({"begin": {"orders-0": 7}})).get().unwrap();
        assert_eq!(base.begin.get("orders-0"), Some(&7));
        assert_eq!(Position::of(&serde_json::json!({})).get::<Base>().unwrap(), Base::default());
    }
}
