//! What may pass is tried again, what can't is not; a lost cursor is the user's to decide.
use std::time::Duration;

use thyme_core::{Error, Kind, Start};
use thyme_engine::{OnCursorLost, RetryPolicy};

use crate::kit::{Feed, Item, Tank, once, once_paused, pipeline, rows};

fn quick(attempts: usize) -> RetryPolicy {
    RetryPolicy { attempts, first: Duration::from_millis(1), longest: Duration::from_millis(5) }
}

fn away() -> Error {
    Error::new(Kind::Unavailable, "away")
}

#[tokio::test]
async fn what_may_pass_is_tried_again_from_the_cursor() {
    let state = tempfile::tempdir().unwrap();
    let mut items = rows(0..3);
    items.push(Item::Fail(away));
    items.extend(rows(3..6));
    items.push(Item::Fail(away));
    let (feed, tank) = (Feed::new(items), Tank::new());
    let done = once(state.path(), pipeline(&feed, &tank).retry(quick(2))).await;
    assert!(done.error.is_none(), "{:?}", done.error);
    assert_eq!(tank.ids(), (0..6).collect::<Vec<_>>());
    assert_eq!(feed.state.lock().unwrap().polls.len(), 3);
}

#[tokio::test]
async fn it_ends_after_as_many_attempts_as_allowed() {
    let state = tempfile::tempdir().unwrap();
    let (feed, tank) = (Feed::new(vec![Item::Fail(away); 10]), Tank::new());
    let done = once(state.path(), pipeline(&feed, &tank).retry(quick(3))).await;
    assert!(done.error.unwrap().to_string().contains("attempts: 4"));
    assert_eq!(feed.state.lock().unwrap().polls.len(), 4);
}

#[tokio::test]
async fn what_cannot_pass_is_not_tried_again() {
    let kinds: [fn() -> Error; 2] =
        [|| Error::new(Kind::Auth, "no"), || Error::new(Kind::Conflict, "fenced").retry(thyme_core::Retry::Backoff)];
    for error in kinds {
        let state = tempfile::tempdir().unwrap();
        let (feed, tank) = (Feed::new(vec![Item::Fail(error)]), Tank::new());
        assert!(once(state.path(), pipeline(&feed, &tank).retry(quick(3))).await.error.is_some());
        assert_eq!(feed.state.lock().unwrap().polls.len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn the_wait_a_system_asks_for_is_kept() {
    let state = tempfile::tempdir().unwrap();
    let busy = || Error::new(Kind::RateLimited, "slow down").retry(thyme_core::Retry::After(Duration::from_secs(300)));
    let (feed, tank) = (Feed::new(vec![Item::Fail(busy), Item::Row(Some(1), 1)]), Tank::new());
    assert!(once_paused(state.path(), pipeline(&feed, &tank)).await.error.is_none());
    let polls = feed.state.lock().unwrap().polls.clone();
    let waited = polls[1] - polls[0];
    assert!((300..400).contains(&waited.as_secs()), "{waited:?}");
}

#[tokio::test]
async fn a_lost_cursor_fails_or_begins_where_the_user_says() {
    for (policy, start) in
        [(OnCursorLost::Fail, None), (OnCursorLost::Earliest, Some(Start::Earliest)), (OnCursorLost::Latest, Some(Start::Latest))]
    {
        let state = tempfile::tempdir().unwrap();
        let (feed, tank) = (Feed::new(rows(0..2)), Tank::new());
        once(state.path(), pipeline(&feed, &tank)).await;
        feed.state.lock().unwrap().lost = true;
        let done = once(state.path(), pipeline(&feed, &tank).on_cursor_lost(policy)).await;
        assert_eq!(done.error.is_some(), policy == OnCursorLost::Fail);
        assert_eq!(feed.state.lock().unwrap().started.last().copied().flatten(), start);
        if start.is_some() {
            assert_eq!((tank.ids(), tank.cursor().unwrap().seq), (vec![0, 1, 0, 1], 2), "commits go on counting");
        }
    }
}

#[tokio::test]
async fn the_cursor_of_another_source_is_refused_and_both_are_named() {
    let state = tempfile::tempdir().unwrap();
    let (mut feed, tank) = (Feed::new(rows(0..2)), Tank::new());
    once(state.path(), pipeline(&feed, &tank)).await;
    feed.info.identity = "another feed".into();
    let error = once(state.path(), pipeline(&feed, &tank)).await.error.unwrap();
    assert_eq!(error.kind(), Kind::Conflict);
    assert!(error.to_string().contains("`feed`") && error.to_string().contains("`another feed`"), "{error}");
}
