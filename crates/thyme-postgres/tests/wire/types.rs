//! Every type, with its extremes, from a server to Arrow and back.
use futures::StreamExt;
use thyme_core::arrow::array::Array;
use thyme_core::arrow::array::cast::AsArray;
use thyme_core::arrow::array::types::{Date32Type, Decimal128Type, TimestampMicrosecondType};
use thyme_core::arrow::datatypes::Schema;
use thyme_core::{Kind, Result, Secret, SinkExt, SourceExt, field_type};
use thyme_postgres::testing::catalog::describe_table;
use thyme_postgres::testing::{quote, types};
use thyme_postgres::{PostgresSink, PostgresSource};
use thyme_testkit::postgres::{Database, Major, PASSWORD, USER};

use crate::table::{read, read_as, write};
use crate::{client, server};

/// Column, type, values. Each column has a NULL besides.
const TYPES: &[(&str, &str, &[&str])] = &[
    ("b", "boolean", &["true", "false"]),
    ("i2", "smallint", &["-32768", "32767", "0"]),
    ("i4", "integer", &["-2147483648", "2147483647"]),
    ("i8", "bigint", &["-9223372036854775808", "9223372036854775807"]),
    ("o", "oid", &["0", "4294967295"]),
    ("f4", "real", &["NaN", "Infinity", "-Infinity", "-0", "1e-45", "3.4028235e38", "0.1"]),
    ("f8", "double precision", &["NaN", "Infinity", "-Infinity", "-0", "5e-324", "1.7976931348623157e308", "0.1"]),
    ("n", "numeric", &["NaN", "Infinity", "-Infinity", "0", "0.000", "-12345678901234567890.123456789", "1e-16383", "1e131071"]),
    (
        "n38",
        "numeric(38,10)",
        &["9999999999999999999999999999.9999999999", "-9999999999999999999999999999.9999999999", "0.0000000001", "1"],
    ),
    ("n12", "numeric(12,2)", &["9999999999.99", "-0.01", "10000", "100.10"]),
    (
        "n76",
        "numeric(76,38)",
        &[
            "99999999999999999999999999999999999999.99999999999999999999999999999999999999",
            "-0.00000000000000000000000000000000000001",
        ],
    ),
    ("n5", "numeric(5,-2)", &["9999900", "-100"]),
    ("n35", "numeric(3,5)", &["0.00999", "-0.00001"]),
    ("n100", "numeric(100,50)", &["-1.00000000000000000000000000000000000000000000000001", "NaN"]),
    ("t", "text", &["", "a", "ünïcödé 表 🦀", "line\nend\ttab\"quote'\\"]),
    ("vc", "varchar(20)", &["", "twenty characters ok"]),
    ("c", "char(5)", &["a", "abcde"]),
    ("nm", "name", &["a_name"]),
    ("j", "json", &["{ \"b\" : 1,  \"a\": [null, 1.50] }", "null", "\"ü\""]),
    ("jb", "jsonb", &["{\"b\": 1, \"a\": [null, 1.50]}", "null", "\"ü\""]),
    ("by", "bytea", &["\\x", "\\x00ff10", "\\xdeadbeef"]),
    ("u", "uuid", &["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"]),
    ("d", "date", &["infinity", "-infinity", "4713-01-01 BC", "5874897-12-31", "1970-01-01", "2000-02-29"]),
    ("tm", "time", &["00:00:00", "23:59:59.999999"]),
    ("tz", "timetz", &["00:00:00+00", "24:00:00-15:59:59", "12:34:56.789+05:30"]),
    (
        "ts",
        "timestamp",
        &["infinity", "-infinity", "4713-01-01 00:00:00 BC", "294247-01-10 04:00:54.775806", "1999-12-31 23:59:59.999999"],
    ),
    (
        "tsz",
        "timestamptz",
        &[
            "infinity",
            "-infinity",
            "4713-01-01 00:00:00+00 BC",
            "294247-01-10 04:00:54.775806+00",
            "2024-02-29 12:00:00.000001+05:45",
        ],
    ),
    (
        "iv",
        "interval",
        &["0", "1 year 2 mons -3 days 04:05:06.789", "-178000000 years", "2147483647 days", "2562047:47:16.854775"],
    ),
    ("ip", "inet", &["10.0.0.1", "10.0.0.1/8", "::1", "2001:db8::ff00:42:8329/64", "::ffff:1.2.3.4"]),
    ("ci", "cidr", &["10.0.0.0/8", "::/0", "192.168.1.1/32"]),
    ("e", "mood", &["sad", "it's \"ok\"", "ü;--"]),
    ("dm", "money_amount", &["99999999.99", "-0.01"]),
    ("dd", "of_domain", &["1.00"]),
    ("da", "int_list", &["{1,2}", "{}"]),
    ("ai", "integer[]", &["{}", "{1,NULL,3}", "{NULL}"]),
    ("at", "text[]", &["{}", "{\"\",NULL,\"NULL\",\"a,\\\"b\\\\\"}"]),
    ("an", "numeric(38,10)[]", &["{9999999999999999999999999999.9999999999,NULL,-1}"]),
    ("au", "uuid[]", &["{00000000-0000-0000-0000-000000000001}"]),
    ("atz", "timestamptz[]", &["{infinity,2024-01-01}"]),
    ("ae", "mood[]", &["{sad,NULL}"]),
    ("aj", "jsonb[]", &["{\"{\\\"a\\\": 1}\",NULL}"]),
    ("aby", "bytea[]", &["{\"\\\\x00ff\"}"]),
    ("ads", "money_amount[]", &["{1.00,NULL}"]),
];

/// The table `every`, a row for each value.
async fn every(database: &Database<'_>) -> Result<Vec<String>> {
    database
        .run(
            "create type mood as enum ('sad', 'it''s \"ok\"', 'ü;--'); create domain money_amount as numeric(10,2); \
             create domain of_domain as money_amount not null default 0; create domain int_list as integer[]",
        )
        .await?;
    let citext = !database.column("select 1 from pg_available_extensions where name = 'citext'").await?.is_empty();
    let mut types: Vec<(&str, &str, &[&str])> = TYPES.to_vec();
    if citext {
        database.run("create extension citext").await?;
        types.push(("cit", "citext", &["", "MiXed Ü"]));
        types.push(("acit", "citext[]", &["{A,b}"]));
    }
    if database.run("select '<a/>'::xml").await.is_ok() {
        types.push(("x", "xml", &["<a>ü</a>"]));
    }
    let columns: Vec<_> = types.iter().map(|(name, ty, _)| format!("{name} {ty}")).collect();
    database.run(&format!("create table every (id integer primary key, {})", columns.join(", "))).await?;
    let mut id = 0;
    let mut rows = String::new();
    for (name, ty, values) in &types {
        // A domain that allows no NULL needs its value everywhere.
        for value in *values {
            id += 1;
            let (dd, value) = (if *name == "dd" { "" } else { ", dd" }, quote::literal(value));
            let one = if dd.is_empty() { "" } else { ", 1" };
            rows.push_str(&format!("insert into every (id, {name}{dd}) values ({id}, {value}::{ty}{one});\n"));
        }
    }
    database.run(&rows).await?;
    database.column("select whole::text from every whole order by id").await
}

pub(crate) async fn both_ways(major: Major) -> Result<()> {
    let database = server(major)?.database().await?;
    let truth = every(&database).await?;
    let client = client(&database).await?;
    let table = describe_table(&client, "public", "every").await?;
    assert_eq!((table.primary_key.as_slice(), table.columns[0].not_null), (&["id".to_owned()][..], true));
    let rows = read(&client, &table).await?;
    assert_eq!(rows.num_rows(), truth.len());

    let set = |name: &str| -> Vec<usize> {
        let column = rows.column_by_name(name).unwrap();
        (0..column.len()).filter(|row| column.is_valid(*row)).collect()
    };
    let dates = rows.column_by_name("d").unwrap().as_primitive::<Date32Type>();
    let days: Vec<_> = set("d").iter().map(|row| dates.value(*row)).collect();
    assert_eq!(days, [i32::MAX, i32::MIN, -2_440_550, 2_145_042_905, 0, 11_016]);
    let stamps = rows.column_by_name("tsz").unwrap().as_primitive::<TimestampMicrosecondType>();
    let micros: Vec<_> = set("tsz").iter().map(|row| stamps.value(*row)).collect();
    assert_eq!(micros[..2], [i64::MAX, i64::MIN]);
    assert_eq!(micros[3..], [i64::MAX - 1, 1_709_187_300_000_001]);
    let decimals = rows.column_by_name("n38").unwrap().as_primitive::<Decimal128Type>();
    let most = 10i128.pow(38) - 1;
    assert_eq!(set("n38").iter().map(|row| decimals.value(*row)).collect::<Vec<_>>(), [most, -most, 1, 10i128.pow(10)]);
    let texts = rows.column_by_name("n").unwrap().as_string::<i32>();
    let texts: Vec<_> = set("n").iter().map(|row| texts.value(*row)).collect();
    assert_eq!(texts[..6], ["NaN", "Infinity", "-Infinity", "0", "0.000", "-12345678901234567890.123456789"]);

    database.run("create table copy (like every)").await?;
    let copy = describe_table(&client, "public", "copy").await?;
    assert_eq!(write(&client, &copy, &rows).await?, []);
    let written = database.column("select whole::text from copy whole order by id").await?;
    for (written, truth) in written.iter().zip(&truth) {
        assert_eq!(written, truth);
    }
    assert_eq!(written.len(), truth.len());
    assert_eq!(read(&client, &copy).await?, rows);
    Ok(())
}

/// The same by the way that a pipeline goes: polls by the key, batches of seven rows, a commit.
pub(crate) async fn through(major: Major) -> Result<()> {
    let database = server(major)?.database().await?;
    let truth = every(&database).await?;
    let source = PostgresSource::builder().host("127.0.0.1").port(database.server.port()).database(&database.name);
    let source = source.user(USER).password(Secret::new(PASSWORD)).table("every").batch_size(7).build();
    let batches = source.read_stream("id").await?.collect::<Vec<_>>().await.into_iter().collect::<Result<Vec<_>>>()?;
    assert!(batches.len() > truth.len() / 8 && batches.iter().all(|batch| batch.rejects.is_empty()), "{}", batches.len());
    database.run("create table copy (like every)").await?;
    let sink = |table: &str| {
        let sink = PostgresSink::builder().host("127.0.0.1").port(database.server.port()).database(&database.name);
        sink.user(USER).password(Secret::new(PASSWORD)).table(table).auto_create(true).build()
    };
    assert_eq!(sink("copy").write(batches.clone()).await?, truth.len());
    assert_eq!(database.column("select whole::text from copy whole order by id").await?, truth);
    // And into a table that is made of nothing but the fields: what the server compares is the same.
    sink("made").write(batches).await?;
    for (name, ..) in TYPES.iter().filter(|(name, ..)| *name != "j") {
        // As the server prints it: a cast to text drops the padding of a char(n) and adds the length of an inet.
        let different = format!("format('%L', e.{name}) is distinct from format('%L', m.{name})");
        let different = format!("select count(*) from every e join made m using (id) where {different}");
        assert_eq!(database.column(&different).await?, ["0"], "{name}");
    }
    Ok(())
}

pub(crate) async fn created(major: Major) -> Result<()> {
    let database = server(major)?.database().await?;
    every(&database).await?;
    let client = client(&database).await?;
    let table = describe_table(&client, "public", "every").await?;
    let rows = read(&client, &table).await?;
    let schema = rows.schema();
    let columns = schema.fields().iter().map(|field| Ok(format!("{} {}", quote::ident(field.name()), types::ddl(field)?)));
    let columns = columns.collect::<Result<Vec<_>>>()?.join(", ");
    database.run(&format!("create table made ({columns})")).await?;
    let made = describe_table(&client, "public", "made").await?;
    assert_eq!(write(&client, &made, &rows).await?, []);
    let again = read(&client, &made).await?;
    for (field, (before, after)) in schema.fields().iter().zip(rows.columns().iter().zip(again.columns())) {
        // An oid is a bigint in the new table, and jsonb writes JSON its own way.
        if !["o", "j"].contains(&field.name().as_str()) {
            assert_eq!(before, after, "{}", field.name());
        }
    }
    Ok(())
}

pub(crate) async fn as_printed(major: Major) -> Result<()> {
    let database = server(major)?.database().await?;
    database
        .run(
            "create type pair as (a int, b text); \
             create table odd (id int, r int4range, p point, bi bit(5), vb varbit, m money, pr pair, v tsvector, mac macaddr, \
                q \"char\", a int4range[], mr int4multirange); \
             insert into odd values (1, '[1,5)', '(1.5,2)', B'10101', B'1', 12.34, '(1,\"x y\")', 'a b', '08:00:2b:01:02:03', \
                'z', '{\"[1,2)\",NULL}', '{[1,2),[5,9)}'); insert into odd values (2)",
        )
        .await?;
    let client = client(&database).await?;
    let table = describe_table(&client, "public", "odd").await?;
    let rows = read(&client, &table).await?;
    for (column, array) in table.columns.iter().zip(rows.columns()).skip(1).filter(|(column, _)| column.name != "a") {
        let truth = database.column(&format!("select {}::text from odd where id = 1", column.name)).await?;
        assert_eq!(array.as_string::<i32>().value(0), truth[0], "{}", column.name);
        assert!(array.is_null(1), "{}", column.name);
    }
    let list = rows.column_by_name("a").unwrap().as_list::<i32>().value(0);
    assert_eq!(list.as_string::<i32>().iter().collect::<Vec<_>>(), [Some("[1,2)"), None]);
    let error = write(&client, &table, &rows).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Schema);
    assert!(error.message().contains("the column `r` of type int4range cannot be written from string"), "{error}");
    Ok(())
}

pub(crate) async fn wider(major: Major) -> Result<()> {
    let database = server(major)?.database().await?;
    database
        .run(
            "create table narrow (id int, i2 smallint, f real, n numeric(10,0), u uuid, d date, a int[], g int[], ts timestamp); \
             insert into narrow values (1, -7, 0.5, 1234567890, '00000000-0000-0000-0000-000000000001', '2024-01-02', \
                '{1,2}', '{{1,2},{3,NULL}}', '2024-01-02 03:04:05')",
        )
        .await?;
    let client = client(&database).await?;
    let table = describe_table(&client, "public", "narrow").await?;
    let words =
        ["int64", "decimal(5,0)", "float64", "int64", "string", "string", "list<int64>", "list<list<int64>>", "timestamp_ns"];
    let fields = table.columns.iter().zip(words).map(|(column, word)| field_type::parse(&column.name, word));
    let schema = std::sync::Arc::new(Schema::new(fields.collect::<Result<Vec<_>>>()?));
    let decoded = read_as(&client, &table, &schema).await?;
    assert_eq!(decoded.bad, []);
    let shown = format!("{:?}", decoded.rows.columns());
    for part in ["-7", "0.5", "1234567890", "00000000-0000-0000-0000-000000000001", "2024-01-02", "2024-01-02T03:04:05"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let grid = decoded.rows.column(7).as_list::<i32>().value(0);
    assert_eq!((grid.len(), grid.as_list::<i32>().value(1).len(), grid.as_list::<i32>().value(1).null_count()), (2, 2, 1));

    // Back into narrower columns: integers that fit, also within lists.
    database.run("create table back (id smallint, a smallint[], g int[], u uuid, ts timestamp)").await?;
    let back = describe_table(&client, "public", "back").await?;
    assert_eq!(write(&client, &back, &decoded.rows).await?, []);
    assert_eq!(
        database.column("select whole::text from back whole").await?,
        ["(1,\"{1,2}\",\"{{1,2},{3,NULL}}\",00000000-0000-0000-0000-000000000001,\"2024-01-02 03:04:05\")"]
    );
    database.run("create table other (d date)").await?;
    let other = describe_table(&client, "public", "other").await?;
    let error = write(&client, &other, &decoded.rows).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Schema);
    assert_eq!(error.message(), "the column `d` of type date cannot be written from string");
    Ok(())
}
