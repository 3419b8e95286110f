//! The same pipeline started twice, with different state folders.
use std::time::{Duration, Instant};

use thyme_core::Result;
use thyme_testkit::Suite;

use crate::life::Place;

pub(crate) fn cases(suite: Suite) -> Suite {
    suite.case("of_two_copies_one_is_fenced_and_stays_down", two_copies)
}

async fn two_copies() -> Result<()> {
    let place = Place::new(|connection| {
        format!(
            "[[pipeline]]\nname = \"twice\"\nevery = \"50ms\"\ncursor = \"id\"\ncommit = {{ every = \"100ms\" }}\n\
             [pipeline.source]\ntype = \"postgres\"\ntable = \"source\"\n{connection}\
             [pipeline.sink]\ntype = \"postgres\"\ntable = \"target\"\nauto_create = true\n{connection}"
        )
    })
    .await?;
    place.database.run("create table source (id bigint generated always as identity primary key, text text)").await?;
    let add = "insert into source (text) select 'row' from generate_series(1, 10)";
    let mut copies = [place.start("one", None), place.start("other", None)];
    let begun = Instant::now();
    // Rows come all the while, so that both have something to commit.
    let down = loop {
        place.database.run(add).await?;
        if let Some(at) = copies.iter_mut().position(|copy| copy.ended().is_ok_and(|status| status.is_some())) {
            break at;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "both run: {}\n{}", copies[0].log(), copies[1].log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let status = copies[down].ended()?.unwrap();
    assert_eq!(status.code(), Some(1), "{}", copies[down].log());
    let log = copies[down].log();
    assert!(log.contains("another process has opened this task"), "{log}");
    for _ in 0..20 {
        place.database.run(add).await?;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let missing = "select count(*) from source";
    let all = place.database.column(missing).await?;
    let begun = Instant::now();
    while place.database.column("select count(*) from target").await? != all {
        assert!(begun.elapsed() < Duration::from_secs(20), "the other copy does not go on: {}", copies[1 - down].log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(copies[1 - down].ended()?.is_none(), "{}", copies[1 - down].log());
    copies[1 - down].signal("TERM")?;
    copies[1 - down].succeed().await?;
    assert_eq!(place.database.column("select count(distinct id) from target").await?, all);
    assert_eq!(place.database.column("select count(*) from target").await?, all);
    Ok(())
}
