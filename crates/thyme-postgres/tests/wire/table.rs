//! Tables read and written by COPY, as the source and the sink do.
use std::sync::Arc;

use futures::{SinkExt, StreamExt};
use thyme_core::Result;
use thyme_core::arrow::array::RecordBatch;
use thyme_core::arrow::datatypes::{Field, Schema, SchemaRef};
use thyme_core::bytes::BytesMut;
use thyme_postgres::NumericAs;
use thyme_postgres::testing::catalog::{Column, Table};
use thyme_postgres::testing::client::Client;
use thyme_postgres::testing::copy::{Decoded, Decoder, Encoder, Refused};
use thyme_postgres::testing::error::from_pg;
use thyme_postgres::testing::{quote, types};

/// The fields that `columns` are read as by themselves.
pub(crate) fn schema(columns: &[Column]) -> SchemaRef {
    Arc::new(Schema::new(columns.iter().map(|column| types::field(column, NumericAs::String)).collect::<Vec<_>>()))
}

/// The same, all of them nullable, as in a batch.
pub(crate) fn nullable(schema: &Schema) -> SchemaRef {
    let field = |field: &Arc<Field>| Arc::new(field.as_ref().clone().with_nullable(true));
    Arc::new(Schema::new(schema.fields().iter().map(field).collect::<Vec<_>>()))
}

/// The bytes of `COPY`, message by message.
pub(crate) async fn bytes(client: &Client, table: &Table, schema: &SchemaRef) -> Result<Vec<Vec<u8>>> {
    let list = table.columns.iter().zip(schema.fields()).map(|(column, field)| types::select(column, field));
    let list = list.collect::<Result<Vec<_>>>()?.join(", ");
    let sql = format!("COPY (SELECT {list} FROM {} ORDER BY 1) TO STDOUT (FORMAT binary)", table.sql());
    let stream = client.copy_out(&sql).await.map_err(|e| from_pg(e, "copy out"))?;
    let chunks: Vec<_> = stream.collect().await;
    chunks.into_iter().map(|chunk| Ok(chunk.map_err(|e| from_pg(e, "copy out"))?.to_vec())).collect()
}

/// All rows of a table, by its first column.
pub(crate) async fn read_as(client: &Client, table: &Table, schema: &SchemaRef) -> Result<Decoded> {
    let mut decoder = Decoder::new(&table.columns, SchemaRef::clone(schema))?;
    for chunk in bytes(client, table, schema).await? {
        decoder.feed(&chunk)?;
    }
    decoder.end()?;
    Ok(decoder.take()?.expect("rows"))
}

/// All rows, as the columns are read by themselves; none of them bad.
pub(crate) async fn read(client: &Client, table: &Table) -> Result<RecordBatch> {
    let decoded = read_as(client, table, &nullable(&schema(&table.columns))).await?;
    assert_eq!(decoded.bad, []);
    Ok(decoded.rows)
}

/// Writes all rows of a batch into a table, and says which could not be sent.
pub(crate) async fn write(client: &Client, table: &Table, rows: &RecordBatch) -> Result<Vec<Refused>> {
    let encoder = Encoder::new(&table.columns, &rows.schema())?;
    let mut out = BytesMut::new();
    Encoder::header(&mut out);
    let refused = encoder.rows(rows, 0..rows.num_rows(), &mut out)?;
    Encoder::trailer(&mut out);
    let names = quote::list(table.columns.iter().map(|column| column.name.as_str()));
    let sql = format!("COPY {} ({names}) FROM STDIN (FORMAT binary)", table.sql());
    let sink = client.copy_in(&sql).await.map_err(|e| from_pg(e, "copy in"))?;
    let mut sink = std::pin::pin!(sink);
    sink.send(out.freeze()).await.map_err(|e| from_pg(e, "copy in"))?;
    let written = sink.finish().await.map_err(|e| from_pg(e, "copy in"))?;
    assert_eq!(written as usize, rows.num_rows() - refused.len());
    Ok(refused)
}
