//! What the cases find out, said so that a failure can be understood without running it again.
use std::collections::{BTreeMap, BTreeSet};

use thyme_core::{Result, SplitId};

use crate::drive::{Durable, breaks};
use crate::harness::SourceDeclares;
use crate::rows;

/// `ok`, or an error that says what is wrong.
pub(crate) fn that(ok: bool, text: impl FnOnce() -> String) -> Result<()> {
    if ok { Ok(()) } else { Err(breaks(text())) }
}

/// Each of `want` once, in any order.
pub(crate) fn once(got: &[i64], want: impl IntoIterator<Item = i64>) -> Result<()> {
    let want: BTreeSet<i64> = want.into_iter().collect();
    let mut seen = BTreeMap::<i64, usize>::new();
    for id in got {
        *seen.entry(*id).or_default() += 1;
    }
    let lost: Vec<_> = want.iter().filter(|id| !seen.contains_key(id)).take(20).collect();
    let twice: Vec<_> = seen.iter().filter(|(_, n)| **n > 1).take(20).collect();
    let foreign: Vec<_> = seen.keys().filter(|id| !want.contains(id)).take(20).collect();
    that(lost.is_empty() && twice.is_empty() && foreign.is_empty(), || {
        format!("of {} rows: lost {lost:?}, more than once (id, times) {twice:?}, not to be read {foreign:?}", want.len())
    })
}

/// The orders that the source declares.
pub(crate) fn order(durable: &Durable, declares: &SourceDeclares) -> Result<()> {
    let mut by_split = BTreeMap::<SplitId, Vec<i64>>::new();
    let mut by_key = BTreeMap::<i64, Vec<i64>>::new();
    for landed in &durable.landed {
        let ids = rows::ids(&landed.rows)?;
        if let Some(keys) = declares.keyed {
            for id in &ids {
                by_key.entry(id % keys).or_default().push(*id);
            }
        }
        by_split.entry(landed.split.clone()).or_default().extend(ids);
    }
    if declares.ordered {
        for (split, ids) in by_split {
            that(ids.is_sorted(), || format!("the split `{split}` is out of order: {ids:?}"))?;
        }
    }
    for (key, ids) in by_key {
        that(ids.is_sorted(), || format!("the rows of the key {key} are out of order: {ids:?}"))?;
    }
    Ok(())
}
