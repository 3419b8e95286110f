//! Transactions that commit in another order than they stamped their rows.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use thyme_core::Result;
use thyme_postgres::PostgresSource;
use thyme_testkit::Suite;
use thyme_testkit::drive::{Durable, How};
use thyme_testkit::postgres::Database;

use crate::world::{assert_once, database, job, read, source};

const SHORT: Duration = Duration::from_secs(10);
const LONG: Duration = Duration::from_secs(60);

/// Writers that keep to the model: stamps are made in the transaction that commits them.
pub(crate) fn suite(missing: Option<String>) -> Suite {
    Suite::new("late")
        .needs(missing)
        .case("by_now", || eight("at", SHORT, false))
        .case("by_nextval", || eight("id", SHORT, false))
        .case("by_a_user_who_sees_nothing_of_others", || eight("at", SHORT, true))
        .case("a_transaction_elsewhere_holds_nobody_back", elsewhere)
        .soak("by_now_for_a_minute", || eight("at", LONG, false))
        .soak("by_nextval_for_a_minute", || eight("id", LONG, true))
        .breakage("postgres.no_guard", &["late/by_now", "late/by_nextval", "late/by_a_user_who_sees_nothing_of_others"])
}

/// One transaction at a time, to the letter.
pub(crate) fn writers(missing: Option<String>) -> Suite {
    Suite::new("writers")
        .needs(missing)
        .case("a_stamp_made_before_the_first_write", before_the_first_write)
        .case("a_transaction_that_is_prepared", prepared)
        .case("a_savepoint", savepoint)
        .case("the_limit_of_the_user", limit)
        .case("a_clock_that_runs_on_in_the_transaction", clock)
        .case("another_reader_holds_nobody_back", reader)
        .breakage(
            "postgres.no_guard",
            &[
                "writers/a_stamp_made_before_the_first_write",
                "writers/a_transaction_that_is_prepared",
                "writers/a_savepoint",
                "writers/a_clock_that_runs_on_in_the_transaction",
                "writers/the_limit_of_the_user",
            ],
        )
}

const TABLE: &str = "create table t (id bigint primary key default nextval('ids'), at timestamptz not null default now(), \
    w int, n int); create index on t (at, id)";

async fn table(database: &Database<'_>) -> Result<()> {
    database.run(&format!("create sequence ids; {TABLE}")).await
}

/// Eight writers and a poll every 100 ms. In the end every committed row was read once.
async fn eight(cursor: &'static str, time: Duration, unprivileged: bool) -> Result<()> {
    let database = Arc::new(database().await?);
    table(&database).await?;
    let source = if unprivileged {
        let user = format!("reader_{}", database.name);
        database.run(&format!("create role {user} login password 'r'; grant select on t to {user}")).await?;
        let source = PostgresSource::builder().host("127.0.0.1").port(database.server.port()).user(user);
        source.password(thyme_core::Secret::new("r")).database(&*database.name).table("t").build()
    } else {
        source!(database).table("t").build()
    };
    let stop = Arc::new(AtomicBool::new(false));
    let writers = (0..8).map(|w| tokio::spawn(write(Arc::clone(&database), w, Arc::clone(&stop)))).collect::<Vec<_>>();
    let (mut durable, mut once) = (Durable::default(), job(&source, Some(cursor)).await?);
    once.once = false;
    let (begun, mut polls, mut read_early) = (Instant::now(), 0, 0);
    while begun.elapsed() < time || (polls < 30 && begun.elapsed() < 10 * time) {
        read(&source, &once, &mut durable, How { every: 1, ..How::default() }).await?;
        polls += 1;
        read_early = durable.ids()?.len();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.expect("a writer failed")?;
    }
    once.once = true;
    read(&source, &once, &mut durable, How::default()).await?;
    let rows = durable.ids()?.len();
    assert!(polls > 20 && read_early * 2 > rows, "{polls} polls had read {read_early} of {rows} rows by the end");
    assert_once(&database, "t", &durable).await
}

/// Transactions of up to three seconds; a third of them hold a stamp long before they write.
async fn write(database: Arc<Database<'static>>, w: u64, stop: Arc<AtomicBool>) -> Result<()> {
    let client = database.client().await?;
    let mut numbers = Numbers(w * 7919 + 1);
    let run = async |sql: &str| client.batch_execute(sql).await.unwrap_or_else(|e| panic!("{sql}: {e:?}"));
    for n in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        // Most are short, so that others overtake those that are not.
        let most = if numbers.below(3) == 0 { 3_000 } else { 60 };
        let pause = async |share: u64, numbers: &mut Numbers| {
            tokio::time::sleep(Duration::from_millis(numbers.below(most) / share)).await;
        };
        match numbers.below(4) {
            0 => run(&format!("insert into t (w, n) values ({w}, {n})")).await,
            1 => {
                let row = client.query_one("select nextval('ids')", &[]).await.expect("a number");
                let id: i64 = row.get(0);
                // The number may be older than the transaction that uses it only where the model says so.
                run("begin; select 1").await;
                pause(2, &mut numbers).await;
                let fresh: i64 = client.query_one("select nextval('ids')", &[]).await.expect("a number").get(0);
                assert!(fresh > id);
                pause(2, &mut numbers).await;
                run(&format!("insert into t (id, w, n) values ({fresh}, {w}, {n}); commit")).await;
            }
            2 => {
                run(&format!("begin; insert into t (w, n) values ({w}, {n}); savepoint a")).await;
                pause(2, &mut numbers).await;
                run(&format!("insert into t (w, n) values ({w}, -{n})")).await;
                run(if numbers.below(2) == 0 { "rollback to a" } else { "release a; savepoint b" }).await;
                pause(2, &mut numbers).await;
                run(&format!("insert into t (w, n) values ({w}, {n})")).await;
                run(if numbers.below(4) == 0 { "rollback" } else { "commit" }).await;
            }
            _ => {
                run("begin").await;
                pause(1, &mut numbers).await;
                run(&format!("insert into t (w, n) select {w}, {n} from generate_series(1, 3); commit")).await;
            }
        }
        tokio::time::sleep(Duration::from_millis(numbers.below(20))).await;
    }
    Ok(())
}

/// The same numbers in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

/// What one transaction does while polls go by: `begin`, then polls, `commit`, then polls.
async fn around(database: &Database<'_>, begin: &str, commit: &str, cursor: &str) -> Result<()> {
    let source = source!(database).table("t").build();
    let mut job = job(&source, Some(cursor)).await?;
    job.once = false;
    let mut durable = Durable::default();
    let writer = database.client().await?;
    database.run("insert into t (w) values (1), (1)").await?;
    writer.batch_execute(begin).await.expect("the writer begins");
    database.run("insert into t (w) values (2), (2)").await?;
    for _ in 0..3 {
        read(&source, &job, &mut durable, How::default()).await?;
    }
    let early = durable.ids()?.len();
    writer.batch_execute(commit).await.expect("the writer commits");
    database.run("insert into t (w) values (4)").await?;
    for _ in 0..3 {
        read(&source, &job, &mut durable, How::default()).await?;
    }
    assert!(early <= 2, "{early} rows were read past an open transaction");
    assert_once(database, "t", &durable).await
}

/// The transaction has its `now()` and no id yet; another time its number, and no row.
async fn before_the_first_write() -> Result<()> {
    let first = database().await?;
    table(&first).await?;
    around(&first, "begin; select now()", "insert into t (w) values (3); commit", "at").await?;
    let second = database().await?;
    table(&second).await?;
    let begin = "begin; create temp table mine on commit drop as select nextval('ids') as id";
    around(&second, begin, "insert into t (id, w) select id, 3 from mine; commit", "id").await
}

async fn prepared() -> Result<()> {
    let database = database().await?;
    table(&database).await?;
    let gid = &database.name;
    around(
        &database,
        &format!("begin; insert into t (w) values (3); prepare transaction '{gid}'"),
        &format!("commit prepared '{gid}'"),
        "at",
    )
    .await
}

async fn savepoint() -> Result<()> {
    let database = database().await?;
    table(&database).await?;
    around(&database, "begin; savepoint a; insert into t (w) values (3); release a", "commit", "id").await
}

/// `clock_timestamp()`: the stamp lies after the transaction began, and before it ends.
async fn clock() -> Result<()> {
    for begin in [
        "begin; insert into t (at, w) values (clock_timestamp(), 3)",
        "begin; create temp table mine on commit drop as select clock_timestamp() as at",
    ] {
        let database = database().await?;
        table(&database).await?;
        let commit = if begin.contains("mine") { "insert into t (at, w) select at, 3 from mine; commit" } else { "commit" };
        around(&database, begin, commit, "at").await?;
    }
    Ok(())
}

/// What happens in another database holds nobody back.
async fn elsewhere() -> Result<()> {
    let (database, other) = (database().await?, database().await?);
    table(&database).await?;
    let far = other.client().await?;
    far.batch_execute("begin; create table x (n int)").await.expect("a transaction elsewhere");
    at_once(&database).await
}

/// Nor does another pipeline that reads the same table, in the middle of its snapshot.
async fn reader() -> Result<()> {
    let database = database().await?;
    table(&database).await?;
    database.run("insert into t (w) values (1), (2)").await?;
    let source = source!(database).table("t").batch_size(1).build();
    let once = job(&source, Some("at")).await?;
    let from = thyme_core::Cursor::start("");
    let mut plan = thyme_core::Source::plan(&source, &once, &from).await?;
    let split = plan.next().await?.expect("a range");
    let mut reading = plan.reader(&split, None).await?;
    assert!(reading.next().await?.is_some());
    at_once(&database).await
}

async fn at_once(database: &Database<'_>) -> Result<()> {
    database.run("insert into t (w) values (3)").await?;
    let source = source!(database).table("t").build();
    let once = job(&source, Some("at")).await?;
    let mut durable = Durable::default();
    let begun = Instant::now();
    read(&source, &once, &mut durable, How::default()).await?;
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert_once(database, "t", &durable).await
}

/// The operator's word: after so long the reading goes on, and what then comes is missed.
async fn limit() -> Result<()> {
    let database = database().await?;
    table(&database).await?;
    let source = source!(database).table("t").late_commit_wait(Duration::from_millis(300)).build();
    let writer = database.client().await?;
    writer.batch_execute("begin; insert into t (w) values (1)").await.expect("the writer begins");
    database.run("insert into t (w) values (2)").await?;
    let once = job(&source, Some("at")).await?;
    let mut durable = Durable::default();
    let begun = Instant::now();
    read(&source, &once, &mut durable, How::default()).await?;
    assert!(begun.elapsed() >= Duration::from_millis(300));
    assert_eq!(durable.ids()?, [2]);
    writer.batch_execute("commit").await.expect("the writer commits");
    read(&source, &once, &mut durable, How::default()).await?;
    assert_eq!(durable.ids()?, [2]);
    Ok(())
}
