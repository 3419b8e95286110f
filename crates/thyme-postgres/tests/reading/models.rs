//! Who stamps the rows, and what each of them needs: the table of the README, row by row. One transaction at a time, to the letter.
//!
//! A row that commits behind what was read is lost without the right setting, is read once with it, and is lost beyond the window:
//! each of the three is shown.
use thyme_core::testing::broken;
use thyme_core::{Kind, Result, Secret};
use thyme_postgres::PostgresSource;
use thyme_testkit::Suite;
use thyme_testkit::drive::{Durable, How};
use thyme_testkit::postgres::{Database, PASSWORD, Server, Settings, USER};
use tokio_postgres::Client;

use crate::world::{assert_once, database, job, read, source, truth};

pub(crate) fn suite(missing: Option<String>) -> Suite {
    Suite::new("models")
        .needs(missing)
        .case("the_readme_has_a_row_for_each", readme)
        .case("a_sequence_with_cache", || outside(&CACHED))
        .case("a_number_fetched_before_the_transaction", || outside(&FETCHED))
        .case("a_stamp_the_client_makes", || outside(&CLIENT))
        .case("a_truncated_stamp", || outside(&TRUNCATED))
        .case("more_rows_in_the_window_than_can_be_remembered", too_wide)
        .case("a_replica", replica)
        .case("a_foreign_table", || foreign("far"))
        .case("a_view_of_a_foreign_table", || foreign("seen"))
        .case("a_foreign_partition", || foreign("parts"))
        .breakage(
            "postgres.no_refusal",
            &["models/a_replica", "models/a_foreign_table", "models/a_view_of_a_foreign_table", "models/a_foreign_partition"],
        )
        .breakage(
            "postgres.no_dedupe",
            &[
                "models/a_stamp_the_client_makes",
                "models/a_sequence_with_cache",
                "models/a_number_fetched_before_the_transaction",
                "models/a_truncated_stamp",
                "models/a_replica",
                "models/a_foreign_table",
                "models/a_view_of_a_foreign_table",
                "models/a_foreign_partition",
            ],
        )
}

/// Stamps that lie before the transaction that commits them: no look at open transactions can know of that.
struct Model {
    /// The first cell of its row in the README, and the second.
    row: (&'static str, &'static str),
    table: &'static str,
    cursor: &'static str,
    /// What is committed before the first poll, by these sessions in turn.
    before: &'static [(usize, &'static str)],
    /// Committed after it, with a place before what was read.
    late: (usize, &'static str),
    /// The window that reaches so far.
    lookback: &'static str,
    /// What moves the window on, and what is committed before its new begin then. `None` where there is no such place.
    beyond: Option<[(usize, &'static str); 2]>,
}

const CACHED: Model = Model {
    row: ("a sequence with `CACHE` *n*", "`lookback` of *n* numbers for each session that writes at a time"),
    table: "create sequence ids cache 10; create table t (id bigint primary key default nextval('ids'), w text)",
    cursor: "id",
    // The first session holds 1 to 10, the second 11 to 20, the third 21 to 30.
    before: &[(0, "insert into t (w) values ('1')"), (1, "insert into t (w) values ('11')")],
    late: (0, "insert into t (w) values ('2')"),
    lookback: "10",
    beyond: Some([(1, "insert into t values (21, '21')"), (0, "insert into t (w) values ('3')")]),
};

const FETCHED: Model = Model {
    row: ("numbers fetched before the transaction begins", "`lookback` of as many numbers as are handed out meanwhile"),
    table: "create sequence ids; create table t (id bigint primary key, w text)",
    cursor: "id",
    before: &[
        (0, "create temp table mine as select nextval('ids') as a, nextval('ids') as b"),
        (1, "insert into t select nextval('ids') from generate_series(1, 3)"),
    ],
    late: (0, "insert into t select b from mine"),
    lookback: "3",
    beyond: Some([
        (1, "insert into t select nextval('ids') from generate_series(1, 3)"),
        (0, "insert into t select a from mine"),
    ]),
};

const CLIENT: Model = Model {
    row: (
        "stamps that a client makes; clocks that step back",
        "`lookback` of the largest difference and the longest transaction",
    ),
    table: "create table t (id bigserial primary key, at timestamptz not null default now())",
    cursor: "at",
    before: &[(0, "insert into t default values"), (1, "insert into t default values")],
    late: (0, "insert into t (at) values (now() - interval '5 minutes')"),
    lookback: "10m",
    beyond: Some([(0, "insert into t default values"), (0, "insert into t (at) values (now() - interval '11 minutes')")]),
};

const TRUNCATED: Model = Model {
    row: ("truncated or rounded stamps, where the tie-breaker does not grow", "`lookback` of one step of the stamp"),
    table: "create table t (id bigint primary key, at timestamptz not null)",
    cursor: "at",
    before: &[(0, "insert into t values (5, date_trunc('second', timestamptz '2026-01-01 12:00:00.2Z'))")],
    late: (0, "insert into t values (3, date_trunc('second', timestamptz '2026-01-01 12:00:00.7Z'))"),
    lookback: "1s",
    beyond: None,
};

/// Three runs of the same: without the window, with it, and past its end.
async fn outside(model: &Model) -> Result<()> {
    for lookback in [None, Some(model.lookback)] {
        let database = database().await?;
        database.run(model.table).await?;
        let source = || source!(database).table("t").maybe_lookback(lookback.map(str::to_owned)).build();
        let once = job(&source(), Some(model.cursor)).await?;
        let writers = [database.client().await?, database.client().await?];
        let mut durable = Durable::default();
        for step in model.before {
            write(&writers, *step).await;
        }
        read(&source(), &once, &mut durable, How::default()).await?;
        assert_once(&database, "t", &durable).await?;
        write(&writers, model.late).await;
        read(&source(), &once, &mut durable, How::default()).await?;
        let all = truth(&database, "t").await?.len();
        if lookback.is_none() {
            assert_eq!(durable.ids()?.len(), all - 1, "{}: without `lookback` the row is out of reach", model.row.0);
            continue;
        }
        assert_once(&database, "t", &durable).await?;
        // A poll that finds nothing moves nothing, and remembers what it knew.
        let stood = durable.cursor().cloned();
        read(&source(), &once, &mut durable, How::default()).await?;
        assert_eq!(durable.cursor().cloned(), stood, "a poll that found nothing was committed");
        for step in model.beyond.into_iter().flatten() {
            write(&writers, step).await;
            read(&source(), &once, &mut durable, How::default()).await?;
        }
        if model.beyond.is_none() {
            continue;
        }
        let all = truth(&database, "t").await?.len();
        assert_eq!(durable.ids()?.len(), all - 1, "{}: the last row lies before the window", model.row.0);
    }
    Ok(())
}

async fn write(writers: &[Client], (at, sql): (usize, &str)) {
    writers[at].batch_execute(sql).await.unwrap_or_else(|e| panic!("{sql}: {e:?}"));
}

/// An error, and never a row that comes twice or not at all.
async fn too_wide() -> Result<()> {
    let database = database().await?;
    database.run("create table t (id bigint primary key, at timestamptz not null default now())").await?;
    database.run("insert into t select generate_series(1, 14000)").await?;
    let source = source!(database).table("t").lookback("1h").build();
    let once = job(&source, Some("at")).await?;
    let mut durable = Durable::default();
    read(&source, &once, &mut durable, How::default()).await?;
    assert_once(&database, "t", &durable).await?;
    database.run("insert into t values (14001)").await?;
    let error = read(&source, &once, &mut durable, How::default()).await.unwrap_err();
    assert!(error.kind() == Kind::Config && error.to_string().contains("more than 14000 rows"), "{error}");
    assert_eq!(durable.ids()?.len(), 14_000);
    Ok(())
}

/// What the server that is read can't see: it refuses, or looks back. `late` commits a row of a transaction that began first.
async fn unseen(
    sources: impl Fn(Option<&str>) -> PostgresSource,
    writing: &Database<'_>,
    standby: Option<&Server>,
) -> Result<()> {
    for lookback in [Some("1h"), None] {
        writing.run("truncate t").await?;
        settle(writing, standby).await?;
        let source = sources(lookback);
        let once = job(&source, Some("at")).await?;
        if lookback.is_none() {
            let advised = thyme_core::Source::advise(&source, &once).await;
            assert!(broken("postgres.no_refusal") || advised.is_err_and(|error| error.kind() == Kind::Config));
        }
        let mut durable = Durable::default();
        let slow = writing.client().await?;
        slow.batch_execute("begin; insert into t (id) values (1)").await.expect("a transaction begins");
        writing.run("insert into t (id) values (2)").await?;
        settle(writing, standby).await?;
        match read(&source, &once, &mut durable, How::default()).await {
            Err(error) if lookback.is_none() => {
                assert_eq!(error.kind(), Kind::Config, "{error}");
                assert!(error.to_string().contains("rows that are committed late would be lost"), "{error}");
                return Ok(());
            }
            read => read?,
        };
        assert_eq!(durable.ids()?, [2]);
        slow.batch_execute("commit").await.expect("it commits");
        settle(writing, standby).await?;
        read(&source, &once, &mut durable, How::default()).await?;
        // Not refused, and not looked back: this is where it would be lost.
        assert_once(writing, "t", &durable).await?;
        // Beyond the window nobody looks.
        writing.run("insert into t values (3, now() - interval '2 hours')").await?;
        settle(writing, standby).await?;
        read(&source, &once, &mut durable, How::default()).await?;
        assert_eq!(durable.ids()?.len(), 2);
    }
    Ok(())
}

/// Waits until a standby has what was committed.
async fn settle(writing: &Database<'_>, standby: Option<&Server>) -> Result<()> {
    let Some(standby) = standby else { return Ok(()) };
    let at = writing.column("select pg_current_wal_insert_lsn()").await?.remove(0);
    let client = standby.client("postgres").await?;
    for _ in 0..2000 {
        let caught_up = client.query_one(&format!("select pg_last_wal_replay_lsn() >= '{at}'"), &[]).await.expect("an answer");
        if caught_up.get(0) {
            return Ok(());
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("the standby lags behind");
}

const STAMPED: &str = "create table t (id bigint primary key, at timestamptz not null default now()); create index on t (at, id)";

async fn replica() -> Result<()> {
    let primary = Server::start(&Settings::default())?;
    let database = primary.database().await?;
    database.run(STAMPED).await?;
    let standby = primary.standby()?;
    let sources = |lookback: Option<&str>| {
        let source = PostgresSource::builder().host("127.0.0.1").port(standby.port()).user(USER).password(Secret::new(PASSWORD));
        source.database(&*database.name).table("t").maybe_lookback(lookback.map(str::to_owned)).build()
    };
    unseen(sources, &database, Some(&standby)).await
}

/// The rows are elsewhere, and so are the transactions that write them.
async fn foreign(table: &'static str) -> Result<()> {
    let (here, there) = (database().await?, database().await?);
    there.run(STAMPED).await?;
    here.run(&format!(
        "create extension postgres_fdw;
         create server there foreign data wrapper postgres_fdw options (host '127.0.0.1', port '{}', dbname '{}');
         create user mapping for current_user server there options (user '{USER}', password '{PASSWORD}');
         create foreign table far (id bigint, at timestamptz) server there options (table_name 't');
         create view seen as select * from far where id is not null;
         create table parts (id bigint, at timestamptz) partition by range (id);
         create foreign table part partition of parts for values from (0) to (1000) server there options (table_name 't')",
        there.server.port(),
        there.name
    ))
    .await?;
    let sources = |lookback: Option<&str>| {
        source!(here).table(table).tie_breaker(["id"]).maybe_lookback(lookback.map(str::to_owned)).build()
    };
    unseen(sources, &there, None).await
}

/// The README says what is tested here, in the same words.
async fn readme() -> Result<()> {
    let page = include_str!("../../README.md");
    let rows: Vec<Vec<&str>> =
        page.lines().map(|line| line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>()).collect();
    for Model { row: (who, what), .. } in [&CACHED, &FETCHED, &CLIENT, &TRUNCATED] {
        assert!(rows.iter().any(|row| row.starts_with(&[who, what])), "no row `{who}` | `{what}`");
    }
    Ok(())
}
