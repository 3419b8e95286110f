//! Cursor columns of every type, at full precision, and names that try to be SQL.
use thyme_core::{Kind, Result};
use thyme_testkit::Suite;
use thyme_testkit::drive::{Cut, Durable, How};

use crate::world::{assert_once, database, job, read, source};

pub(crate) fn suite(missing: Option<String>) -> Suite {
    Suite::new("keys")
        .needs(missing)
        .case("every_type_keeps_its_precision", every_type)
        .case("floats_are_refused", floats)
        .case("hostile_names_and_values", hostile)
        .case("a_query_with_a_condition_and_an_end", query)
        .case("once_by_the_primary_key", once)
        .case("once_without_a_key_is_all_or_nothing", once_without_a_key)
        .case("another_cursor_column_is_another_cursor", other_column)
}

/// Neighbours that a rounded value would mix up; cut after each row.
async fn every_type() -> Result<()> {
    let database = database().await?;
    for (at, (ty, values)) in [
        ("smallint", vec!["-32768", "0", "32767"]),
        ("integer", vec!["-2147483648", "2147483647"]),
        ("bigint", vec!["-9223372036854775808", "9007199254740993", "9007199254740992", "9223372036854775807"]),
        ("numeric", vec!["1.00000000000000000000000000001", "1.00000000000000000000000000002", "-99999999999999999999.5"]),
        ("numeric(38,10)", vec!["1234567890123456789012345678.0000000001", "1234567890123456789012345678.0000000002"]),
        (
            "numeric(50,3)",
            vec!["12345678901234567890123456789012345678901234567.001", "12345678901234567890123456789012345678901234567.002"],
        ),
        (
            "timestamptz",
            vec![
                "2026-03-29 01:59:59.999999+00",
                "2026-03-29 02:00:00+00",
                "-infinity",
                "infinity",
                "0044-03-15 12:00:00.000001+00 BC",
            ],
        ),
        ("timestamp", vec!["2026-03-29 02:30:00.000001", "2026-03-29 02:30:00.000002", "10000-01-01 00:00:00", "infinity"]),
        ("date", vec!["2026-02-28", "2026-03-01", "0001-12-31 BC", "-infinity", "infinity"]),
        (
            "uuid",
            vec![
                "00000000-0000-0000-0000-000000000000",
                "ffffffff-ffff-ffff-ffff-ffffffffffff",
                "7fffffff-ffff-ffff-ffff-ffffffffffff",
            ],
        ),
        ("text", vec!["", "a", "A", "ä", "'; drop table k0; --", "back\\slash", "new\nline", "z"]),
        ("varchar(10) collate \"C\"", vec!["b", "B", "  "]),
    ]
    .into_iter()
    .enumerate()
    {
        let table = format!("k{at}");
        database.run(&format!("create table {table} (id bigint primary key, c {ty} not null)")).await?;
        for (id, value) in values.iter().enumerate() {
            for twin in [0, 1] {
                let value = value.replace('\'', "''");
                database.run(&format!("insert into {table} values ({}, '{value}')", id * 2 + twin)).await?;
            }
        }
        let source = || source!(database).table(table.clone()).batch_size(1).build();
        let job = job(&source(), Some("c")).await?;
        let mut durable = Durable::default();
        for cut in 1..100 {
            let how = How { every: 1, readers: 1, cut: Some(Cut::After(1)) };
            let ended = read(&source(), &job, &mut durable, how).await.map_err(|e| e.context("type", ty))?;
            if !ended.cut {
                assert!(cut >= values.len() * 2, "{ty}: only {cut} runs");
                break;
            }
        }
        assert_once(&database, &table, &durable).await.map_err(|e| e.context("type", ty))?;
    }
    Ok(())
}

async fn floats() -> Result<()> {
    let database = database().await?;
    database.run("create table t (id bigint primary key, c double precision not null)").await?;
    let source = source!(database).table("t").build();
    let job = job(&source, Some("c")).await?;
    let error = read(&source, &job, &mut Durable::default(), How::default()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Config);
    assert!(error.to_string().contains("`c`") && error.to_string().contains("float"), "{error}");
    Ok(())
}

async fn hostile() -> Result<()> {
    let database = database().await?;
    let (schema, table, column) = ("s\"; drop schema public; --", "t'; x \"\" 🌿", "c\"), (select pg_sleep(60)); --");
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let (s, t, c) = (quoted(schema), quoted(table), quoted(column));
    database.run(&format!("create schema {s}; create table {s}.{t} (id bigint, {c} text, primary key ({c}, id))")).await?;
    for (id, value) in ["'; drop table x; --", "\\'; select 1", "$$", "') OR TRUE --", "\u{1}"].iter().enumerate() {
        let client = database.client().await?;
        let sql = format!("insert into {s}.{t} values ($1, $2)");
        client.execute(&sql, &[&(id as i64), value]).await.expect("a row");
    }
    let source =
        || source!(database).schema(schema).table(table).batch_size(1).partition_column(column).num_partitions(2).build();
    let job = job(&source(), Some(column)).await?;
    let mut durable = Durable::default();
    while read(&source(), &job, &mut durable, How { every: 1, readers: 1, cut: Some(Cut::After(1)) }).await?.cut {}
    assert_once(&database, &format!("{s}.{t}"), &durable).await
}

async fn query() -> Result<()> {
    let database = database().await?;
    database.run("create table t (id bigint primary key, c timestamptz not null, state text)").await?;
    let rows = "insert into t select i, timestamptz '2026-01-01' + i * interval '1 second', case when i % 3 = 0 then 'draft' else 'done' end \
        from generate_series(1, 30) i";
    database.run(rows).await?;
    let source = || {
        source!(database)
            .query("select id, c, state from t -- a comment at the end")
            .filter("state <> 'draft' -- another")
            .tie_breaker(["id"])
            .initial_value("2026-01-01 00:00:05+00")
            .end_value("2026-01-01 00:00:20+00")
            .batch_size(2)
            .build()
    };
    let job = job(&source(), Some("c")).await?;
    let mut durable = Durable::default();
    while read(&source(), &job, &mut durable, How { every: 1, readers: 1, cut: Some(Cut::After(2)) }).await?.cut {}
    assert_eq!(durable.ids()?, (6..20).filter(|id| id % 3 != 0).collect::<Vec<_>>());
    Ok(())
}

/// Without a cursor column the primary key is the way back, also in parts.
async fn once() -> Result<()> {
    for parts in [1, 4] {
        let database = database().await?;
        database.run("create table t (a text, id bigint, primary key (a, id))").await?;
        database.run("insert into t select 'k' || i % 7, i from generate_series(1, 200) i; analyze t").await?;
        let source = || source!(database).table("t").num_partitions(parts).batch_size(9).build();
        let job = job(&source(), None).await?;
        let mut durable = Durable::default();
        let mut cuts = 0;
        while read(&source(), &job, &mut durable, How { every: 1, cut: Some(Cut::After(2)), ..How::default() }).await?.cut {
            cuts += 1;
        }
        assert!(cuts >= 8, "{cuts} cuts");
        assert_once(&database, "t", &durable).await?;
        // It is read once, and that is all.
        database.run("insert into t values ('new', 1000)").await?;
        read(&source(), &job, &mut durable, How::default()).await?;
        assert_eq!(durable.ids()?.len(), 200);
    }
    Ok(())
}

/// There is no way back into the middle: a cut leaves nothing, and the next run begins anew.
async fn once_without_a_key() -> Result<()> {
    let database = database().await?;
    database.run("create table t (id bigint); insert into t select generate_series(1, 20)").await?;
    for source in [source!(database).table("t").batch_size(6).build(), source!(database).query("select * from t").build()] {
        let job = job(&source, None).await?;
        assert!(thyme_core::Source::plan(&source, &job, &thyme_core::Cursor::start("")).await?.whole());
        let mut durable = Durable::default();
        let cut = How { every: 1, cut: Some(Cut::Before(1)), ..How::default() };
        assert!(read(&source, &job, &mut durable, cut).await?.cut);
        assert_eq!((durable.ids()?.len(), durable.cursor()), (0, None));
        let ended = read(&source, &job, &mut durable, How { every: 1, ..How::default() }).await?;
        assert_eq!(ended.commits, 1);
        assert_once(&database, "t", &durable).await?;
        // It is read once, and that is all.
        let again = read(&source, &job, &mut durable, How::default()).await?;
        assert_eq!((again.commits, durable.ids()?.len()), (0, 20));
    }
    // A position in its middle is nobody's to go on from.
    let source = source!(database).table("t").batch_size(6).build();
    let job = job(&source, None).await?;
    let mut plan = thyme_core::Source::plan(&source, &job, &thyme_core::Cursor::start("")).await?;
    let split = plan.next().await?.expect("a range");
    let batch = plan.reader(&split, None).await?.next().await?.expect("rows");
    let mut cursor = thyme_core::Cursor::start("");
    cursor.splits.insert(split, batch.position);
    plan.fold(&mut cursor);
    let error = thyme_core::Source::plan(&source, &job, &cursor).await.err().expect("a refusal");
    assert_eq!(error.kind(), Kind::CursorLost, "{error}");
    Ok(())
}

async fn other_column() -> Result<()> {
    let database = database().await?;
    database
        .run("create table t (id bigint primary key, a bigint not null, b bigint not null); insert into t values (1, 1, 1)")
        .await?;
    let source = source!(database).table("t").build();
    let mut durable = Durable::default();
    read(&source, &job(&source, Some("a")).await?, &mut durable, How::default()).await?;
    let error = read(&source, &job(&source, Some("b")).await?, &mut durable, How::default()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::CursorLost, "{error}");
    Ok(())
}
