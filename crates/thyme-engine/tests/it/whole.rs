//! A source that can't be read on from midway: its rows are committed together, or none of them is.
use std::time::Duration;

use thyme_core::{Error, Kind};
use thyme_engine::{CommitPolicy, Engine};
use tokio_util::sync::CancellationToken;

use crate::kit::{Feed, Item, Tank, once, pipeline, rows, until};

fn feed(items: Vec<Item>) -> Feed {
    Feed::new(items).whole()
}

fn each_row() -> CommitPolicy {
    CommitPolicy { rows: Some(1), every: Some(Duration::from_millis(1)), ..CommitPolicy::default() }
}

#[tokio::test]
async fn whatever_the_user_says_there_is_one_commit() {
    let state = tempfile::tempdir().unwrap();
    let (feed, mut tank) = (feed(rows(0..40)), Tank::new());
    tank.slow = Duration::from_millis(5);
    let outcome = once(state.path(), pipeline(&feed, &tank).commit(each_row())).await;
    assert!(outcome.error.is_none(), "{:?}", outcome.error);
    assert_eq!((tank.ids(), tank.commits()), ((0..40).collect(), 1));
}

#[tokio::test]
async fn a_read_that_breaks_begins_anew_and_repeats_nothing() {
    let state = tempfile::tempdir().unwrap();
    let broken = || Error::new(Kind::Unavailable, "cut").retry(thyme_core::Retry::After(Duration::from_millis(1)));
    let mut items = rows(0..20);
    items.extend([Item::Fail(broken)]);
    items.extend(rows(20..40));
    let (feed, tank) = (feed(items), Tank::new());
    let outcome = once(state.path(), pipeline(&feed, &tank).commit(each_row())).await;
    assert!(outcome.error.is_none(), "{:?}", outcome.error);
    assert_eq!((tank.ids(), tank.commits()), ((0..40).collect(), 1));
    assert_eq!(feed.state.lock().unwrap().polls.len(), 2);
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_is_not_made_again() {
    for applied in [true, false] {
        let state = tempfile::tempdir().unwrap();
        let (feed, tank) = (feed(rows(0..20)), Tank::new());
        tank.crash(1, applied);
        let outcome = once(state.path(), pipeline(&feed, &tank)).await;
        assert!(outcome.error.is_none(), "{:?}", outcome.error);
        assert_eq!((tank.ids(), tank.commits()), ((0..20).collect(), 1), "applied: {applied}");
    }
}

#[tokio::test]
async fn one_that_is_stopped_shows_nothing() {
    let state = tempfile::tempdir().unwrap();
    let (feed, mut tank) = (feed(rows(0..1000)), Tank::new());
    tank.slow = Duration::from_millis(5);
    let (engine, stop) = (Engine::builder().state(state.path()).build().unwrap(), CancellationToken::new());
    let stopper = async {
        until("staging", || engine.progress().first().is_some_and(|p| p.staged > 4)).await;
        stop.cancel();
    };
    let built = pipeline(&feed, &tank).commit(each_row()).build().unwrap();
    let (outcomes, ()) = tokio::join!(engine.run(vec![built], stop.clone()), stopper);
    assert!(outcomes[0].error.is_none(), "{:?}", outcomes[0].error);
    assert_eq!((tank.ids().len(), tank.cursor()), (0, None));
}

#[tokio::test]
async fn rows_of_an_earlier_poll_are_committed_before() {
    let state = tempfile::tempdir().unwrap();
    let (feed, mut tank) = (Feed::new(rows(0..4)), Tank::new());
    tank.info.commit_after = Duration::from_secs(3600);
    let built = pipeline(&feed, &tank).build().unwrap();
    let (engine, stop) = (Engine::builder().state(state.path()).build().unwrap(), CancellationToken::new());
    let steps = async {
        until("rows that wait", || engine.progress().first().is_some_and(|p| p.staged == 4)).await;
        assert_eq!(tank.commits(), 0);
        feed.clone().whole().push("a", rows(4..8));
        until("both commits", || tank.commits() == 2).await;
        stop.cancel();
    };
    let (outcomes, ()) = tokio::join!(engine.run(vec![built], stop.clone()), steps);
    assert!(outcomes[0].error.is_none(), "{:?}", outcomes[0].error);
    assert_eq!(tank.state.lock().unwrap().commits, [[0, 1, 2, 3], [4, 5, 6, 7]]);
}

#[tokio::test]
async fn a_sink_without_a_cursor_gets_rows_as_they_come_and_again_after_a_cut() {
    let state = tempfile::tempdir().unwrap();
    let mut items = rows(0..4);
    items.push(Item::Fail(|| Error::new(Kind::Auth, "cut")));
    items.extend(rows(4..8));
    let (feed, mut tank) = (feed(items), Tank::new());
    tank.info.holds_cursor = false;
    let run = || once(state.path(), pipeline(&feed, &tank).commit(CommitPolicy { rows: Some(2), ..CommitPolicy::default() }));
    assert_eq!(run().await.error.unwrap().kind(), Kind::Auth);
    assert_eq!(tank.ids(), [0, 1, 2, 3]);
    assert!(run().await.error.is_none());
    let commits = tank.state.lock().unwrap().commits.concat();
    assert_eq!(commits, [0, 1, 2, 3, 0, 1, 2, 3, 4, 5, 6, 7]);
    // Read to its end: nothing comes again.
    let last = run().await;
    assert!(last.error.is_none() && last.summary.nothing_new(), "{:?}", last.summary);
}

#[tokio::test]
async fn what_memory_does_not_hold_is_refused_with_the_remedy() {
    let state = tempfile::tempdir().unwrap();
    let (feed, tank) = (Feed::new(rows(0..5_000)).batch(100).whole(), Tank::new());
    let engine = Engine::builder().state(state.path()).memory(20_000).once(true).build().unwrap();
    let run = engine.run(vec![pipeline(&feed, &tank).build().unwrap()], CancellationToken::new());
    let outcomes = tokio::time::timeout(Duration::from_secs(60), run).await.unwrap();
    let error = outcomes[0].error.as_ref().unwrap();
    assert_eq!(error.kind(), Kind::Unsupported, "{error}");
    assert!(error.to_string().contains("can't be read on from midway") && error.to_string().contains("--memory"), "{error}");
    assert!(tank.state.lock().unwrap().staged_most < 40_000 && tank.commits() == 0);
}

#[tokio::test]
async fn a_sink_that_lets_go_too_early_is_named() {
    let state = tempfile::tempdir().unwrap();
    let (feed, mut tank) = (feed(rows(0..20)), Tank::new());
    tank.slow = Duration::from_millis(20);
    tank.info.commit_within = Duration::from_millis(50);
    tank.crash(1, false);
    let never = thyme_engine::RetryPolicy { attempts: 0, ..thyme_engine::RetryPolicy::default() };
    let error = once(state.path(), pipeline(&feed, &tank).retry(never)).await.error.unwrap();
    assert!(error.to_string().contains("the sink means to hold them for") && error.to_string().contains("remedy"), "{error}");
}
