//! What the JSON encoder writes, read back by serde_json and arrow-json.
use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use thyme_core::arrow::array::cast::AsArray;
use thyme_core::arrow::array::types::{
    Date32Type, Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    IntervalMonthDayNanoType, Time64MicrosecondType, TimestampMicrosecondType, TimestampNanosecondType, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use thyme_core::arrow::array::{Array, Float64Array, RecordBatch, StringArray};
use thyme_core::arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use thyme_formats::json_out::{JsonEncoder, JsonWriteOptions};
use thyme_formats::text::{base64, date, decimal, interval, time, timestamp, uuid};

use crate::batches;
use crate::rng::Rng;

fn encode(batch: &RecordBatch) -> Vec<u8> {
    let mut encoder = JsonEncoder::new(&batch.schema(), JsonWriteOptions::default()).unwrap();
    let mut out = Vec::new();
    assert_eq!(encoder.encode(batch, &mut out, None).unwrap(), []);
    out
}

/// Whether a JSON value is the value of a cell, bit for bit.
fn same(json: &Value, array: &dyn Array, row: usize) -> bool {
    if array.is_null(row) {
        return json.is_null();
    }
    let text = || json.as_str().map(str::as_bytes).unwrap_or_default();
    macro_rules! value {
        ($t:ty) => {
            array.as_primitive::<$t>().value(row)
        };
    }
    match array.data_type() {
        DataType::Boolean => json.as_bool() == Some(array.as_boolean().value(row)),
        DataType::Int8 => json.as_i64() == Some(value!(Int8Type).into()),
        DataType::Int16 => json.as_i64() == Some(value!(Int16Type).into()),
        DataType::Int32 => json.as_i64() == Some(value!(Int32Type).into()),
        DataType::Int64 => json.as_i64() == Some(value!(Int64Type)),
        DataType::UInt8 => json.as_u64() == Some(value!(UInt8Type).into()),
        DataType::UInt16 => json.as_u64() == Some(value!(UInt16Type).into()),
        DataType::UInt32 => json.as_u64() == Some(value!(UInt32Type).into()),
        DataType::UInt64 => json.as_u64() == Some(value!(UInt64Type)),
        DataType::Float32 => json.as_f64().map(|f| (f as f32).to_bits()) == Some(value!(Float32Type).to_bits()),
        DataType::Float64 => json.is_f64() && json.as_f64().map(f64::to_bits) == Some(value!(Float64Type).to_bits()),
        DataType::Utf8 => json.as_str() == Some(array.as_string::<i32>().value(row)),
        DataType::LargeUtf8 => json.as_str() == Some(array.as_string::<i64>().value(row)),
        DataType::Binary => {
            let mut bytes = Vec::new();
            base64::decode(text(), &mut bytes).is_ok() && bytes == array.as_binary::<i32>().value(row)
        }
        DataType::Decimal128(p, s) => decimal::decimal128(text(), *p, *s) == Ok(value!(Decimal128Type)),
        DataType::Decimal256(p, s) => decimal::decimal256(text(), *p, *s) == Ok(value!(Decimal256Type)),
        DataType::Date32 => date::parse(text()) == Ok(value!(Date32Type)),
        DataType::Time64(_) => time::parse(text()) == Ok(value!(Time64MicrosecondType)),
        DataType::Timestamp(TimeUnit::Microsecond, None) => {
            timestamp::local_micros(text()) == Ok(value!(TimestampMicrosecondType))
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => timestamp::micros(text()) == Ok(value!(TimestampMicrosecondType)),
        DataType::Timestamp(..) => timestamp::nanos(text()) == Ok(value!(TimestampNanosecondType)),
        DataType::Interval(_) => interval::parse(text()) == Ok(value!(IntervalMonthDayNanoType)),
        DataType::FixedSizeBinary(_) => uuid::parse(text()).is_ok_and(|u| u == array.as_fixed_size_binary().value(row)),
        other => panic!("{other}"),
    }
}

fn read_back(rng: &mut Rng, batches: usize) {
    for _ in 0..batches {
        let rows = rng.below(60);
        let whole = batches::simple(rng, rows);
        // A slice too: offsets that do not begin at 0.
        let from = rng.below(rows + 1);
        for batch in [whole.slice(from, rows - from), whole] {
            let out = encode(&batch);
            let lines: Vec<_> = out.split_inclusive(|b| *b == b'\n').collect();
            assert_eq!(lines.len(), batch.num_rows());
            for (row, line) in lines.iter().enumerate() {
                let object: BTreeMap<String, Value> = serde_json::from_slice(line).unwrap();
                assert_eq!(object.len(), batch.num_columns());
                for (field, array) in batch.schema().fields().iter().zip(batch.columns()) {
                    let json = &object[field.name()];
                    assert!(same(json, array, row), "{} {json} {:?}", field.name(), array.slice(row, 1));
                }
            }
        }
    }
}

#[test]
fn every_type_is_read_back_bit_for_bit() {
    read_back(&mut Rng(21), 150);
}

#[test]
#[ignore = "soak: run by cargo xtask soak formats"]
fn soak_formats_json_read_back() {
    read_back(&mut Rng(22), 150_000);
}

#[test]
fn floats_and_strings_by_the_hundred_thousand() {
    let mut rng = Rng(23);
    let floats: Vec<_> = std::iter::repeat_with(|| f64::from_bits(rng.next())).filter(|f| f.is_finite()).take(100_000).collect();
    let texts: Vec<_> = std::iter::repeat_with(|| batches::text(&mut rng)).take(100_000).collect();
    let schema = Schema::new(vec![Field::new("f", DataType::Float64, true), Field::new("s", DataType::Utf8, true)]);
    let columns: Vec<Arc<dyn Array>> =
        vec![Arc::new(Float64Array::from(floats.clone())), Arc::new(StringArray::from(texts.clone()))];
    let out = encode(&RecordBatch::try_new(Arc::new(schema), columns).unwrap());
    for ((line, float), text) in out.split(|b| *b == b'\n').zip(floats).zip(texts) {
        let (f, s): (f64, String) = {
            #[derive(serde::Deserialize)]
            struct Row {
                f: f64,
                s: String,
            }
            let row: Row = serde_json::from_slice(line).unwrap();
            (row.f, row.s)
        };
        assert_eq!((f.to_bits(), s), (float.to_bits(), text));
    }
}

#[test]
fn arrow_json_reads_the_same() {
    let mut rng = Rng(24);
    let names = ["bool", "i8", "i32", "i64", "u64", "f64", "text", "long", "money", "date", "at", "local", "time"];
    for _ in 0..100 {
        let whole = batches::simple(&mut rng, 40);
        let places: Vec<_> = names.iter().map(|name| whole.schema().index_of(name).unwrap()).collect();
        let batch = whole.project(&places).unwrap();
        let mut decoder = arrow_json::ReaderBuilder::new(batch.schema()).build_decoder().unwrap();
        let out = encode(&batch);
        assert_eq!(decoder.decode(&out).unwrap(), out.len());
        assert_eq!(decoder.flush().unwrap().unwrap(), batch);
    }
}
