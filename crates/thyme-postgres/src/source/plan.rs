//! One poll: its ranges, the snapshot that they are read in, and what the cursor says of it.
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use thyme_core::{Cursor, Error, Kind, Op, Plan, Position, Reader, Result, SplitId, async_trait};

use super::columns::{Selected, hash_of};
use super::key::{Key, Order};
use super::place::{Base, Place, Poll, Range, Seen};
use super::reader::{Nothing, RowReader};
use super::relation::{Relation, named, value};
use super::session;
use crate::catalog::Column;
use crate::client::Client;
use crate::config::Connection;
use crate::error::from_pg;

/// What all ranges of a poll share.
pub(super) struct PollPlan {
    pub(super) connection: Arc<Connection>,
    pub(super) relation: Relation,
    pub(super) dataset: Arc<thyme_core::Dataset>,
    pub(super) order: Order,
    /// The cursor column; without one the source is read once.
    pub(super) cursor: Option<Column>,
    /// The column that a first read is cut by.
    pub(super) part: Option<Column>,
    pub(super) base: Base,
    pub(super) poll: Poll,
    /// Ranges that are still to be handed out.
    pub(super) ready: VecDeque<SplitId>,
    pub(super) splits: Vec<(SplitId, Range)>,
    /// The session whose snapshot is read, until the last reader has it.
    pub(super) holder: Option<Client>,
    pub(super) snapshot: Option<String>,
    pub(super) batch_rows: usize,
    pub(super) op: Op,
    pub(super) path: String,
    pub(super) pins: bool,
    /// The poll was begun before.
    pub(super) resumes: bool,
    pub(super) nothing: Nothing,
}

impl PollPlan {
    /// Names the ranges of the poll, leaves out those that are read, and opens the snapshot.
    pub(super) async fn open(mut self, client: Client, from: &Cursor) -> Result<Self> {
        self.splits = self.poll.ranges.iter().enumerate().map(|(at, range)| (range.split(at).into(), range.clone())).collect();
        for (split, _) in &self.splits {
            match from.splits.get(split).map(Place::of).transpose()? {
                Some(Place::Done { .. }) => {}
                Some(Place::Unordered(rows)) => {
                    let text = "a read was cut short that can't be gone on with: its rows have no order";
                    return Err(Error::new(Kind::CursorLost, text)
                        .context("rows read", rows)
                        .context("remedy", "empty the target and reset the cursor, or give the table a primary key"));
                }
                _ => self.ready.push_back(Arc::clone(split)),
            }
        }
        if !self.ready.is_empty() {
            self.snapshot = session::begin(&client, self.ready.len() > 1).await?;
            self.holder = Some(client);
        }
        Ok(self)
    }

    /// A session that sees what the others of this poll see. The last one that is needed is the first one there was.
    async fn session(&mut self) -> Result<Client> {
        if self.ready.is_empty()
            && let Some(holder) = self.holder.take()
        {
            return Ok(holder);
        }
        let snapshot = self.snapshot.as_deref().ok_or_else(|| Error::new(Kind::Unexpected, "the snapshot is gone"))?;
        session::join(&self.connection, snapshot).await
    }

    /// The columns that order a range, and what its rows fulfil.
    fn range(&self, range: &Range) -> (Order, Vec<String>) {
        let mut conditions = Vec::new();
        if let Some(bound) = &self.poll.bound {
            conditions.push(self.order.upto(bound));
        }
        match (self.poll.again.as_ref().and_then(|again| again.from.as_ref()), &self.cursor, &self.base.after) {
            (Some(from), Some(cursor), _) => conditions.push(format!("{} >= {}", named(&cursor.name), value(cursor, from))),
            (_, _, Some(after)) => conditions.push(self.order.after(after)),
            _ => {}
        }
        match (range, &self.part, &self.cursor) {
            (Range::Part { from, to }, Some(part), _) => {
                let name = named(&part.name);
                let from = from.as_ref().map(|from| format!("{name} >= {}", value(part, from)));
                let to = to.as_ref().map(|to| format!("{name} < {}", value(part, to)));
                if from.is_none() && to.is_none() {
                    conditions.push(format!("{name} IS NOT NULL"));
                }
                conditions.extend(from.into_iter().chain(to));
                (Order::new(Some(part.clone()), self.order.columns.clone()), conditions)
            }
            (Range::NoPart, Some(part), _) => {
                conditions.push(format!("{} IS NULL", named(&part.name)));
                (self.order.clone(), conditions)
            }
            (Range::NoCursor, _, Some(cursor)) => {
                let rest = self.order.columns.iter().filter(|column| column.name != cursor.name).cloned().collect();
                (Order::new(None, rest), vec![format!("{} IS NULL", named(&cursor.name))])
            }
            _ => (self.order.clone(), conditions),
        }
    }

    /// The hash of rows that this poll or the next one has to tell from others.
    fn hash(&self, range: &Range) -> Option<String> {
        let (again, cursor) = (self.poll.again.as_ref()?, self.cursor.as_ref()?);
        if *range == Range::NoCursor {
            return None;
        }
        let name = named(&cursor.name);
        let kept = format!("{name} >= {}", value(cursor, &again.keep));
        let after = self.base.after.as_ref().and_then(|after| after.0.first()).filter(|_| again.from.is_some());
        let old = after.map_or_else(String::new, |after| format!(" OR {name} <= {}", value(cursor, after)));
        Some(format!("CASE WHEN {kept}{old} THEN {} END", hash_of(&self.order)))
    }

    /// What is remembered of a split that is read to its end.
    fn done(&self, cursor: &Cursor, split: &SplitId) -> Option<Seen> {
        if let Some(Ok(Place::Done { seen })) = cursor.splits.get(split).map(Place::of) {
            return Some(seen);
        }
        // Also one that was read on from its last row, and had no other.
        self.nothing.lock().unwrap_or_else(PoisonError::into_inner).get(split).cloned()
    }
}

#[async_trait]
impl Plan for PollPlan {
    async fn next(&mut self) -> Result<Option<SplitId>> {
        Ok(self.ready.front().cloned().inspect(|_| {
            self.ready.pop_front();
        }))
    }

    async fn reader(&mut self, split: &SplitId, from: Option<&Position>) -> Result<Box<dyn Reader>> {
        let range = self.splits.iter().find(|(known, _)| known == split).map(|(_, range)| range.clone());
        let range = range.ok_or_else(|| Error::new(Kind::CursorLost, format!("the poll has no range `{split}`")))?;
        let (order, mut conditions) = self.range(&range);
        let mut seen = Seen::default();
        if let Some(Place::At { key, seen: before }) = from.map(Place::of).transpose()? {
            if key.0.len() != order.columns.len() {
                return Err(Error::new(Kind::CursorLost, "a stored position has other columns than the range")
                    .context("range", split)
                    .context("columns", order.names().join(", ")));
            }
            conditions.push(order.after(&key));
            seen = before;
        }
        let selected = Selected::new(&self.relation, &self.dataset, &order, self.hash(&range))?;
        let rows = self.relation.rows(conditions);
        let sql = format!("COPY (SELECT {} {rows}{}) TO STDOUT (FORMAT binary)", selected.list, order.by());
        let client = self.session().await?;
        let stream = client.rows(&sql).await.map_err(|e| from_pg(e, "read the rows"))?;
        Ok(Box::new(RowReader {
            stream,
            block: Vec::new(),
            at: 0,
            client,
            decoder: selected.decoder()?,
            selected,
            schema: Arc::clone(self.dataset.columns()),
            batch_rows: self.batch_rows,
            op: self.op,
            path: self.path.clone(),
            skip: self.base.seen.clone(),
            seen,
            ordered: !order.columns.is_empty(),
            split: Arc::clone(split),
            pins: self.pins,
            nothing: Arc::clone(&self.nothing),
            rows: 0,
            ended: false,
            emitted: false,
            marked: false,
            over: false,
        }))
    }

    fn whole(&self) -> bool {
        self.cursor.is_none() && self.order.columns.is_empty()
    }

    fn resumes(&self) -> bool {
        self.resumes
    }

    fn fold(&self, cursor: &mut Cursor) {
        if self.splits.is_empty() {
            return;
        }
        let after = self.poll.bound.clone().or_else(|| self.base.after.clone());
        let mut over = Base { after, poll: None, seen: Seen::default(), whole: self.cursor.is_none(), ..self.base.clone() };
        let stored = cursor.base.as_ref().and_then(|base| base.get::<Base>().ok());
        let folded =
            stored.is_some_and(|stored| stored.poll.is_none() && stored.after == over.after && stored.whole == over.whole);
        let done = self.splits.iter().map(|(split, _)| self.done(cursor, split)).collect::<Option<Vec<Seen>>>();
        if done.is_none() && folded && cursor.splits.is_empty() {
            return;
        }
        cursor.base = Some(match done {
            Some(seen) => {
                over.seen.0.extend(seen.into_iter().flat_map(|seen| seen.0));
                cursor.splits.clear();
                Position::of(&over)
            }
            None => Position::of(&Base { poll: Some(self.poll.clone()), ..self.base.clone() }),
        });
    }
}

/// A poll that has nothing to read.
pub(super) struct Idle;

#[async_trait]
impl Plan for Idle {
    async fn next(&mut self) -> Result<Option<SplitId>> {
        Ok(None)
    }

    async fn reader(&mut self, split: &SplitId, _: Option<&Position>) -> Result<Box<dyn Reader>> {
        Err(Error::new(Kind::CursorLost, format!("the poll has no range `{split}`")))
    }
}

/// No split had nothing in it so far.
pub(super) fn nothing() -> Nothing {
    Arc::new(Mutex::new(BTreeMap::new()))
}

/// The end of what a moving start leaves out.
pub(super) fn latest(bound: Option<Key>) -> Poll {
    Poll { bound, again: None, ranges: vec![Range::Rows] }
}
