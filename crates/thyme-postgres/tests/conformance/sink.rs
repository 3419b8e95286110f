//! Tables written exactly once.
use std::pin::pin;
use std::sync::Arc;

use futures::StreamExt;
use thyme_core::arrow::array::RecordBatch;
use thyme_core::{Dataset, Kind, Result, Secret, Sink, async_trait};
use thyme_postgres::testing::copy::Decoder;
use thyme_postgres::testing::{catalog, client, types as wire};
use thyme_postgres::{Mode, PostgresSinkConfig};
use thyme_testkit::Suite;
use thyme_testkit::harness::{Refused, SinkDeclares, SinkFixture, SinkHarness};
use thyme_testkit::postgres::{Major, PASSWORD, missing};

mod bad_rows;
mod changes;
mod disk;
mod faults;
mod fence;
mod modes;
mod names;
mod tables;
mod types;
mod world;

use world::World;

/// Whatever the server lets somebody call a table.
const NAME: &str = "or\"ders'; drop table victim; -- $1 \\ 🌿";

/// Columns of the type table that a table we make does not give back as they were: a text with a NUL, JSON with its blanks,
/// nanoseconds, maps, structs; and integers that come back as the wider ones the server has.
const NOT_IN_POSTGRES: &[&str] = &[
    "string",
    "json",
    "timestamp_ns",
    "map_string_int64",
    "struct_a_int64_b_string",
    "int8",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
];

pub(crate) fn suites() -> Vec<Suite> {
    let own = |name: &str| Suite::new(format!("sink_{name}")).needs(needs());
    // Rows that are committed before their cursor are not fenced either.
    let cursor_apart = &[
        "sink/rows_and_cursor_agree_after_kill/postgres.before_commit",
        "sink/a_second_open_fences_the_first",
        "sink/a_replayed_commit_changes_nothing",
    ];
    let no_fence = &["sink/a_second_open_fences_the_first", "sink/a_replayed_commit_changes_nothing"];
    vec![
        Suite::new("postgres_append").sink(Harness(Mode::Append)).breakage("cursor_apart", cursor_apart),
        Suite::new("postgres_upsert").sink(Harness(Mode::Upsert)).breakage("no_fence", no_fence),
        Suite::new("postgres_overwrite").sink(Harness(Mode::Overwrite)),
        modes::cases(own("modes")),
        changes::cases(own("changes")),
        bad_rows::cases(own("bad_rows")),
        tables::cases(own("tables")),
        types::cases(own("types")),
        names::cases(own("names")),
        fence::cases(own("fence")),
        faults::cases(own("faults")),
        disk::cases(own("disk")),
    ]
}

/// Why there is no server here.
fn needs() -> Option<String> {
    Major::chosen().map_or_else(|e| Some(e.to_string()), missing)
}

#[derive(Clone, Copy)]
struct Harness(Mode);

struct Fixture {
    mode: Mode,
    world: World,
}

#[async_trait]
impl SinkHarness for Harness {
    fn declares(&self) -> SinkDeclares {
        // The type table has no key.
        let types = (self.0 != Mode::Upsert).then_some(NOT_IN_POSTGRES);
        // A text with a NUL, which the server has no place for.
        SinkDeclares { refuses: Some("a\0b"), types, ..SinkDeclares::default() }
    }

    fn missing(&self) -> Option<String> {
        needs()
    }

    async fn fixture(&self) -> Result<Box<dyn SinkFixture>> {
        Ok(Box::new(Fixture { mode: self.0, world: World::new().await? }))
    }

    fn points(&self) -> &'static [&'static str] {
        &["postgres.staged", "postgres.before_commit", "postgres.after_commit"]
    }

    fn again(&self, place: &str) -> Result<Box<dyn SinkFixture>> {
        Ok(Box::new(Fixture { mode: self.0, world: World::at(place) }))
    }

    fn refused(&self) -> Result<Vec<Refused<dyn Sink>>> {
        if needs().is_some() {
            return Ok(Vec::new());
        }
        let world = World::shared()?;
        let refused = |name, kind, change: fn(&mut PostgresSinkConfig)| {
            let connector: Box<dyn Sink> = Box::new(world.sink(change));
            Refused { name, connector, kind }
        };
        Ok(vec![
            refused("wrong_password", Kind::Auth, |config| config.password = Some(Secret::new("wrong"))),
            // Port 1 is nobody's.
            refused("closed_port", Kind::Unavailable, |config| config.port = Some(1)),
            refused("missing_table", Kind::NotFound, |config| config.table = "nowhere".into()),
            refused("missing_schema", Kind::NotFound, |config| {
                config.schema = Some("nowhere".into());
                config.auto_create = true;
            }),
            refused("missing_database", Kind::NotFound, |config| config.database = Some("nowhere".into())),
        ])
    }

    fn secret(&self) -> Result<Option<(Box<dyn Sink>, String)>> {
        if needs().is_some() {
            return Ok(None);
        }
        Ok(Some((Box::new(World::shared()?.sink(|_| {})), PASSWORD.to_owned())))
    }
}

#[async_trait]
impl SinkFixture for Fixture {
    fn sink(&self) -> Result<Box<dyn Sink>> {
        let mode = self.mode;
        Ok(Box::new(self.world.sink(|config| {
            config.table = NAME.into();
            config.mode = mode;
            config.auto_create = true;
            config.auto_evolve = true;
            config.delete = mode == Mode::Upsert;
        })))
    }

    fn place(&self) -> Option<String> {
        Some(self.world.place())
    }

    async fn dump(&self, dataset: &Dataset) -> Result<RecordBatch> {
        let client = client::connect(&self.world.config(self.world.address()).connection()?).await?;
        let Some(table) = catalog::find_table(&client, &self.world.schema, NAME).await? else {
            return Ok(RecordBatch::new_empty(Arc::clone(dataset.columns())));
        };
        let fields = dataset.columns().fields();
        let columns = fields.iter().map(|field| table.expect_column(field.name()).cloned()).collect::<Result<Vec<_>>>()?;
        let selected =
            columns.iter().zip(fields).map(|(column, field)| wire::select(column, field)).collect::<Result<Vec<_>>>()?;
        // An updated row moves to the end.
        let order = if self.mode == Mode::Upsert { "id" } else { "ctid" };
        let sql =
            format!("COPY (SELECT {} FROM {} ORDER BY {order}) TO STDOUT (FORMAT binary)", selected.join(", "), table.sql());
        let mut decoder = Decoder::new(&columns, Arc::clone(dataset.columns()))?;
        let mut bytes = pin!(client.copy_out(&sql).await.unwrap());
        while let Some(chunk) = bytes.next().await {
            decoder.feed(&chunk.unwrap())?;
        }
        let decoded = decoder.take()?;
        Ok(decoded.map_or_else(|| RecordBatch::new_empty(Arc::clone(dataset.columns())), |decoded| decoded.rows))
    }
}
