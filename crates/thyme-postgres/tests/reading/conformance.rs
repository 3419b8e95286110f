//! What every source has to do, done to a table.
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use thyme_core::{Dataset, Error, Job, Kind, Result, Secret, Source, async_trait};
use thyme_postgres::{NullCursor, PostgresSource};
use thyme_testkit::harness::{Change, Golden, NullTicks, Refused, SourceDeclares, SourceFixture, SourceHarness};
use thyme_testkit::postgres::{Database, Major, Server, USER, missing};
use thyme_testkit::rows::{self, Row};
use tokio::sync::OnceCell;

use crate::world::source;

/// A table with a nullable cursor column, read in `parts` at first.
pub(crate) struct Harness {
    nulls: NullTicks,
    parts: u32,
}

impl Harness {
    pub(crate) fn new(nulls: NullTicks, parts: u32) -> Self {
        Self { nulls, parts }
    }
}

struct Fixture {
    database: &'static Database<'static>,
    table: String,
    nulls: NullCursor,
    parts: u32,
    /// What stands between the parentheses of an insert, and how a row fills it.
    columns: Mutex<Columns>,
}

#[derive(Clone, Copy)]
enum Columns {
    Three,
    Extra,
    WithoutText,
}

/// All fixtures share a database: they only differ in their tables.
async fn shared() -> Result<&'static Database<'static>> {
    static SHARED: OnceCell<Database<'static>> = OnceCell::const_new();
    SHARED.get_or_try_init(crate::world::database).await
}

#[async_trait]
impl SourceHarness for Harness {
    fn declares(&self) -> SourceDeclares {
        SourceDeclares {
            ordered: self.parts == 1,
            bounded: true,
            null_ticks: Some(self.nulls),
            drifts: true,
            retypes: true,
            ..SourceDeclares::default()
        }
    }

    fn missing(&self) -> Option<String> {
        Major::chosen().map_or_else(|error| Some(error.to_string()), missing)
    }

    async fn fixture(&self) -> Result<Box<dyn SourceFixture>> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let database = shared().await?;
        let table = format!("Rows; \"{}\"", NEXT.fetch_add(1, Ordering::Relaxed));
        let quoted = table.replace('"', "\"\"");
        database.run(&format!("create table \"{quoted}\" (id bigint primary key, tick bigint, text text)")).await?;
        let nulls = match self.nulls {
            NullTicks::Fail => NullCursor::Fail,
            NullTicks::Exclude => NullCursor::Exclude,
            NullTicks::Include => NullCursor::Include,
        };
        Ok(Box::new(Fixture { database, table, nulls, parts: self.parts, columns: Mutex::new(Columns::Three) }))
    }

    fn golden(&self) -> Vec<Golden> {
        if self.nulls != NullTicks::Fail {
            return Vec::new();
        }
        let mid_poll = include_str!("golden/table_0.1_mid_poll.json");
        let folded = include_str!("golden/table_0.1_folded.json");
        vec![
            Golden { name: "0.1_mid_poll", cursor: mid_poll, rows: 80, rest: (14..60).collect() },
            Golden { name: "0.1_folded", cursor: folded, rows: 80, rest: (60..80).collect() },
        ]
    }

    fn refused(&self) -> Result<Vec<Refused<dyn Source>>> {
        if self.missing().is_some() || self.nulls != NullTicks::Fail {
            return Ok(Vec::new());
        }
        let server = Server::shared()?;
        let at = |port: u16, password: &str, table: &str, database: &str| -> Box<dyn Source> {
            let source = PostgresSource::builder().host("127.0.0.1").port(port).user(USER).password(Secret::new(password));
            Box::new(source.database(database).table(table).build())
        };
        let good = thyme_testkit::postgres::PASSWORD;
        Ok(vec![
            Refused { name: "wrong_password", connector: at(server.port(), "wrong", "t", "postgres"), kind: Kind::Auth },
            Refused { name: "closed_port", connector: at(1, good, "t", "postgres"), kind: Kind::Unavailable },
            Refused { name: "no_such_table", connector: at(server.port(), good, "none", "postgres"), kind: Kind::NotFound },
            Refused { name: "no_such_database", connector: at(server.port(), good, "t", "none"), kind: Kind::NotFound },
        ])
    }

    fn secret(&self) -> Result<Option<(Box<dyn Source>, String)>> {
        let source = PostgresSource::builder().host("h").user("u").password(Secret::new("s3cr3t-word")).table("t").build();
        Ok(Some((Box::new(source), "s3cr3t-word".to_owned())))
    }
}

#[async_trait]
impl SourceFixture for Fixture {
    fn source(&self) -> Result<Box<dyn Source>> {
        let source = source!(self.database).table(self.table.clone()).batch_size(7).null_cursor(self.nulls);
        Ok(if self.parts > 1 {
            Box::new(source.partition_column("id").num_partitions(self.parts).build())
        } else {
            Box::new(source.build())
        })
    }

    fn dataset(&self) -> Result<Dataset> {
        rows::dataset("suite")
    }

    fn job(&self, job: Job) -> Job {
        let mut job = job;
        job.cursor = Some("tick".to_owned());
        job
    }

    async fn add(&self, rows: &[Row]) -> Result<()> {
        let columns = *self.columns.lock().unwrap();
        let values = rows.iter().map(|Row { id, tick, text }| {
            let tick = tick.map_or_else(|| "null".to_owned(), |tick| tick.to_string());
            match columns {
                Columns::Three => format!("({id}, {tick}, '{}')", text.replace('\'', "''")),
                Columns::Extra => format!("({id}, {tick}, '{}', {id})", text.replace('\'', "''")),
                Columns::WithoutText => format!("({id}, {tick})"),
            }
        });
        let names = match columns {
            Columns::Three => "id, tick, text",
            Columns::Extra => "id, tick, text, extra",
            Columns::WithoutText => "id, tick",
        };
        let values = values.collect::<Vec<_>>().join(", ");
        self.database.run(&format!("insert into {} ({names}) values {values}", self.name())).await
    }

    async fn change(&self, change: Change) -> Result<()> {
        let (sql, columns) = match change {
            Change::AddColumn(field) => (format!("add column {} bigint", field.name()), Columns::Extra),
            Change::DropColumn => ("drop column text".to_owned(), Columns::WithoutText),
            Change::Retype => ("alter column text type bigint using id".to_owned(), Columns::WithoutText),
            other => return Err(Error::new(Kind::Unsupported, format!("{other:?}"))),
        };
        *self.columns.lock().unwrap() = columns;
        self.database.run(&format!("alter table {} {sql}", self.name())).await
    }
}

impl Fixture {
    fn name(&self) -> String {
        format!("\"{}\"", self.table.replace('"', "\"\""))
    }
}
