//! One writer a task, whatever the others believe.
use std::time::{Duration, Instant};

use thyme_core::{Kind, Result, Sink};
use thyme_postgres::Mode;
use thyme_testkit::Suite;

use super::world::{At, World, insert, numbered, plain};

pub(super) fn cases(suite: Suite) -> Suite {
    suite
        .case("a_fenced_writer_keeps_nobody_waiting", keeps_nobody_waiting)
        .case("two_that_fight_for_a_task_write_each_row_once", two_fight)
        .case("a_commit_under_way_is_seen_by_who_comes_next", commit_under_way)
}

/// The older writer has rows of the same keys in its transaction, and does not move.
async fn keeps_nobody_waiting() -> Result<()> {
    let world = World::new().await?;
    for mode in [Mode::Append, Mode::Upsert] {
        let sink = world.sink(|config| {
            config.auto_create = true;
            config.mode = mode;
        });
        let mut old = At::open(&sink, &plain()).await?;
        old.stage(insert(numbered(0..10, 1))).await?;
        let begun = Instant::now();
        let mut new = At::open(&sink, &plain()).await?;
        assert!(begun.elapsed() < Duration::from_secs(2), "the task is opened at once");
        let fenced = old.commit().await.unwrap_err();
        assert_eq!(fenced.kind(), Kind::Conflict, "{fenced:?}");
        assert_eq!(fenced.retry_advice(), thyme_core::Retry::No);
        // Its locks are gone with its transaction, though it is still there.
        new.put(numbered(0..10, 2)).await?;
        assert_eq!(world.rows("select count(*), min(n) from t").await, ["10 2"]);
        assert!(old.stage(insert(numbered(10..11, 1))).await.is_err(), "a writer that failed takes no more rows");
        world.run("drop table t, thyme_cursors").await;
    }
    Ok(())
}

/// Two processes that do not know of each other; whoever is fenced stays down, somebody else comes.
async fn two_fight() -> Result<()> {
    const COMMITS: u64 = 60;
    let world = World::new().await?;
    world.run("create table t (id bigint primary key, n bigint, text text)").await;
    let mut racing = tokio::task::JoinSet::new();
    for number in 0..4u64 {
        let sink = world.sink(|_| {});
        racing.spawn(async move {
            let mut fenced = 0;
            loop {
                let mut at = At::open(&sink, &plain()).await?;
                while at.seq < COMMITS {
                    let id = i64::try_from(at.seq).unwrap();
                    let staged = at.stage(insert(numbered(id * 10..id * 10 + 10, 1))).await;
                    let done = match staged {
                        // Its rows are those of a commit that another has made since it looked.
                        Ok(staged) if !staged.rejects.is_empty() => at.commit().await,
                        Ok(_) => at.commit().await,
                        Err(error) => Err(error),
                    };
                    match done {
                        Ok(()) => tokio::time::sleep(Duration::from_millis(number % 3)).await,
                        Err(error) if error.kind() == Kind::Conflict => {
                            fenced += 1;
                            break;
                        }
                        Err(error) => return Err(error),
                    }
                }
                if at.seq >= COMMITS && sink.cursors("test").await?.get("0").is_some_and(|cursor| cursor.seq == COMMITS) {
                    return Ok(fenced);
                }
            }
        });
    }
    let mut fenced = 0;
    while let Some(ended) = racing.join_next().await {
        fenced += ended.unwrap()?;
    }
    assert!(fenced > 3, "nobody was fenced: that shows nothing");
    let count = format!("{0} {0}", COMMITS * 10);
    assert_eq!(world.rows("select count(*), count(distinct id) from t").await, [count]);
    Ok(())
}

/// The client is gone in the middle of its commit, and the server goes on with it: whoever opens next sees its end.
async fn commit_under_way() -> Result<()> {
    let world = World::new().await?;
    // A commit takes half a second in the server.
    world
        .run(
            "create table t (id bigint, n bigint, text text);
             create function slow() returns trigger language plpgsql as $$ begin perform pg_sleep(0.5); return null; end $$;
             create constraint trigger slowly after insert on t deferrable initially deferred for each row execute function slow()",
        )
        .await;
    let sink = world.sink(|_| {});
    let mut at = At::open(&sink, &plain()).await?;
    at.stage(insert(numbered(0..1, 1))).await?;
    let gone = tokio::time::timeout(Duration::from_millis(150), at.commit()).await;
    assert!(gone.is_err(), "the commit was to take longer");
    drop(at);
    let next = At::open(&sink, &plain()).await?;
    let seen = world.one("select count(*) from t").await;
    assert_eq!(next.seq.to_string(), seen, "rows and cursor agree");
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(world.one("select count(*) from t").await, seen, "what was not there then does not come later");
    Ok(())
}
