//! One range, by one `COPY`, decoded while the server still sends.
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use thyme_core::arrow::array::cast::AsArray;
use thyme_core::arrow::array::types::Int64Type;
use thyme_core::arrow::array::{Array, BooleanArray};
use thyme_core::arrow::datatypes::SchemaRef;
use thyme_core::{Batch, Error, Kind, Op, Ops, Position, Reader, Result, SplitId, async_trait};
use tokio::time::Instant;

use super::columns::Selected;
use super::place::{Place, Seen};
use super::print;
use crate::client::{Client, Rows};
use crate::copy::{Decoded, Decoder};
use crate::error::from_pg;

/// A batch is handed on when its rows had this many bytes on the wire.
const BATCH_BYTES: usize = 8 << 20;

/// Rows do not wait longer than this for others.
const TRICKLE: Duration = Duration::from_secs(1);

/// What follows the last row.
const TRAILER: [u8; 2] = [0xff, 0xff];

/// Reads one range. Its connection ends with it.
pub(super) struct RowReader {
    pub(super) client: Client,
    pub(super) stream: Rows,
    /// What the server sent; all before `at` is decoded.
    pub(super) block: Vec<u8>,
    pub(super) at: usize,
    pub(super) decoder: Decoder,
    pub(super) selected: Selected,
    pub(super) schema: SchemaRef,
    pub(super) batch_rows: usize,
    pub(super) op: Op,
    /// What is read, for rejects.
    pub(super) path: String,
    /// Rows of earlier polls, not to be read again.
    pub(super) skip: Seen,
    /// Rows to be remembered for the next poll.
    pub(super) seen: Seen,
    /// Places can be found again.
    pub(super) ordered: bool,
    pub(super) split: SplitId,
    /// The end is told even if there is nothing before it: a moving start.
    pub(super) pins: bool,
    pub(super) nothing: Nothing,
    pub(super) rows: u64,
    /// The server has sent all.
    pub(super) ended: bool,
    /// Something was handed on.
    pub(super) emitted: bool,
    /// The end stands in the last batch.
    pub(super) marked: bool,
    /// The end was told.
    pub(super) over: bool,
}

/// Splits in which there was nothing new, with what is to be remembered of them.
pub(super) type Nothing = Arc<Mutex<BTreeMap<SplitId, Seen>>>;

impl RowReader {
    /// Takes in what makes a batch; false when the server has sent all. A full batch looks one row ahead, so that the last one
    /// knows that it is.
    async fn fill(&mut self) -> Result<bool> {
        let mut since = Instant::now();
        loop {
            let full = self.decoder.rows() >= self.batch_rows || self.decoder.bytes() >= BATCH_BYTES;
            match self.block.get(self.at..).unwrap_or_default() {
                [] => {}
                rest if !full => {
                    self.at += self.decoder.feed_some(rest, self.batch_rows, BATCH_BYTES)?;
                    continue;
                }
                rest if *rest == TRAILER => {
                    self.decoder.feed(rest)?;
                    self.at = self.block.len();
                    continue;
                }
                rest if *rest != TRAILER[..1] => return Ok(true),
                _ => {}
            }
            if self.decoder.rows() == 0 {
                since = Instant::now();
            }
            let block = match self.stream.next().now_or_never() {
                Some(block) => block,
                None if self.decoder.rows() == 0 => self.stream.next().await,
                None => match tokio::time::timeout_at(since + TRICKLE, self.stream.next()).await {
                    Ok(block) => block,
                    Err(_) => return Ok(true),
                },
            };
            match block.map_err(|e| from_pg(e, "read the rows"))? {
                Some(block) => {
                    self.block.drain(..self.at);
                    if self.block.is_empty() {
                        self.block = block
                    } else {
                        self.block.extend(block)
                    }
                    self.at = 0;
                }
                None => {
                    self.decoder.end()?;
                    return Ok(false);
                }
            }
        }
    }

    /// The dataset's part of what was decoded, without rows that were read before or can't be held.
    fn batch(&mut self, decoded: Decoded) -> Result<Batch> {
        let Decoded { rows, bad } = decoded;
        self.rows += rows.num_rows() as u64;
        let mut keep = vec![true; rows.num_rows()];
        if let Some(hash) = self.selected.hash {
            let hashes = rows.columns().get(hash).and_then(|column| column.as_primitive_opt::<Int64Type>());
            let hashes = hashes.ok_or_else(|| Error::new(Kind::Unexpected, "the hashes of the rows did not come"))?;
            for (row, keep) in keep.iter_mut().enumerate().filter(|(row, _)| hashes.is_valid(*row)) {
                *keep = !self.skip.0.contains(&hashes.value(row)) || thyme_core::testing::broken("postgres.no_dedupe");
                self.seen.add(hashes.value(row))?;
            }
        }
        let position = match (self.ended, self.ordered) {
            (true, _) => Place::Done { seen: self.seen.clone() },
            (false, true) => Place::At { key: print::last(&rows, &self.selected.key)?, seen: self.seen.clone() },
            (false, false) => Place::Unordered(self.rows),
        };
        let columns = rows.columns().get(..self.selected.asked).unwrap_or_default().to_vec();
        let options = thyme_core::arrow::array::RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        let rows = thyme_core::arrow::array::RecordBatch::try_new_with_options(SchemaRef::clone(&self.schema), columns, &options)
            .map_err(|e| Error::new(Kind::Unexpected, "the columns that came are not those asked for").source(e))?;
        let mut batch = Batch::insert(rows, Position::of(&position));
        batch.ops = Ops::All(self.op);
        for bad in bad {
            let again = keep.get_mut(bad.row).map(|keep| std::mem::replace(keep, false));
            if again == Some(true) {
                batch.rejects.push(bad.reject(self.path.clone()));
            }
        }
        if keep.iter().all(|keep| *keep) { Ok(batch) } else { batch.filter(&BooleanArray::from(keep)) }
    }
}

#[async_trait]
impl Reader for RowReader {
    async fn next(&mut self) -> Result<Option<Batch>> {
        while !self.ended {
            self.ended = !self.fill().await?;
            let Some(decoded) = self.decoder.take()? else { continue };
            let batch = self.batch(decoded)?;
            if batch.rows.num_rows() > 0 || !batch.rejects.is_empty() {
                self.emitted = true;
                self.marked = self.ended;
                return Ok(Some(batch));
            }
        }
        if self.over {
            return Ok(None);
        }
        self.over = true;
        // What was read is read; the server need not be surprised by the end of the connection.
        drop(self.client.batch_execute("COMMIT").await);
        if self.marked {
            return Ok(None);
        }
        let seen = std::mem::take(&mut self.seen);
        if !self.emitted {
            // Nothing is on its way to the sink that this could overtake, and nothing is worth a commit.
            self.nothing.lock().unwrap_or_else(PoisonError::into_inner).insert(Arc::clone(&self.split), seen.clone());
            if !self.pins {
                return Ok(None);
            }
        }
        Ok(Some(Batch::moved(SchemaRef::clone(&self.schema), Position::of(&Place::Done { seen }))))
    }
}
