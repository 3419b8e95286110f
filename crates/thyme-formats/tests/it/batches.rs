//! Batches of every type with values that look random.
use std::sync::Arc;

use thyme_core::arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Decimal256Array, FixedSizeBinaryArray, Float32Array,
    Float64Array, Int8Array, Int16Array, Int32Array, Int64Array, IntervalMonthDayNanoArray, LargeStringArray, RecordBatch,
    StringArray, Time64MicrosecondArray, TimestampMicrosecondArray, TimestampNanosecondArray, UInt8Array, UInt16Array,
    UInt32Array, UInt64Array,
};
use thyme_core::arrow::buffer::{IntervalMonthDayNano, i256};
use thyme_core::arrow::datatypes::{Field, Schema};

use crate::rng::Rng;

/// A text with whatever gives encoders trouble.
pub(crate) fn text(rng: &mut Rng) -> String {
    let pieces = [
        "plain text of some length, ",
        "\"",
        "\\",
        "\n",
        "\r",
        "\r\n",
        "\t",
        "\0",
        "\u{1f}",
        "\u{7f}",
        ",",
        "ä",
        "€",
        "𝄞",
        "\u{2028}",
        "'",
        "null",
        "0",
        "\u{feff}",
    ];
    let mut text = String::new();
    for _ in 0..rng.below(9) {
        if rng.below(8) == 0 {
            text.extend((0..rng.below(40)).map(|_| char::from_u32(rng.next() as u32 % 0x11_0000).unwrap_or('x')));
        } else {
            text.push_str(rng.pick(&pieces));
        }
    }
    text
}

fn column<T>(rng: &mut Rng, rows: usize, mut value: impl FnMut(&mut Rng) -> T) -> Vec<Option<T>> {
    let nulls = rng.below(3);
    (0..rows).map(|_| (nulls == 0 || rng.below(4) > 0).then(|| value(rng))).collect()
}

/// An integer of any length.
fn bits(rng: &mut Rng) -> u64 {
    let shift = rng.below(64);
    match rng.below(12) {
        0 => u64::MAX,
        1 => 1 << 63,
        2 => 10u64.pow(rng.below(20) as u32),
        3 => 10u64.pow(rng.below(20) as u32) - 1,
        _ => rng.next() >> shift,
    }
}

fn finite(rng: &mut Rng) -> f64 {
    let value = match rng.below(4) {
        0 => (rng.next() as i32) as f64 / 10f64.powi(rng.below(8) as i32),
        _ => f64::from_bits(rng.next()),
    };
    if value.is_finite() { value } else { -0.0 }
}

fn digits(rng: &mut Rng, most: u32) -> i128 {
    let size = (u128::from(rng.next()) << 64 | u128::from(rng.next())) % 10u128.pow(1 + rng.below(most as usize) as u32);
    if rng.below(2) == 0 { -(size as i128) } else { size as i128 }
}

/// A batch with a column of every simple type; every value can be written.
pub(crate) fn simple(rng: &mut Rng, rows: usize) -> RecordBatch {
    // Within the years 0000 to 9999.
    let micros = |rng: &mut Rng| (rng.next() % 315_569_520_000_000_000) as i64 - 62_167_219_200_000_000;
    let uuids = column(rng, rows, |rng| [rng.next().to_le_bytes(), rng.next().to_le_bytes()].concat());
    let bytes = column(rng, rows, |rng| (0..rng.below(20)).map(|_| rng.next() as u8).collect::<Vec<_>>());
    let interval = |rng: &mut Rng| IntervalMonthDayNano::new(rng.next() as i32, rng.next() as i32, bits(rng) as i64);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("bool", Arc::new(BooleanArray::from(column(rng, rows, |rng| rng.below(2) == 0)))),
        ("i8", Arc::new(Int8Array::from(column(rng, rows, |rng| rng.next() as i8)))),
        ("i16", Arc::new(Int16Array::from(column(rng, rows, |rng| rng.next() as i16)))),
        ("i32", Arc::new(Int32Array::from(column(rng, rows, |rng| bits(rng) as i32)))),
        ("i64", Arc::new(Int64Array::from(column(rng, rows, |rng| bits(rng) as i64)))),
        ("u8", Arc::new(UInt8Array::from(column(rng, rows, |rng| rng.next() as u8)))),
        ("u16", Arc::new(UInt16Array::from(column(rng, rows, |rng| rng.next() as u16)))),
        ("u32", Arc::new(UInt32Array::from(column(rng, rows, |rng| bits(rng) as u32)))),
        ("u64", Arc::new(UInt64Array::from(column(rng, rows, bits)))),
        (
            "f32",
            Arc::new(Float32Array::from(column(rng, rows, |rng| {
                let value = f32::from_bits(rng.next() as u32);
                if value.is_finite() { value } else { 0.5 }
            }))),
        ),
        ("f64", Arc::new(Float64Array::from(column(rng, rows, finite)))),
        ("text", Arc::new(StringArray::from(column(rng, rows, text)))),
        ("long", Arc::new(LargeStringArray::from(column(rng, rows, text)))),
        ("bytes", Arc::new(BinaryArray::from(bytes.iter().map(|b| b.as_deref()).collect::<Vec<_>>()))),
        (
            "money",
            Arc::new(Decimal128Array::from(column(rng, rows, |rng| digits(rng, 12))).with_precision_and_scale(12, 2).unwrap()),
        ),
        (
            "wide",
            Arc::new(Decimal128Array::from(column(rng, rows, |rng| digits(rng, 38))).with_precision_and_scale(38, 20).unwrap()),
        ),
        (
            "huge",
            Arc::new(
                Decimal256Array::from(column(rng, rows, |rng| {
                    i256::from_i128(digits(rng, 38)).wrapping_mul(i256::from_i128(digits(rng, 37)))
                }))
                .with_precision_and_scale(76, 9)
                .unwrap(),
            ),
        ),
        ("date", Arc::new(Date32Array::from(column(rng, rows, |rng| rng.below(3_652_425) as i32 - 719_528)))),
        ("time", Arc::new(Time64MicrosecondArray::from(column(rng, rows, |rng| rng.below(86_400_000_000) as i64)))),
        ("at", Arc::new(TimestampMicrosecondArray::from(column(rng, rows, micros)).with_timezone("+00:00"))),
        ("at_ns", Arc::new(TimestampNanosecondArray::from(column(rng, rows, |rng| rng.next() as i64)).with_timezone("+00:00"))),
        ("local", Arc::new(TimestampMicrosecondArray::from(column(rng, rows, micros)))),
        ("interval", Arc::new(IntervalMonthDayNanoArray::from(column(rng, rows, interval)))),
        ("uuid", Arc::new(FixedSizeBinaryArray::try_from_sparse_iter_with_size(uuids.into_iter(), 16).unwrap())),
    ];
    let fields: Vec<_> = columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true)).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns.into_iter().map(|(_, array)| array).collect()).unwrap()
}
