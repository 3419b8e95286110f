//! Files written and read for the suite, by other code than that under test where there is any.
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use arrow_ipc::writer::FileWriter;
use parquet::arrow::ArrowWriter;
use thyme_core::arrow::array::RecordBatch;
use thyme_core::arrow::array::cast::AsArray;
use thyme_core::arrow::array::types::Int64Type;
use thyme_core::{Error, Kind, Result};
use thyme_formats::avro::file::{AvroCodec, AvroFileEncoder};
use thyme_testkit::rows::{self, Row};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Jsonl,
    Csv,
    Parquet,
    Avro,
    Arrow,
}

impl Format {
    /// The types that it can't carry; `None`: it has none of its own.
    pub(crate) fn lacks(self) -> Option<&'static [&'static str]> {
        match self {
            Self::Jsonl | Self::Csv => None,
            // Arrow's Parquet has no place for an interval of months, days and nanoseconds.
            Self::Parquet => Some(&["interval"]),
            Self::Avro | Self::Arrow => Some(&[]),
        }
    }

    pub(crate) fn extension(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Csv => "csv",
            Self::Parquet => "parquet",
            Self::Avro => "avro",
            Self::Arrow => "arrow",
        }
    }
}

/// What a file of these rows holds; `extra` adds a column with the value of `id`, `head` a CSV header.
pub(crate) fn content(format: Format, rows: &[Row], columns: &Columns, head: bool) -> Vec<u8> {
    match format {
        Format::Jsonl => rows.iter().map(|row| jsonl(row, columns)).collect::<String>().into_bytes(),
        Format::Csv => csv(rows, columns, head).into_bytes(),
        Format::Parquet => parquet(&columns.of(&rows::batch(rows).unwrap())),
        Format::Avro => avro(&columns.of(&rows::batch(rows).unwrap())),
        Format::Arrow => arrow(&columns.of(&rows::batch(rows).unwrap())),
    }
}

/// The columns that files have from now on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Columns {
    AsTheyWere,
    Extra,
}

impl Columns {
    fn of(self, rows: &RecordBatch) -> RecordBatch {
        if self == Self::AsTheyWere {
            return rows.clone();
        }
        use thyme_core::arrow::datatypes::{DataType, Field, Schema};
        let mut fields: Vec<_> = rows.schema().fields().iter().cloned().collect();
        fields.push(std::sync::Arc::new(Field::new("extra", DataType::Int64, true)));
        let mut columns = rows.columns().to_vec();
        columns.push(std::sync::Arc::new(rows.column(0).as_primitive::<Int64Type>().clone()));
        RecordBatch::try_new(std::sync::Arc::new(Schema::new(fields)), columns).unwrap()
    }
}

fn jsonl(row: &Row, columns: &Columns) -> String {
    let mut value = serde_json::json!({ "id": row.id, "tick": row.tick, "text": row.text });
    if *columns == Columns::Extra {
        value["extra"] = row.id.into();
    }
    format!("{value}\n")
}

fn csv(rows: &[Row], columns: &Columns, head: bool) -> String {
    let extra = *columns == Columns::Extra;
    let mut text = String::new();
    if head {
        text.push_str(if extra { "id,tick,text,extra\n" } else { "id,tick,text\n" });
    }
    for row in rows {
        let tick = row.tick.map_or(String::new(), |tick| tick.to_string());
        write!(text, "{},{tick},\"{}\"", row.id, row.text.replace('"', "\"\"")).unwrap();
        text.push_str(&if extra { format!(",{}\n", row.id) } else { "\n".to_owned() });
    }
    text
}

pub(crate) fn parquet(rows: &RecordBatch) -> Vec<u8> {
    let mut writer = ArrowWriter::try_new(Vec::new(), rows.schema(), None).unwrap();
    writer.write(rows).unwrap();
    writer.into_inner().unwrap()
}

pub(crate) fn arrow(rows: &RecordBatch) -> Vec<u8> {
    let mut writer = FileWriter::try_new(Vec::new(), rows.schema_ref()).unwrap();
    writer.write(rows).unwrap();
    writer.into_inner().unwrap()
}

/// The files that readers see, in the order of their names.
pub(crate) fn visible(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries {
            let entry = entry.map_err(|e| Error::new(Kind::Unavailable, "the target can't be listed").source(e))?;
            let hidden = entry.file_name().to_str().is_none_or(|name| name.starts_with(['_', '.']));
            match entry.path() {
                _ if hidden => {}
                path if path.is_dir() => folders.push(path),
                path => found.push(path),
            }
        }
    }
    found.sort_by(|a, b| a.file_name().cmp(&b.file_name()));
    Ok(found)
}

/// As the encoder has it, which is tested against other readers beside its code.
pub(crate) fn avro(rows: &RecordBatch) -> Vec<u8> {
    let mut writer = AvroFileEncoder::new(Vec::new(), "suite", rows.schema_ref(), AvroCodec::Zstandard).unwrap();
    assert_eq!(writer.write(rows).unwrap().len(), 0);
    writer.finish().unwrap()
}
