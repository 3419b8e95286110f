//! Changes written as envelopes and read again.
use std::sync::Arc;

use serde_json::{Value, json};
use thyme_core::arrow::array::{ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray};
use thyme_core::arrow::buffer::BooleanBuffer;
use thyme_core::{Batch, Op, Ops, Position};
use thyme_formats::debezium::{Changes, Decoder, EncodeOptions, Encoder, Message, Options, with_op};
use thyme_formats::scan::Pushed;

use super::debezium_samples::{TYPES, dataset, decode, found, records, shown};

/// Keys and values of the changes, cut apart.
fn encode(encoder: &mut Encoder, batch: &Batch) -> Vec<(Vec<u8>, Vec<u8>)> {
    let (mut keys, mut key_ends, mut values, mut ends) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    assert_eq!(encoder.keys(&batch.rows, &mut keys, &mut key_ends).unwrap(), []);
    assert_eq!(encoder.values(batch, 1_700_000_000_000, &mut values, &mut ends).unwrap(), []);
    let cut = |bytes: &[u8], ends: &[usize]| {
        let mut start = 0;
        ends.iter().map(|end| bytes[std::mem::replace(&mut start, *end)..*end].to_vec()).collect::<Vec<_>>()
    };
    cut(&keys, &key_ends).into_iter().zip(cut(&values, &ends)).collect()
}

fn again(decoder: &mut Decoder, messages: &[(Vec<u8>, Vec<u8>)]) -> Changes {
    for (key, value) in messages {
        let key = (!key.is_empty()).then_some(key.as_slice());
        assert_eq!(
            decoder.push(Message { key, value: Some(value), op: None }),
            Pushed::Row,
            "{}",
            String::from_utf8_lossy(value)
        );
    }
    decoder.finish().unwrap()
}

#[test]
fn every_type_comes_back_as_it_was() {
    let records = records(TYPES, ".all_types");
    let mut columns: Vec<_> = super::debezium_samples::words(&found(&records));
    columns.iter_mut().filter(|(name, _)| name == "c_time").for_each(|(_, word)| *word = "int64".into());
    let columns: Vec<_> = columns.iter().map(|(name, word)| (name.as_str(), word.as_str())).collect();
    let table = dataset(&columns, &["id"]);
    let (changes, _) = decode(Decoder::json(&table, Options::default()).unwrap(), &records);
    let batch = changes.clone().into_batch(Vec::new(), Position::of(&0));
    let messages = encode(&mut Encoder::new(&table, EncodeOptions::new("srv.shop.all_types")).unwrap(), &batch);
    let read = again(&mut Decoder::json(&table, Options::default()).unwrap(), &messages);
    assert_eq!((read.rows, read.ops), (changes.rows, changes.ops));
    let (key, value) = &messages[0];
    let (key, value): (Value, Value) = (serde_json::from_slice(key).unwrap(), serde_json::from_slice(value).unwrap());
    assert_eq!(key["payload"], json!({"id": 1}));
    assert_eq!(value["schema"]["name"], "srv.shop.all_types.Envelope");
    // What Debezium itself wrote of this row, where the type is the same.
    let theirs: Value = serde_json::from_slice(records[0].value.as_ref().unwrap()).unwrap();
    for name in ["c_num102", "c_num380", "c_date", "c_ts", "c_uuid", "c_bytea", "c_ints", "c_nums", "c_real", "c_json", "c_tstz"]
    {
        assert_eq!(value["payload"]["after"][name], theirs["payload"]["after"][name], "{name}");
    }
}

#[test]
fn operations_rows_before_and_placeholders() {
    let table = dataset(&[("id", "int64"), ("name", "string"), ("at", "timestamp")], &["id"]);
    let rows = |ids: [Option<i64>; 4], names: [Option<&str>; 4]| {
        let at = TimestampMicrosecondArray::from(vec![Some(i64::MAX), Some(i64::MIN), Some(1), None]).with_timezone("+00:00");
        let ids: ArrayRef = Arc::new(thyme_core::arrow::array::Int64Array::from(ids.to_vec()));
        RecordBatch::try_new(table.columns().clone(), vec![ids, Arc::new(StringArray::from(names.to_vec())), Arc::new(at)])
            .unwrap()
    };
    let batch = Batch {
        rows: rows([Some(1), Some(2), Some(3), None], [Some("a"), None, None, None]),
        ops: Ops::Each([Op::Insert, Op::Update, Op::Delete, Op::Truncate].into()),
        before: Some(rows([None, Some(2), None, None], [None, Some("old"), None, None]).slice(0, 4)),
        unset: vec![(1, BooleanBuffer::from(vec![false, true, false, false]))],
        rejects: Vec::new(),
        position: Position::of(&0),
    };
    for schema in [true, false] {
        let options = EncodeOptions { schema, ..EncodeOptions::new("s.t") };
        let messages = encode(&mut Encoder::new(&table, options).unwrap(), &batch);
        let value: Value = serde_json::from_slice(&messages[1].1).unwrap();
        let payload = if schema { &value["payload"] } else { &value };
        assert_eq!(payload["after"], json!({"id": 2, "name": "__debezium_unavailable_value", "at": "-infinity"}));
        assert_eq!((&payload["op"], &payload["before"]["name"]), (&json!("u"), &json!("old")));
        assert_eq!((&payload["source"]["db"], &payload["source"]["table"]), (&json!("s"), &json!("t")));
        let changes = again(&mut Decoder::json(&table, Options { before: true, ..Options::default() }).unwrap(), &messages);
        assert_eq!(changes.ops, batch.ops);
        assert_eq!(changes.unset, batch.unset);
        assert_eq!(changes.rows, batch.rows);
        let before = changes.before.unwrap();
        assert_eq!(before.slice(1, 1), batch.before.as_ref().unwrap().slice(1, 1));
    }
    let with = with_op(&batch, "__op").unwrap();
    assert_eq!(with.column(3).as_ref(), &StringArray::from(vec!["insert", "update", "delete", "truncate"]));
    assert!(with_op(&batch, "id").is_err());
}

#[test]
fn a_row_that_cannot_be_written_costs_itself() {
    let table = dataset(&[("id", "int64"), ("tags", "list<int32>")], &["id"]);
    let ids: ArrayRef = Arc::new(thyme_core::arrow::array::Int64Array::from(vec![1, 2]));
    let tags = thyme_core::arrow::array::new_null_array(table.columns().field(1).data_type(), 2);
    let rows = RecordBatch::try_new(table.columns().clone(), vec![ids, tags]).unwrap();
    let unset = vec![(1, BooleanBuffer::from(vec![true, false]))];
    let batch = Batch { unset, ops: Ops::All(Op::Update), ..Batch::insert(rows, Position::of(&0)) };
    let (mut out, mut ends) = (Vec::new(), Vec::new());
    let bad = Encoder::new(&table, EncodeOptions::new("t")).unwrap().values(&batch, 0, &mut out, &mut ends).unwrap();
    assert_eq!(bad.len(), 1);
    assert!(bad[0].row == 0 && bad[0].reason.contains("`tags`"), "{bad:?}");
    assert_eq!((ends[0], ends[1]), (0, out.len()));
    let mut decoder = Decoder::json(&table, Options::default()).unwrap();
    assert_eq!(decoder.push(Message { value: Some(&out), ..Message::default() }), Pushed::Row);
    assert_eq!(shown(&decoder.finish().unwrap().rows), [json!({"id": 2, "tags": null})]);
}
