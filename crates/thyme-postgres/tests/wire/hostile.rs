//! Bytes that a server would not send, or sends in pieces.
use std::sync::Arc;

use thyme_core::arrow::datatypes::{Schema, SchemaRef};
use thyme_core::{Kind, Result, field_type};
use thyme_postgres::testing::catalog::{Table, describe_table};
use thyme_postgres::testing::copy::Decoder;
use thyme_testkit::postgres::{Database, Major};

use crate::table::{bytes, nullable, schema};
use crate::{client, server};

/// A table of many types, its fields, and its rows as the server sends them.
async fn stream(database: &Database<'_>) -> Result<(Table, SchemaRef, Vec<u8>)> {
    database
        .run(
            "create table t (id int, b bool, i8 bigint, f float8, n numeric(20,5), n76 numeric(70,5), nt numeric, t text, \
                jb jsonb, by bytea, u uuid, d date, tm time, tz timetz, ts timestamp, iv interval, ip inet, a int[], g int[], at text[]); \
             insert into t select i, i % 2 = 0, i * 1000, i / 3.0, i / 7.0, -i / 7.0, i / 11.0, repeat('ü', i % 9), '{\"a\": 1}', \
                '\\x00ff', '00000000-0000-0000-0000-000000000001', '2024-01-01', '12:00', '12:00+02', '2024-01-01', '1 mon 2 days', \
                '10.0.0.0/8', array[i, null], array[[i, 1], [2, null]], array['a', null, 'ü'] from generate_series(1, 7) i; \
             insert into t (id) values (8); insert into t (id, ts, a) values (9, 'infinity', '{}')",
        )
        .await?;
    let client = client(database).await?;
    let table = describe_table(&client, "public", "t").await?;
    let mut fields: Vec<_> = nullable(&schema(&table.columns)).fields().iter().map(Arc::clone).collect();
    fields[18] = Arc::new(field_type::parse("g", "list<list<int32>>")?);
    let schema: SchemaRef = Arc::new(Schema::new(fields));
    let bytes = bytes(&client, &table, &schema).await?.concat();
    Ok((table, schema, bytes))
}

pub(crate) async fn cut(major: Major) -> Result<()> {
    let database = server(major)?.database().await?;
    let (table, schema, bytes) = stream(&database).await?;
    let mut whole = Decoder::new(&table.columns, Arc::clone(&schema))?;
    whole.feed(&bytes)?;
    whole.end()?;
    let truth = whole.take()?.unwrap();
    assert_eq!((truth.rows.num_rows(), truth.bad.len(), whole.rows(), whole.take()?.is_none()), (9, 0, 0, true));
    for at in 0..=bytes.len() {
        let mut decoder = Decoder::new(&table.columns, Arc::clone(&schema))?;
        decoder.feed(&bytes[..at])?;
        if at < bytes.len() {
            assert_eq!(decoder.end().unwrap_err().kind(), Kind::Unavailable, "{at}");
        }
        decoder.feed(&bytes[at..])?;
        decoder.end()?;
        assert_eq!(decoder.take()?.unwrap().rows, truth.rows, "{at}");
    }
    for size in [1, 2, 3, 5, 7, 64] {
        let mut decoder = Decoder::new(&table.columns, Arc::clone(&schema))?;
        bytes.chunks(size).try_for_each(|chunk| decoder.feed(chunk))?;
        assert_eq!((decoder.rows(), decoder.bytes() < bytes.len()), (9, true));
        assert_eq!(decoder.take()?.unwrap().rows, truth.rows, "{size}");
    }
    let error = whole.feed(b"more").unwrap_err();
    assert!(error.message().contains("bytes after the trailer"), "{error}");
    Ok(())
}

pub(crate) async fn mutated(major: Major, times: usize) -> Result<()> {
    let database = server(major)?.database().await?;
    let (table, schema, bytes) = stream(&database).await?;
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % below as u64) as usize
    };
    let (mut rows, mut errors, mut refused) = (0, 0, 0);
    for _ in 0..times {
        let mut mutant = bytes.clone();
        for _ in 0..=random(4) {
            let at = random(mutant.len().max(1));
            if at >= mutant.len() {
                break;
            }
            match random(5) {
                0 => mutant[at] = [0, 1, 0x7f, 0x80, 0xff][random(5)],
                1 => mutant[at] ^= 1 << random(8),
                2 => drop(mutant.remove(at)),
                3 => mutant.insert(at, random(256) as u8),
                _ => mutant.truncate(at.max(1)),
            }
        }
        let mut decoder = Decoder::new(&table.columns, Arc::clone(&schema))?;
        let fed = mutant.chunks(1 + random(mutant.len() + 1)).try_for_each(|chunk| decoder.feed(chunk));
        match fed.and_then(|()| decoder.take()) {
            Ok(Some(decoded)) => {
                rows += decoded.rows.num_rows();
                refused += decoded.bad.len();
                // What was made can be looked at: no offset and no character is out of place.
                assert!(!format!("{:?}", decoded.rows.slice(0, 1)).is_empty());
                assert!(decoded.bad.iter().all(|bad| bad.row < decoded.rows.num_rows()));
            }
            Ok(None) => {}
            Err(error) => {
                assert_eq!(error.kind(), Kind::Unexpected, "{error}");
                errors += 1;
            }
        }
    }
    // Enough of each kind was seen to mean something.
    assert!(rows > times && errors > times / 10 && refused > times / 100, "{rows} rows, {refused} refused, {errors} errors");
    Ok(())
}
