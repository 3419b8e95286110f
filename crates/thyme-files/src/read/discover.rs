//! What the columns of files are, from a sample of the first ones.
use std::io::Read;
use std::sync::Arc;

use thyme_core::arrow::datatypes::Schema;
use thyme_core::{Dataset, Error, Kind, Result, ResultExt};
use thyme_formats::avro::file as avro;
use thyme_formats::fault::Fault;
use thyme_formats::{csv, ipc, json, parquet};

use super::bytes::{self, RawReader};
use super::closed::buffered;
use super::options::{ReadFormat, ReadOptions};
use super::source::FilesSource;
use super::state::PRINT_BYTES;
use crate::storage::Storage;

/// Files that are looked into, and bytes of each once decompressed.
const FILES: usize = 8;
const SAMPLE: u64 = 1 << 20;
/// Files that are listed to find some with content.
const LISTED: usize = 1024;

impl<S: Storage> FilesSource<S> {
    /// Reaches the files.
    ///
    /// # Errors
    /// `NotFound` when there is nothing, `Auth` when it may not be read, `Unsupported` for a format that comes later.
    pub async fn check(&self) -> Result<()> {
        self.storage().check().await?;
        let first = self.storage().list(None, 1).await?;
        first.first().map_or(Ok(()), |entry| self.options().kind_of(&entry.key, &[]).map(drop))
    }

    /// The columns of the first files, and the name of the first as that of the dataset. `None`: there are no records yet.
    ///
    /// # Errors
    /// `NotFound` when there is nothing, `Data` for files that have no records in them, `Schema` for columns named as those
    /// about the file.
    pub async fn discover(&self) -> Result<Option<Dataset>> {
        self.storage().check().await?;
        let files = self.storage().list(None, LISTED).await?;
        let files: Vec<_> = files.into_iter().filter(|entry| entry.size > 0).take(FILES).collect();
        let Some(first) = files.first() else { return Ok(None) };
        let location = self.storage().location(&first.key);
        let name = location.rsplit('/').next().and_then(|name| name.split('.').find(|part| !part.is_empty())).unwrap_or("files");
        let (name, shared) = (name.to_owned(), Arc::clone(self.shared()));
        let keys: Vec<_> = files.into_iter().map(|entry| entry.key).collect();
        let looked = tokio::task::spawn_blocking(move || infer(&shared.storage, &shared.options, &keys)).await;
        let schema = looked.map_err(|e| Error::new(Kind::Unexpected, "a thread that looked into files died").source(e))??;
        let about = self.options().metadata.iter().map(|column| column.field());
        let fields: Vec<_> = schema.fields().iter().map(Arc::clone).chain(about).collect();
        Dataset::new(name, Arc::new(Schema::new(fields))).map(Some).context("path", || location)
    }
}

/// JSON by the samples of all files together; CSV, Parquet, Avro and Arrow by the first, whose header or footer speaks for it.
fn infer<S: Storage>(storage: &S, options: &ReadOptions, keys: &[String]) -> Result<Schema> {
    let (mut samples, mut last) = (Vec::new(), None);
    for key in keys {
        let Some(opened) = storage.open(key)? else { continue };
        let path = storage.location(key);
        let failed = |e| bytes::failed(&path, e);
        let mut head = vec![0; PRINT_BYTES];
        let read = opened.bytes.read_at(0, &mut head).map_err(failed)?;
        let (format, compression) = options.kind_of(key, head.get(..read).unwrap_or_default())?;
        let size = opened.entry.size;
        let raw = RawReader::new(Arc::clone(&opened.bytes), size);
        let found = match format {
            ReadFormat::Parquet => Some((parquet::schema(&raw), "parquet")),
            ReadFormat::Avro => Some((avro::schema(buffered(raw)), "avro")),
            ReadFormat::Arrow => Some((ipc::schema(raw), "arrow")),
            _ => None,
        };
        if let Some((schema, name)) = found {
            return schema.map_err(|fault| broken(fault, name).context("path", path));
        }
        let mut sample = Vec::new();
        let stream = bytes::open(RawReader::new(opened.bytes, size), compression).map_err(failed)?;
        if let Err(error) = stream.take(SAMPLE).read_to_end(&mut sample) {
            tracing::debug!(path, %error, "a file is damaged; its columns are taken from what comes before");
        }
        let inferred = match format {
            ReadFormat::Csv => csv::infer(&sample, &options.csv),
            ReadFormat::Json => json::infer(&sample),
            _ => {
                samples.extend_from_slice(thyme_formats::bom::strip_bom(&sample));
                samples.push(b'\n');
                continue;
            }
        };
        match inferred {
            Ok(schema) => return Ok(schema),
            Err(error) => last = Some(error.context("path", path)),
        }
    }
    match last {
        Some(error) if samples.is_empty() => Err(error),
        _ => json::infer(&samples).context("path", || storage.location(keys.first().map_or("", String::as_str))),
    }
}

fn broken(fault: Fault, name: &str) -> Error {
    match fault {
        Fault::Damaged(reason) => Error::new(Kind::Data, format!("the file is not {name}, or damaged: {reason}")),
        Fault::Drift(drift) => Error::drift(drift),
        Fault::Io(error) => Error::new(Kind::Unavailable, "the file can't be read").source(error),
    }
}
