//! What objects hold, by other code than that under test.
use parquet::arrow::ArrowWriter;
use thyme_core::arrow::array::RecordBatch;
use thyme_core::arrow::array::cast::AsArray;
use thyme_core::arrow::array::types::Int64Type;
use thyme_testkit::rows::{self, Row};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Jsonl,
    Parquet,
}

impl Format {
    pub(crate) fn extension(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Parquet => "parquet",
        }
    }
}

/// What a file of these rows holds; `extra` adds a column with the value of `id`.
pub(crate) fn content(format: Format, rows: &[Row], columns: &Columns) -> Vec<u8> {
    match format {
        Format::Jsonl => rows.iter().map(|row| jsonl(row, columns)).collect::<String>().into_bytes(),
        Format::Parquet => parquet(&columns.of(&rows::batch(rows).unwrap())),
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

pub(crate) fn parquet(rows: &RecordBatch) -> Vec<u8> {
    let mut writer = ArrowWriter::try_new(Vec::new(), rows.schema(), None).unwrap();
    writer.write(rows).unwrap();
    writer.into_inner().unwrap()
}
