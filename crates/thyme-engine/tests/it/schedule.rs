//! When polls begin: by interval, once, by the clock of a time zone.
use std::time::Duration;

use jiff::Timestamp;
use thyme_core::duration;
use thyme_engine::{CommitPolicy, Engine, Pipeline, PipelineBuilder};
use tokio_util::sync::CancellationToken;

use crate::kit::{Feed, Tank, rows};

fn from(feed: &Feed, tank: &Tank) -> PipelineBuilder {
    Pipeline::dynamic("p").source(feed.clone()).sink(tank.clone())
}

/// Runs it by a clock that shows `start` first, until `polls` polls have begun; when each began, since then.
async fn polls(builder: PipelineBuilder, feed: &Feed, start: &str, polls: usize) -> Vec<Duration> {
    let state = tempfile::tempdir().unwrap();
    let zero = tokio::time::Instant::now();
    let engine = Engine::builder().state(state.path()).clock(start.parse().unwrap()).build().unwrap();
    let stop = CancellationToken::new();
    let watch = async {
        while feed.state.lock().unwrap().polls.len() < polls {
            tokio::time::sleep(Duration::from_secs(10)).await;
        }
        stop.cancel();
    };
    let (outcomes, ()) = tokio::join!(engine.run(vec![builder.build().unwrap()], stop.clone()), watch);
    assert!(outcomes[0].error.is_none(), "{:?}", outcomes[0].error);
    feed.state.lock().unwrap().polls.iter().map(|at| *at - zero).collect()
}

fn near(got: Duration, wanted: &str) {
    let wanted = duration::parse(wanted).unwrap();
    assert!(got >= wanted && got < wanted + Duration::from_secs(31), "{got:?}, not {wanted:?}");
}

#[tokio::test(start_paused = true)]
async fn every_begins_at_once_and_counts_from_the_start_of_a_poll() {
    let (feed, tank) = (Feed::new(Vec::new()), Tank::new());
    let at = polls(from(&feed, &tank).every("1h"), &feed, "2026-01-01T00:00:00Z", 3).await;
    near(at[0], "0s");
    near(at[1], "1h");
    near(at[2], "2h");
}

#[tokio::test(start_paused = true)]
async fn cron_follows_the_clock_over_its_changes() {
    // Europe/Berlin, 2026-10-25: 03:00 becomes 02:00, and 02:30 comes twice.
    let (feed, tank) = (Feed::new(Vec::new()), Tank::new());
    let daily = || from(&feed, &tank).schedule("30 2 * * *").timezone("Europe/Berlin");
    let start = "2026-10-24T12:00:00Z";
    let at = polls(daily(), &feed, start, 2).await;
    let since: Timestamp = start.parse().unwrap();
    let wall: Vec<_> = at.iter().map(|at| since.checked_add(*at).unwrap().as_second()).collect();
    let wanted = ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"].map(|t| t.parse::<Timestamp>().unwrap().as_second());
    assert!(wall.iter().zip(wanted).all(|(got, wanted)| (0..=31).contains(&(got - wanted))), "{wall:?} {wanted:?}");
}

#[tokio::test(start_paused = true)]
async fn a_poll_longer_than_its_interval_is_followed_at_once_and_never_overlapped() {
    let (feed, mut tank) = (Feed::new(rows(0..4)), Tank::new());
    tank.slow = Duration::from_secs(5400);
    let at = polls(from(&feed, &tank).every("1h"), &feed, "2026-01-01T00:00:00Z", 2).await;
    near(at[1], "3h");
}

#[tokio::test]
async fn once_is_remembered() {
    let state = tempfile::tempdir().unwrap();
    let (feed, tank) = (Feed::new(rows(0..5)), Tank::new());
    let run = || async {
        let engine = Engine::builder().state(state.path()).build().unwrap();
        let built = from(&feed, &tank).schedule("@once").build().unwrap();
        engine.run(vec![built], CancellationToken::new()).await.pop().unwrap()
    };
    let first = run().await;
    assert_eq!((first.summary.written, first.summary.finished_before), (5, false), "{:?}", first.error);
    feed.push("a", rows(5..9));
    let second = run().await;
    assert!(second.summary.finished_before && second.summary.read == 0);
    assert!(second.summary.to_string().contains("cursor reset"), "{}", second.summary);
    assert_eq!(tank.ids().len(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_wishes_few_commits_gets_the_rows_of_many_polls_in_one() {
    let state = tempfile::tempdir().unwrap();
    let (feed, mut tank) = (Feed::new(Vec::new()), Tank::new());
    tank.info.commit_after = Duration::from_secs(300);
    let engine = Engine::builder().state(state.path()).clock(Timestamp::UNIX_EPOCH).build().unwrap();
    let stop = CancellationToken::new();
    let watch = async {
        for id in 0..100 {
            feed.push("a", rows(id..=id));
            tokio::time::sleep(Duration::from_secs(7)).await;
        }
        stop.cancel();
    };
    let built = from(&feed, &tank).every("5s").build().unwrap();
    let (outcomes, ()) = tokio::join!(engine.run(vec![built], stop.clone()), watch);
    assert!(outcomes[0].error.is_none(), "{:?}", outcomes[0].error);
    assert_eq!(tank.ids(), (0..100).collect::<Vec<_>>());
    assert!((3..=4).contains(&tank.commits()), "{} commits in 700 s", tank.commits());
}

#[tokio::test(start_paused = true)]
async fn the_user_may_say_more_often() {
    let state = tempfile::tempdir().unwrap();
    let (feed, mut tank) = (Feed::new(Vec::new()), Tank::new());
    tank.info.commit_after = Duration::from_secs(300);
    let engine = Engine::builder().state(state.path()).clock(Timestamp::UNIX_EPOCH).build().unwrap();
    let stop = CancellationToken::new();
    let watch = async {
        for id in 0..20 {
            feed.push("a", rows(id..=id));
            tokio::time::sleep(Duration::from_secs(20)).await;
        }
        stop.cancel();
    };
    let policy = CommitPolicy { every: Some(Duration::from_secs(1)), ..CommitPolicy::default() };
    let built = from(&feed, &tank).every("5s").commit(policy).build().unwrap();
    let ((), _) = tokio::join!(watch, engine.run(vec![built], stop.clone()));
    assert_eq!((tank.ids().len(), tank.commits()), (20, 20));
}

#[tokio::test(start_paused = true)]
async fn what_the_source_puts_off_is_waited_for_before_once_is_over() {
    let state = tempfile::tempdir().unwrap();
    let (feed, tank) = (Feed::new(rows(0..3)), Tank::new());
    feed.state.lock().unwrap().put_off = Some((Duration::from_secs(600), rows(3..5)));
    let engine = Engine::builder().state(state.path()).clock("2026-01-01T00:00:00Z".parse().unwrap()).build().unwrap();
    let pipeline = || vec![from(&feed, &tank).schedule("@once").build().unwrap()];
    let outcomes = engine.run(pipeline(), CancellationToken::new()).await;
    assert!(outcomes[0].error.is_none(), "{:?}", outcomes[0].error);
    assert_eq!(tank.ids(), (0..5).collect::<Vec<_>>());
    let polls = feed.state.lock().unwrap().polls.clone();
    assert_eq!(polls.len(), 2);
    near(polls[1] - polls[0], "10m");
    let outcomes = engine.run(pipeline(), CancellationToken::new()).await;
    assert!(outcomes[0].summary.finished_before);
}

#[tokio::test]
async fn many_ended_splits_are_committed_however_long_a_commit_may_wait() {
    let state = tempfile::tempdir().unwrap();
    let (feed, tank) = (Feed::new(Vec::new()), Tank::new());
    (0..200).for_each(|id| feed.push(&format!("split-{id:03}"), rows([id])));
    let engine = Engine::builder().state(state.path()).build().unwrap();
    let hourly = CommitPolicy { every: Some(Duration::from_secs(3600)), ..CommitPolicy::default() };
    let pipeline = from(&feed, &tank).schedule("@once").commit(hourly).build().unwrap();
    let outcomes = engine.run(vec![pipeline], CancellationToken::new()).await;
    assert!(outcomes[0].error.is_none(), "{:?}", outcomes[0].error);
    let mut ids = tank.ids();
    ids.sort_unstable();
    assert_eq!((ids, tank.commits()), ((0..200).collect(), 4));
}
