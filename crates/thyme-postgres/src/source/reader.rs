//! One range, by one `COPY`, decoded while the server still sends.
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::{FutureExt, StreamExt};
use thyme_core::arrow::array::cast::AsArray;
use thyme_core::arrow::array::types::Int64Type;
use thyme_core::arrow::array::{Array, BooleanArray};
use thyme_core::arrow::datatypes::SchemaRef;
use thyme_core::bytes::Bytes;
use thyme_core::{Batch, Error, Kind, Op, Ops, Position, Reader, Result, SplitId, async_trait};
use tokio::time::Instant;
use tokio_postgres::CopyOutStream;

use super::columns::Selected;
use super::place::{Place, Seen};
use super::print;
use crate::client::Client;
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
    pub(super) stream: Pin<Box<CopyOutStream>>,
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
    /// The next row, which no longer fits into the batch.
    pub(super) ahead: Option<Bytes>,
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
        if let Some(ahead) = self.ahead.take() {
            self.decoder.feed(&ahead)?;
        }
        let mut since = Instant::now();
        loop {
            let full = self.decoder.rows() >= self.batch_rows || self.decoder.bytes() >= BATCH_BYTES;
            if self.decoder.rows() == 0 {
                since = Instant::now();
            }
            let chunk = match self.stream.next().now_or_never() {
                Some(chunk) => chunk,
                None if self.decoder.rows() == 0 => self.stream.next().await,
                None => match tokio::time::timeout_at(since + TRICKLE, self.stream.next()).await {
                    Ok(chunk) => chunk,
                    Err(_) => return Ok(true),
                },
            };
            match chunk.transpose().map_err(|e| from_pg(e, "read the rows"))? {
                Some(bytes) if full && *bytes != TRAILER => {
                    self.ahead = Some(bytes);
                    return Ok(true);
                }
                Some(bytes) => self.decoder.feed(&bytes)?,
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
