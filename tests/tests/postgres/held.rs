//! Reading that stays behind open transactions: never in silence.
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use thyme_core::Result;
use thyme_testkit::Suite;

use crate::life::Place;

pub(crate) fn cases(suite: Suite) -> Suite {
    suite
        .case("held_back_it_says_by_whom_and_for_how_long", held_back)
        .case("held_back_for_as_long_as_the_user_allows", limit)
        .case("a_run_that_is_to_end_says_what_it_waits_for", once)
}

fn pipeline(connection: &str, more: &str) -> String {
    format!(
        "[[pipeline]]\nname = \"held\"\nevery = \"100ms\"\ncursor = \"at\"\ncommit = {{ every = \"100ms\" }}\n\
         [pipeline.source]\ntype = \"postgres\"\ntable = \"t\"\n{more}{connection}\
         [pipeline.sink]\ntype = \"postgres\"\ntable = \"target\"\nauto_create = true\n{connection}"
    )
}

const TABLE: &str =
    "create table t (id bigserial primary key, at timestamptz not null default now()); create index on t (at, id);
    insert into t default values";

/// Waits until `is` holds, for at most half a minute.
macro_rules! until {
    ($run:ident, $what:literal, $is:expr) => {
        let begun = Instant::now();
        while !$is {
            let ended = $run.ended().unwrap();
            assert!(begun.elapsed() < Duration::from_secs(30) && ended.is_none(), "never: {} ({ended:?}): {}", $what, $run.log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
}

async fn rows(place: &Place) -> usize {
    if place.database.column("select to_regclass('target')").await.unwrap() == [""] {
        return 0;
    }
    place.database.column("select id from target").await.unwrap().len()
}

/// The gauge, as it is served.
fn gauge(addr: SocketAddr) -> Option<f64> {
    let mut text = String::new();
    let mut stream = TcpStream::connect(addr).ok()?;
    stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").ok()?;
    stream.read_to_string(&mut text).ok()?;
    assert!(text.contains("# TYPE thyme_postgres_held_back_seconds gauge"), "{text}");
    let value = text.lines().find_map(|line| line.strip_prefix("thyme_postgres_held_back_seconds{pipeline=\"held\"} "));
    value.map(|value| value.parse().unwrap())
}

async fn held_back() -> Result<()> {
    let place = Place::new(|connection| pipeline(connection, "")).await?;
    place.database.run(TABLE).await?;
    let addr = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut run = place.start_with("state", None, &["--metrics-addr", &addr.to_string()]);
    until!(run, "the first row", rows(&place).await == 1);
    until!(run, "a gauge at rest", gauge(addr).is_some_and(|seconds| seconds < 1.0));
    // A transaction that never writes to the table holds it back as well: nobody knows that it will not.
    let slow = place.database.client().await?;
    slow.batch_execute("set application_name = 'payroll'; begin; select 1").await.unwrap();
    let pid: i32 = slow.query_one("select pg_backend_pid()", &[]).await.unwrap().get(0);
    let gid = format!("{}_late", place.database.name);
    place.database.run(&format!("begin; insert into t default values; prepare transaction '{gid}'")).await?;
    place.database.run("insert into t default values").await?;
    let begun = Instant::now();
    until!(run, "a gauge that rises", gauge(addr).is_some_and(|seconds| seconds > 3.0));
    assert_eq!(rows(&place).await, 1);
    assert!(!run.log().contains("held back"), "too early: {}", run.log());
    until!(run, "a line that names them", run.log().contains("held back by open transactions"));
    assert!(begun.elapsed() > Duration::from_secs(9), "{:?}", begun.elapsed());
    let log = run.log();
    let line = log.lines().find(|line| line.contains("held back by open transactions")).unwrap();
    for part in [&format!("process {pid}, user postgres, application payroll, since 20"), "prepared transaction ", &gid] {
        assert!(line.contains(part), "no `{part}` in {line}");
    }
    // One line in ten seconds, not one in each poll.
    assert_eq!(log.matches("held back by open transactions").count(), 1, "{log}");
    slow.batch_execute("commit").await.unwrap();
    place.database.run(&format!("commit prepared '{gid}'")).await?;
    until!(run, "all rows", rows(&place).await == 3);
    until!(run, "a gauge at rest", gauge(addr).is_some_and(|seconds| seconds < 1.0));
    run.signal("TERM")?;
    assert!(run.end().await?.success(), "{}", run.log());
    Ok(())
}

async fn limit() -> Result<()> {
    let place = Place::new(|connection| pipeline(connection, "late_commit_wait = \"2s\"\n")).await?;
    place.database.run(TABLE).await?;
    let mut run = place.start("state", None);
    until!(run, "the first row", rows(&place).await == 1);
    let slow = place.database.client().await?;
    slow.batch_execute("set application_name = 'payroll'; begin; insert into t default values").await.unwrap();
    place.database.run("insert into t default values").await?;
    let begun = Instant::now();
    until!(run, "the row beside it", rows(&place).await == 2);
    assert!(begun.elapsed() >= Duration::from_millis(1900), "{:?}", begun.elapsed());
    let log = run.log();
    let line = log.lines().find(|line| line.contains("late_commit_wait is over"));
    assert!(line.is_some_and(|line| line.contains("application payroll") && line.contains("may be missed")), "{log}");
    // What it gave up is what it said.
    slow.batch_execute("commit").await.unwrap();
    place.database.run("insert into t default values").await?;
    until!(run, "the next row", rows(&place).await == 3);
    run.signal("TERM")?;
    assert!(run.end().await?.success(), "{}", run.log());
    assert_eq!(place.database.column("select count(*) from t").await?, ["4"]);
    Ok(())
}

async fn once() -> Result<()> {
    let place = Place::new(|connection| pipeline(connection, "")).await?;
    place.database.run(TABLE).await?;
    let slow = place.database.client().await?;
    slow.batch_execute("set application_name = 'payroll'; begin; insert into t default values").await.unwrap();
    place.database.run("insert into t default values").await?;
    let mut run = place.start_with("state", None, &["--once"]);
    until!(run, "a line that names it", run.log().contains("waiting for the end of open transactions"));
    assert!(run.log().contains("application payroll"), "{}", run.log());
    slow.batch_execute("commit").await.unwrap();
    assert!(run.end().await?.success(), "{}", run.log());
    assert_eq!(rows(&place).await, 3);
    Ok(())
}
