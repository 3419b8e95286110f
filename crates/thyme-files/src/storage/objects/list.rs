//! Listing, page by page in bounded memory.
use std::collections::BTreeMap;

use futures::TryStreamExt;
use object_store::path::Path;
use thyme_core::Result;

use super::ObjectStorage;
use crate::objects::failed;
use crate::storage::{Entry, Storage};

/// At most `limit` objects after `after`, in the order of their keys.
pub(super) async fn list(storage: &ObjectStorage, after: Option<&str>, limit: usize) -> Result<Vec<Entry>> {
    let ordered = storage.habits.ordered;
    let folder = Path::parse(&storage.place.folder).ok().filter(|folder| !folder.as_ref().is_empty());
    let begin = match (after, storage.place.first()) {
        (Some(after), Some(first)) => Some(first.max(after.to_owned())),
        (after, first) => after.map(str::to_owned).or(first),
    };
    let begin = begin.filter(|_| ordered).and_then(|key| Path::parse(key).ok());
    let mut objects = match &begin {
        Some(begin) => storage.store.list_with_offset(folder.as_ref(), begin),
        None => storage.store.list(folder.as_ref()),
    };
    let mut found = BTreeMap::new();
    while let Some(meta) = objects.try_next().await.map_err(|e| failed("list objects", &storage.location(""), e))? {
        let key = meta.location.as_ref();
        if ordered && storage.place.passed(key) {
            break;
        }
        if after.is_some_and(|after| key <= after) || !storage.place.takes(key) {
            continue;
        }
        found.insert(key.to_owned(), storage.entry(&meta));
        if found.len() >= limit {
            if ordered {
                break;
            }
            // Of keys in any order the smallest are wanted, and no more are kept.
            if found.len() > limit {
                found.pop_last();
            }
        }
    }
    Ok(found.into_values().collect())
}
