//! What is to be done about a file that the listing shows.
//!
//! A file is told by its id, which a rename keeps. What grew is known by prints of its first bytes and of those before the
//! place that was reached. Where a known file is no longer what it was, its content is looked for beside it: a log that was
//! rotated by renaming has its id there, one that was rotated by copying its prints, compressed or not.
use std::sync::Arc;

use thyme_core::connector::Metric;
use thyme_core::{Error, Kind, Result};

use super::options::Changed;
use super::packed::key_print;
use super::plan::FilesPlan;
use super::prints;
use super::state::{At, End, Seen, Work};
use crate::storage::{Entry, Storage};

/// Counter: changes of files that were read, left alone.
const IGNORED: &str = "thyme_files_ignored_changes_total";

/// What a source of files measures.
pub const METRICS: &[Metric] = &[Metric {
    name: IGNORED,
    kind: "counter",
    help: "Changes of files that were read before, left alone under changed = ignore, each counted once (files)",
}];

/// A last line that is not finished is taken for the end of the file when nothing was added for this long.
pub(super) const QUIET_US: i64 = 60_000_000;

/// What is to be done about a file. Nothing, by default.
#[derive(Debug, Default)]
pub(super) struct Decision {
    pub(super) works: Vec<Work>,
    /// What is remembered of a file, where no reading is needed to say it.
    pub(super) edits: Vec<(String, Option<Seen>)>,
    /// It is new, and there is no room to remember it.
    pub(super) put_off: bool,
    /// It took the place of a file that may turn up later in the listing.
    pub(super) unclear: bool,
}

impl Decision {
    fn read(entry: &Entry, at: At) -> Self {
        Self { works: vec![work(entry, at)], ..Self::default() }
    }

    fn remember(entry: &Entry, at: At) -> Self {
        Self { edits: vec![(entry.id.clone(), Some(Seen::new(entry, at)))], ..Self::default() }
    }

    fn then(mut self, other: Self) -> Self {
        self.works.extend(other.works);
        self.edits.extend(other.edits);
        self
    }
}

fn work(entry: &Entry, at: At) -> Work {
    Work { id: entry.id.clone(), seen: Seen::new(entry, at) }
}

impl<S: Storage> FilesPlan<S> {
    /// Judges `entry`. With `last` the listing is over: nothing more will turn up.
    pub(super) async fn decide(&self, entry: &Entry, last: bool) -> Result<Decision> {
        if self.taken.contains(&entry.id) {
            return Ok(Decision::default());
        }
        match self.base.recent.get(&entry.id) {
            Some(seen) => self.known(entry, seen).await,
            None => match self.packed.get(&key_print(&entry.key)) {
                Some(place) if place.is_same(entry) => Ok(Decision::default()),
                Some(_) => match self.shared.options.changed {
                    Changed::Ignore => self.ignore(entry),
                    Changed::Reread => Ok(Decision::read(entry, At::default())),
                    Changed::Fail | Changed::Append => Err(self.changed(entry)),
                },
                None => self.unknown(entry, last).await,
            },
        }
    }

    async fn known(&self, entry: &Entry, seen: &Seen) -> Result<Decision> {
        if seen.is_same(entry) {
            let over = self.job.once || self.shared.storage.now() - entry.modified > QUIET_US;
            if seen.at.end == End::Inside || seen.at.end == End::Growing && over {
                return Ok(Decision::read(entry, seen.at.clone()));
            }
            if seen.changed == entry.changed {
                return Ok(Decision::default());
            }
            // Renamed, given other rights, or rewritten by somebody who kept its times.
            if !self.shared.options.appends() || self.continues(entry, &seen.at).await? {
                return Ok(Decision::remember(entry, seen.at.clone()));
            }
        }
        if seen.at.end == End::Damaged {
            let at = if self.continues(entry, &seen.at).await? { seen.at.clone() } else { At::default() };
            return Ok(Decision::read(entry, at));
        }
        match self.shared.options.changed {
            Changed::Ignore => self.ignore(entry),
            Changed::Reread => Ok(Decision::read(entry, At::default())),
            Changed::Fail => Err(self.changed(entry)),
            Changed::Append => self.grown(entry, seen).await,
        }
    }

    async fn grown(&self, entry: &Entry, seen: &Seen) -> Result<Decision> {
        if self.continues(entry, &seen.at).await? {
            let ended = matches!(seen.at.end, End::Whole | End::Unended | End::Cut);
            if entry.size == seen.size && ended {
                return Ok(Decision::remember(entry, seen.at.clone()));
            }
            if self.shared.options.grows(&entry.key) {
                return Ok(Decision::read(entry, seen.at.clone()));
            }
            return Err(self.changed(entry));
        }
        // Rewritten in place: what it held must be somewhere, or lines were lost.
        match self.copy_of(entry, seen).await? {
            Some(copy) => Ok(copy.then(Decision::read(entry, At::default()))),
            None => Err(self.changed(entry)),
        }
    }

    async fn unknown(&self, entry: &Entry, last: bool) -> Result<Decision> {
        if self.base.is_forgotten(entry) || self.base.since.is_some_and(|since| entry.modified < since) {
            return Ok(Decision::default());
        }
        let new = Decision::read(entry, At::default());
        let before = self.by_key.get(&entry.key).and_then(|id| Some((id, self.base.recent.get(id)?)));
        if let Some((id, seen)) = before
            && !self.taken.contains(id)
            && !self.met.contains(id)
        {
            return self.replaced(entry, id, seen, last).await;
        }
        if self.base.may_be_forgotten(entry) {
            return match self.shared.options.changed {
                Changed::Ignore => self.ignore(entry),
                Changed::Reread => Ok(new),
                Changed::Append | Changed::Fail => {
                    let text = "a file may be one that was read so long ago that its place was forgotten; copy it to read it \
                                as a new one, or set `changed` to `ignore` or `reread`";
                    Err(Error::new(Kind::CursorLost, text).context("path", self.shared.storage.location(&entry.key)))
                }
            };
        }
        if self.listing().stays(entry.slow, entry.changed).is_some() && self.late >= self.room {
            self.shared.noted.once(&self.job.task.pipeline, "room", 0, || {
                tracing::warn!("more new files than can be remembered; the rest is read when the oldest can be forgotten");
            });
            // Of a later poll, which can forget it again.
            return Ok(Decision { put_off: true, ..Decision::default() });
        }
        for (id, seen) in self.lost.iter().flatten() {
            if related(&seen.key, &entry.key) && self.continues(entry, &seen.at).await? {
                // What became of a file that was read, under another id: copied, compressed.
                let gone = self.shared.storage.stat(vec![seen.key.clone()]).await?.iter().flatten().all(|now| now.id != *id);
                let forget = Decision { edits: gone.then(|| (id.clone(), None)).into_iter().collect(), ..Decision::default() };
                return Ok(forget.then(Decision::read(entry, seen.at.clone())));
            }
        }
        Ok(new)
    }

    /// The known files that are no longer what and where they were. A file that is new may be one of them.
    pub(super) async fn find_lost(&self) -> Result<Vec<(String, Seen)>> {
        if !self.shared.options.appends() {
            return Ok(Vec::new());
        }
        let keys = self.base.recent.values().map(|seen| seen.key.clone()).collect();
        let now = self.shared.storage.stat(keys).await?;
        let mut lost = Vec::new();
        for ((id, seen), now) in self.base.recent.iter().zip(now) {
            let here = match now.filter(|now| now.id == *id) {
                Some(now) => seen.is_same(&now) || self.continues(&now, &seen.at).await?,
                None => false,
            };
            if !here && seen.at.offset > 0 {
                lost.push((id.clone(), seen.clone()));
            }
        }
        Ok(lost)
    }

    /// Whether nothing is remembered of `entry`.
    pub(super) fn is_unknown(&self, entry: &Entry) -> bool {
        !self.base.recent.contains_key(&entry.id)
            && !self.taken.contains(&entry.id)
            && !self.packed.contains_key(&key_print(&entry.key))
    }

    /// `entry` stands where the file `id` was.
    async fn replaced(&self, entry: &Entry, id: &str, seen: &Seen, last: bool) -> Result<Decision> {
        let new = Decision::read(entry, At::default());
        let beside = self.shared.storage.beside(&seen.key).await?;
        if let Some(renamed) = beside.iter().find(|other| other.id == id) {
            // What is left of it comes first.
            let rest = Box::pin(self.known(renamed, seen)).await?;
            return Ok(rest.then(new));
        }
        if !last {
            return Ok(Decision { unclear: true, ..Decision::default() });
        }
        let forget = Decision { edits: vec![(id.to_owned(), None)], ..Decision::default() };
        match self.shared.options.changed {
            Changed::Ignore => self.ignore(entry),
            Changed::Reread => Ok(forget.then(new)),
            Changed::Fail => Err(self.changed(entry)),
            Changed::Append if self.continues(entry, &seen.at).await? => {
                let same = entry.size == seen.size && seen.at.end != End::Growing;
                let on = if same { Decision::remember(entry, seen.at.clone()) } else { Decision::read(entry, seen.at.clone()) };
                Ok(forget.then(on))
            }
            Changed::Append => match self.copy_of(entry, seen).await? {
                Some(copy) => Ok(forget.then(copy).then(new)),
                None if seen.at.offset == 0 || seen.at.end == End::Damaged => Ok(forget.then(new)),
                None => Err(self.changed(entry)),
            },
        }
    }

    /// The rest of what `seen` was, from a copy of it beside `entry`.
    async fn copy_of(&self, entry: &Entry, seen: &Seen) -> Result<Option<Decision>> {
        if seen.at.offset == 0 {
            return Ok(Some(Decision::default()));
        }
        for other in self.shared.storage.beside(&entry.key).await? {
            let apart = other.id != entry.id && other.size > 0 && related(&entry.key, &other.key);
            if apart && self.continues(&other, &seen.at).await.unwrap_or(false) {
                let known = self.taken.contains(&other.id) || self.base.recent.contains_key(&other.id);
                return Ok(Some(if known { Decision::default() } else { Decision::read(&other, seen.at.clone()) }));
            }
        }
        Ok(None)
    }

    /// Whether `entry` begins with what was read up to `at`.
    async fn continues(&self, entry: &Entry, at: &At) -> Result<bool> {
        let (shared, key, at) = (Arc::clone(&self.shared), entry.key.clone(), at.clone());
        let done = tokio::task::spawn_blocking(move || prints::continues(&shared.storage, &shared.options, &key, &at)).await;
        done.map_err(|e| Error::new(Kind::Unexpected, "a thread that compared files died").source(e))?
    }

    fn ignore(&self, entry: &Entry) -> Result<Decision> {
        self.shared.noted.once(&self.job.task.pipeline, &entry.id, entry.changed, || {
            let path = self.shared.storage.location(&entry.key);
            metrics::counter!(IGNORED, "pipeline" => self.job.task.pipeline.to_string()).increment(1);
            tracing::warn!(path, "a file that was read has changed; it is left as it was read (`changed = \"ignore\"`)");
        });
        Ok(Decision::default())
    }

    fn changed(&self, entry: &Entry) -> Error {
        let text = match self.shared.options.changed {
            Changed::Fail => "a file that was read has changed",
            _ => {
                "a file that was read has changed otherwise than by growing, and what it held is not found beside it; set \
                 `changed` to `reread` or `ignore`"
            }
        };
        Error::new(Kind::CursorLost, text).context("path", self.shared.storage.location(&entry.key))
    }
}

/// Whether `other` may be a rotated copy of the file `key`: `app.log` and `app.log.1`, `app-20240102.log.gz`.
fn related(key: &str, other: &str) -> bool {
    let split = |key: &str| key.rsplit_once('/').map_or((String::new(), key.to_owned()), |(f, n)| (f.to_owned(), n.to_owned()));
    let ((folder, name), (beside, other)) = (split(key), split(other));
    let stem: String = name.chars().take_while(|c| c.is_alphabetic() || matches!(c, '_' | ' ')).collect();
    folder == beside && other.starts_with(stem.as_str())
}

#[cfg(test)]
mod tests {
    use super::related;

    #[test]
    fn rotated_copies_have_related_names() {
        for other in ["logs/app.log.1", "logs/app.log.1.gz", "logs/app-20240102.log", "logs/app_old.log"] {
            assert!(related("logs/app.log", other), "{other}");
        }
        assert!(!related("logs/app.log", "logs/web.log.1"));
        assert!(!related("logs/app.log", "other/app.log.1"));
    }
}
