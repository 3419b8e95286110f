//! `@once` where nothing puts the rows in order: all of them or none, whatever is killed.
use std::time::{Duration, Instant};

use thyme_core::Result;
use thyme_testkit::Suite;

use crate::kill::lines;
use crate::life::Place;

pub(crate) fn suite(missing: Option<String>) -> Suite {
    Suite::new("once")
        .needs(missing)
        .case("a_table_without_a_key_to_a_table", || kills(Read::Table, Write::Table, 10))
        .case("a_query_to_files", || kills(Read::Query, Write::Files, 10))
        .case("an_empty_table_is_finished_too", empty)
        .soak("a_table_without_a_key_to_a_table_100_kills", || kills(Read::Table, Write::Table, 100))
        .soak("a_query_to_files_100_kills", || kills(Read::Query, Write::Files, 100))
        .breakage("whole_in_parts", &["a_table_without_a_key_to_a_table", "a_query_to_files"])
}

const ROWS: i64 = 20_000;

#[derive(Clone, Copy, Debug)]
enum Read {
    Table,
    Query,
}

#[derive(Clone, Copy, Debug)]
enum Write {
    Table,
    Files,
}

fn pipeline(read: Read, write: Write, connection: &str) -> String {
    let read = match read {
        Read::Table => "table = \"source\"",
        Read::Query => "query = \"select n, text from source\"",
    };
    let write = match write {
        Write::Table => format!("type = \"postgres\"\ntable = \"target\"\nauto_create = true\n{connection}"),
        Write::Files => "type = \"file\"\npath = \"out\"\nformat = \"jsonl\"\nroll = { rows = 3000 }\n".to_owned(),
    };
    format!(
        "[[pipeline]]\nname = \"once\"\nschedule = \"@once\"\ncommit = {{ rows = 1000 }}\n\
         [pipeline.source]\ntype = \"postgres\"\n{read}\nbatch_size = 500\n{connection}\
         [pipeline.sink]\n{write}"
    )
}

/// The numbers that a reader of the target sees.
async fn seen(place: &Place, write: Write) -> Result<Vec<i64>> {
    let mut numbers = match write {
        Write::Files => {
            let rows = lines(&place.folder.path().join("out"));
            rows.iter().map(|row| row["n"].as_i64().unwrap()).collect()
        }
        Write::Table if place.database.column("select to_regclass('target')").await? == [""] => Vec::new(),
        Write::Table => {
            let numbers = place.database.column("select n from target").await?;
            numbers.iter().map(|n| n.parse().unwrap()).collect::<Vec<i64>>()
        }
    };
    numbers.sort_unstable();
    Ok(numbers)
}

async fn kills(read: Read, write: Write, kills: usize) -> Result<()> {
    let place = Place::new(|connection| pipeline(read, write, connection)).await?;
    // Some rows are there twice, to the letter.
    let fill = format!(
        "create table source (n bigint, text text); insert into source select i, 'row ' || i from generate_series(1, {ROWS}) i;
         insert into source select * from source where n % 5 = 0"
    );
    place.database.run(&fill).await?;
    let mut all: Vec<i64> = (1..=ROWS).chain((1..=ROWS).filter(|n| n % 5 == 0)).collect();
    all.sort_unstable();
    let begun = Instant::now();
    let mut clean = place.start("state", None);
    assert!(clean.end().await?.success(), "{}", clean.log());
    let (took, fresh) = (begun.elapsed(), "drop table if exists target, thyme_cursors");
    assert_eq!(seen(&place, write).await?, all);
    // That it is done it says, and does nothing.
    let mut again = place.start("state", None);
    assert!(again.end().await?.success() && again.log().contains("finished before, nothing read"), "{}", again.log());
    assert_eq!(seen(&place, write).await?, all);
    place.fresh(fresh).await?;
    let (mut killed, mut numbers) = (0, 11u64);
    loop {
        let mut life = place.start("state", None);
        numbers = numbers.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let pause = took.mul_f64((numbers >> 40) as f64 / (1u64 << 24) as f64);
        let begun = Instant::now();
        let ended = loop {
            match life.ended()? {
                Some(status) => break Some(status),
                None if killed < kills && begun.elapsed() >= pause => break None,
                None => tokio::time::sleep(Duration::from_millis(1)).await,
            }
        };
        if let Some(status) = ended {
            assert!(status.success(), "{}", life.log());
            assert_eq!(seen(&place, write).await?, all);
            if killed >= kills {
                return Ok(());
            }
            place.fresh(fresh).await?;
            continue;
        }
        drop(life);
        killed += 1;
        let left = seen(&place, write).await?;
        assert!(left.is_empty() || left == all, "killed after {pause:?}: {} of {} rows are to be seen", left.len(), all.len());
        if !left.is_empty() {
            place.fresh(fresh).await?;
        }
    }
}

async fn empty() -> Result<()> {
    let place = Place::new(|connection| pipeline(Read::Table, Write::Table, connection)).await?;
    place.database.run("create table source (n bigint, text text)").await?;
    let mut run = place.start("state", None);
    assert!(run.end().await?.success(), "{}", run.log());
    place.database.run("insert into source values (1, 'too late')").await?;
    let mut again = place.start("state", None);
    assert!(again.end().await?.success() && again.log().contains("finished before, nothing read"), "{}", again.log());
    assert!(seen(&place, Write::Table).await?.is_empty());
    Ok(())
}
