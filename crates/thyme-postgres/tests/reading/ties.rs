//! Many rows at one moment, and a process that is killed between two pages.
use thyme_core::Result;
use thyme_testkit::Suite;
use thyme_testkit::drive::{Cut, Durable, How};

use crate::world::{assert_once, database, job, read, source};

pub(crate) fn suite(missing: Option<String>) -> Suite {
    Suite::new("ties")
        .needs(missing)
        .case("ten_thousand_at_one_moment_in_pages_of_seven", ten_thousand)
        .case("rows_that_come_later_at_the_same_moment", later)
        .case("rows_without_a_key_are_told_apart_by_lookback", without_a_key)
        .case("a_table_without_a_key_is_refused", refused)
}

/// One page is committed, then the process is gone: what it had read and not committed, its plan, its connection.
async fn ten_thousand() -> Result<()> {
    let database = database().await?;
    database.run("create table t (at timestamptz, id bigint, primary key (id)); create index on t (at, id)").await?;
    database.run("insert into t select '2026-01-01 00:00:00.123456+00', i from generate_series(1, 10000) i").await?;
    database.run("insert into t select '2026-01-01 00:00:00.123457+00', i from generate_series(10001, 10020) i").await?;
    let source = || source!(database).table("t").batch_size(7).build();
    let job = job(&source(), Some("at")).await?;
    let mut durable = Durable::default();
    // Pages grow in number from run to run, so that the whole table does not take 1,400 connections.
    for pages in (1..).step_by(3) {
        let how = How { every: 1, readers: 1, cut: Some(if pages % 2 == 0 { Cut::Before(pages) } else { Cut::After(pages) }) };
        if !read(&source(), &job, &mut durable, how).await?.cut {
            assert!(pages > 60, "the run was cut {pages} times at most");
            break;
        }
    }
    assert_once(&database, "t", &durable).await
}

async fn later() -> Result<()> {
    let database = database().await?;
    database.run("create table t (at date, id bigint generated always as identity primary key)").await?;
    let source = source!(database).table("t").batch_size(3).build();
    let job = job(&source, Some("at")).await?;
    let mut durable = Durable::default();
    for rows in [5, 1, 7, 0, 20] {
        database.run(&format!("insert into t (at) select '2026-01-01' from generate_series(1, {rows})")).await?;
        read(&source, &job, &mut durable, How::default()).await?;
        assert_once(&database, "t", &durable).await?;
    }
    Ok(())
}

/// Rows that agree in everything are as many as they are.
async fn without_a_key() -> Result<()> {
    let database = database().await?;
    database.run("create table t (at timestamptz, id bigint)").await?;
    let source = source!(database).table("t").lookback("1h").batch_size(2).build();
    let job = job(&source, Some("at")).await?;
    let mut durable = Durable::default();
    let count = |durable: &Durable| {
        let mut ids = durable.ids().expect("ids");
        ids.sort_unstable();
        ids
    };
    database.run("insert into t values ('2026-01-01', 1), ('2026-01-01', 1), ('2026-01-01', 1), ('2026-01-01', 2)").await?;
    read(&source, &job, &mut durable, How { every: 1, readers: 1, cut: Some(Cut::After(1)) }).await?;
    read(&source, &job, &mut durable, How::default()).await?;
    assert_eq!(count(&durable), [1, 1, 1, 2]);
    database.run("insert into t values ('2026-01-01', 1), ('2025-12-31 23:30', 3), ('2025-12-31 22:30', 4)").await?;
    read(&source, &job, &mut durable, How::default()).await?;
    read(&source, &job, &mut durable, How::default()).await?;
    // What lies further back than an hour is not looked at.
    assert_eq!(count(&durable), [1, 1, 1, 1, 2, 3]);
    Ok(())
}

async fn refused() -> Result<()> {
    let database = database().await?;
    database.run("create table t (at timestamptz, id bigint)").await?;
    let source = source!(database).table("t").build();
    let job = job(&source, Some("at")).await?;
    let error = read(&source, &job, &mut Durable::default(), How::default()).await.unwrap_err();
    assert_eq!(error.kind(), thyme_core::Kind::Config);
    assert!(error.to_string().contains("tie_breaker") && error.to_string().contains("lookback"), "{error}");
    Ok(())
}
