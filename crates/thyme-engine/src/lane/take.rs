//! Takes a batch: what is wrong with it goes aside first, then the rest is staged, then the position moves.
use std::sync::Arc;

use thyme_core::arrow::array::{Array, BooleanArray};
use thyme_core::{Batch, Cdc, Dataset, Error, Kind, Op, Reject, Result, SplitId};

use super::{Lane, stage};
use crate::letters::{Letter, Stage};
use crate::watch::Watch;
use crate::watermark::event_times;
use crate::work::Work;
use crate::{FromTimestamp, Late, OnError, row};

/// What taking a batch asks for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Taken {
    /// The sink wants a commit.
    pub(crate) full: bool,
    /// A moving start is pinned, which can't wait.
    pub(crate) pins: bool,
}

impl Lane {
    /// Takes `batch` of `split`, whose columns are those of `dataset`.
    ///
    /// # Errors
    /// `Data` for a rejected row under `on_error = "fail"`, `Schema` for other columns, and whatever the writer returns.
    pub(crate) async fn take(
        &mut self,
        work: &Work,
        dataset: &Dataset,
        split: &SplitId,
        batch: Batch,
        watch: &mut Watch,
    ) -> Result<Taken> {
        let (rows, bytes) = (batch.rows.num_rows(), batch.bytes() as u64);
        let pins = rows == 0 && batch.rejects.is_empty() && !self.cursor.splits.contains_key(split);
        work.counters.read((rows + batch.rejects.len()) as u64, bytes);
        let mut batch = fits(work, dataset, batch)?;
        self.touch();
        self.taken += 1;
        let rejects = std::mem::take(&mut batch.rejects);
        self.aside(work, split, &batch, rejects, Stage::Source)?;
        let mut full = false;
        if rows > 0 {
            batch = self.in_time(work, dataset, split, batch)?;
            batch = self.complete(work, dataset, split, batch)?;
        }
        let rows = batch.rows.num_rows();
        if rows > 0 {
            let bisect = work.pipeline.settings.on_error != OnError::Fail;
            let staged = watch.beside(stage(&mut *self.writer, &batch, bisect)).await;
            let staged = staged.map_err(|e| self.held(work, e.context("split", split)))?;
            let refused = staged.rejects.len() as u64;
            self.aside(work, split, &batch, staged.rejects, Stage::Sink)?;
            (self.buffered, full) = (staged.buffered, staged.full);
            let rows = (rows as u64).saturating_sub(refused);
            self.staged.rows += rows;
            self.staged.bytes += bytes;
            work.counters.stage(rows);
        }
        self.letters.flush().await?;
        self.cursor.splits.insert(SplitId::clone(split), batch.position);
        Ok(Taken { full, pins })
    }

    /// Leaves out what is older than `from_timestamp` and what is late.
    fn in_time(&mut self, work: &Work, dataset: &Dataset, split: &SplitId, batch: Batch) -> Result<Batch> {
        let settings = &work.pipeline.settings;
        let column = dataset.timestamp().and_then(|name| batch.rows.column_by_name(name));
        let Some(times) = column.and_then(event_times) else {
            self.watermark.see(split, None);
            return Ok(batch);
        };
        let known = |row: usize| is_row(batch.ops.at(row)).then(|| times.get(row).copied().flatten()).flatten();
        let oldest = match &settings.from {
            Some(FromTimestamp::At(at)) => Some(at.as_microsecond()),
            Some(FromTimestamp::Column(_)) => self.watermark.current().map(|newest| newest.saturating_add(1)),
            None => None,
        };
        let lateness = settings.max_lateness.map(|lateness| i64::try_from(lateness.as_micros()).unwrap_or(i64::MAX));
        let bound = lateness.and_then(|lateness| Some(self.watermark.current()?.saturating_sub(lateness)));
        let before = |row: usize, bound: Option<i64>| matches!((known(row), bound), (Some(time), Some(bound)) if time < bound);
        let newest = (0..times.len()).filter_map(known).max();
        self.watermark.see(split, newest);
        if let Some(newest) = newest {
            work.counters.event_time(newest);
        }
        if oldest.is_none() && bound.is_none() {
            return Ok(batch);
        }
        let (mut kept, mut late) = (vec![true; times.len()], Vec::new());
        for (row, keep) in kept.iter_mut().enumerate() {
            if before(row, oldest) {
                *keep = false;
                self.staged.skipped += 1;
            } else if before(row, bound) {
                *keep = false;
                self.staged.late += 1;
                late.push(row);
            }
        }
        if settings.late == Late::DeadLetter {
            let reason = format!("the event is older than the watermark less {}", show(settings.max_lateness));
            for row in late {
                let reject = Reject { row: Some(row), reason: reason.clone(), ..Reject::default() };
                self.letter(work, split, &batch, &reject, Stage::Late)?;
            }
        }
        if kept.iter().all(|keep| *keep) { Ok(batch) } else { batch.filter(&BooleanArray::from(kept)) }
    }

    /// Puts rows aside that lack a value the dataset requires.
    fn complete(&mut self, work: &Work, dataset: &Dataset, split: &SplitId, batch: Batch) -> Result<Batch> {
        let rejects = incomplete(dataset, &batch);
        if rejects.is_empty() {
            return Ok(batch);
        }
        let mut kept = vec![true; batch.rows.num_rows()];
        for row in rejects.iter().filter_map(|reject| reject.row) {
            if let Some(keep) = kept.get_mut(row) {
                *keep = false;
            }
        }
        self.aside(work, split, &batch, rejects, Stage::Sink)?;
        batch.filter(&BooleanArray::from(kept))
    }

    /// Rejected records are safe before the position passes them, or end the pipeline.
    fn aside(&mut self, work: &Work, split: &SplitId, batch: &Batch, rejects: Vec<Reject>, stage: Stage) -> Result<()> {
        let Some(first) = rejects.first() else { return Ok(()) };
        match work.pipeline.settings.on_error {
            OnError::Fail => {
                let error = Error::new(Kind::Data, first.reason.clone()).context("split", split);
                Err(match first.row {
                    Some(row) => error.context("row of its batch", row),
                    None => error.context("at", &first.place),
                })
            }
            OnError::Skip => {
                let (count, place) = (rejects.len(), &first.place);
                tracing::warn!(pipeline = &*work.pipeline.name, %split, %place, reason = %first.reason, count, "skipped");
                self.staged.skipped += count as u64;
                Ok(())
            }
            OnError::DeadLetter => rejects.iter().try_for_each(|reject| self.letter(work, split, batch, reject, stage)),
        }
    }

    fn letter(&mut self, work: &Work, split: &SplitId, batch: &Batch, reject: &Reject, stage: Stage) -> Result<()> {
        let op = reject.row.map(|row| batch.ops.at(row).name().to_owned());
        let payload = match (&reject.payload, reject.row) {
            (Some(payload), _) => Some(payload.clone()),
            (None, Some(row)) => Some(row::to_json(&batch.rows, row)?),
            (None, None) => None,
        };
        let letter = Letter {
            pipeline: self.task.pipeline.to_string(),
            task: self.task.task.to_string(),
            seq: self.cursor.seq + 1,
            index: 0,
            source: work.source.identity.clone(),
            split: split.to_string(),
            position: batch.position.clone(),
            time: jiff::Timestamp::now(),
            stage,
            reason: reject.reason.clone(),
            place: reject.place.clone(),
            op,
            payload: None,
            payload_base64: None,
            hint: reject.hint.clone(),
        };
        self.staged.dead += 1;
        self.letters.write(letter.with_payload(payload.as_ref()))
    }
}

/// Rows that lack a value the dataset requires, by their number.
pub(crate) fn incomplete(dataset: &Dataset, batch: &Batch) -> Vec<Reject> {
    let mut bad: Vec<(usize, &str)> = Vec::new();
    for (at, field) in dataset.schema().fields().iter().enumerate().filter(|(_, field)| !field.is_nullable()) {
        let Some(column) = batch.rows.columns().get(at).filter(|column| column.null_count() > 0) else { continue };
        let unset = batch.unset.iter().find(|(index, _)| *index == at).map(|(_, rows)| rows);
        let missing = |row: &usize| {
            let unset = unset.is_some_and(|unset| *row < unset.len() && unset.value(*row));
            column.is_null(*row) && !unset && is_row(batch.ops.at(*row))
        };
        bad.extend((0..column.len()).filter(missing).map(|row| (row, field.name().as_str())));
    }
    bad.sort_unstable();
    bad.dedup_by_key(|(row, _)| *row);
    let reject = |(row, name): (usize, &str)| Reject {
        row: Some(row),
        reason: format!("`{name}` is null, and the dataset requires it"),
        ..Reject::default()
    };
    bad.into_iter().map(reject).collect()
}

/// The batch with exactly the columns of `dataset`, as `cdc` means it, and only what the sink can write.
pub(crate) fn fits(work: &Work, dataset: &Dataset, mut batch: Batch) -> Result<Batch> {
    if work.pipeline.settings.cdc == Cdc::Upsert {
        batch.ops = batch.ops.upserted();
    }
    if let Some(op) = batch.ops.outside(work.sink.ops).filter(|_| batch.rows.num_rows() > 0) {
        let text = format!("the sink can't write a {}", op.name());
        return Err(Error::new(Kind::Unsupported, text).context("sink", &work.sink.identity));
    }
    if let Some((column, _)) = batch.unset.iter().find(|(_, rows)| !work.sink.partial && rows.count_set_bits() > 0) {
        let name = dataset.columns().fields().get(*column).map_or("?", |field| field.name().as_str());
        let text = format!("`{name}` is unknown in some rows, and the sink writes whole rows only");
        return Err(Error::new(Kind::Unsupported, text).context("sink", &work.sink.identity));
    }
    if Arc::ptr_eq(batch.rows.schema_ref(), dataset.columns()) {
        return Ok(batch);
    }
    Ok(Batch { rows: dataset.fit(&batch.rows)?, ..batch })
}

/// A row with values of its own: not a delete, which knows its keys alone.
fn is_row(op: Op) -> bool {
    matches!(op, Op::Insert | Op::Update)
}

fn show(lateness: Option<std::time::Duration>) -> String {
    thyme_core::duration::show(lateness.unwrap_or_default())
}
