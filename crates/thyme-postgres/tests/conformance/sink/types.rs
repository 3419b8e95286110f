//! Types that a table has under another name, or not at all: what becomes of their values, and which of them are refused.
use thyme_core::arrow::array::RecordBatch;
use thyme_core::{Dataset, Kind, Result, Sink};
use thyme_testkit::{Suite, types};

use super::world::{At, World, insert, job};

pub(super) fn cases(suite: Suite) -> Suite {
    suite
        .case("integers_that_the_server_does_not_have_are_wider_there", integers)
        .case("json_is_jsonb_and_the_same_value", json)
        .case("nanoseconds_are_written_where_they_are_whole_microseconds", nanoseconds)
        .case("maps_and_structs_are_refused_by_name", nested)
}

/// Columns of the type table, beside `id`.
fn some(columns: &[&str]) -> Result<(Dataset, RecordBatch)> {
    let all = types::table()?;
    let names: Vec<String> = all.schema_ref().fields().iter().map(|field| field.name().clone()).collect();
    let left: Vec<&str> = names.iter().map(String::as_str).filter(|name| *name != "id" && !columns.contains(name)).collect();
    let rows = types::without(&all, &left)?;
    let dataset = Dataset::new("types", rows.schema())?.with_key(["id"])?;
    let columns = dataset.fit(&rows)?;
    Ok((dataset, columns))
}

async fn integers() -> Result<()> {
    let world = World::new().await?;
    let (dataset, rows) = some(&["int8", "uint8", "uint16", "uint32", "uint64"])?;
    At::open(&world.sink(|config| config.auto_create = true), &dataset).await?.put(rows).await?;
    let made = "select attname, format_type(atttypid, atttypmod) from pg_attribute where attrelid = 't'::regclass and attnum > 1";
    let wider = ["int8 smallint", "uint8 smallint", "uint16 integer", "uint32 bigint", "uint64 numeric(20,0)"];
    assert_eq!(world.rows(&format!("{made} order by attnum")).await, wider);
    assert_eq!(
        world.rows("select * from t order by id").await,
        ["0 1 1 1 1 1", "1 -128 0 0 0 0", "2 127 255 65535 4294967295 18446744073709551615", "3 - - - - -"]
    );
    // Into columns that are too narrow goes what fits, and the other rows are put aside.
    let (dataset, rows) = some(&["uint32", "uint64"])?;
    world.run("drop table t, thyme_cursors; create table t (id bigint, uint32 integer, uint64 bigint)").await;
    let mut at = At::open(&world.sink(|_| {}), &dataset).await?;
    let staged = at.stage(insert(rows)).await?;
    assert_eq!(staged.rejects.iter().map(|reject| reject.row).collect::<Vec<_>>(), [Some(2)]);
    assert!(staged.rejects[0].reason.contains("too small"), "{:?}", staged.rejects);
    at.commit().await?;
    assert_eq!(world.rows("select * from t order by id").await, ["0 1 1", "1 0 0", "3 - -"]);
    Ok(())
}

async fn json() -> Result<()> {
    let world = World::new().await?;
    let (dataset, rows) = some(&["json"])?;
    At::open(&world.sink(|config| config.auto_create = true), &dataset).await?.put(rows.clone()).await?;
    assert_eq!(world.one("select pg_typeof(json) from t limit 1").await, "jsonb");
    let same = "select json = '{\"a\":[1,2.5,null],\"b\":\"ü\"}' from t where id = 0 union all select json = '[]' from t where id = 1 \
        union all select json = 'null' from t where id = 2 union all select json is null from t where id = 3";
    assert_eq!(world.rows(same).await, ["t"; 4]);
    // A column of type json keeps it to the letter.
    world.run("drop table t, thyme_cursors; create table t (id bigint, json json)").await;
    At::open(&world.sink(|_| {}), &dataset).await?.put(rows).await?;
    assert_eq!(world.one("select json from t where id = 0").await, r#"{"a":[1,2.5,null],"b":"ü"}"#);
    Ok(())
}

async fn nanoseconds() -> Result<()> {
    use std::sync::Arc;

    use thyme_core::arrow::array::{ArrayRef, Int64Array, TimestampNanosecondArray};

    let world = World::new().await?;
    let (dataset, rows) = some(&["timestamp_ns"])?;
    let mut at = At::open(&world.sink(|config| config.auto_create = true), &dataset).await?;
    let staged = at.stage(insert(rows)).await?;
    assert_eq!(staged.rejects.iter().map(|reject| reject.row).collect::<Vec<_>>(), [Some(0), Some(1)]);
    assert!(staged.rejects.iter().all(|reject| reject.reason.contains("microsecond")), "{:?}", staged.rejects);
    // The largest number that there is stands for infinity, under every unit.
    at.commit().await?;
    let whole: ArrayRef = Arc::new(
        TimestampNanosecondArray::from(vec![1_700_000_000_123_456_000, -1_000])
            .with_data_type(dataset.columns().field(1).data_type().clone()),
    );
    let ids: ArrayRef = Arc::new(Int64Array::from(vec![4, 5]));
    at.put(RecordBatch::try_new(Arc::clone(dataset.columns()), vec![ids, whole]).unwrap()).await?;
    assert_eq!(
        world.rows("select id, timestamp_ns at time zone 'UTC' from t order by id").await,
        ["2 infinity", "3 -", "4 2023-11-14 22:13:20.123456", "5 1969-12-31 23:59:59.999999"]
    );
    Ok(())
}

async fn nested() -> Result<()> {
    for column in ["map_string_int64", "struct_a_int64_b_string"] {
        let world = World::new().await?;
        let (dataset, _) = some(&[column])?;
        let refused = world.sink(|config| config.auto_create = true).open(&job(&dataset)).await.unwrap_err();
        assert!(refused.kind() == Kind::Unsupported && refused.to_string().contains(&format!("`{column}`")), "{refused:?}");
        // Nothing was made, and nothing is taken by a column of another type either.
        assert_eq!(world.one("select to_regclass('t') is null").await, "t");
        world.run(&format!("create table t (id bigint, {column} jsonb)")).await;
        let refused = world.sink(|_| {}).open(&job(&dataset)).await.unwrap_err();
        assert!(refused.kind() == Kind::Schema && refused.to_string().contains(&format!("`{column}`")), "{refused:?}");
    }
    Ok(())
}
