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

/// About the bytes of one piece of a COPY, whatever `batch_size` says: enough that sending it costs next to nothing.
const PIECE: usize = 256 * 1024;

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

    /// Copies the rows by one COPY, which is sent in pieces of at most `most` rows. When this returns the server has taken all
    /// but those returned, which have a value that can't be sent.
    ///
    /// # Errors
    /// `Data` where the server refuses a row: then none is taken; those of the server.
    pub(super) async fn rows(&self, client: &Client, rows: &RecordBatch, most: usize) -> Result<Vec<Refused>> {
        let wrong = |e| from_pg(e, format_args!("write to {}", self.name));
        let sink: CopyInSink<Bytes> = client.copy_in(&self.statement).await.map_err(wrong)?;
        let mut sink = pin!(sink);
        let mut refused = Vec::new();
        let mut piece = BytesMut::with_capacity(PIECE + PIECE / 4);
        Encoder::header(&mut piece);
        let step = rows_of(rows, PIECE).min(most.max(1));
        let mut at = 0;
        while at < rows.num_rows() {
            let next = rows.num_rows().min(at + step);
            refused.extend(self.encoder.rows(rows, at..next, &mut piece)?);
            at = next;
            sink.feed(piece.split().freeze()).await.map_err(wrong)?;
            piece.reserve(PIECE + PIECE / 4);
        }
        Encoder::trailer(&mut piece);
        sink.feed(piece.freeze()).await.map_err(wrong)?;
        sink.as_mut().finish().await.map_err(wrong)?;
        Ok(refused)
    }
}

/// How many rows are about `bytes` long.
fn rows_of(rows: &RecordBatch, bytes: usize) -> usize {
    let held = rows.columns().iter().map(|column| column.to_data().get_slice_memory_size().unwrap_or_default()).sum::<usize>();
    let one = held.checked_div(rows.num_rows()).unwrap_or_default().max(1);
    (bytes / one).clamp(1, 4096)
}
