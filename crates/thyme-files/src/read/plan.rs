//! One poll: what there is to read, in groups.
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use thyme_core::{Cursor, Error, Job, Kind, Plan, Position, Reader, Result, SplitId, async_trait};

use super::base::{Listing, split_of};
use super::decide::Decision;
use super::group::GroupReader;
use super::options::Changed;
use super::packed::{Pack, Place};
use super::source::Shared;
use super::state::{Base, GroupAt, Seen, Work};
use crate::storage::{Entry, Storage};

/// Files looked at in one go.
const PAGE: usize = 16_384;
/// A group has at most this many bytes, unless it is one file; files; and bytes of keys.
const GROUP_BYTES: u64 = 64 << 20;
const GROUP_FILES: usize = 128;
const GROUP_KEYS: usize = 8 * 1024;
/// No poll for the sake of new files that there was no room for comes earlier.
const PUT_OFF: Duration = Duration::from_secs(10);

/// One poll of a source of files.
pub(super) struct FilesPlan<S> {
    pub(super) shared: Arc<Shared<S>>,
    pub(super) job: Job,
    /// Where the cursor stood when this poll began.
    pub(super) base: Base,
    /// Ids by the key that a known file had.
    pub(super) by_key: HashMap<String, String>,
    /// Ids that are in a group, given out before or now.
    pub(super) taken: HashSet<String>,
    /// Known ids that the listing met.
    pub(super) met: HashSet<String>,
    /// Groups of an earlier run that are to be finished.
    unfinished: VecDeque<u64>,
    /// Groups given out that no cursor was told of yet.
    issued: BTreeMap<u64, Vec<Work>>,
    number: u64,
    edits: BTreeMap<String, Option<Seen>>,
    listing: Listing,
    /// Last key that was listed; the entries after `page`'s front are still to be judged.
    listed: Option<String>,
    more: bool,
    page: VecDeque<Entry>,
    pending: Vec<Work>,
    pending_bytes: u64,
    pending_keys: usize,
    /// Files in the place of others that could not be found again so far.
    unclear: VecDeque<Entry>,
    /// That files are forgotten was said.
    told: AtomicBool,
    /// Known files that are no longer what and where they were, once that was looked for.
    pub(super) lost: Option<Vec<(String, Seen)>>,
    /// Bytes of JSON that files of this poll take which can't be forgotten at its end, and those they may take.
    pub(super) late: usize,
    pub(super) room: usize,
    /// In how many µs the first of the new files that there is no room for is old enough to be read and forgotten.
    put_off: Option<i64>,
    /// Packed files by the prints of their keys.
    pub(super) packed: HashMap<u64, Place>,
}

impl<S: Storage> FilesPlan<S> {
    pub(super) fn new(shared: Arc<Shared<S>>, job: Job, base: Base) -> Self {
        let by_key = base.recent.iter().map(|(id, seen)| (seen.key.clone(), id.clone())).collect();
        let taken = base.groups.values().flatten().map(|work| work.id.clone()).collect();
        let (now, storage) = (shared.storage.now(), &shared.storage);
        let pack = match (storage.grows(), shared.options.changed) {
            (true, _) => Pack::Never,
            (false, Changed::Ignore) => Pack::Keys,
            (false, _) => Pack::Versions,
        };
        let (upto, upto_slow) = (now.saturating_sub(storage.lag(false)), now.saturating_sub(storage.lag(true)));
        let listing = Listing { upto, upto_slow, pack, passed: None, over: false };
        Self {
            by_key,
            taken,
            met: HashSet::new(),
            unfinished: base.groups.keys().copied().collect(),
            issued: BTreeMap::new(),
            number: base.next,
            edits: BTreeMap::new(),
            listed: None,
            more: true,
            page: VecDeque::new(),
            pending: Vec::new(),
            pending_bytes: 0,
            pending_keys: 0,
            unclear: VecDeque::new(),
            told: AtomicBool::new(false),
            lost: None,
            late: 0,
            room: base.room(&listing),
            put_off: None,
            packed: base.packed(),
            listing,
            shared,
            job,
            base,
        }
    }

    pub(super) fn listing(&self) -> &Listing {
        &self.listing
    }

    /// Takes over what was decided about `entry`.
    fn apply(&mut self, entry: &Entry, decision: Decision) {
        if self.base.recent.contains_key(&entry.id) {
            self.met.insert(entry.id.clone());
        }
        self.edits.extend(decision.edits);
        if decision.put_off {
            let left = self.listing.stays(entry.slow, entry.changed).unwrap_or(0);
            self.put_off = Some(self.put_off.map_or(left, |before| before.min(left)));
        }
        if decision.unclear {
            self.unclear.push_back(entry.clone());
        }
        for work in decision.works {
            if self.listing.stays(work.seen.slow, work.seen.changed).is_some() {
                self.late += match self.listing.pack {
                    Pack::Never => work.seen.weight(&work.id),
                    pack => pack.each(),
                };
            }
            if self.listing.pack == Pack::Never {
                // Another name may bring it up again; an object is listed once.
                self.taken.insert(work.id.clone());
            }
            self.pending_bytes += work.seen.size;
            self.pending_keys += work.seen.key.len();
            self.pending.push(work);
        }
    }

    fn is_full(&self) -> bool {
        self.pending_bytes >= GROUP_BYTES || self.pending.len() >= GROUP_FILES || self.pending_keys >= GROUP_KEYS
    }

    /// Gives out what is pending as a group. `passed`: the last key that this settles.
    fn issue(&mut self, passed: Option<String>) -> SplitId {
        let number = self.number;
        self.number += 1;
        self.issued.insert(number, std::mem::take(&mut self.pending));
        (self.pending_bytes, self.pending_keys) = (0, 0);
        if self.unclear.is_empty() {
            self.listing.passed = passed.or(self.listing.passed.take());
        }
        split_of(number)
    }
}

#[async_trait]
impl<S: Storage> Plan for FilesPlan<S> {
    async fn next(&mut self) -> Result<Option<SplitId>> {
        if let Some(number) = self.unfinished.pop_front() {
            return Ok(Some(split_of(number)));
        }
        loop {
            if self.page.is_empty() && self.more {
                let page = self.shared.storage.list(self.listed.as_deref(), PAGE).await?;
                self.more = page.len() == PAGE;
                self.listed = page.last().map(|entry| entry.key.clone()).or(self.listed.take());
                self.page = page.into();
            }
            // Cancelled while it is decided: the entry is still there, and is judged again.
            if let Some(entry) = self.page.front().cloned() {
                if self.lost.is_none() && self.is_unknown(&entry) {
                    self.lost = Some(self.find_lost().await?);
                }
                let decision = self.decide(&entry, false).await?;
                self.page.pop_front();
                self.apply(&entry, decision);
                if self.is_full() {
                    return Ok(Some(self.issue(Some(entry.key))));
                }
                continue;
            }
            if let Some(entry) = self.unclear.front().cloned() {
                let decision = self.decide(&entry, true).await?;
                self.unclear.pop_front();
                self.apply(&entry, decision);
                continue;
            }
            self.listing.over = self.pending.is_empty();
            if self.pending.is_empty() {
                return Ok(None);
            }
            return Ok(Some(self.issue(self.listed.clone())));
        }
    }

    async fn reader(&mut self, split: &SplitId, from: Option<&Position>) -> Result<Box<dyn Reader>> {
        let number: Option<u64> = split.parse().ok();
        let works = number.and_then(|number| self.issued.get(&number).or_else(|| self.base.groups.get(&number)));
        let works =
            works.ok_or_else(|| Error::new(Kind::CursorLost, "the cursor has no such group of files").context("split", split))?;
        let at = from.map(Position::get::<GroupAt>).transpose()?.unwrap_or_default();
        Ok(Box::new(GroupReader::new(&self.shared, &self.job, works.clone(), at)?))
    }

    fn later(&self) -> Option<Duration> {
        let left = self.put_off?;
        if self.base.room_after(&self.listing) > self.room {
            return Some(Duration::ZERO);
        }
        Some(Duration::from_micros(u64::try_from(left).unwrap_or(0)).max(PUT_OFF))
    }

    fn fold(&self, cursor: &mut Cursor) {
        let mut base = match &cursor.base {
            Some(position) => position.get().unwrap_or_else(|_| self.base.clone()),
            None => self.base.clone(),
        };
        let forgotten = base.go_on(&self.issued, &self.edits, &self.listing, cursor);
        if forgotten > 0 && !self.told.swap(true, Ordering::Relaxed) {
            tracing::info!(
                source = cursor.source,
                "more files were read than a cursor can remember one by one; of the oldest only a time is kept"
            );
        }
        cursor.base = Some(Position::of(&base));
    }

    async fn ack(&mut self, cursor: &Cursor, _: &[SplitId]) -> Result<()> {
        if let Some(base) = cursor.base.as_ref().and_then(|position| position.get::<Base>().ok()) {
            self.issued.retain(|number, _| *number >= base.next || base.groups.contains_key(number));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
