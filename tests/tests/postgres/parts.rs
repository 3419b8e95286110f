//! `kill -9` in the middle of a first read in parts, while rows change.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use thyme_core::Result;
use thyme_testkit::Suite;

use crate::life::Place;

pub(crate) fn cases(suite: Suite) -> Suite {
    suite
        .case("a_first_read_in_parts_while_rows_change", || kills(10))
        .soak("a_first_read_in_parts_while_rows_change_100_kills", || kills(100))
}

const ROWS: i64 = 100_000;

/// In the end the target is the source, and no row was written more often than it had a version to be read.
async fn kills(kills: u32) -> Result<()> {
    let place = Place::new(|connection| {
        format!(
            "[[pipeline]]\nname = \"parts\"\nevery = \"1h\"\ncursor = \"at\"\ncdc = \"upsert\"\ncommit = {{ rows = 500 }}\n\
             [pipeline.dataset]\nkey = [\"id\"]\n\
             [pipeline.source]\ntype = \"postgres\"\ntable = \"source\"\nbatch_size = 250\npartition_column = \"id\"\nnum_partitions = 3\n\
             {connection}[pipeline.sink]\ntype = \"postgres\"\ntable = \"target\"\nmode = \"upsert\"\n{connection}"
        )
    })
    .await?;
    place
        .database
        .run(&format!(
            "create table source (id bigint primary key, at timestamptz not null default now(), version int not null default 1);
             insert into source (id) select generate_series(1, {ROWS}); create index on source (at, id); analyze source;
             create table target (id bigint primary key, at timestamptz, version int, writes int);
             create function counting() returns trigger language plpgsql as
             $$ begin new.writes := coalesce(case when tg_op = 'UPDATE' then old.writes end, 0) + 1; return new; end $$;
             create trigger counting before insert or update on target for each row execute function counting()"
        ))
        .await?;
    let stop = Arc::new(AtomicBool::new(false));
    let changing = async {
        let mut turn = 0;
        while !stop.load(Ordering::SeqCst) {
            let change = format!(
                "update source set version = version + 1, at = now() where id % 997 = {turn} % 997;
                 insert into source (id) values ({ROWS} + 1 + {turn})"
            );
            place.database.run(&change).await?;
            turn += 1;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    };
    let dying = async {
        let (mut during_the_first, mut numbers) = (0, 7u64);
        for _ in 0..kills {
            let stood = written(&place).await?;
            let mut life = place.start_with("state", None, &["--once"]);
            while life.ended()?.is_none() && written(&place).await? == stood {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            numbers = numbers.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            tokio::time::sleep(Duration::from_millis(numbers >> 58)).await;
            if let Some(status) = life.ended()? {
                assert!(status.success(), "{}", life.log());
            }
            drop(life);
            during_the_first += u32::from(written(&place).await? < ROWS);
        }
        stop.store(true, Ordering::SeqCst);
        Ok::<_, thyme_core::Error>(during_the_first)
    };
    let (changed, during_the_first) = tokio::join!(changing, dying);
    let () = changed?;
    assert!(during_the_first? >= 3, "the first read was over before it was killed");
    let mut last = place.start_with("state", None, &["--once"]);
    assert!(last.end().await?.success(), "{}", last.log());
    let sql = "select (select count(*) from (select id, at, version from source except select id, at, version from target) as less)
               || ' ' || (select count(*) from (select id, at, version from target except select id, at, version from source) as more)
               || ' ' || (select count(*) from target where writes > version)";
    assert_eq!(place.database.column(sql).await?, ["0 0 0"], "rows that are missing, too many, and written too often");
    Ok(())
}

/// Rows in the target.
async fn written(place: &Place) -> Result<i64> {
    let count = place.database.column("select count(*) from target").await?;
    Ok(count.first().and_then(|count| count.parse().ok()).unwrap_or_default())
}
