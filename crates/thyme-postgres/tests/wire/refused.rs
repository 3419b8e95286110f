//! Values that only one side has: each costs its row, and says so.
use std::sync::Arc;

use thyme_core::Result;
use thyme_core::arrow::array::types::Int32Type;
use thyme_core::arrow::array::{
    Array, ArrayRef, Date32Array, Int64Array, IntervalMonthDayNanoArray, ListArray, RecordBatch, StringArray,
    TimestampMicrosecondArray, TimestampNanosecondArray,
};
use thyme_core::arrow::buffer::IntervalMonthDayNano;
use thyme_core::arrow::datatypes::{Schema, SchemaRef};
use thyme_core::field_type;
use thyme_postgres::testing::catalog::describe_table;
use thyme_postgres::testing::copy::Decoder;
use thyme_testkit::postgres::Major;

use crate::table::{nullable, read_as, schema, write};
use crate::{client, server};

pub(crate) async fn read(major: Major) -> Result<()> {
    let database = server(major)?.database().await?;
    database
        .run(
            "create table odd (id int, n numeric(5,2), ts timestamp, tsz timestamptz, tm time, iv interval, a int[], g int[][]); \
             insert into odd (id, n) values (1, 'NaN'), (2, 1.5); \
             insert into odd (id, ts) values (3, '294276-12-31 23:59:59.999999'), (4, '294247-01-10 04:00:54.775807'); \
             insert into odd (id, tsz) values (5, '294276-12-31 23:59:59.999999+00'); \
             insert into odd (id, tm) values (6, '24:00:00'); \
             insert into odd (id, iv) values (7, '2562047:47:16.854776'); \
             insert into odd (id, a) values (8, '[0:1]={1,2}'), (9, '{{1,2},{3,4}}'); \
             insert into odd (id, g) values (10, '{{1},{2}}'), (11, '{1,2}'), (12, '{}'); \
             insert into odd (id, n, tm) values (13, 'NaN', '24:00:00'), (14, 2, '12:00')",
        )
        .await?;
    let client = client(&database).await?;
    let table = describe_table(&client, "public", "odd").await?;
    let mut fields: Vec<_> = nullable(&schema(&table.columns)).fields().iter().map(Arc::clone).collect();
    fields[7] = Arc::new(field_type::parse("g", "list<list<int32>>")?);
    let schema: SchemaRef = Arc::new(Schema::new(fields));
    let decoded = read_as(&client, &table, &schema).await?;
    let bad: Vec<_> = decoded.bad.iter().map(|bad| (bad.row + 1, bad.column.as_str(), bad.reason.as_str())).collect();
    let late = "a timestamp after 294247-01-10, past what Arrow counts in microseconds";
    assert_eq!(
        bad,
        [
            (1, "n", "NaN, which a decimal cannot hold: declare the field as string or float64"),
            (3, "ts", late),
            (4, "ts", late),
            (5, "tsz", late),
            (6, "tm", "the time 24:00:00, which Arrow does not have"),
            (7, "iv", "an interval with more hours than Arrow counts in nanoseconds, 292 years"),
            (8, "a", "an array that begins at 0, not 1"),
            (9, "a", "an array of 2 dimensions in a field of 1"),
            (11, "g", "an array of 1 dimensions in a field of 2"),
            (13, "n", "NaN, which a decimal cannot hold: declare the field as string or float64"),
        ]
    );
    assert_eq!(decoded.rows.num_rows(), 14);
    for bad in &decoded.bad {
        let column = decoded.rows.column_by_name(&bad.column).unwrap();
        assert!(column.is_null(bad.row), "{bad:?}");
        // The payload is the row again: what a replay of dead letters reads.
        let mut again = Decoder::new(&table.columns, Arc::clone(&schema))?.headless();
        again.feed(bad.payload.as_ref().unwrap())?;
        let again = again.take()?.unwrap();
        assert_eq!((again.bad[0].reason.as_str(), again.rows.num_rows()), (bad.reason.as_str(), 1));
        assert_eq!(again.rows, decoded.rows.slice(bad.row, 1));
    }

    // The remedy works: as text everything can be read.
    let words = ["int32", "string", "string", "string", "string", "string", "string", "string"];
    let fields = table.columns.iter().zip(words).map(|(column, word)| field_type::parse(&column.name, word));
    let decoded = read_as(&client, &table, &Arc::new(Schema::new(fields.collect::<Result<Vec<_>>>()?))).await?;
    assert_eq!(decoded.bad, []);
    Ok(())
}

pub(crate) async fn written(major: Major) -> Result<()> {
    let database = server(major)?.database().await?;
    database
        .run(
            "create table t (id bigint, i2 smallint, t text, d date, ts timestamptz, ns timestamptz, iv interval, a int[], \
             u uuid, ip inet, n numeric, tz timetz)",
        )
        .await?;
    let client = client(&database).await?;
    let table = describe_table(&client, "public", "t").await?;
    let rows = 12;
    let only = |row: usize, text: &str| -> ArrayRef {
        Arc::new(StringArray::from((0..rows).map(|at| (at == row).then_some(text)).collect::<Vec<_>>()))
    };
    let number = |row: usize, value: i64| (0..rows).map(move |at| (at == row).then_some(value));
    let day = (0..rows).map(|at| (at == 3).then_some(i32::MAX - 1)).collect::<Date32Array>();
    let span = (0..rows).map(|at| (at == 6).then_some(IntervalMonthDayNano::new(0, 0, 1)));
    let lists: Vec<Option<Vec<Option<i32>>>> = vec![Some(Vec::new()); rows];
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new((0..rows as i64).map(Some).collect::<Int64Array>())),
        ("i2", Arc::new(number(1, 32_768).collect::<Int64Array>())),
        ("t", only(2, "a\0b")),
        ("d", Arc::new(day)),
        ("ts", Arc::new(number(4, i64::MIN + 1).collect::<TimestampMicrosecondArray>())),
        ("ns", Arc::new(number(5, 1).collect::<TimestampNanosecondArray>())),
        ("iv", Arc::new(span.collect::<IntervalMonthDayNanoArray>())),
        ("a", Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(lists))),
        ("u", only(7, "not a uuid")),
        ("ip", only(8, "300.0.0.1")),
        ("n", only(9, "12 apples")),
        ("tz", only(10, "noon")),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let refused = write(&client, &table, &batch).await?;
    let expected = ["i2", "t", "d", "ts", "ns", "iv", "u", "ip", "n", "tz"];
    assert_eq!(refused.len(), expected.len(), "{refused:?}");
    for ((refused, column), row) in refused.iter().zip(expected).zip(1..) {
        assert!(refused.row == row && refused.reason.starts_with(&format!("column `{column}`: ")), "{refused:?}");
    }
    assert_eq!(database.column("select id from t order by id").await?, ["0", "11"]);
    assert!(batch.column_by_name("a").unwrap().is_valid(0));
    Ok(())
}
