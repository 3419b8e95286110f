//! A table with every type of the contract: ordinary values, extremes and nulls.
use std::sync::Arc;

use thyme_core::arrow::array::builder::*;
use thyme_core::arrow::array::types::{Date32Type, Float32Type, Float64Type, IntervalMonthDayNano};
use thyme_core::arrow::array::*;
use thyme_core::arrow::datatypes::{DataType, Field, Schema};
use thyme_core::{Error, Kind, Result, field_type};

use crate::drive::breaks;

/// Rows of the table: a plain one, the smallest values, the largest, and nulls.
const ROWS: usize = 4;

/// The table. Its first column is `id`, an int64; every other one is named as its type is written in a pipeline file, with
/// `_` for what a name can't hold: `decimal_12_2`, `list_string`.
///
/// # Errors
/// None in practice: the columns are fixed.
pub fn table() -> Result<RecordBatch> {
    let mut columns: Vec<(Field, ArrayRef)> = Vec::new();
    let mut add = |text: &str, values: ArrayRef| -> Result<()> {
        let field = field_type::parse(&column_name(text), text)?;
        let values = with_type(values, field.data_type())?;
        columns.push((field, values));
        Ok(())
    };
    add("string", Arc::new(StringArray::from(vec![Some("plain"), Some(""), Some("\"ü\\🌿\u{0}\n"), None])))?;
    add("bytes", Arc::new(BinaryArray::from(vec![Some(&b"plain"[..]), Some(b""), Some(b"\x00\xff\xfe"), None])))?;
    add("bool", Arc::new(BooleanArray::from(vec![Some(true), Some(false), Some(true), None])))?;
    add("int8", Arc::new(Int8Array::from(vec![Some(1), Some(i8::MIN), Some(i8::MAX), None])))?;
    add("int16", Arc::new(Int16Array::from(vec![Some(1), Some(i16::MIN), Some(i16::MAX), None])))?;
    add("int32", Arc::new(Int32Array::from(vec![Some(1), Some(i32::MIN), Some(i32::MAX), None])))?;
    add("int64", Arc::new(Int64Array::from(vec![Some(1), Some(i64::MIN), Some(i64::MAX), None])))?;
    add("uint8", Arc::new(UInt8Array::from(vec![Some(1), Some(0), Some(u8::MAX), None])))?;
    add("uint16", Arc::new(UInt16Array::from(vec![Some(1), Some(0), Some(u16::MAX), None])))?;
    add("uint32", Arc::new(UInt32Array::from(vec![Some(1), Some(0), Some(u32::MAX), None])))?;
    add("uint64", Arc::new(UInt64Array::from(vec![Some(1), Some(0), Some(u64::MAX), None])))?;
    add(
        "float32",
        Arc::new(PrimitiveArray::<Float32Type>::from(vec![Some(0.1), Some(f32::MIN), Some(f32::MIN_POSITIVE), None])),
    )?;
    let double = vec![Some(0.1 + 0.2), Some(f64::MIN), Some(5e-324), None];
    add("float64", Arc::new(PrimitiveArray::<Float64Type>::from(double)))?;
    let cents = Decimal128Array::from(vec![Some(1234), Some(-999_999_999_999), Some(999_999_999_999), None]);
    add("decimal(12,2)", Arc::new(cents))?;
    let most = 10i128.pow(37) * 9;
    add("decimal(38,9)", Arc::new(Decimal128Array::from(vec![Some(1), Some(-most), Some(most), None])))?;
    // From the year 1 to the year 9999, which every system can say.
    add("date", Arc::new(PrimitiveArray::<Date32Type>::from(vec![Some(20_000), Some(-719_162), Some(2_932_896), None])))?;
    add("time", Arc::new(Time64MicrosecondArray::from(vec![Some(45_296_789_012), Some(0), Some(86_399_999_999), None])))?;
    let instants = vec![Some(1_700_000_000_123_456), Some(-62_135_596_800_000_000), Some(253_402_300_799_999_999), None];
    add("timestamp", Arc::new(TimestampMicrosecondArray::from(instants.clone())))?;
    add("timestamp_ntz", Arc::new(TimestampMicrosecondArray::from(instants)))?;
    let nanos = vec![Some(1_700_000_000_123_456_789), Some(-1), Some(i64::MAX), None];
    add("timestamp_ns", Arc::new(TimestampNanosecondArray::from(nanos)))?;
    let interval = |months, days, nanos| Some(IntervalMonthDayNano::new(months, days, nanos));
    let intervals = vec![interval(14, 3, 4_000_000_000), interval(-1, -2, -3_000), interval(0, 0, 0), None];
    add("interval", Arc::new(IntervalMonthDayNanoArray::from(intervals)))?;
    add("json", Arc::new(StringArray::from(vec![Some(r#"{"a":[1,2.5,null],"b":"ü"}"#), Some("[]"), Some("null"), None])))?;
    add("uuid", Arc::new(uuids()?))?;
    add("list<string>", Arc::new(lists()))?;
    add("map<string,int64>", Arc::new(maps()?))?;
    add("struct<a:int64,b:string>", Arc::new(structs()?))?;
    let ids = Int64Array::from_iter_values(0..ROWS as i64);
    columns.insert(0, (Field::new("id", DataType::Int64, false), Arc::new(ids)));
    let (fields, columns): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(|e| breaks(e.to_string()))
}

/// The name of the column of a type.
fn column_name(text: &str) -> String {
    let name = text.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
    name.trim_end_matches('_').to_owned()
}

/// The same values under a type of the same layout.
fn with_type(values: ArrayRef, data_type: &DataType) -> Result<ArrayRef> {
    let data = values.to_data().into_builder().data_type(data_type.clone()).build();
    data.map(make_array).map_err(|e| Error::new(Kind::Unexpected, "a column of the type table is not its type").source(e))
}

fn uuids() -> Result<FixedSizeBinaryArray> {
    let values = [Some([0x3f; 16]), Some([0; 16]), Some([0xff; 16]), None];
    FixedSizeBinaryArray::try_from_sparse_iter_with_size(values.into_iter(), 16).map_err(|e| breaks(e.to_string()))
}

fn lists() -> ListArray {
    let mut lists = ListBuilder::new(StringBuilder::new());
    lists.append_value([Some("a"), None, Some("ü")]);
    lists.append_value([] as [Option<&str>; 0]);
    lists.append_value([Some("")]);
    lists.append_null();
    lists.finish()
}

fn maps() -> Result<MapArray> {
    let names = MapFieldNames { entry: "entries".into(), key: "keys".into(), value: "values".into() };
    let mut maps = MapBuilder::new(Some(names), StringBuilder::new(), Int64Builder::new());
    maps.keys().append_value("a");
    maps.values().append_value(1);
    maps.keys().append_value("b");
    maps.values().append_null();
    for valid in [true, true, true, false] {
        maps.append(valid).map_err(|e| breaks(e.to_string()))?;
    }
    Ok(maps.finish())
}

fn structs() -> Result<StructArray> {
    let fields = vec![Field::new("a", DataType::Int64, true), Field::new("b", DataType::Utf8, true)];
    let a: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None, Some(i64::MAX), None]));
    let b: ArrayRef = Arc::new(StringArray::from(vec![Some("x"), Some(""), None, None]));
    let valid = vec![true, true, true, false].into();
    StructArray::try_new(fields.into(), vec![a, b], Some(valid)).map_err(|e| breaks(e.to_string()))
}

/// `rows` without some columns.
///
/// # Errors
/// `Unexpected` naming a column that is not there: a harness must not excuse what does not exist.
pub fn without(rows: &RecordBatch, columns: &[&str]) -> Result<RecordBatch> {
    if let Some(unknown) = columns.iter().find(|name| rows.column_by_name(name).is_none()) {
        return Err(breaks(format!("the type table has no column `{unknown}`")));
    }
    let fields = rows.schema_ref().fields().iter().enumerate();
    let kept = fields.filter(|(_, field)| !columns.contains(&field.name().as_str())).map(|(at, _)| at).collect::<Vec<_>>();
    rows.project(&kept).map_err(|e| breaks(e.to_string()))
}

/// Whether the rows are the same, value by value and type by type; the error names each column that is not.
///
/// # Errors
/// `Unexpected` with the differences.
pub fn same(want: &RecordBatch, got: &RecordBatch) -> Result<()> {
    let mut wrong = Vec::new();
    for (field, want) in want.schema_ref().fields().iter().zip(want.columns()) {
        match got.column_by_name(field.name()) {
            None => wrong.push(format!("`{}` is not there", field.name())),
            Some(got) if got.data_type() != want.data_type() => {
                wrong.push(format!("`{}` is a {}, not a {}", field.name(), got.data_type(), want.data_type()));
            }
            Some(got) if got != want => wrong.push(format!("`{}` is {got:?}, not {want:?}", field.name())),
            Some(_) => {}
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(breaks(format!("the types do not come back: {}", wrong.join("; ")))) }
}
