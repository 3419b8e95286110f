//! Records that were rejected, decoded once more.

use thyme_core::arrow::array::RecordBatch;
use thyme_core::arrow::select::concat::concat_batches;
use thyme_core::{Batch, Error, Job, Kind, Position, Reject, Result};
use thyme_formats::csv::CsvScanner;
use thyme_formats::json::JsonScanner;
use thyme_formats::scan::Scanned;

use super::columns::Columns;
use super::options::ReadFormat;
use super::part::Part;
use super::prints::Front;
use super::source::FilesSource;
use super::state::{At, Seen};
use super::{csv, json};
use crate::storage::Storage;

impl<S: Storage> FilesSource<S> {
    /// Decodes `records` again; those that are still bad come back as rejects, in order. Of the columns about the file only
    /// the path is known.
    ///
    /// # Errors
    /// `Unsupported` for a record of a format that has none apart from its file.
    pub fn decode(&self, job: &Job, records: &[Reject]) -> Result<Batch> {
        let columns = Columns::new(&job.dataset, &self.options().metadata)?;
        let mut json = JsonScanner::new(columns.data(), json::options(job))?;
        let (mut all, mut rejects) = (Vec::new(), Vec::new());
        for reject in records {
            let Some(payload) = &reject.payload else {
                rejects.push(reject.clone());
                continue;
            };
            let path = reject.place.path.as_deref().unwrap_or_default();
            let scanned = match self.options().kind_of(path, &[])?.0 {
                ReadFormat::Json | ReadFormat::Jsonl => json.messages(payload, &[payload.len()])?,
                ReadFormat::Csv => self.csv(job, &columns, reject, payload)?,
                ReadFormat::Parquet | ReadFormat::Avro | ReadFormat::Arrow => {
                    let text = "a record of a Parquet, Avro or Arrow file can't be decoded apart from it";
                    return Err(Error::new(Kind::Unsupported, text).context("path", path));
                }
            };
            match scanned.bad.first() {
                Some(bad) => rejects.push(Reject { reason: bad.reason.clone(), ..reject.clone() }),
                None => all.push(complete(&columns, scanned, payload, path)?),
            }
        }
        let rows = concat_batches(job.dataset.columns(), &all)
            .map_err(|e| Error::new(Kind::Unexpected, "the records do not fit together").source(e))?;
        Ok(Batch { rejects, ..Batch::insert(rows, Position::of(&())) })
    }

    fn csv(&self, job: &Job, columns: &Columns, reject: &Reject, payload: &[u8]) -> Result<Scanned> {
        let mut scanner = CsvScanner::new(columns.data(), csv::options(job, &self.options().csv))?;
        let header = reject.hint.as_ref().and_then(|hint| hint.as_str()).unwrap_or_default();
        scanner.header(header.as_bytes(), true)?;
        scanner.records(payload, true)
    }
}

fn complete(columns: &Columns, scanned: Scanned, payload: &[u8], path: &str) -> Result<RecordBatch> {
    let part = Part::scanned(scanned, payload, 0, &mut Front::default());
    let (key, version) = (path.to_owned(), String::new());
    let nowhere = Seen { key, version, size: 0, modified: 0, changed: 0, slow: false, at: At::default() };
    columns.complete(&part, &nowhere, path)
}
