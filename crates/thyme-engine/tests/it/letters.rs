//! Bad records: one costs one, none is lost, and what is mended comes back once.
use thyme_core::Kind;
use thyme_engine::{CommitPolicy, OnError, Stage, State};

use crate::kit::{Feed, Item, Tank, once, pipeline, rows};

fn bad(id: i64) -> Item {
    Item::Bad(format!("bad {id}"))
}

#[tokio::test]
async fn fail_names_the_record_skip_counts_it() {
    let state = tempfile::tempdir().unwrap();
    let (feed, tank) = (Feed::new(vec![Item::Row(Some(1), 1), bad(2), Item::Row(Some(3), 3)]), Tank::new());
    let failed = once(state.path(), pipeline(&feed, &tank)).await;
    let error = failed.error.unwrap();
    assert_eq!((error.kind(), tank.ids().len()), (Kind::Data, 0));
    assert!(error.to_string().contains("not a row") && error.to_string().contains("feed:7"), "{error}");
    let skipped = once(state.path(), pipeline(&feed, &tank).on_error(OnError::Skip)).await;
    assert_eq!((skipped.summary.skipped, tank.ids()), (1, vec![1, 3]));
}

#[tokio::test]
async fn a_batch_that_fails_whole_is_halved_and_one_bad_row_costs_one_row() {
    let state = tempfile::tempdir().unwrap();
    let (feed, mut tank) = (Feed::new(rows(0..40)).batch(20), Tank::new());
    tank.poison = Some(|id| id % 13 == 5);
    let builder = || pipeline(&feed, &tank).on_error(OnError::DeadLetter);
    let done = once(state.path(), builder()).await;
    assert_eq!((done.summary.dead, done.summary.written), (3, 37), "{:?}", done.error);
    assert_eq!(tank.ids(), (0..40).filter(|id| id % 13 != 5).collect::<Vec<_>>(), "in order");
    let letters = State::at(state.path()).letters(&builder().build().unwrap()).await.unwrap();
    let ids: Vec<_> = letters.iter().map(|letter| (letter.stage, letter.payload.clone().unwrap())).collect();
    for ((stage, payload), id) in ids.iter().zip([5, 18, 31]) {
        assert_eq!((*stage, payload.contains(&format!("\"id\":{id},"))), (Stage::Sink, true), "{payload}");
    }
    assert!(letters[0].reason.contains("poison") && letters[0].op.as_deref() == Some("insert"));
}

#[tokio::test]
async fn a_null_in_a_required_field_is_a_rejected_row() {
    let state = tempfile::tempdir().unwrap();
    let (feed, tank) = (Feed::new(vec![Item::Row(Some(1), 1), Item::Row(None, 2)]), Tank::new());
    let failed = once(state.path(), pipeline(&feed, &tank)).await;
    assert!(failed.error.unwrap().to_string().contains("`id` is null"));
    let builder = || pipeline(&feed, &tank).on_error(OnError::DeadLetter);
    assert_eq!(once(state.path(), builder()).await.summary.dead, 1);
    assert_eq!(tank.ids(), [1]);
}

#[tokio::test]
async fn letters_of_a_commit_that_never_came_are_void_and_replaced() {
    let state = tempfile::tempdir().unwrap();
    let (feed, tank) = (Feed::new(vec![bad(1), Item::Row(Some(2), 2), bad(3), Item::Row(Some(4), 4)]), Tank::new());
    let policy = CommitPolicy { rows: Some(1), ..CommitPolicy::default() };
    let builder = || pipeline(&feed, &tank).on_error(OnError::DeadLetter).commit(policy);
    tank.crash(2, false);
    let mut once_only = builder();
    once_only = once_only.retry(thyme_engine::RetryPolicy { attempts: 0, ..Default::default() });
    let broken = once(state.path(), once_only).await;
    assert!(broken.error.is_some());
    let (place, built) = (State::at(state.path()), builder().build().unwrap());
    assert!(state.path().join("p/dlq/0-2.jsonl").exists(), "durable before the commit");
    assert_eq!(place.letters(&built).await.unwrap().len(), 1, "void above the cursor");
    let done = once(state.path(), builder()).await;
    assert!(done.error.is_none(), "{:?}", done.error);
    let letters = place.letters(&built).await.unwrap();
    let payloads: Vec<_> = letters.iter().map(|letter| letter.payload.clone().unwrap()).collect();
    assert_eq!(payloads, ["bad 1", "bad 3"]);
    assert_eq!((letters[0].place.line, &*letters[0].split, letters[0].source.as_str()), (Some(7), "a", "feed"));
}

#[tokio::test]
async fn what_is_mended_comes_back_once_and_what_is_not_stays() {
    let state = tempfile::tempdir().unwrap();
    let items = vec![bad(1), Item::Row(Some(2), 2), Item::Bad("bad x".into())];
    let (feed, tank) = (Feed::new(items).batch(5), Tank::new());
    let builder = || pipeline(&feed, &tank).on_error(OnError::DeadLetter);
    once(state.path(), builder()).await;
    let (place, built) = (State::at(state.path()), builder().build().unwrap());
    let still = place.replay(&built, |_| true).await.unwrap();
    assert_eq!((still.replayed, still.failed.len()), (0, 2));
    assert_eq!(tank.commits(), 1, "nothing to commit");
    feed.state.lock().unwrap().mended = true;
    let replayed = place.replay(&built, |_| true).await.unwrap();
    assert_eq!((replayed.replayed, replayed.failed.len()), (1, 1));
    assert!(replayed.failed[0].1.contains("null"), "{}", replayed.failed[0].1);
    assert_eq!(tank.ids(), [2, 1]);
    let left = place.letters(&built).await.unwrap();
    assert_eq!((left.len(), left[0].payload.as_deref(), left[0].index), (1, Some("bad x"), 1));
    assert_eq!(place.letter(&built, &left[0].id()).await.unwrap(), left[0]);
    let nothing = once(state.path(), builder()).await;
    assert!(nothing.summary.nothing_new(), "{}", nothing.summary);
}

#[tokio::test]
async fn a_crash_in_a_replay_repeats_nothing_and_loses_nothing() {
    for applied in [false, true] {
        let state = tempfile::tempdir().unwrap();
        let (feed, tank) = (Feed::new(vec![bad(1), Item::Row(Some(2), 2)]), Tank::new());
        let builder = || pipeline(&feed, &tank).on_error(OnError::DeadLetter);
        once(state.path(), builder()).await;
        feed.state.lock().unwrap().mended = true;
        let (place, built) = (State::at(state.path()), builder().build().unwrap());
        tank.crash(2, applied);
        place.replay(&built, |_| true).await.unwrap_err();
        assert!(state.path().join("p/dlq/0.replay").exists());
        // The next one to open settles it: in, or still a letter.
        let again = place.replay(&built, |_| true).await.unwrap();
        assert_eq!(again.replayed, u64::from(!applied));
        assert_eq!(tank.ids(), [2, 1], "applied {applied}");
        assert!(place.letters(&built).await.unwrap().is_empty());
        assert!(!state.path().join("p/dlq/0.replay").exists());
    }
}
