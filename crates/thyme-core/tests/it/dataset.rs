//! What a dataset refuses, and what fits it.
use std::sync::Arc;

use thyme_core::arrow::array::{Int64Array, RecordBatch, StringArray};
use thyme_core::arrow::datatypes::{Field, Schema};
use thyme_core::{Dataset, Kind, field_type};

fn dataset(fields: &[(&str, &str)]) -> thyme_core::Result<Dataset> {
    let fields = fields.iter().map(|(name, text)| field_type::parse(name, text)).collect::<thyme_core::Result<Vec<Field>>>()?;
    Dataset::new("orders", Arc::new(Schema::new(fields)))
}

fn orders() -> Dataset {
    dataset(&[("id", "int64"), ("name", "string"), ("at", "timestamp"), ("amount", "float64")]).unwrap()
}

#[test]
fn key_and_timestamp_are_never_null_and_batches_always_may_be() {
    let dataset = orders().with_key(["id"]).unwrap().with_timestamp("at").unwrap();
    let nullable = |schema: &Schema| schema.fields().iter().map(|f| f.is_nullable()).collect::<Vec<_>>();
    assert_eq!(nullable(dataset.schema()), [false, true, false, true]);
    assert_eq!(nullable(dataset.columns()), [true; 4]);
    let wider = dataset.with_added(&[Arc::new(field_type::parse("more", "list<int8>").unwrap())]).unwrap();
    assert_eq!(
        (nullable(wider.schema()), wider.key(), wider.timestamp()),
        (vec![false, true, false, true, true], dataset.key(), Some("at"))
    );
    assert!(wider.with_added(&[Arc::new(field_type::parse("more", "int8").unwrap())]).is_err());
}

#[test]
fn mistakes_are_named() {
    let errors = [
        (dataset(&[("a", "int8"), ("a", "int8")]), "two columns have the name `a`"),
        (orders().with_key(["nmae"]), "did you mean `name`?"),
        (orders().with_key(["amount"]), "can't be compared"),
        (orders().with_timestamp("id"), "not a timestamp or date"),
        (orders().with_timestamp("when"), "`when` is not a column"),
    ];
    for (result, what) in errors {
        let error = result.unwrap_err();
        assert!(error.kind() == Kind::Schema && error.message().contains(what), "{error}");
    }
}

#[test]
fn rows_fit_by_name_and_type() {
    let dataset = dataset(&[("id", "int64!"), ("name", "string")]).unwrap();
    let (id, name) = (Arc::new(Int64Array::from(vec![1])), Arc::new(StringArray::from(vec!["x"])));
    let fits = dataset.fit(&RecordBatch::try_from_iter([("id", Arc::clone(&id) as _), ("name", name as _)]).unwrap()).unwrap();
    assert_eq!(fits.schema_ref(), dataset.columns());
    let wrong = dataset
        .fit(&RecordBatch::try_from_iter([("id", Arc::clone(&id) as _), ("name", Arc::clone(&id) as _)]).unwrap())
        .unwrap_err();
    assert_eq!(wrong.message(), "expected the column `name` string, found `name` int64");
    let short = dataset.fit(&RecordBatch::try_from_iter([("id", id as _)]).unwrap()).unwrap_err();
    assert!(short.message().contains("expected 2 columns, found 1"));
}
