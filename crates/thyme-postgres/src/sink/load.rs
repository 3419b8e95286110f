//! Rows into a table by binary COPY, as fast as they are encoded.
use std::pin::pin;

use futures::SinkExt;
use thyme_core::Result;
use thyme_core::arrow::array::RecordBatch;
use thyme_core::arrow::datatypes::SchemaRef;
use thyme_core::bytes::{Bytes, BytesMut};
use tokio_postgres::{CopyInSink, Statement};

use crate::catalog::Column;
use crate::client::Client;
use crate::copy::{Encoder, Refused};
use crate::error::from_pg;
use crate::quote::list;

/// Bytes of one piece of a COPY: enough that sending it costs next to nothing.
const PIECE: usize = 256 * 1024;

/// Bytes of one COPY, whatever `batch_size` says.
const MOST: usize = 64 << 20;

/// A way into one table.
pub(super) struct Load {
    name: String,
    statement: Statement,
    encoder: Encoder,
}

impl Load {
    /// A way into `table` (quoted) for rows of `schema`, which go to `columns`.
    ///
    /// # Errors
    /// `Schema` where the types do not fit; those of the server.
    pub(super) async fn into(client: &Client, table: &str, columns: &[Column], schema: &SchemaRef) -> Result<Self> {
        let encoder = Encoder::new(columns, schema)?;
        let names = list(columns.iter().map(|column| column.name.as_str()));
        let sql = format!("COPY {table} ({names}) FROM STDIN (FORMAT binary)");
        let statement = client.prepare(&sql).await.map_err(|e| from_pg(e, format_args!("write to {table}")))?;
        Ok(Self { name: table.to_owned(), statement, encoder })
    }

    /// Copies the rows, at most `most` by one COPY. When this returns the server has taken all but those returned, which have a
    /// value that can't be sent.
    ///
    /// # Errors
    /// `Data` where the server refuses a row: then none is taken; those of the server.
    pub(super) async fn rows(&self, client: &Client, rows: &RecordBatch, most: usize) -> Result<Vec<Refused>> {
        let (mut at, mut refused) = (0, Vec::new());
        while at < rows.num_rows() {
            let end = rows.num_rows().min(at.saturating_add(most.max(1)));
            at = self.copy(client, rows, at, end, &mut refused).await?;
        }
        Ok(refused)
    }

    /// One COPY of the rows from `at` to at most `end`; returns where it stopped.
    async fn copy(
        &self,
        client: &Client,
        rows: &RecordBatch,
        mut at: usize,
        end: usize,
        refused: &mut Vec<Refused>,
    ) -> Result<usize> {
        let wrong = |e| from_pg(e, format_args!("write to {}", self.name));
        let sink: CopyInSink<Bytes> = client.copy_in(&self.statement).await.map_err(wrong)?;
        let mut sink = pin!(sink);
        let (mut piece, mut sent) = (BytesMut::with_capacity(PIECE + PIECE / 4), 0);
        Encoder::header(&mut piece);
        let step = rows_of(rows, PIECE);
        while at < end && sent < MOST {
            let next = end.min(at + step);
            refused.extend(self.encoder.rows(rows, at..next, &mut piece)?);
            at = next;
            if piece.len() >= PIECE {
                sent += piece.len();
                sink.feed(piece.split().freeze()).await.map_err(wrong)?;
                piece.reserve(PIECE + PIECE / 4);
            }
        }
        Encoder::trailer(&mut piece);
        sink.feed(piece.freeze()).await.map_err(wrong)?;
        sink.as_mut().finish().await.map_err(wrong)?;
        Ok(at)
    }
}

/// How many rows are about `bytes` long.
fn rows_of(rows: &RecordBatch, bytes: usize) -> usize {
    let held = rows.columns().iter().map(|column| column.to_data().get_slice_memory_size().unwrap_or_default()).sum::<usize>();
    let one = held.checked_div(rows.num_rows()).unwrap_or_default().max(1);
    (bytes / one).clamp(1, 4096)
}
