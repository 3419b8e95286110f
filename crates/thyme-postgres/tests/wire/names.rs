//! Names and texts that try to be SQL.
use thyme_core::{Kind, Result};
use thyme_postgres::testing::catalog::{describe_query, describe_table, find_table};
use thyme_postgres::testing::quote;
use thyme_testkit::postgres::Major;

use crate::table::{read, write};
use crate::{client, server};

const HOSTILE: &[&str] = &[
    "a\"; DROP TABLE public.victim; --",
    "x' OR '1'='1",
    "semi;colon",
    "back\\slash\\",
    "\\'; DROP TABLE public.victim; --",
    "ü ñ 表 🦀",
    "UPPER Case",
    "new\nline",
    "tab\t/* comment",
    "$1 $$ $tag$",
    "%s %I {}",
    " lead and trail ",
    "select",
    "sixty-three bytes: 4567890123456789012345678901234567890123456789",
    "a.b",
    "\"\"",
    "''",
];

pub(crate) async fn names(major: Major) -> Result<()> {
    let database = server(major)?.database().await?;
    database.run("create table public.victim (id int); insert into public.victim values (1)").await?;
    let client = client(&database).await?;
    for name in HOSTILE.iter().map(|name| name.get(..63).unwrap_or(name)) {
        let (schema, table) = (quote::ident(name), quote::qualified(name, name));
        let (column, kind) = (quote::ident(name), quote::qualified(name, &format!("{} t", name.get(..40).unwrap_or(name))));
        let label = quote::literal(name);
        database
            .run(&format!(
                "create schema {schema}; create type {kind} as enum ({label}, 'other'); \
                 create table {table} ({column} {kind} primary key, \"n\"\"\" int default 1); \
                 insert into {table} values ({label})"
            ))
            .await?;
        let found = describe_table(&client, name, name).await?;
        assert_eq!(found.columns[0].name, name);
        assert_eq!(found.primary_key, [name]);
        assert_eq!(found.expect_column(name)?.sql_type, kind);
        let rows = read(&client, &found).await?;
        assert_eq!(rows.num_rows(), 1);
        client.batch_execute(&format!("truncate {}", found.sql())).await.unwrap();
        assert_eq!(write(&client, &found, &rows).await?, []);
        let same = format!("select count(*) from {} where {column} = {label}::{}", found.sql(), found.columns[0].sql_type);
        assert_eq!(database.column(&same).await?, ["1"], "{name}");
        let columns = describe_query(&client, &format!("select {column}, 1::numeric(9,3) as m from {table}")).await?;
        assert_eq!((columns[0].name.as_str(), columns[0].sql_type.as_str()), (name, kind.as_str()));
        assert_eq!(columns[1].type_name, "\"numeric\"(9,3)");
    }
    assert_eq!(database.column("select id from public.victim").await?, ["1"]);
    Ok(())
}

pub(crate) async fn literals(major: Major) -> Result<()> {
    let database = server(major)?.database().await?;
    let client = client(&database).await?;
    for conforming in ["on", "off"] {
        client.batch_execute(&format!("SET standard_conforming_strings = {conforming}; SET backslash_quote = on")).await.unwrap();
        for text in HOSTILE {
            let row = client.query_one(&format!("SELECT {} = $1::text", quote::literal(text)), &[text]).await.unwrap();
            assert!(row.get::<_, bool>(0), "{text} with {conforming}");
        }
    }
    Ok(())
}

pub(crate) async fn missing(major: Major) -> Result<()> {
    let database = server(major)?.database().await?;
    database.run("create schema sales; create table sales.orders (id int, updated_at timestamptz)").await?;
    let client = client(&database).await?;
    assert_eq!(find_table(&client, "public", "orders").await?, None);
    let error = describe_table(&client, "public", "orders").await.unwrap_err();
    assert_eq!(error.kind(), Kind::NotFound);
    assert!(error.to_string().contains("schemas that have one: sales"), "{error}");
    let error = describe_table(&client, "public", "sales.orders").await.unwrap_err().to_string();
    assert!(error.contains("schema = \"sales\""), "{error}");
    let table = describe_table(&client, "sales", "orders").await?;
    let error = table.expect_column("updated").unwrap_err();
    assert!(error.kind() == Kind::NotFound && error.message().contains("did you mean `updated_at`?"), "{error}");
    let error = describe_query(&client, "select nothing from sales.orders").await.unwrap_err();
    assert_eq!(error.kind(), Kind::NotFound);
    assert!(error.to_string().contains("42703"), "{error}");
    assert_eq!(describe_query(&client, "select 1; drop table sales.orders").await.unwrap_err().kind(), Kind::Config);
    assert_eq!(describe_query(&client, "selec 1").await.unwrap_err().kind(), Kind::Config);
    Ok(())
}
