//! New columns: followed, refused, left out; remembered over runs.
use thyme_engine::{OnDrift, PipelineBuilder};

use crate::kit::{Feed, Item, Tank, dataset, once, pipeline, rows};

fn wide() -> (tempfile::TempDir, Feed, Tank) {
    let mut items = rows(0..3);
    items.extend([Item::Wide(3), Item::Wide(4)]);
    (tempfile::tempdir().unwrap(), Feed::new(items), Tank::new())
}

fn narrow(feed: &Feed, tank: &Tank) -> PipelineBuilder {
    pipeline(feed, tank)
}

#[tokio::test]
async fn evolve_commits_what_fits_widens_and_remembers() {
    let (state, feed, tank) = wide();
    let done = once(state.path(), narrow(&feed, &tank)).await;
    assert!(done.error.is_none(), "{:?}", done.error);
    assert_eq!(tank.ids(), [0, 1, 2, 3, 4]);
    let kept = tank.state.lock().unwrap().columns.clone();
    assert_eq!((kept[0], *kept.last().unwrap()), (3, 4), "one schema a writer");
    let json = std::fs::read_to_string(state.path().join("p/dataset.json")).unwrap();
    assert!(json.contains("extra"), "{json}");
    feed.push("a", vec![Item::Wide(5)]);
    let again = once(state.path(), narrow(&feed, &tank)).await;
    assert_eq!((again.error.is_none(), again.summary.commits), (true, 1), "nothing is new a second time");
    assert_eq!(tank.state.lock().unwrap().columns.last(), Some(&4));
}

#[tokio::test]
async fn freeze_commits_what_fits_and_names_the_column() {
    let (state, feed, tank) = wide();
    let done = once(state.path(), narrow(&feed, &tank).on_drift(OnDrift::Freeze)).await;
    assert!(done.error.unwrap().to_string().contains("`extra` is new"));
    assert_eq!(tank.ids(), [0, 1, 2]);
}

#[tokio::test]
async fn discard_leaves_the_column_out() {
    let (state, feed, tank) = wide();
    let done = once(state.path(), narrow(&feed, &tank).on_drift(OnDrift::Discard)).await;
    assert!(done.error.is_none(), "{:?}", done.error);
    assert_eq!(tank.ids(), [0, 1, 2, 3, 4]);
    assert!(tank.state.lock().unwrap().columns.iter().all(|columns| *columns == 3));
}

#[tokio::test]
async fn a_declared_projection_has_no_drift() {
    let (state, feed, tank) = wide();
    let done = once(state.path(), narrow(&feed, &tank).dataset(dataset()).on_drift(OnDrift::Freeze)).await;
    assert!(done.error.is_none(), "{:?}", done.error);
    assert_eq!(tank.ids(), [0, 1, 2, 3, 4]);
}
