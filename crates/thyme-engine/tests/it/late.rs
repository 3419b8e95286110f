//! Late events: judged by the last finished poll, or by the stream so far.
use thyme_engine::{Late, State};

use crate::kit::{Feed, Item, Tank, once, pipeline};

fn at(id: i64, time: i64) -> Item {
    Item::Row(Some(id), time)
}

#[tokio::test]
async fn a_first_read_of_unordered_history_is_never_late() {
    let state = tempfile::tempdir().unwrap();
    let (feed, tank) = (Feed::new(vec![at(1, 9000), at(2, 10), at(3, 5000), at(4, 1)]).batch(1), Tank::new());
    let first = once(state.path(), pipeline(&feed, &tank).max_lateness("1m")).await;
    assert_eq!((first.summary.late, first.summary.written), (0, 4), "{:?}", first.error);
    assert_eq!(tank.cursor().unwrap().watermark, Some(9_000_000_000));
    feed.push("a", vec![at(5, 8940), at(6, 8939), at(7, 9001)]);
    let second = once(state.path(), pipeline(&feed, &tank).max_lateness("1m")).await;
    assert_eq!((second.summary.late, second.summary.written), (1, 2));
    assert_eq!(tank.ids(), [1, 2, 3, 4, 5, 7]);
}

#[tokio::test]
async fn late_events_become_dead_letters_and_can_be_replayed() {
    let state = tempfile::tempdir().unwrap();
    let (feed, tank) = (Feed::new(vec![at(1, 9000)]), Tank::new());
    let builder = || pipeline(&feed, &tank).max_lateness("1m").late(Late::DeadLetter);
    once(state.path(), builder()).await;
    feed.push("a", vec![at(2, 5), at(3, 9000)]);
    let second = once(state.path(), builder()).await;
    assert_eq!((second.summary.late, second.summary.dead, second.summary.written), (1, 1, 1));
    let (place, built) = (State::at(state.path()), builder().build().unwrap());
    let letters = place.letters(&built).await.unwrap();
    assert_eq!((letters.len(), letters[0].stage.name(), letters[0].seq), (1, "late", 2));
    assert!(letters[0].payload.as_ref().unwrap().contains("\"id\":2"), "{:?}", letters[0].payload);
    let before = tank.cursor().unwrap();
    let replayed = place.replay(&built, |_| true).await.unwrap();
    assert_eq!((replayed.replayed, replayed.failed.len()), (1, 0));
    assert_eq!(tank.ids(), [1, 3, 2]);
    let after = tank.cursor().unwrap();
    assert_eq!((after.seq, &after.splits), (before.seq + 1, &before.splits));
    assert!(place.letters(&built).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_stream_is_judged_as_it_goes_and_by_its_slowest_split() {
    let state = tempfile::tempdir().unwrap();
    let feed = Feed::new(vec![at(1, 9000), at(2, 10), at(3, 8990)]).batch(1).streaming();
    let tank = Tank::new();
    let done = once(state.path(), pipeline(&feed, &tank).max_lateness("1m")).await;
    assert_eq!((done.summary.late, tank.ids()), (1, vec![1, 3]), "{:?}", done.error);
}

#[tokio::test]
async fn nothing_before_from_timestamp_is_taken() {
    let state = tempfile::tempdir().unwrap();
    let (feed, tank) = (Feed::new(vec![at(1, 10), at(2, 100), at(3, 50)]), Tank::new());
    let done = once(state.path(), pipeline(&feed, &tank).from_timestamp("1970-01-01T00:00:50Z")).await;
    assert_eq!((done.summary.skipped, tank.ids()), (1, vec![2, 3]), "{:?}", done.error);
    assert_eq!(feed.state.lock().unwrap().started, [Some(thyme_core::Start::At(50_000_000))]);
    // By column: newer than the newest of the finished polls.
    let (state, tank) = (tempfile::tempdir().unwrap(), Tank::new());
    let by = || pipeline(&feed, &tank).from_timestamp("toDateTime(at)");
    once(state.path(), by()).await;
    feed.push("a", vec![at(4, 100), at(5, 101)]);
    once(state.path(), by()).await;
    assert_eq!(tank.ids(), [1, 2, 3, 5]);
}
