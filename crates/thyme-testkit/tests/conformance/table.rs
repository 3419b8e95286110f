//! `Table`: polled by a cursor column.
use std::sync::{Arc, Mutex};

use thyme_core::arrow::array::{Int64Array, RecordBatch};
use thyme_core::arrow::datatypes::{DataType, Field, Schema};
use thyme_core::memory::{NullCursor, Table};
use thyme_core::{Dataset, Error, Job, Kind, Result, Source, async_trait};
use thyme_testkit::harness::{Change, Golden, NullTicks, SourceDeclares, SourceFixture, SourceHarness};
use thyme_testkit::rows::{self, Row};

pub(crate) struct Harness(pub(crate) NullTicks);

struct Fixture {
    nulls: NullCursor,
    at: Mutex<At>,
}

struct At {
    table: Table,
    cursor: &'static str,
    columns: Columns,
}

/// What `add` writes.
enum Columns {
    AsTheyWere,
    Extra,
    /// All that the suite will add is there already.
    Other,
}

fn table(nulls: NullCursor, dataset: Dataset) -> Table {
    Table::new(dataset).sizes(25, 7).null_cursor(nulls)
}

#[async_trait]
impl SourceHarness for Harness {
    fn declares(&self) -> SourceDeclares {
        SourceDeclares {
            bounded: true,
            null_ticks: Some(self.0),
            drifts: true,
            retypes: true,
            types: Some(&[]),
            ..SourceDeclares::default()
        }
    }

    async fn fixture(&self) -> Result<Box<dyn SourceFixture>> {
        let nulls = if self.0 == NullTicks::Fail { NullCursor::Fail } else { NullCursor::Exclude };
        let at = At { table: table(nulls, rows::dataset("suite")?), cursor: "tick", columns: Columns::AsTheyWere };
        Ok(Box::new(Fixture { nulls, at: Mutex::new(at) }))
    }

    fn golden(&self) -> Vec<Golden> {
        let mid_poll = include_str!("golden/table_0.1_mid_poll.json");
        let folded = include_str!("golden/table_0.1_folded.json");
        vec![
            Golden { name: "0.1_mid_poll", cursor: mid_poll, rows: 60, rest: (36..60).collect() },
            Golden { name: "0.1_folded", cursor: folded, rows: 80, rest: (60..80).collect() },
        ]
    }
}

#[async_trait]
impl SourceFixture for Fixture {
    fn source(&self) -> Result<Box<dyn Source>> {
        Ok(Box::new(self.at.lock().unwrap().table.clone()))
    }

    fn dataset(&self) -> Result<Dataset> {
        rows::dataset("suite")
    }

    fn job(&self, job: Job) -> Job {
        let mut job = job;
        job.cursor = Some(self.at.lock().unwrap().cursor.into());
        job
    }

    async fn add(&self, rows: &[Row]) -> Result<()> {
        let at = self.at.lock().unwrap();
        match at.columns {
            Columns::AsTheyWere => at.table.append(&rows::batch(rows)?),
            Columns::Extra => at.table.append(&with_extra(&rows::batch(rows)?)?),
            Columns::Other => Ok(()),
        }
    }

    async fn change(&self, change: Change) -> Result<()> {
        let mut at = self.at.lock().unwrap();
        let base = rows::dataset("suite")?;
        let keep =
            |names: &[&str]| base.schema().fields().iter().filter(|f| names.contains(&f.name().as_str())).cloned().collect();
        match change {
            Change::AddColumn(field) => {
                at.columns = Columns::Extra;
                at.table.add_column(&field)
            }
            // The table is made anew with other columns; readers find that before they find rows.
            Change::DropColumn => replace(&mut at, self.nulls, keep(&["id", "tick"])),
            Change::Retype => {
                let mut fields: Vec<Arc<Field>> = keep(&["id", "tick"]);
                fields.push(Arc::new(Field::new("text", DataType::Int64, true)));
                replace(&mut at, self.nulls, fields)
            }
            Change::Types(rows) => {
                at.table = table(self.nulls, Dataset::new("types", rows.schema())?);
                at.cursor = "id";
                at.table.append(&rows)
            }
            other => Err(Error::new(Kind::Unsupported, format!("{other:?}"))),
        }
    }
}

fn replace(at: &mut At, nulls: NullCursor, fields: Vec<Arc<Field>>) -> Result<()> {
    let dataset = Dataset::new("suite", Arc::new(Schema::new(fields)))?;
    at.table = table(nulls, dataset.clone());
    let ids: Arc<Int64Array> = Arc::new((0..40).collect());
    let columns = dataset.columns().fields().iter().map(|_| Arc::clone(&ids) as _).collect();
    at.table.append(&RecordBatch::try_new(Arc::clone(dataset.columns()), columns).unwrap())?;
    at.columns = Columns::Other;
    Ok(())
}

fn with_extra(batch: &RecordBatch) -> Result<RecordBatch> {
    let extra = Arc::new(Field::new("extra", DataType::Int64, true));
    let wider = rows::dataset("suite")?.with_added(&[extra])?;
    let mut columns = batch.columns().to_vec();
    columns.push(Arc::clone(&columns[0]));
    Ok(RecordBatch::try_new(Arc::clone(wider.columns()), columns).unwrap())
}
