//! A run that is to end, after one that was killed in the middle of a poll.
use std::os::unix::process::ExitStatusExt;

use thyme_core::Result;
use thyme_testkit::Suite;

use crate::life::Place;

pub(crate) fn cases(suite: Suite) -> Suite {
    suite.case("a_run_that_is_to_end_reads_what_came_after_the_poll_that_was_cut_short", rest)
}

async fn rest() -> Result<()> {
    let place = Place::new(|connection| {
        format!(
            "[[pipeline]]\nname = \"rest\"\nevery = \"1h\"\ncursor = \"id\"\ncommit = {{ rows = 100 }}\n\
             [pipeline.source]\ntype = \"postgres\"\ntable = \"source\"\nbatch_size = 50\n{connection}\
             [pipeline.sink]\ntype = \"postgres\"\ntable = \"target\"\nauto_create = true\n{connection}"
        )
    })
    .await?;
    place.database.run("create table source (id bigint primary key); insert into source select generate_series(1, 1000)").await?;
    let mut cut = place.start("state", Some("engine.after_commit:3"));
    let status = cut.end().await?;
    assert!(status.signal().is_some(), "{}", cut.log());
    assert_ne!(place.database.column("select count(*) from target").await?, ["1000"], "the poll was not cut short");
    place.database.run("insert into source select generate_series(1001, 1100)").await?;
    let mut run = place.start_with("state", None, &["--once"]);
    assert!(run.end().await?.success(), "{}", run.log());
    assert_eq!(place.database.column("select count(*) || ' ' || count(distinct id) from target").await?, ["1100 1100"]);
    Ok(())
}
