//! Functions between source and sink.
use thyme_core::arrow::array::BooleanArray;
use thyme_core::arrow::array::cast::AsArray;
use thyme_core::arrow::array::types::Int64Type;
use thyme_core::{Dataset, Error, Kind, Record};

use crate::kit::{Feed, Tank, dataset, once, pipeline, rows};

#[tokio::test]
async fn a_batch_may_lose_rows_and_the_position_goes_on() {
    let state = tempfile::tempdir().unwrap();
    let (feed, tank) = (Feed::new(rows(0..10)), Tank::new());
    let even = |batch: thyme_core::Batch| {
        let keep: BooleanArray =
            batch.rows.column(0).as_primitive::<Int64Type>().iter().map(|id| id.map(|id| id % 2 == 0)).collect();
        batch.filter(&keep)
    };
    let done = once(state.path(), pipeline(&feed, &tank).map(even)).await;
    assert!(done.error.is_none(), "{:?}", done.error);
    assert_eq!(tank.ids(), [0, 2, 4, 6, 8]);
    assert_eq!(tank.cursor().unwrap().splits["a"].get::<usize>().unwrap(), 10);
}

#[tokio::test]
async fn an_error_or_a_panic_of_a_map_ends_the_pipeline_with_its_text() {
    for broken in [|_| Err(Error::new(Kind::Data, "no such colour")), |_| panic!("no such colour")] {
        let state = tempfile::tempdir().unwrap();
        let (feed, tank) = (Feed::new(rows(0..3)), Tank::new());
        let retry = thyme_engine::RetryPolicy { attempts: 0, ..Default::default() };
        let done = once(state.path(), pipeline(&feed, &tank).retry(retry).map(broken)).await;
        assert!(done.error.unwrap().to_string().contains("no such colour"));
    }
}

#[tokio::test]
async fn other_columns_must_be_declared() {
    let state = tempfile::tempdir().unwrap();
    let (feed, tank) = (Feed::new(rows(0..3)), Tank::new());
    let narrow = |batch: thyme_core::Batch| {
        let rows = batch.rows.project(&[0]).map_err(|e| Error::new(Kind::Unexpected, "project").source(e))?;
        Ok(thyme_core::Batch { rows, ..batch })
    };
    let done = once(state.path(), pipeline(&feed, &tank).map(narrow)).await;
    assert_eq!(done.error.unwrap().kind(), Kind::Schema);
    let ids = Dataset::new("ids", std::sync::Arc::new(dataset().schema().project(&[0]).unwrap())).unwrap();
    let done = once(state.path(), pipeline(&feed, &tank).map_to(ids, narrow)).await;
    assert!(done.error.is_none(), "{:?}", done.error);
    assert_eq!((tank.ids(), tank.state.lock().unwrap().columns.clone()), (vec![0, 1, 2], vec![1]));
}

#[derive(thyme_core::Dataset)]
struct In {
    id: i64,
    name: Option<String>,
}

#[derive(thyme_core::Dataset)]
struct Out {
    id: i64,
    length: i64,
}

#[tokio::test]
async fn typed_rows_become_none_one_or_many() {
    let state = tempfile::tempdir().unwrap();
    let (feed, tank) = (Feed::new(rows(0..12)), Tank::new());
    let twice = |row: In| {
        let length = row.name.map_or(0, |name| name.len() as i64);
        let times = usize::from(row.id != 3) * if row.id == 11 { 2 } else { 1 };
        Ok((0..times).map(move |_| Out { id: row.id * 10, length }))
    };
    let done = once(state.path(), pipeline(&feed, &tank).map_rows(twice)).await;
    assert!(done.error.is_none(), "{:?}", done.error);
    assert_eq!(tank.ids(), [0, 10, 20, 40, 50, 60, 70, 80, 90, 100, 110, 110]);
    assert_eq!(Out::dataset().unwrap().columns().fields().len(), tank.state.lock().unwrap().columns[0]);
}
