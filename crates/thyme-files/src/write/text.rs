//! Rows to JSON lines and CSV, on several threads and in order; blocks of text to compressed blocks.
use std::io::Write;

use thyme_core::arrow::array::RecordBatch;
use thyme_core::arrow::datatypes::SchemaRef;
use thyme_core::{Error, Kind, Result};
use thyme_formats::csv::{CsvEncoder, CsvWriteOptions};
use thyme_formats::encode::BadRow;
use thyme_formats::json_out::{JsonEncoder, JsonWriteOptions};

use super::crew::{Crew, end};
use super::options::Compression;

/// The most room that is made ready ahead: what one row came to says little of the next.
const ROOM: usize = 16 << 20;

/// Rows below which a second thread costs more than it saves.
const SLICE: usize = 4096;

/// How rows become text.
#[derive(Clone, Debug)]
pub(super) enum Text {
    Jsonl(JsonWriteOptions),
    Csv(CsvWriteOptions),
}

enum Encoder {
    Jsonl(JsonEncoder),
    Csv(CsvEncoder),
}

impl Text {
    fn encoder(&self, schema: &SchemaRef) -> Result<Encoder> {
        Ok(match self {
            Self::Jsonl(options) => Encoder::Jsonl(JsonEncoder::new(schema, options.clone())?),
            Self::Csv(options) => Encoder::Csv(CsvEncoder::new(schema, options.clone())?),
        })
    }

    /// What a file begins with.
    pub(super) fn header(&self, schema: &SchemaRef) -> Result<Vec<u8>> {
        let mut header = Vec::new();
        if let Encoder::Csv(encoder) = self.encoder(schema)? {
            encoder.header(&mut header);
        }
        Ok(header)
    }

    /// `rows` as text, in order, and the rows that have none. About `each` bytes are expected of a row.
    pub(super) async fn encode(&self, rows: &RecordBatch, each: usize, crew: &Crew) -> Result<(Vec<Vec<u8>>, Vec<BadRow>)> {
        let slices = crew.threads().min(rows.num_rows().div_ceil(SLICE)).max(1);
        let step = rows.num_rows().div_ceil(slices).max(1);
        let mut running = Vec::with_capacity(slices);
        for from in (0..rows.num_rows()).step_by(step) {
            let slice = rows.slice(from, step.min(rows.num_rows() - from));
            let text = self.clone();
            let encode = move || {
                let mut out = Vec::with_capacity(slice.num_rows().saturating_mul(each).min(ROOM));
                let bad = match text.encoder(slice.schema_ref())? {
                    Encoder::Jsonl(mut encoder) => encoder.encode(&slice, &mut out, None)?,
                    Encoder::Csv(mut encoder) => encoder.encode(&slice, &mut out)?,
                };
                Ok((out, bad))
            };
            running.push((from, crew.begin(encode).await?));
        }
        let (mut blocks, mut bad) = (Vec::with_capacity(running.len()), Vec::new());
        for (from, running) in running {
            let (block, some) = end(running).await?;
            blocks.push(block);
            bad.extend(some.into_iter().map(|row| BadRow { row: row.row + from, ..row }));
        }
        Ok((blocks, bad))
    }
}

/// A block of text as a piece of a compressed file: both formats are read as if such pieces were one.
pub(super) fn compress(block: &[u8], compression: Compression) -> Result<Vec<u8>> {
    let failed = |e| Error::new(Kind::Unexpected, "the rows could not be compressed").source(e);
    match compression {
        Compression::None => Ok(block.to_vec()),
        Compression::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(block).map_err(failed)?;
            encoder.finish().map_err(failed)
        }
        Compression::Zstd => zstd::bulk::compress(block, zstd::DEFAULT_COMPRESSION_LEVEL).map_err(failed),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use thyme_core::arrow::array::{ArrayRef, Int64Array, RecordBatch};

    use super::{Crew, Text};

    #[tokio::test]
    async fn a_huge_row_before_makes_no_room_for_as_many_as_huge() {
        let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..100_000));
        let rows = RecordBatch::try_from_iter([("id", ids)]).unwrap();
        let text = Text::Jsonl(thyme_formats::json_out::JsonWriteOptions::default());
        for each in [0, 16 << 20, usize::MAX] {
            let (texts, bad) = text.encode(&rows, each, &Crew::new(2)).await.unwrap();
            assert!(bad.is_empty());
            assert_eq!(texts.concat().iter().filter(|byte| **byte == b'\n').count(), 100_000);
            assert!(texts.iter().all(|text| text.capacity() <= 32 << 20), "{each}");
        }
    }
}
