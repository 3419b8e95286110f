//! What the Avro decoder takes and refuses, against messages written by hand from the specification.
use std::sync::Arc;

use thyme_core::arrow::array::{Array, RecordBatch, cast::AsArray, types};
use thyme_core::arrow::datatypes::{Field, Schema, SchemaRef};
use thyme_core::{Kind, field_type};
use thyme_formats::avro::{AvroDecoder, AvroOptions, Framing};
use thyme_formats::scan::{Pushed, Unknown};

pub(crate) fn schema(fields: &[(&str, &str)]) -> SchemaRef {
    Arc::new(Schema::new(fields.iter().map(|(name, word)| field_type::parse(name, word).unwrap()).collect::<Vec<Field>>()))
}

fn record(fields: &str) -> String {
    format!(r#"{{"type":"record","name":"R","fields":[{fields}]}}"#)
}

fn framed(id: u32, body: &[u8]) -> Vec<u8> {
    [&[0][..], &id.to_be_bytes(), body].concat()
}

fn decoder(columns: &[(&str, &str)], writers: &[(u32, &str)]) -> AvroDecoder {
    let mut decoder = AvroDecoder::new(&schema(columns), AvroOptions::default()).unwrap();
    for (id, fields) in writers {
        decoder.add_schema(*id, &record(fields), &[]).unwrap();
    }
    decoder
}

fn longs(batch: &RecordBatch, column: usize) -> Vec<Option<i64>> {
    batch.column(column).as_primitive::<types::Int64Type>().iter().collect()
}

#[test]
fn schemas_change_from_message_to_message() {
    let columns = [("id", "int64"), ("name", "string"), ("extra", "int64")];
    let mut decoder = decoder(&columns, &[(1, r#"{"name":"id","type":"int"},{"name":"gone","type":"string"}"#)]);
    assert_eq!(decoder.push(&framed(1, &[2, 2, b'x'])), Pushed::Row);
    let second = framed(7, &[2, 4, b'h', b'i', 3]);
    assert_eq!(decoder.push(&second), Pushed::NeedsSchema(7));
    let fields = r#"{"name":"name","type":["null","string"]},{"name":"id","type":"long"}"#;
    decoder.add_schema(7, &record(fields), &[]).unwrap();
    assert_eq!(decoder.push(&second), Pushed::Row);
    assert_eq!(decoder.push(&framed(7, &[0, 4])), Pushed::Row);
    assert_eq!(decoder.push(&framed(1, &[1, 0])), Pushed::Row);
    let rows = decoder.finish().unwrap();
    assert_eq!(longs(&rows, 0), [Some(1), Some(-2), Some(2), Some(-1)]);
    assert_eq!(rows.column(1).as_string::<i32>().iter().collect::<Vec<_>>(), [None, Some("hi"), None, None]);
    assert_eq!(rows.column(2).null_count(), 4);
    assert_eq!(decoder.finish().unwrap().num_rows(), 0);
}

#[test]
fn a_bad_message_costs_nothing_but_itself() {
    let fields = r#"{"name":"id","type":"long"},{"name":"s","type":"string"},{"name":"l","type":{"type":"array","items":"int"}},
        {"name":"e","type":{"type":"enum","name":"E","symbols":["a","b"]}},{"name":"b","type":"boolean"}"#;
    let columns = [("id", "int64"), ("s", "string"), ("l", "list<int64>"), ("e", "string"), ("b", "bool")];
    let mut decoder = decoder(&columns, &[(1, fields)]);
    let good: &[u8] = &[2, 2, b'x', 4, 2, 4, 0, 2, 1];
    let bad: &[(&[u8], &str)] = &[
        (&good[..good.len() - 1], "the message ends too early (field `b`)"),
        (&[2, 2, 0xFF, 0, 0, 1], "text that is not utf-8 (field `s`)"),
        (&[2, 1, b'x', 0, 0, 1], "a length below zero (field `s`)"),
        (&[2, 2, b'x', 4, 2], "the message ends too early (field `l.[]`)"),
        (&[2, 2, b'x', 0, 4, 1], "an enum does not have that symbol (field `e`)"),
        (&[2, 2, b'x', 0, 2, 2], "a boolean that is neither 0 nor 1 (field `b`)"),
        (&[2, 2, b'x', 0, 2, 1, 0], "1 bytes after the end of the record"),
        (&[0xFF; 12], "a number of more than 64 bits (field `id`)"),
        (&[], "the message ends too early (field `id`)"),
    ];
    for (body, reason) in bad {
        assert_eq!(decoder.push(&framed(1, good)), Pushed::Row);
        assert_eq!(decoder.push(&framed(1, body)), Pushed::Bad((*reason).to_owned()));
    }
    assert_eq!(decoder.push(b"{}"), Pushed::Bad("no frame of a schema registry (a zero byte and four bytes of an id)".into()));
    assert_eq!(decoder.push(&framed(1, good)), Pushed::Row);
    let rows = decoder.finish().unwrap();
    assert_eq!(rows.num_rows(), bad.len() + 1);
    for row in 0..rows.num_rows() {
        assert_eq!(rows.slice(row, 1), rows.slice(0, 1), "row {row}");
    }
    let list = rows.column(2).as_list::<i32>().value(0);
    assert_eq!(list.as_primitive::<types::Int64Type>().values(), &[1, 2]);
}

#[test]
fn items_without_bytes_do_not_go_on_for_ever() {
    let nulls = r#"{"name":"l","type":{"type":"array","items":"null"}}"#;
    let mut decoder = decoder(&[("x", "int64")], &[(1, nulls)]);
    let many = framed(1, &[0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1, 0]);
    assert_eq!(decoder.push(&many), Pushed::Bad("more items than the message has bytes".into()));
    assert_eq!(decoder.push(&framed(1, &[200, 1, 0])), Pushed::Row);
}

#[test]
fn logical_types_are_exact() {
    let fields = r#"{"name":"d","type":{"type":"bytes","logicalType":"decimal","precision":10,"scale":2}},
        {"name":"f","type":{"type":"fixed","name":"F","size":3,"logicalType":"decimal","precision":5,"scale":1}},
        {"name":"day","type":{"type":"int","logicalType":"date"}},
        {"name":"ms","type":{"type":"int","logicalType":"time-millis"}},
        {"name":"us","type":{"type":"long","logicalType":"time-micros"}},
        {"name":"tms","type":{"type":"long","logicalType":"timestamp-millis"}},
        {"name":"tus","type":{"type":"long","logicalType":"timestamp-micros"}},
        {"name":"tns","type":{"type":"long","logicalType":"timestamp-nanos"}},
        {"name":"local","type":{"type":"long","logicalType":"local-timestamp-millis"}},
        {"name":"u","type":{"type":"string","logicalType":"uuid"}},
        {"name":"i","type":{"type":"fixed","name":"D","size":12,"logicalType":"duration"}}"#;
    let columns = [
        ("d", "decimal(38,4)"),
        ("f", "string"),
        ("day", "date"),
        ("ms", "time"),
        ("us", "time"),
        ("tms", "timestamp"),
        ("tus", "timestamp_ns"),
        ("tns", "timestamp"),
        ("local", "timestamp_ntz"),
        ("u", "uuid"),
        ("i", "interval"),
    ];
    let mut decoder = decoder(&columns, &[(1, fields)]);
    let mut body = vec![4, 0xFB, 0x2E]; // -12.34
    body.extend([0xFF, 0xFF, 0xFF]); // -0.1
    body.extend([1, 2, 2]); // 1969-12-31, 1 ms, 1 µs
    body.extend([3, 4, 0x83, 0x10]); // -2 ms, 2 µs, -1026 ns
    body.extend([2, 72]);
    body.extend(b"6f1c2e34-0000-4000-8000-1234567890ab");
    body.extend([1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0]);
    assert_eq!(decoder.push(&framed(1, &body)), Pushed::Row);
    let rows = decoder.finish().unwrap();
    assert_eq!(rows.column(0).as_primitive::<types::Decimal128Type>().value(0), -123_400);
    assert_eq!(rows.column(1).as_string::<i32>().value(0), "-0.1");
    assert_eq!(rows.column(2).as_primitive::<types::Date32Type>().value(0), -1);
    assert_eq!(rows.column(3).as_primitive::<types::Time64MicrosecondType>().value(0), 1000);
    assert_eq!(rows.column(4).as_primitive::<types::Time64MicrosecondType>().value(0), 1);
    assert_eq!(rows.column(5).as_primitive::<types::TimestampMicrosecondType>().value(0), -2000);
    assert_eq!(rows.column(6).as_primitive::<types::TimestampNanosecondType>().value(0), 2000);
    assert_eq!(rows.column(7).as_primitive::<types::TimestampMicrosecondType>().value(0), -2);
    assert_eq!(rows.column(8).as_primitive::<types::TimestampMicrosecondType>().value(0), 1000);
    assert_eq!(rows.column(9).as_fixed_size_binary().value(0)[..4], [0x6f, 0x1c, 0x2e, 0x34]);
    let interval = rows.column(10).as_primitive::<types::IntervalMonthDayNanoType>().value(0);
    assert_eq!((interval.months, interval.days, interval.nanoseconds), (1, 2, 3_000_000));
}

#[test]
fn nothing_is_rounded() {
    let fields =
        r#"{"name":"d","type":{"type":"bytes","logicalType":"decimal","precision":10,"scale":2}},{"name":"n","type":"long"}"#;
    let mut decoder = decoder(&[("d", "decimal(4,1)"), ("n", "float64")], &[(1, fields)]);
    assert_eq!(decoder.push(&framed(1, &[2, 110, 2])), Pushed::Row); // 1.10
    let places = "more decimal places than the column has (field `d`)";
    assert_eq!(decoder.push(&framed(1, &[2, 111, 2])), Pushed::Bad(places.into()));
    let digits = "more digits than the column has (field `d`)";
    assert_eq!(decoder.push(&framed(1, &[6, 1, 0x86, 0xA0, 2])), Pushed::Bad(digits.into())); // 1000.00
    let mut large = vec![2, 110];
    large.extend([0x82, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20]); // 2^53 + 1
    assert_eq!(decoder.push(&framed(1, &large)), Pushed::Bad("a number that a float cannot hold exactly (field `n`)".into()));
    assert_eq!(decoder.finish().unwrap().num_rows(), 1);
}

#[test]
fn records_maps_and_unions() {
    let fields = r#"{"name":"r","type":["null",{"type":"record","name":"In","fields":[{"name":"b","type":"int"},{"name":"skip","type":{"type":"map","values":"long"}},{"name":"a","type":["null","In2"]}]}]},
        {"name":"m","type":{"type":"map","values":["long","null"]}},{"name":"u","type":["null","string","long"]},{"name":"any","type":["int",{"type":"array","items":"string"}]}"#;
    let inner = r#"{"type":"record","name":"In2","fields":[{"name":"x","type":"string"}]}"#;
    let columns =
        schema(&[("r", "struct<a:struct<x:string>,b:int64>"), ("m", "map<string,int64>"), ("u", "int64"), ("any", "json")]);
    let mut decoder = AvroDecoder::new(&columns, AvroOptions { framing: Framing::Bare, ..AvroOptions::default() }).unwrap();
    decoder.add_schema(0, &record(fields), &[inner.to_owned()]).unwrap();
    // {b: 3, skip: {"k": 1} in a block with its size, a: {x: "y"}}, {"p": 5, "q": null}, 7, ["s"]
    let row = [2, 6, 1, 6, 2, b'k', 2, 0, 2, 2, b'y', 4, 2, b'p', 0, 10, 2, b'q', 2, 0, 4, 14, 2, 2, 2, b's', 0];
    assert_eq!(decoder.push(&row), Pushed::Row);
    assert_eq!(decoder.push(&[0, 0, 0, 0, 1]), Pushed::Row);
    let text = "a string, which the column cannot take (field `u`)";
    assert_eq!(decoder.push(&[0, 0, 2, 2, b'z', 0, 1]), Pushed::Bad(text.into()));
    let rows = decoder.finish().unwrap();
    let shown = thyme_formats::json_out::JsonEncoder::new(&columns, Default::default());
    let mut out = Vec::new();
    shown.unwrap().encode(&rows, &mut out, None).unwrap();
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "{\"r\":{\"a\":{\"x\":\"y\"},\"b\":3},\"m\":{\"p\":5,\"q\":null},\"u\":7,\"any\":[\"s\"]}\n{\"r\":null,\"m\":{},\"u\":null,\"any\":-1}\n"
    );
}

#[test]
fn a_schema_that_does_not_go_with_the_columns_is_drift() {
    let columns = schema(&[("id", "int32"), ("name", "string")]);
    let report = AvroOptions { unknown: Unknown::Report, ..AvroOptions::default() };
    let mut decoder = AvroDecoder::new(&columns, report).unwrap();
    let fields = r#"{"name":"id","type":"string"},{"name":"more","type":{"type":"long","logicalType":"timestamp-micros"}}"#;
    let error = decoder.add_schema(1, &record(fields), &[]).unwrap_err();
    let drift = error.as_drift().unwrap();
    assert_eq!(drift.changed, [("id".to_owned(), "int32".to_owned(), "string".to_owned())]);
    assert_eq!(drift.added.len(), 1);
    assert_eq!(field_type::name(&drift.added[0]), "timestamp");
    for broken in [
        "",
        "{",
        "\"long\"",
        r#"{"type":"record","name":"R"}"#,
        r#"{"type":"record","name":"R","fields":[{"name":"a","type":"B"}]}"#,
    ] {
        assert_eq!(decoder.add_schema(2, broken, &[]).unwrap_err().kind(), Kind::Schema, "{broken}");
    }
}

#[test]
fn the_readers_schema_has_defaults_and_aliases() {
    let columns = [("id", "int64"), ("name", "string"), ("price", "decimal(10,2)"), ("tags", "list<string>")];
    let mut decoder = decoder(&columns, &[(1, r#"{"name":"ident","type":"int"}"#)]);
    let reader = record(
        r#"{"name":"id","aliases":["ident"],"type":"long"},{"name":"name","type":["null","string"],"default":"none"},
        {"name":"price","type":{"type":"bytes","logicalType":"decimal","precision":10,"scale":2},"default":"\u0004\u00d2"},
        {"name":"tags","type":{"type":"array","items":"string"},"default":["a","b"]}"#,
    );
    decoder.set_reader(&reader, &[]).unwrap();
    assert_eq!(decoder.push(&framed(1, &[10])), Pushed::Row);
    let rows = decoder.finish().unwrap();
    assert_eq!(longs(&rows, 0), [Some(5)]);
    assert_eq!(rows.column(1).as_string::<i32>().value(0), "none");
    assert_eq!(rows.column(2).as_primitive::<types::Decimal128Type>().value(0), 1234);
    assert_eq!(rows.column(3).as_list::<i32>().value(0).as_string::<i32>().iter().collect::<Vec<_>>(), [Some("a"), Some("b")]);
}

#[test]
fn columns_of_a_schema() {
    let fields = r#"{"name":"id","type":"long"},{"name":"n","type":["null","int"]},{"name":"any","type":["null","int","string"]},
        {"name":"p","type":{"type":"bytes","logicalType":"decimal","precision":40,"scale":2}},{"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}},
        {"name":"ntz","type":{"type":"long","logicalType":"local-timestamp-micros"}},{"name":"self","type":["null","R"]},
        {"name":"s","type":{"type":"record","name":"S","fields":[{"name":"x","type":"float"},{"name":"l","type":{"type":"array","items":"bytes"}}]}},
        {"name":"c","type":{"type":"long","connect.version":1,"connect.name":"io.debezium.time.MicroTimestamp"}}"#;
    let columns = thyme_formats::avro::columns(&record(fields), &[]).unwrap();
    let words: Vec<_> = columns.fields().iter().map(|field| format!("{}:{}", field.name(), field_type::name(field))).collect();
    assert_eq!(
        words.join(" "),
        "id:int64 n:int32 any:json p:decimal(40,2) at:timestamp ntz:timestamp_ntz self:json s:struct<x:float32,l:list<bytes>> c:timestamp_ntz"
    );
}
