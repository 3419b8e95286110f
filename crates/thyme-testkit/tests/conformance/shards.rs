//! `Shards`: splits that come and go.
use std::sync::Mutex;

use thyme_core::arrow::array::{RecordBatch, new_null_array};
use thyme_core::memory::{Shard, Shards};
use thyme_core::{Dataset, Error, Kind, Op, Ops, Result, Source, async_trait};
use thyme_testkit::harness::{Change, Golden, SourceDeclares, SourceFixture, SourceHarness};
use thyme_testkit::rows::{self, Row};

const KEYS: i64 = 8;

pub(crate) struct Harness;

struct Fixture {
    stream: Mutex<Shards>,
    /// How often the splits changed. Two shards are open at a time; the keys below `cut` go to the first.
    generation: Mutex<i64>,
}

fn cut(generation: i64) -> i64 {
    [4, 2, 6][usize::try_from(generation).unwrap() % 3]
}

fn id(generation: i64, shard: i64) -> String {
    format!("g{generation}-{shard}")
}

fn open(generation: i64, shard: i64, parents: Vec<String>) -> Shard {
    Shard { id: id(generation, shard), parents, rows: vec![], closed: false }
}

#[async_trait]
impl SourceHarness for Harness {
    fn declares(&self) -> SourceDeclares {
        SourceDeclares { keyed: Some(KEYS), resplits: true, ops: Op::ALL, types: Some(&[]), ..SourceDeclares::default() }
    }

    async fn fixture(&self) -> Result<Box<dyn SourceFixture>> {
        let shards = [open(0, 0, vec![]), open(0, 1, vec![])];
        let stream = Shards::new(rows::dataset("suite")?, shards);
        Ok(Box::new(Fixture { stream: Mutex::new(stream), generation: Mutex::new(0) }))
    }

    fn golden(&self) -> Vec<Golden> {
        // Of the keys 4 to 7 all rows are read, of the others fifteen.
        let rest = (0..60).filter(|id| id % KEYS < 4).skip(15).collect();
        vec![Golden { name: "0.1", cursor: include_str!("golden/shards_0.1.json"), rows: 60, rest }]
    }
}

impl Fixture {
    fn append(&self, row: i64, rows: RecordBatch, ops: Ops) -> Result<()> {
        let generation = *self.generation.lock().unwrap();
        let shard = i64::from(row % KEYS >= cut(generation));
        self.stream.lock().unwrap().append(&id(generation, shard), rows, ops)
    }
}

#[async_trait]
impl SourceFixture for Fixture {
    fn source(&self) -> Result<Box<dyn Source>> {
        Ok(Box::new(self.stream.lock().unwrap().clone()))
    }

    fn dataset(&self) -> Result<Dataset> {
        rows::dataset("suite")
    }

    async fn add(&self, rows: &[Row]) -> Result<()> {
        rows.iter().try_for_each(|row| self.append(row.id, rows::batch(std::slice::from_ref(row))?, Ops::All(Op::Insert)))
    }

    async fn change(&self, change: Change) -> Result<()> {
        match change {
            Change::Resplit => {
                let mut generation = self.generation.lock().unwrap();
                let (old, new) = (*generation, *generation + 1);
                let stream = self.stream.lock().unwrap();
                for shard in [0, 1] {
                    stream.close(&id(old, shard))?;
                }
                let range = |generation, shard| if shard == 0 { 0..cut(generation) } else { cut(generation)..KEYS };
                for shard in [0, 1] {
                    let keys: std::ops::Range<i64> = range(new, shard);
                    let from = |parent: &i64| range(old, *parent).any(|key| keys.contains(&key));
                    let parents = [0, 1].into_iter().filter(from).map(|parent| id(old, parent)).collect();
                    stream.put(open(new, shard, parents));
                }
                *generation = new;
                Ok(())
            }
            Change::Emit(op, row) => {
                let mut rows = rows::batch(std::slice::from_ref(&row))?;
                if op == Op::Truncate {
                    let nulls = rows.columns().iter().map(|column| new_null_array(column.data_type(), 1)).collect();
                    rows = RecordBatch::try_new(rows.schema(), nulls).unwrap();
                }
                self.append(row.id, rows, Ops::All(op))
            }
            Change::Types(rows) => {
                let dataset = Dataset::new("types", rows.schema())?;
                let rows = dataset.fit(&rows)?;
                *self.stream.lock().unwrap() = Shards::new(dataset, [Shard::closed("types", &[], rows)]);
                Ok(())
            }
            other => Err(Error::new(Kind::Unsupported, format!("{other:?}"))),
        }
    }
}
