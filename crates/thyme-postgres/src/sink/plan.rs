//! What a batch comes to: which keys go, which rows are written, in which order.
use std::collections::{BTreeMap, HashMap};

use thyme_core::arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, UInt32Array};
use thyme_core::arrow::select::take::take;
use thyme_core::{Batch, Error, Kind, Op, Ops, Reject, Result};

use super::action::Action;
use super::key::Keys;

/// What a batch comes to. Done in this order it leaves what the rows would leave one by one.
#[derive(Default)]
pub(super) struct Plan {
    /// Everything that was there goes first.
    pub(super) truncate: bool,
    /// One after another; within one no key is written twice.
    pub(super) rounds: Vec<Round>,
    /// Rows that can't be applied.
    pub(super) rejects: Vec<Reject>,
}

/// Deletes, then writes.
#[derive(Default)]
pub(super) struct Round {
    /// Rows whose keys go.
    pub(super) deletes: Option<Write>,
    /// Rows to write.
    pub(super) writes: Vec<Write>,
}

/// Rows to write, of which the same cells are known.
pub(super) struct Write {
    /// The rows, with all columns.
    pub(super) rows: RecordBatch,
    /// Columns that are unknown and stay as they are in the table.
    pub(super) unknown: Vec<usize>,
    /// The row of the batch that each one is; empty where they are all of them.
    origin: Vec<u32>,
}

impl Write {
    /// The row of the batch that `row` is.
    pub(super) fn origin(&self, row: usize) -> usize {
        self.origin.get(row).and_then(|row| usize::try_from(*row).ok()).unwrap_or(row)
    }
}

/// What becomes of one key.
struct Slot {
    last: u32,
    live: bool,
    deleted: bool,
    /// For each column with unset cells: the row that has its value, if any has.
    sources: Vec<Option<u32>>,
}

impl Plan {
    /// What `batch` comes to when its rows are written by `action`; `key` are the numbers of the key columns.
    ///
    /// # Errors
    /// `Schema` for a key that can't be compared, `Unexpected` for a batch that does not fit itself.
    pub(super) fn of(batch: &Batch, key: &[usize], action: &Action) -> Result<Self> {
        let plain = match &batch.ops {
            Ops::All(op) => is_row(*op),
            Ops::Each(ops) => ops.iter().all(|op| is_row(*op)),
        };
        match action {
            Action::Update => Self::latest(batch, key),
            Action::Raw(_) if !key.is_empty() => Self::in_turn(batch, key),
            _ if plain => Ok(Self::as_they_are(batch)),
            _ => Self::in_turn(batch, key),
        }
    }

    fn as_they_are(batch: &Batch) -> Self {
        let write = Write { rows: batch.rows.clone(), unknown: Vec::new(), origin: Vec::new() };
        Self { rounds: vec![Round { deletes: None, writes: vec![write] }], ..Self::default() }
    }

    /// The last state of each key, in one round. A cell that is unset in the last row of a key has the value of the row before.
    fn latest(batch: &Batch, key: &[usize]) -> Result<Self> {
        let keys = Keys::of(&batch.rows, key)?;
        let unset = batch.unset.iter().filter(|(_, rows)| rows.count_set_bits() > 0).collect::<Vec<_>>();
        let mut plan = Self::default();
        let mut at = HashMap::<&[u8], usize>::with_capacity(batch.rows.num_rows());
        let mut slots = Vec::<Slot>::with_capacity(batch.rows.num_rows());
        for row in 0..batch.rows.num_rows() {
            let op = batch.ops.at(row);
            if op == Op::Truncate {
                plan.truncate = true;
                at.clear();
                slots.clear();
                continue;
            }
            let Some(key) = keys.at(row) else {
                plan.rejects.push(without_key(row));
                continue;
            };
            let number = narrow(row)?;
            let slot = *at.entry(key).or_insert_with(|| {
                slots.push(Slot { last: number, live: false, deleted: false, sources: vec![None; unset.len()] });
                slots.len() - 1
            });
            let Some(slot) = slots.get_mut(slot) else { continue };
            slot.last = number;
            slot.live = is_row(op);
            slot.deleted |= !slot.live;
            for (source, (_, missing)) in slot.sources.iter_mut().zip(&unset) {
                if !slot.live {
                    *source = None;
                } else if row >= missing.len() || !missing.value(row) {
                    *source = Some(number);
                }
            }
        }
        let deletes = slots.iter().filter(|slot| slot.deleted).map(|slot| slot.last).collect::<Vec<_>>();
        let mut groups = BTreeMap::<Vec<usize>, Vec<&Slot>>::new();
        for slot in slots.iter().filter(|slot| slot.live) {
            let unknown = slot.sources.iter().zip(&unset).filter(|(source, _)| source.is_none()).map(|(_, (column, _))| *column);
            groups.entry(unknown.collect()).or_default().push(slot);
        }
        let mut round = Round { deletes: chosen(&batch.rows, deletes)?, writes: Vec::new() };
        for (unknown, slots) in groups {
            let origin = slots.iter().map(|slot| slot.last).collect::<Vec<_>>();
            let mut rows = all_or(&batch.rows, &origin)?;
            for (number, (column, _)) in unset.iter().enumerate().filter(|(_, (column, _))| !unknown.contains(column)) {
                let from = slots.iter().map(|slot| slot.sources.get(number).copied().flatten()).collect::<UInt32Array>();
                rows = with_column(&rows, *column, &batch.rows, &from)?;
            }
            round.writes.push(Write { rows, unknown, origin });
        }
        plan.rounds.push(round);
        Ok(plan)
    }

    /// Every row, as many rounds as one key comes up: where rows of a key add up, or all but the first are refused.
    fn in_turn(batch: &Batch, key: &[usize]) -> Result<Self> {
        let keys = Keys::of(&batch.rows, key)?;
        let mut plan = Self::default();
        let mut seen = HashMap::<&[u8], usize>::with_capacity(batch.rows.num_rows());
        let mut rounds = Vec::<(Vec<u32>, Vec<u32>)>::new();
        for row in 0..batch.rows.num_rows() {
            let op = batch.ops.at(row);
            if op == Op::Truncate {
                plan.truncate = true;
                seen.clear();
                rounds.clear();
                continue;
            }
            let Some(key) = keys.at(row) else {
                plan.rejects.push(without_key(row));
                continue;
            };
            let times = seen.entry(key).or_default();
            if rounds.len() <= *times {
                rounds.push((Vec::new(), Vec::new()));
            }
            if let Some((deletes, writes)) = rounds.get_mut(*times) {
                if is_row(op) { writes.push(narrow(row)?) } else { deletes.push(narrow(row)?) }
            }
            *times += 1;
        }
        for (deletes, origin) in rounds {
            let mut round = Round { deletes: chosen(&batch.rows, deletes)?, writes: Vec::new() };
            if !origin.is_empty() {
                round.writes.push(Write { rows: all_or(&batch.rows, &origin)?, unknown: Vec::new(), origin });
            }
            plan.rounds.push(round);
        }
        Ok(plan)
    }
}

fn is_row(op: Op) -> bool {
    matches!(op, Op::Insert | Op::Update)
}

fn without_key(row: usize) -> Reject {
    Reject { row: Some(row), reason: "a part of the key is null".into(), ..Reject::default() }
}

fn narrow(row: usize) -> Result<u32> {
    u32::try_from(row).map_err(|e| Error::new(Kind::Unexpected, "a batch has more rows than can be counted").source(e))
}

fn chosen(rows: &RecordBatch, origin: Vec<u32>) -> Result<Option<Write>> {
    if origin.is_empty() {
        return Ok(None);
    }
    Ok(Some(Write { rows: all_or(rows, &origin)?, unknown: Vec::new(), origin }))
}

/// The rows `which`; nothing is copied when these are all of them in their order.
fn all_or(rows: &RecordBatch, which: &[u32]) -> Result<RecordBatch> {
    if which.len() == rows.num_rows() && which.iter().zip(0u32..).all(|(row, at)| *row == at) {
        return Ok(rows.clone());
    }
    let which = UInt32Array::from_iter_values(which.iter().copied());
    let columns = rows.columns().iter().map(|column| taken(column, &which)).collect::<Result<Vec<_>>>()?;
    batch(rows, columns, which.len())
}

/// `rows` with the column `at` taken from `all` instead.
fn with_column(rows: &RecordBatch, at: usize, all: &RecordBatch, from: &UInt32Array) -> Result<RecordBatch> {
    let mut columns = rows.columns().to_vec();
    if let (Some(column), Some(whole)) = (columns.get_mut(at), all.columns().get(at)) {
        *column = taken(whole, from)?;
    }
    batch(rows, columns, rows.num_rows())
}

fn taken(column: &ArrayRef, which: &UInt32Array) -> Result<ArrayRef> {
    take(column, which, None).map_err(|e| Error::new(Kind::Unexpected, "rows can't be taken from a batch").source(e))
}

fn batch(like: &RecordBatch, columns: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(like.schema(), columns, &options)
        .map_err(|e| Error::new(Kind::Unexpected, "rows that were taken from a batch do not fit it").source(e))
}
