//! Typed rows of a derived dataset, both ways.
use jiff::Timestamp;
use jiff::civil::{self, date, time};
use thyme_core::arrow::array::{Array, ArrayRef, Int64Array, RecordBatch, StringArray};
use thyme_core::bytes::Bytes;
use thyme_core::{Batch, Dataset, Kind, Position, Record, field_type};

#[derive(Clone, Debug, PartialEq, Dataset)]
struct Address {
    street: String,
    zip: Option<i32>,
}

/// Field names that the derive itself might have used.
#[derive(Clone, Debug, PartialEq, Dataset)]
#[dataset(name = "order_lines")]
struct Row {
    #[dataset(key)]
    user_id: String,
    #[dataset(key)]
    r#type: i64,
    #[dataset(timestamp, rename = "updated-at")]
    at: Timestamp,
    rows: u8,
    values: f64,
    columns: Option<bool>,
    raw: Bytes,
    day: civil::Date,
    hour: Option<civil::Time>,
    local: civil::DateTime,
    tags: Vec<Option<String>>,
    address: Option<Address>,
    history: Vec<Address>,
}

fn row(n: i64) -> Row {
    let address = Address { street: format!("{n} Elm"), zip: (n % 2 == 0).then_some(12345) };
    Row {
        user_id: format!("u{n}"),
        r#type: n,
        at: Timestamp::from_microsecond(n * 1_000_003).unwrap(),
        rows: u8::try_from(n).unwrap(),
        values: n as f64 / 3.0,
        columns: [None, Some(true), Some(false)][n as usize % 3],
        raw: Bytes::from(vec![0, 255, u8::try_from(n).unwrap()]),
        day: date(1969, 12, 30).checked_add(jiff::Span::new().days(n)).unwrap(),
        hour: (n % 2 == 1).then(|| time(23, 59, 59, 999_999_000)),
        local: date(2024, 2, 29).at(1, 2, 3, 4_000),
        tags: (0..n % 4).map(|i| (i > 0).then(|| format!("t{i}"))).collect(),
        address: (n % 3 == 0).then(|| address.clone()),
        history: vec![address; n as usize % 3],
    }
}

#[test]
fn rows_come_back_as_they_went() {
    let rows: Vec<_> = (0..20).map(row).collect();
    let batch = Batch::from_rows(rows.clone(), Position::of(&20)).unwrap();
    assert_eq!(batch.rows.num_rows(), 20);
    assert_eq!(batch.rows::<Row>().unwrap(), rows);
    assert_eq!(batch.slice(5, 3).rows::<Row>().unwrap(), rows[5..8]);
    assert!(Batch::from_rows(Vec::<Row>::new(), Position::of(&0)).unwrap().rows::<Row>().unwrap().is_empty());
}

#[test]
fn the_dataset_is_as_declared() {
    let dataset = Row::dataset().unwrap();
    assert_eq!(
        (dataset.name(), dataset.key(), dataset.timestamp()),
        ("order_lines", &["user_id".into(), "type".into()][..], Some("updated-at"))
    );
    let types: Vec<_> = dataset.schema().fields().iter().map(|f| format!("{} {}", f.name(), field_type::name(f))).collect();
    let expected = [
        "user_id string!",
        "type int64!",
        "updated-at timestamp!",
        "rows uint8!",
        "values float64!",
        "columns bool",
        "raw bytes!",
        "day date!",
        "hour time",
        "local timestamp_ntz!",
        "tags list<string>!",
        "address struct<street:string,zip:int32>",
        "history list<struct<street:string,zip:int32>>!",
    ];
    assert_eq!(types, expected);
    assert!(dataset.columns().fields().iter().all(|f| f.is_nullable()));
    assert_eq!(Address::dataset().unwrap().name(), "address");
}

#[test]
fn what_does_not_fit_is_named() {
    let batch = |columns: Vec<(&str, ArrayRef)>| Batch::insert(RecordBatch::try_from_iter(columns).unwrap(), Position::of(&0));
    let street = || std::sync::Arc::new(StringArray::from(vec![Some("a"), None])) as ArrayRef;
    let zip = std::sync::Arc::new(Int64Array::from(vec![1, 2])) as ArrayRef;
    let missing = batch(vec![("street", street())]).rows::<Address>().unwrap_err();
    assert_eq!((missing.kind(), missing.message()), (Kind::Data, "`street` is null in row 1"));
    let typed = batch(vec![("street", street().slice(0, 1)), ("zip", zip.slice(0, 1))]).rows::<Address>().unwrap_err();
    assert!(typed.kind() == Kind::Schema && typed.to_string().contains("zip"), "{typed}");
    let gone = batch(vec![("zip", zip)]).rows::<Address>().unwrap_err();
    assert!(gone.kind() == Kind::Schema && gone.to_string().contains("`street`"), "{gone}");
}
