//! Brings dead letters in again, exactly once: a note says which ones the coming commit holds, so that after a crash the cursor
//! tells whether they are in.
use std::collections::BTreeSet;
use std::sync::Arc;

use thyme_core::testing::point;
use thyme_core::{Batch, Error, Job, Kind, Ops, Position, Result};

use super::intent::Intent;
use super::shelf::Id;
use super::{Letter, Stage};
use crate::lane::take::{fits, incomplete};
use crate::lane::{Lane, stage};
use crate::lock;
use crate::row;
use crate::run::{Going, jobs};
use crate::work::Work;

/// What a replay did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Replayed {
    /// Letters that are in now, and are dead letters no more.
    pub replayed: u64,
    /// Letters that failed again and stay, with the reason of now.
    pub failed: Vec<(Letter, String)>,
}

/// Replays the letters that `pick` picks, under the lock of the pipeline; one commit for each task.
pub(crate) async fn replay(work: &Work, pick: impl Fn(&Letter) -> bool) -> Result<Replayed> {
    let lock = lock::take(work.files.as_ref(), &work.pipeline.name).await?;
    let done = under_lock(work, pick).await;
    lock.release().await;
    done
}

async fn under_lock(work: &Work, pick: impl Fn(&Letter) -> bool) -> Result<Replayed> {
    if work.sink.per_poll {
        let text = "a target that each poll replaces can't take single rows: mend the source, the next poll reads them again";
        return Err(Error::new(Kind::Unsupported, text).context("sink", &work.sink.identity));
    }
    let going = Going::new(work).with_dataset(work).await?;
    let (from, to) = jobs(work, &going)?;
    let shelf = work.shelf();
    let mut all = Replayed::default();
    for (task, seqs) in shelf.files().await? {
        let mut lane = Lane::open(work, &to.for_task(Arc::clone(&task))).await?;
        let (mut done, mut rows, stood) = (BTreeSet::<Id>::new(), 0, lane.cursor.seq);
        for seq in seqs.into_iter().filter(|seq| *seq <= stood) {
            for letter in shelf.read(&task, seq).await?.into_iter().filter(|letter| pick(letter)) {
                match again(work, &from, &to, &mut lane, &letter).await? {
                    Ok(taken) => {
                        done.insert((letter.seq, letter.index));
                        rows += taken;
                    }
                    Err(reason) => all.failed.push((letter, reason)),
                }
            }
        }
        if done.is_empty() {
            continue;
        }
        all.replayed += done.len() as u64;
        let intent = Intent { seq: lane.cursor.seq + 1, letters: done };
        intent.save(&shelf, &task).await?;
        point("engine.after_replay_intent");
        lane.brought(rows);
        lane.commit(work, None, &mut Vec::new()).await?;
        point("engine.after_replay_commit");
        Intent::settle(&shelf, &task, lane.cursor.seq).await?;
    }
    Ok(all)
}

/// Stages the rows of one letter; says how many, or why it fails again.
async fn again(work: &Work, from: &Job, to: &Job, lane: &mut Lane, letter: &Letter) -> Result<Result<u64, String>> {
    let batch = match decode(work, from, to, letter).await? {
        Ok(batch) => batch,
        Err(reason) => return Ok(Err(reason)),
    };
    let batch = fits(work, &to.dataset, batch)?;
    if let Some(reject) = incomplete(&to.dataset, &batch).into_iter().next() {
        return Ok(Err(reject.reason));
    }
    let rows = batch.rows.num_rows();
    if rows == 0 {
        return Ok(Ok(0));
    }
    let staged = stage(&mut *lane.writer, &batch, true).await?;
    match staged.rejects.into_iter().next() {
        Some(reject) if rows == 1 => Ok(Err(reject.reason)),
        // A map made many rows of it, and some are in: the letter can't come a second time.
        Some(reject) => {
            tracing::warn!(letter = letter.id(), reason = reject.reason, "a row of a replayed letter was refused");
            Ok(Ok(rows as u64 - 1))
        }
        None => Ok(Ok(rows as u64)),
    }
}

async fn decode(work: &Work, from: &Job, to: &Job, letter: &Letter) -> Result<Result<Batch, String>> {
    if letter.stage == Stage::Source {
        if letter.bytes().is_none() {
            return Ok(Err("there is no record to decode: the file is read again when it changes".into()));
        }
        let batch = work.pipeline.source.decode(from, &[letter.reject()]).await?;
        if let Some(reject) = batch.rejects.first() {
            return Ok(Err(reject.reason.clone()));
        }
        return work.pipeline.settings.maps.apply(batch).map(Ok);
    }
    let Some(text) = letter.bytes() else { return Ok(Err("there is no record to decode".into())) };
    let rows = row::from_json(&to.dataset, &text)?;
    Ok(rows.map(|rows| Batch { ops: Ops::All(letter.op()), ..Batch::insert(rows, Position::of(&())) }))
}
