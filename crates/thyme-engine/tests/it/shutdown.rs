//! A signal: reading ends, what is staged is committed, the run is a success.
use std::time::Duration;

use thyme_engine::{CommitPolicy, Engine};
use tokio_util::sync::CancellationToken;

use crate::kit::{Feed, Tank, once, pipeline, rows, until};

#[tokio::test]
async fn a_stop_in_mid_commit_finishes_it_and_commits_the_rest() {
    let state = tempfile::tempdir().unwrap();
    let (mut feed, mut tank) = (Feed::new(rows(0..50)).streaming(), Tank::new());
    feed.endless = true;
    tank.slow_commit = Duration::from_millis(200);
    let built = pipeline(&feed, &tank).commit(CommitPolicy { rows: Some(10), ..CommitPolicy::default() }).build().unwrap();
    let (engine, stop) = (Engine::builder().state(state.path()).build().unwrap(), CancellationToken::new());
    let run = engine.run(vec![built], stop.clone());
    let stopper = async {
        until("a commit", || tank.commits() > 0).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        stop.cancel();
    };
    let (outcomes, ()) = tokio::join!(run, stopper);
    assert!(outcomes[0].error.is_none(), "{:?}", outcomes[0].error);
    let (ids, cursor) = (tank.ids(), tank.cursor().unwrap());
    assert_eq!(ids, (0..ids.len() as i64).collect::<Vec<_>>());
    assert_eq!(cursor.splits["a"].get::<usize>().unwrap(), ids.len(), "rows and cursor agree");
    feed.endless = false;
    once(state.path(), pipeline(&feed, &tank)).await;
    assert_eq!(tank.ids(), (0..50).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_sink_that_hangs_does_not_hold_up_the_end() {
    let state = tempfile::tempdir().unwrap();
    let (feed, mut tank) = (Feed::new(rows(0..4)), Tank::new());
    tank.slow = Duration::from_secs(3600);
    let engine = Engine::builder().state(state.path()).grace(Duration::from_millis(50)).build().unwrap();
    let stop = CancellationToken::new();
    stop.cancel();
    let before = CancellationToken::new();
    let late = before.clone();
    let built = || pipeline(&feed, &tank).build().unwrap();
    assert!(engine.run(vec![built()], stop).await[0].error.is_none(), "stopped before it began");
    let stopper = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        late.cancel();
    };
    let (outcomes, ()) = tokio::join!(engine.run(vec![built()], before), stopper);
    assert!(outcomes[0].error.as_ref().unwrap().to_string().contains("could not be committed within"));
    assert!(tank.ids().is_empty());
}

#[tokio::test]
async fn a_poll_cut_short_never_replaces_a_target() {
    let state = tempfile::tempdir().unwrap();
    let (feed, mut tank) = (Feed::new(rows(0..4)), Tank::new());
    tank.info.per_poll = true;
    once(state.path(), pipeline(&feed, &tank)).await;
    assert_eq!((tank.ids(), tank.commits()), (vec![0, 1, 2, 3], 1));
    let nothing = once(state.path(), pipeline(&feed, &tank)).await;
    assert_eq!((nothing.summary.commits, tank.ids().len()), (0, 4), "a poll without rows replaces nothing");
    feed.push("a", rows(4..1000));
    tank.slow = Duration::from_millis(5);
    let (engine, stop) = (Engine::builder().state(state.path()).build().unwrap(), CancellationToken::new());
    let stopper = async {
        until("staging", || engine.progress().first().is_some_and(|p| p.staged > 4)).await;
        stop.cancel();
    };
    let built = pipeline(&feed, &tank).build().unwrap();
    let (outcomes, ()) = tokio::join!(engine.run(vec![built], stop.clone()), stopper);
    assert!(outcomes[0].error.is_none(), "{:?}", outcomes[0].error);
    assert_eq!(tank.ids(), [0, 1, 2, 3]);
}
