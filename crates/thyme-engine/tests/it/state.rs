//! The state folder: one run at a time, readable beside it, and what may be done to it at rest.
use std::time::Duration;

use thyme_core::{Cursor, Kind, Position};
use thyme_engine::{Engine, Holder, State};
use tokio_util::sync::CancellationToken;

use crate::kit::{Feed, Tank, once, pipeline, rows, until};

#[tokio::test]
async fn a_second_run_says_who_holds_it_and_reading_works_beside() {
    let state = tempfile::tempdir().unwrap();
    let (mut feed, mut tank) = (Feed::new(rows(0..4)).streaming(), Tank::new());
    feed.endless = true;
    tank.info.holds_cursor = false;
    let built = || pipeline(&feed, &tank).build().unwrap();
    let (engine, stop) = (Engine::builder().state(state.path()).build().unwrap(), CancellationToken::new());
    let run = engine.run(vec![built()], stop.clone());
    let beside = async {
        until("a commit", || tank.commits() > 0).await;
        let place = State::at(state.path());
        until("a saved cursor", || state.path().join("p/cursors/0.json").exists()).await;
        let cursors = place.cursors(&built()).await.unwrap();
        assert_eq!(cursors["0"].splits["a"].get::<usize>().unwrap(), 4);
        assert!(place.letters(&built()).await.unwrap().is_empty());
        let second = once(state.path(), pipeline(&feed, &tank)).await.error.unwrap();
        assert_eq!(second.kind(), Kind::Conflict);
        let holder: Holder = serde_json::from_slice(&std::fs::read(state.path().join("p/lock")).unwrap()).unwrap();
        let who = format!("process {} on {}", std::process::id(), holder.host);
        assert!(second.to_string().contains(&who), "{second}");
        assert_eq!(place.reset(&built()).await.unwrap_err().kind(), Kind::Conflict);
        stop.cancel();
    };
    let (outcomes, ()) = tokio::join!(run, beside);
    assert!(outcomes[0].error.is_none(), "{:?}", outcomes[0].error);
}

#[tokio::test]
async fn a_cursor_is_set_and_reset_by_a_commit_of_its_own() {
    for holds_cursor in [true, false] {
        let state = tempfile::tempdir().unwrap();
        let (feed, mut tank) = (Feed::new(rows(0..4)), Tank::new());
        tank.info.holds_cursor = holds_cursor;
        let built = pipeline(&feed, &tank).build().unwrap();
        once(state.path(), pipeline(&feed, &tank)).await;
        let place = State::at(state.path());
        let mut cursor = Cursor::default();
        cursor.splits.insert("a".into(), Position::of(&2));
        let set = place.set(&built, "0", cursor.clone()).await.unwrap();
        assert_eq!((set.seq, set.source.as_str()), (2, "feed"));
        once(state.path(), pipeline(&feed, &tank)).await;
        assert_eq!(tank.ids(), [0, 1, 2, 3, 2, 3]);
        assert_eq!(place.reset(&built).await.unwrap(), 1);
        once(state.path(), pipeline(&feed, &tank)).await;
        assert_eq!(tank.ids(), [0, 1, 2, 3, 2, 3, 0, 1, 2, 3]);
        assert_eq!(place.cursors(&built).await.unwrap()["0"].seq, 5);
        cursor.source = "another".into();
        assert_eq!(place.set(&built, "0", cursor).await.unwrap_err().kind(), Kind::Conflict);
    }
}

/// A cursor with one position.
fn at(split: &str, position: usize) -> Cursor {
    Cursor { splits: [(split.into(), Position::of(&position))].into(), ..Cursor::default() }
}

#[tokio::test]
async fn a_source_is_read_the_other_way_when_its_positions_were_moved() {
    for holds_cursor in [true, false] {
        let state = tempfile::tempdir().unwrap();
        let (mut feed, mut tank) = (Feed::new(rows(0..4)).streaming(), Tank::new());
        tank.info.holds_cursor = holds_cursor;
        assert!(once(state.path(), pipeline(&feed, &tank)).await.error.is_none());
        for (shared, old, new, then) in [(true, "0", "a", 5), (false, "a", "0", 6)] {
            feed.info.shared = shared;
            feed.state.lock().unwrap().splits.get_mut("a").unwrap().extend(rows([then - 1]));
            let error = once(state.path(), pipeline(&feed, &tank)).await.error.unwrap();
            assert_eq!(error.kind(), Kind::Conflict);
            assert!(error.to_string().contains("thyme cursor set"), "{error}");
            assert_eq!(tank.ids(), (0..then - 1).collect::<Vec<_>>());
            let (place, built) = (State::at(state.path()), pipeline(&feed, &tank).build().unwrap());
            place.set(&built, new, at("a", (then - 1) as usize)).await.unwrap();
            let error = once(state.path(), pipeline(&feed, &tank)).await.error.unwrap();
            assert_eq!(error.kind(), Kind::Conflict);
            place.set(&built, old, Cursor::default()).await.unwrap();
            let error = once(state.path(), pipeline(&feed, &tank)).await.error;
            assert!(error.is_none(), "{error:?}");
            assert_eq!(tank.ids(), (0..then).collect::<Vec<_>>());
        }
    }
}

#[tokio::test]
async fn a_run_alone_is_one_call_away() {
    let (feed, tank) = (Feed::new(rows(0..4)), Tank::new());
    let state = tempfile::tempdir().unwrap();
    let engine = Engine::builder().state(state.path()).build().unwrap();
    let built = thyme_engine::Pipeline::dynamic("p").source(feed).sink(tank.clone()).schedule("@once").build().unwrap();
    let run = engine.run(vec![built], CancellationToken::new());
    let outcomes = tokio::time::timeout(Duration::from_secs(60), run).await.unwrap();
    assert_eq!(outcomes[0].summary.written, 4);
    assert_eq!(engine.progress()[0].state, thyme_engine::Doing::Ended);
}
