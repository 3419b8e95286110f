//! Slices and filters keep rows, operations, old rows and unset cells together.
use std::sync::Arc;

use thyme_core::arrow::array::{BooleanArray, Int64Array, RecordBatch};
use thyme_core::arrow::buffer::BooleanBuffer;
use thyme_core::bytes::Bytes;
use thyme_core::{Batch, Op, Ops, Position, Reject};

fn rows(values: impl IntoIterator<Item = i64>) -> RecordBatch {
    RecordBatch::try_from_iter([("n", Arc::new(Int64Array::from_iter_values(values)) as _)]).unwrap()
}

fn batch() -> Batch {
    Batch {
        ops: Ops::Each([Op::Insert, Op::Update, Op::Delete, Op::Insert].into()),
        before: Some(rows(10..14)),
        unset: vec![(0, BooleanBuffer::from(vec![false, true, false, true]))],
        rejects: vec![Reject { payload: Some(Bytes::from_static(b"{")), ..Reject::default() }],
        ..Batch::insert(rows(0..4), Position::of(&4))
    }
}

fn values(rows: &RecordBatch) -> Vec<i64> {
    rows.column(0).as_any().downcast_ref::<Int64Array>().unwrap().values().to_vec()
}

fn unset(batch: &Batch) -> Vec<bool> {
    batch.unset[0].1.iter().collect()
}

#[test]
fn a_slice_takes_everything_along() {
    let slice = batch().slice(1, 2);
    assert_eq!(
        (values(&slice.rows), values(slice.before.as_ref().unwrap()), unset(&slice)),
        (vec![1, 2], vec![11, 12], vec![true, false])
    );
    assert_eq!((slice.ops.at(0), slice.ops.at(1)), (Op::Update, Op::Delete));
    assert!(slice.rejects.is_empty() && slice.position == Position::of(&4));
}

#[test]
fn a_filter_takes_everything_along() {
    let kept = batch().filter(&BooleanArray::from(vec![true, false, false, true])).unwrap();
    assert_eq!(
        (values(&kept.rows), values(kept.before.as_ref().unwrap()), unset(&kept)),
        (vec![0, 3], vec![10, 13], vec![false, true])
    );
    assert_eq!(kept.ops, Ops::Each([Op::Insert, Op::Insert].into()));
    assert_eq!(kept.rejects.len(), 1);
    assert!(batch().filter(&BooleanArray::from(vec![true])).is_err());
}

#[test]
fn operations_outside_the_allowed_are_found() {
    assert_eq!(batch().ops.outside(&[Op::Insert, Op::Update]), Some(Op::Delete));
    assert_eq!(batch().ops.outside(Op::ALL), None);
    assert_eq!(Ops::All(Op::Truncate).outside(&[Op::Insert]), Some(Op::Truncate));
    assert_eq!(Ops::Each([].into()).at(7), Op::Insert);
}

#[test]
fn bytes_count_what_is_covered_and_no_more() {
    let whole = Batch::insert(rows(0..1000), Position::of(&0));
    assert_eq!(whole.bytes(), 8000);
    assert_eq!(whole.slice(0, 10).bytes(), 80);
    assert_eq!(batch().bytes(), 32 + 32 + 1);
}
