//! A folder of `.tsv` files that other programs append to: `id<TAB>text`, a line a row.
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;

use thyme_core::arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use thyme_core::arrow::datatypes::Schema;
use thyme_core::{Batch, Cursor, Dataset, Error, Job, Kind, Place, Plan, Position, Reader, Reject, Result, Source, SourceInfo};
use thyme_core::{async_trait, field_type, fixed};

const ROWS: usize = 10; // so few that the suite can cut a run short often; thousands otherwise

#[derive(Clone, Debug)]
pub(crate) struct TsvFolder {
    pub(crate) path: PathBuf,
}

#[async_trait]
impl Source for TsvFolder {
    fn info(&self) -> SourceInfo {
        SourceInfo { identity: format!("tsv {}", self.path.display()), ..SourceInfo::default() }
    }

    async fn check(&self) -> Result<()> {
        self.files().map(drop)
    }

    async fn discover(&self) -> Result<Option<Dataset>> {
        let fields = vec![field_type::parse("id", "int64!")?, field_type::parse("text", "string")?];
        Ok(Some(Dataset::new("tsv", Arc::new(Schema::new(fields)))?.with_key(["id"])?))
    }

    /// Each file is a split, and its position the bytes that were read.
    async fn plan(&self, job: &Job, _: &Cursor) -> Result<Box<dyn Plan>> {
        let (folder, dataset) = (self.path.clone(), Arc::clone(&job.dataset));
        Ok(fixed::plan(self.files()?, move |name, from| {
            let at = from.map(Position::get::<u64>).transpose()?.unwrap_or(0);
            let mut file = File::open(folder.join(&**name)).map_err(unread)?;
            file.seek(SeekFrom::Start(at)).map_err(unread)?;
            Ok(Lines { input: BufReader::new(file), name: name.to_string(), at, more: true, dataset: Arc::clone(&dataset) })
        }))
    }
}

impl TsvFolder {
    fn files(&self) -> Result<Vec<String>> {
        let entries = fs::read_dir(&self.path).map_err(unread)?.collect::<io::Result<Vec<_>>>().map_err(unread)?;
        let mut names: Vec<_> = entries.iter().filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.retain(|name| name.ends_with(".tsv"));
        names.sort();
        Ok(names)
    }
}

fn unread(error: io::Error) -> Error {
    let kind = if error.kind() == io::ErrorKind::NotFound { Kind::NotFound } else { Kind::Unavailable };
    Error::new(kind, "the folder can't be read").source(error)
}

struct Lines {
    input: BufReader<File>,
    name: String,
    at: u64,
    more: bool,
    dataset: Arc<Dataset>,
}

#[async_trait]
impl Reader for Lines {
    async fn next(&mut self) -> Result<Option<Batch>> {
        let (mut ids, mut texts, mut rejects, mut line) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        while self.more && ids.len() + rejects.len() < ROWS {
            line.clear();
            self.input.read_until(b'\n', &mut line).map_err(unread)?;
            // A line without its end is still being written: another poll reads it whole.
            self.more = line.ends_with(b"\n");
            let text = str::from_utf8(&line).unwrap_or_default().trim_end();
            match text.split_once('\t').and_then(|(id, text)| Some((id.parse::<i64>().ok()?, text.to_owned()))) {
                _ if !self.more => continue,
                Some((id, text)) => (ids.push(id), texts.push(text)).0,
                None => {
                    let place = Place { path: Some(self.name.clone()), offset: Some(self.at), ..Place::default() };
                    let (payload, reason) = (Some(line.clone().into()), "expected `id<TAB>text`".to_owned());
                    rejects.push(Reject { payload, reason, place, ..Reject::default() });
                }
            }
            self.at += line.len() as u64;
        }
        if ids.is_empty() && rejects.is_empty() {
            return Ok(None);
        }
        let (ids, texts): (ArrayRef, ArrayRef) = (Arc::new(Int64Array::from(ids)), Arc::new(StringArray::from(texts)));
        let asked = self.dataset.columns().fields().iter();
        let columns = asked.map(|field| Arc::clone(if field.name() == "id" { &ids } else { &texts })).collect();
        let rows = RecordBatch::try_new(Arc::clone(self.dataset.columns()), columns);
        let rows = rows.map_err(|e| Error::new(Kind::Schema, "a tsv folder has `id int64` and `text string`").source(e))?;
        Ok(Some(Batch { rejects, ..Batch::insert(rows, Position::of(&self.at)) }))
    }
}
