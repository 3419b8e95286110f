//! What each mode does to what is there.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use thyme_core::{Kind, Result, Sink};
use thyme_postgres::Mode;
use thyme_testkit::Suite;

use super::world::{At, World, dataset, insert, numbered, plain, rows};

pub(super) fn cases(suite: Suite) -> Suite {
    suite
        .case("append_adds_and_keeps_the_cursor_with_the_rows", append)
        .case("a_reader_of_an_overwritten_table_sees_old_or_new", overwrite)
        .case("a_commit_without_rows_empties_an_overwritten_table", emptied)
        .case("error_if_exists_refuses_the_rows_of_others", error_if_exists)
        .case("an_upsert_needs_a_key_and_its_index", needs_a_key)
        .case("conflicts_are_ignored_refused_or_handled_as_written", conflicts)
        .case("a_row_of_a_raw_conflict_counts_each_time", raw_adds_up)
}

async fn append() -> Result<()> {
    let world = World::new().await?;
    let sink = world.sink(|config| config.auto_create = true);
    let mut at = At::open(&sink, &plain()).await?;
    at.put(numbered(0..3, 1)).await?;
    at.put(numbered(1..4, 2)).await?;
    assert_eq!(world.rows("select id, n from t order by ctid").await, ["0 1", "1 1", "2 1", "1 2", "2 2", "3 2"]);
    let stored = world.rows("select target, pipeline, task, fence, seq, cursor::json->>'seq' from thyme_cursors").await;
    assert_eq!(stored, ["t test 0 1 2 2"]);
    // Each commit is one transaction: rows and cursor have the same number.
    assert_eq!(world.one("select count(distinct xmin::text) from t").await, "2");
    assert_eq!(world.one("select max(t.xmin::text::bigint) <= max(c.xmin::text::bigint) from t, thyme_cursors c").await, "t");
    Ok(())
}

async fn overwrite() -> Result<()> {
    const POLLS: i64 = 20;
    let world = World::new().await?;
    let sink = world.sink(|config| {
        config.auto_create = true;
        config.mode = Mode::Overwrite;
    });
    let mut at = At::open(&sink, &plain()).await?;
    at.put(numbered(0..1000, 0)).await?;
    // Its snapshot is older than every poll.
    let early = world.client().await;
    early.batch_execute("begin isolation level repeatable read; select 1 from t limit 1").await.unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let reader = world.client().await;
    let looking = tokio::spawn({
        let stop = Arc::clone(&stop);
        async move {
            let mut seen = std::collections::BTreeSet::new();
            let mut looks = 0;
            while !stop.load(Ordering::SeqCst) {
                let row = reader.query_one("select count(*), min(n), max(n) from t", &[]).await.unwrap();
                let (count, least, most): (i64, i64, i64) = (row.get(0), row.get(1), row.get(2));
                assert_eq!((least, count), (most, if least % 2 == 0 { 1000 } else { 3000 }), "neither old nor new");
                seen.insert(least);
                looks += 1;
            }
            (seen.len(), looks)
        }
    });
    for poll in 1..=POLLS {
        let rows = if poll % 2 == 0 { 1000 } else { 3000 };
        at.stage(insert(numbered(0..rows / 2, poll))).await?;
        at.stage(insert(numbered(rows / 2..rows, poll))).await?;
        at.commit().await?;
    }
    stop.store(true, Ordering::SeqCst);
    let (polls, looks) = looking.await.unwrap();
    assert!(polls > 3 && looks > 20, "{looks} looks saw {polls} polls: too few to show anything");
    let old = early.query_one("select count(*), max(n) from t", &[]).await.unwrap();
    assert_eq!((old.get::<_, i64>(0), old.get::<_, i64>(1)), (1000, 0), "an old snapshot sees the old rows");
    Ok(())
}

async fn emptied() -> Result<()> {
    let world = World::new().await?;
    let sink = world.sink(|config| {
        config.auto_create = true;
        config.mode = Mode::Overwrite;
    });
    At::open(&sink, &plain()).await?.put(numbered(0..5, 0)).await?;
    At::open(&sink, &plain()).await?.commit().await?;
    assert_eq!(world.one("select count(*) from t").await, "0");
    Ok(())
}

async fn error_if_exists() -> Result<()> {
    let world = World::new().await?;
    world.run("create table t (id bigint, n bigint, text text)").await;
    let sink = world.sink(|config| config.mode = Mode::ErrorIfExists);
    At::open(&sink, &plain()).await?.put(numbered(0..2, 1)).await?;
    At::open(&sink, &plain()).await?.put(numbered(2..4, 1)).await?;
    assert_eq!(world.one("select count(*) from t").await, "4");
    world.run("delete from thyme_cursors").await;
    let refused = sink.open(&super::world::job(&plain())).await.unwrap_err();
    assert_eq!(refused.kind(), Kind::Conflict, "{refused}");
    assert!(refused.message().contains("did not write"), "{refused}");
    Ok(())
}

async fn needs_a_key() -> Result<()> {
    let world = World::new().await?;
    world.run("create table t (id bigint, n bigint, text text)").await;
    let sink = world.sink(|config| config.mode = Mode::Upsert);
    let keyless = dataset(&[("id", "int64!"), ("n", "int64"), ("text", "string")], &[]);
    let refused = sink.open(&super::world::job(&keyless)).await.unwrap_err();
    assert!(refused.kind() == Kind::Schema && refused.message().contains("dataset.key"), "{refused:?}");
    let refused = sink.open(&super::world::job(&plain())).await.unwrap_err();
    assert!(refused.kind() == Kind::Schema && refused.message().contains("unique index"), "{refused:?}");
    let refused = sink.check().await.unwrap_err();
    assert!(refused.kind() == Kind::Schema && refused.message().contains("unique index"), "{refused:?}");
    world.run("create unique index on t (id)").await;
    sink.check().await?;
    At::open(&sink, &plain()).await?.put(numbered(0..2, 1)).await?;
    let nonsense = world.sink(|config| config.on_conflict = Some("do whatever you like".into()));
    assert_eq!(nonsense.open(&super::world::job(&plain())).await.unwrap_err().kind(), Kind::Config);
    Ok(())
}

async fn conflicts() -> Result<()> {
    let world = World::new().await?;
    world.run("create table t (id bigint primary key, n bigint, text text); insert into t values (1, 0, 'old')").await;
    let batch = || insert(rows(&[(1, Some(1), None), (2, Some(1), None), (2, Some(2), None), (3, Some(1), None)]));
    let with = |action: &str| world.sink(|config| config.on_conflict = Some(action.into()));
    let show = "select id, n from t order by id";

    let mut at = At::open(&with("ignore"), &plain()).await?;
    assert_eq!(at.stage(batch()).await?.rejects, []);
    at.commit().await?;
    assert_eq!(world.rows(show).await, ["1 0", "2 1", "3 1"], "the first of a key stays");

    world.run("delete from t where id > 1").await;
    let mut at = At::open(&with("error"), &plain()).await?;
    let refused = at.stage(batch()).await?.rejects;
    assert_eq!(refused.iter().map(|reject| reject.row.unwrap()).collect::<Vec<_>>(), [0, 2]);
    assert!(refused.iter().all(|reject| reject.reason.contains("t_pkey")), "{refused:?}");
    at.commit().await?;
    assert_eq!(world.rows(show).await, ["1 0", "2 1", "3 1"]);

    world.run("delete from t where id > 1").await;
    let mut at = At::open(&with("update"), &plain()).await?;
    assert_eq!(at.stage(batch()).await?.rejects, []);
    at.commit().await?;
    assert_eq!(world.rows(show).await, ["1 1", "2 2", "3 1"], "the last of a key counts");
    Ok(())
}

async fn raw_adds_up() -> Result<()> {
    let world = World::new().await?;
    world.run("create table t (id bigint primary key, n bigint, text text); insert into t values (1, 100, 'old')").await;
    for action in ["(id) DO UPDATE SET n = t.n + EXCLUDED.n", "ON CONFLICT (id) DO UPDATE SET n = t.n + EXCLUDED.n"] {
        let sink = world.sink(|config| config.on_conflict = Some(action.into()));
        let mut at = At::open(&sink, &plain()).await?;
        let batch = rows(&[(1, Some(1), None), (2, Some(1), None), (1, Some(2), None), (1, Some(3), None), (2, Some(9), None)]);
        assert_eq!(at.stage(insert(batch)).await?.rejects, []);
        at.commit().await?;
    }
    assert_eq!(world.rows("select id, n from t order by id").await, ["1 112", "2 20"]);
    Ok(())
}
