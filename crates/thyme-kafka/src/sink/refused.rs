//! Records that the broker refused, kept while the transaction they broke is made again without them.
use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What one record is recognised by.
pub(super) type Print = u64;

/// How many are kept: more than that is no bad record, but a topic that takes none.
const MOST: usize = 10_000;

/// What is known about records of the commit under way: it outlives the writer whose transaction they broke.
#[derive(Clone, Debug, Default)]
pub(super) struct Refused(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    /// By print, why.
    refused: HashMap<Print, String>,
    /// Sent together, one of them was refused, and the broker did not say which: each is to go alone.
    suspects: HashSet<Print>,
}

impl Refused {
    /// Whether nothing is known, as nearly always.
    pub(super) fn is_empty(&self) -> bool {
        let known = self.lock();
        known.refused.is_empty() && known.suspects.is_empty()
    }

    /// Why the record was refused, if it was.
    pub(super) fn reason(&self, print: Print) -> Option<String> {
        self.lock().refused.get(&print).cloned()
    }

    /// Whether it must go alone.
    pub(super) fn is_suspect(&self, print: Print) -> bool {
        self.lock().suspects.contains(&print)
    }

    /// Remembers what a transaction failed by: each record with why. Where the answer was for all that were sent together, it is
    /// not `certain`. False when there are too many to go on.
    pub(super) fn learn(&self, failed: Vec<(Print, String)>, certain: bool) -> bool {
        let mut known = self.lock();
        let known = &mut *known;
        let certain = certain || failed.len() == 1;
        for (print, reason) in failed {
            if certain || known.suspects.contains(&print) {
                known.suspects.remove(&print);
                known.refused.insert(print, reason);
            } else {
                known.suspects.insert(print);
            }
        }
        known.refused.len() + known.suspects.len() <= MOST
    }

    /// The commit is done: what comes next is new.
    pub(super) fn clear(&self) {
        let mut known = self.lock();
        known.refused.clear();
        known.suspects.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The print of a record.
pub(super) fn print(key: Option<&[u8]>, value: Option<&[u8]>) -> Print {
    let mut hasher = DefaultHasher::new();
    (key, value).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_alone_is_refused_and_many_are_suspects_first() {
        let refused = Refused::default();
        assert!(refused.learn(vec![(1, "bad".into()), (2, "bad".into())], false));
        assert!(refused.is_suspect(1) && refused.is_suspect(2) && refused.reason(1).is_none());
        assert!(refused.learn(vec![(2, "bad".into())], false));
        assert_eq!(refused.reason(2).as_deref(), Some("bad"));
        assert!(refused.is_suspect(1) && !refused.is_suspect(2));
        refused.clear();
        assert!(refused.is_empty());
        assert!(refused.learn(vec![(1, "bad".into()), (2, "worse".into())], true));
        assert_eq!((refused.reason(1).as_deref(), refused.reason(2).as_deref()), (Some("bad"), Some("worse")));
        assert!(!refused.learn((0..=MOST as u64).map(|print| (print, String::new())).collect(), false));
    }

    #[test]
    fn a_print_tells_none_from_empty() {
        assert_ne!(print(None, Some(b"")), print(Some(b""), None));
        assert_ne!(print(Some(b"a"), Some(b"b")), print(Some(b"ab"), Some(b"")));
    }
}
