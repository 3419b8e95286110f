//! Rows that change under a read in parts, and servers that go.
use std::time::Duration;

use thyme_core::{Kind, Result};
use thyme_postgres::SslMode;
use thyme_testkit::Suite;
use thyme_testkit::drive::{Cut, Durable, How};
use thyme_testkit::postgres::{Server, Settings, Stop};
use thyme_testkit::proxy::{Faults, Proxy};

use crate::world::{assert_once, database, job, read, source};

pub(crate) fn suite(missing: Option<String>) -> Suite {
    Suite::new("cuts")
        .needs(missing)
        .case("rows_change_under_a_first_read_in_parts", changing)
        .case("the_server_restarts", restart)
        .case("the_connection_is_cut", cut)
        .case("every_answer_takes_200_ms", slow)
        .case("a_statement_takes_too_long", too_long)
}

/// Between two runs rows are inserted, deleted, and updated with a new stamp: those come again, as the new event that they are.
async fn changing() -> Result<()> {
    let database = database().await?;
    database.run("create table t (id bigint primary key, at timestamptz not null default now(), n int default 0)").await?;
    database.run("create index on t (at, id); insert into t (id) select generate_series(1, 1000); analyze t").await?;
    let source = || source!(database).table("t").partition_column("id").num_partitions(3).batch_size(10).build();
    let job = job(&source(), Some("at")).await?;
    let mut durable = Durable::default();
    let mut updated = 0;
    for turn in 0..200i64 {
        let how = How { every: 2, readers: 3, cut: Some(if turn % 2 == 0 { Cut::After(3) } else { Cut::Before(4) }) };
        if !read(&source(), &job, &mut durable, how).await?.cut {
            break;
        }
        if turn < 10 {
            let id = turn * 97 + 1;
            database.run(&format!("update t set n = n + 1, at = now() where id = {id}")).await?;
            database.run(&format!("insert into t (id) values ({})", 5000 + turn)).await?;
            updated += 1;
        }
    }
    read(&source(), &job, &mut durable, How::default()).await?;
    let mut ids = durable.ids()?;
    assert!(updated >= 5 && ids.len() <= 1010 + updated, "{} rows for {updated} updates", ids.len());
    // Each row once at least, and more than once only where it was updated after it was read.
    let repeated = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids, crate::world::truth(&database, "t").await?);
    assert!(repeated - ids.len() <= updated);
    Ok(())
}

async fn restart() -> Result<()> {
    let server = Server::start(&Settings::default())?;
    let database = server.database().await?;
    database.run("create table t (id bigint primary key, at timestamptz not null default now(), x text)").await?;
    // Far more than sockets and batches on their way hold.
    database.run("insert into t (id, x) select i, repeat('x', 5000) from generate_series(1, 20000) i").await?;
    let source = source!(database).table("t").batch_size(500).build();
    let job = job(&source, Some("at")).await?;
    let mut durable = Durable::default();
    for how in [Stop::Fast, Stop::Kill] {
        read(&source, &job, &mut durable, How { every: 1, readers: 1, cut: Some(Cut::After(5)) }).await?;
        let from = durable.cursor().cloned().expect("a cursor");
        let mut plan = thyme_core::Source::plan(&source, &job, &from).await?;
        let split = plan.next().await?.expect("a range");
        let mut reader = plan.reader(&split, from.splits.get(&split)).await?;
        assert!(reader.next().await?.is_some());
        server.stop(how)?;
        let error = loop {
            match reader.next().await {
                Ok(Some(_)) => {}
                Ok(None) => panic!("a read that was cut off ended well"),
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), Kind::Unavailable, "{error}");
        let down = read(&source, &job, &mut durable, How::default()).await.unwrap_err();
        assert_eq!(down.kind(), Kind::Unavailable, "{down}");
        server.up()?;
    }
    read(&source, &job, &mut durable, How::default()).await?;
    assert_once(&database, "t", &durable).await
}

async fn cut() -> Result<()> {
    let database = database().await?;
    database.run("create table t (id bigint primary key, x text)").await?;
    database.run("insert into t select i, repeat('x', 1000) from generate_series(1, 5000) i").await?;
    let proxy = Proxy::start(database.server.address()).await?;
    let source = || {
        let source = thyme_postgres::PostgresSource::builder().host("127.0.0.1").port(proxy.address().port());
        let source = source.user(thyme_testkit::postgres::USER).database(&*database.name).table("t").batch_size(100);
        source.password(thyme_core::Secret::new(thyme_testkit::postgres::PASSWORD)).build()
    };
    let job = job(&source(), Some("id")).await?;
    let mut durable = Durable::default();
    let mut failures = 0;
    for bytes in (300_000..).step_by(200_000) {
        proxy.set(Faults { cut_after: Some(bytes), delay: Duration::from_millis(1), ..Faults::default() });
        match read(&source(), &job, &mut durable, How { every: 1, ..How::default() }).await {
            Ok(_) => break,
            Err(error) => {
                assert_eq!(error.kind(), Kind::Unavailable, "{error}");
                failures += 1;
            }
        }
    }
    assert!(failures >= 3, "the connection was cut {failures} times");
    assert_once(&database, "t", &durable).await
}

/// A first read in parts and polls after it, each round trip of them 400 ms long.
async fn slow() -> Result<()> {
    let database = database().await?;
    database.run("create table t (id bigint primary key, at timestamptz not null default now(), x text)").await?;
    database
        .run("create index on t (at, id); insert into t (id, x) select i, repeat('x', 100) from generate_series(1, 3000) i")
        .await?;
    let proxy = Proxy::start(database.server.address()).await?;
    proxy.set(Faults { delay: Duration::from_millis(200), ..Faults::default() });
    let source = thyme_postgres::PostgresSource::builder().host("127.0.0.1").port(proxy.address().port());
    let source = source.user(thyme_testkit::postgres::USER).database(&*database.name).table("t").batch_size(500);
    let source = source.password(thyme_core::Secret::new(thyme_testkit::postgres::PASSWORD)).sslmode(SslMode::Disable);
    let source = source.partition_column("id").num_partitions(2).build();
    let job = job(&source, Some("at")).await?;
    let mut durable = Durable::default();
    let begun = std::time::Instant::now();
    let how = How { every: 1, readers: 2, cut: Some(Cut::After(3)) };
    assert!(read(&source, &job, &mut durable, how).await?.cut);
    assert!(begun.elapsed() > Duration::from_secs(2), "the proxy does not delay: {:?}", begun.elapsed());
    read(&source, &job, &mut durable, How::default()).await?;
    // A transaction that is open meanwhile is seen in time, however long the answers take.
    let late = database.client().await?;
    late.batch_execute("begin; insert into t (id) values (4000)").await.expect("a transaction begins");
    database.run("insert into t (id) values (4001)").await?;
    let poll = thyme_core::Job { once: false, ..job.clone() };
    read(&source, &poll, &mut durable, How::default()).await?;
    late.batch_execute("commit").await.expect("it commits");
    read(&source, &job, &mut durable, How::default()).await?;
    assert_once(&database, "t", &durable).await
}

async fn too_long() -> Result<()> {
    let database = database().await?;
    database.run("create table t (id bigint primary key); insert into t select generate_series(1, 10)").await?;
    let slow = "select id, pg_sleep(0.2)::text as pause from t";
    let source = source!(database).query(slow).statement_timeout(Duration::from_millis(500)).build();
    let job = job(&source, None).await?;
    let error = read(&source, &job, &mut Durable::default(), How::default()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable, "{error}");
    Ok(())
}
