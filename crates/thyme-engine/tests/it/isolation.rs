//! Pipelines beside each other: one that fails or is slow is in nobody's way.
use std::time::Duration;

use thyme_core::{Error, Kind};
use thyme_engine::{CommitPolicy, Engine, Pipeline};
use tokio_util::sync::CancellationToken;

use crate::kit::{Feed, Item, Tank, pipeline, rows, until};

fn named(name: &str, feed: &Feed, tank: &Tank) -> Pipeline {
    Pipeline::dynamic(name).source(feed.clone()).sink(tank.clone()).every("10ms").build().unwrap()
}

#[tokio::test]
async fn a_failing_pipeline_ends_alone() {
    let state = tempfile::tempdir().unwrap();
    let auth = || Error::new(Kind::Auth, "wrong password");
    let panics = || -> Error { panic!("a defect") };
    let (bad, worse, good) = (Feed::new(vec![Item::Fail(auth)]), Feed::new(vec![Item::Fail(panics)]), Feed::new(rows(0..20)));
    let (none, tank) = (Tank::new(), Tank::new());
    let engine = Engine::builder().state(state.path()).once(true).build().unwrap();
    let retry = thyme_engine::RetryPolicy { attempts: 0, ..Default::default() };
    let worse = Pipeline::dynamic("worse").source(worse).sink(none.clone()).every("1s").retry(retry).build().unwrap();
    let outcomes =
        engine.run(vec![named("bad", &bad, &none), worse, named("good", &good, &tank)], CancellationToken::new()).await;
    assert_eq!(outcomes[0].error.as_ref().unwrap().kind(), Kind::Auth);
    assert!(outcomes[1].error.as_ref().unwrap().to_string().contains("a defect"));
    assert!(outcomes[2].error.is_none());
    assert_eq!(tank.ids(), (0..20).collect::<Vec<_>>());
    assert_eq!(outcomes.iter().map(|o| &*o.summary.pipeline).collect::<Vec<_>>(), ["bad", "worse", "good"]);
}

#[tokio::test]
async fn a_slow_sink_stops_its_own_source_alone_within_the_budget() {
    const MEMORY: usize = 64 << 10;
    let state = tempfile::tempdir().unwrap();
    let (slow_feed, fast_feed) = (Feed::new(rows(0..40_000)).batch(100), Feed::new(rows(0..40_000)).batch(100));
    let (mut slow, mut fast) = (Tank::new(), Tank::new());
    slow.slow = Duration::from_secs(3600);
    let engine = Engine::builder().state(state.path()).memory(MEMORY).once(true).grace(Duration::from_millis(1)).build().unwrap();
    let stop = CancellationToken::new();
    fast.info.commit_after = Duration::ZERO;
    let run = engine.run(vec![named("slow", &slow_feed, &slow), named("fast", &fast_feed, &fast)], stop.clone());
    let watch = async {
        until("the fast one's end", || fast.ids().len() == 40_000).await;
        // What is queued is bounded in bytes, so what was read is bounded too: far less than there is.
        let read = engine.progress()[0].read;
        assert!((1..5_000).contains(&read), "{read} rows read before a sink that takes none");
        stop.cancel();
    };
    let (outcomes, ()) = tokio::join!(run, watch);
    assert!(outcomes[1].error.is_none(), "{:?}", outcomes[1].error);
    assert!(fast.state.lock().unwrap().staged_most <= MEMORY, "what a writer holds counts, and is committed early");
    assert!(fast.commits() > 10);
}

#[tokio::test]
async fn a_batch_above_the_whole_budget_goes_alone_rather_than_never() {
    let state = tempfile::tempdir().unwrap();
    let (feed, tank) = (Feed::new(rows(0..5_000)).batch(1000), Tank::new());
    let engine = Engine::builder().state(state.path()).memory(100).once(true).build().unwrap();
    let outcomes = engine.run(vec![named("p", &feed, &tank)], CancellationToken::new()).await;
    assert!(outcomes[0].error.is_none());
    assert_eq!(tank.ids().len(), 5_000);
}

#[tokio::test]
async fn a_sink_that_may_not_commit_early_is_given_what_it_needs() {
    let state = tempfile::tempdir().unwrap();
    let (feed, mut tank) = (Feed::new(rows(0..5_000)).batch(1000), Tank::new());
    tank.info.per_poll = true;
    let engine = Engine::builder().state(state.path()).memory(100).once(true).build().unwrap();
    let run = engine.run(vec![named("p", &feed, &tank)], CancellationToken::new());
    let outcomes = tokio::time::timeout(Duration::from_secs(60), run).await.unwrap();
    assert!(outcomes[0].error.is_none());
    assert_eq!((tank.ids().len(), tank.commits()), (5_000, 1));
}

#[tokio::test]
async fn a_streaming_plan_stays_polled_while_the_sink_is_slow() {
    let state = tempfile::tempdir().unwrap();
    let (mut feed, mut tank) = (Feed::new(rows(0..4)).streaming(), Tank::new());
    feed.endless = true;
    tank.slow = Duration::from_secs(3600);
    let engine = Engine::builder().state(state.path()).grace(Duration::from_millis(1)).build().unwrap();
    let stop = CancellationToken::new();
    let policy = CommitPolicy { rows: Some(1), ..CommitPolicy::default() };
    let run = engine.run(vec![pipeline(&feed, &tank).commit(policy).build().unwrap()], stop.clone());
    let watch = async {
        until("a staged batch", || engine.progress().first().is_some_and(|p| p.read > 0)).await;
        let before = feed.state.lock().unwrap().looked;
        until("looks while the sink hangs", || feed.state.lock().unwrap().looked > before + 3).await;
        stop.cancel();
    };
    let (_, ()) = tokio::join!(run, watch);
}
