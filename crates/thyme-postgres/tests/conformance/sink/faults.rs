//! Servers that go, lines that break, answers that are lost: reported by kind, and nothing is lost or written twice.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use thyme_core::{Kind, Result, Retry, Sink};
use thyme_postgres::{Mode, PostgresSink};
use thyme_testkit::Suite;
use thyme_testkit::postgres::{Server, Settings, Stop};
use thyme_testkit::proxy::{Faults, Proxy};
use tokio::sync::watch;

use super::world::{At, World, insert, numbered, plain};

pub(super) fn cases(suite: Suite) -> Suite {
    suite
        .case("a_line_that_is_cut_at_any_byte", || cut_at_any_byte(257))
        .soak("a_line_that_is_cut_at_every_few_bytes", || cut_at_any_byte(7))
        .case("a_line_that_is_cut_at_any_moment", || cut_at_any_moment(60))
        .soak("a_line_that_is_cut_at_a_thousand_moments", || cut_at_any_moment(1000))
        .case("a_server_that_is_killed_while_it_commits", || killed_server(6))
        .soak("a_server_that_is_killed_a_hundred_times", || killed_server(100))
        .case("a_server_that_is_restarted", restarted)
        .case("a_line_with_200_ms_each_way", slow_line)
        .case("a_statement_that_takes_too_long", statement_timeout)
        .case("a_session_that_waits_longer_than_the_server_likes", idle_sessions)
        .case("a_table_that_somebody_locks", locked)
}

const COMMITS: u64 = 6;
const ROWS: i64 = 40;

fn sink_by(world: &World, address: std::net::SocketAddr, mode: Mode) -> PostgresSink {
    world.sink_by(address, |config| {
        config.mode = mode;
        config.auto_create = true;
        config.connect_timeout = Some(Duration::from_secs(5));
    })
}

/// From where the target stands to the last commit, or to the first error.
async fn life(sink: &PostgresSink) -> Result<()> {
    let mut at = At::open(sink, &plain()).await?;
    while at.seq < COMMITS {
        let begin = i64::try_from(at.seq).unwrap() * ROWS;
        at.stage(insert(numbered(begin..begin + ROWS / 2, 0))).await?;
        at.stage(insert(numbered(begin + ROWS / 2..begin + ROWS, 0))).await?;
        at.commit().await?;
    }
    Ok(())
}

/// All rows once, and the cursor with them.
async fn whole(world: &World, commits: u64) {
    let rows = commits * ROWS.unsigned_abs();
    let sql = "select count(*), count(distinct id), (select max(seq) from thyme_cursors) from t";
    assert_eq!(world.rows(sql).await, [format!("{rows} {rows} {commits}")]);
}

async fn cut_at_any_byte(step: u64) -> Result<()> {
    let world = World::new().await?;
    for mode in [Mode::Append, Mode::Upsert] {
        let (mut cuts, mut carried) = (0, 300);
        loop {
            world.run("drop table if exists t, thyme_cursors").await;
            let proxy = Proxy::start(world.address()).await?;
            let sink = sink_by(&world, proxy.address(), mode);
            proxy.set(Faults { cut_after: Some(carried), ..Faults::default() });
            match life(&sink).await {
                Ok(()) if proxy.spent() == 0 => break,
                // Between two commits a line that is gone is replaced.
                Ok(()) => {}
                Err(error) => {
                    assert_eq!(error.kind(), Kind::Unavailable, "cut after {carried} bytes: {error:?}");
                    assert_ne!(error.retry_advice(), Retry::No);
                }
            }
            proxy.set(Faults::default());
            life(&sink).await.map_err(|e| e.context("after a cut at byte", carried))?;
            whole(&world, COMMITS).await;
            cuts += 1;
            carried += step;
        }
        assert!(cuts > 10, "{cuts} cuts show nothing");
    }
    Ok(())
}

async fn cut_at_any_moment(cuts: u32) -> Result<()> {
    let world = World::new().await?;
    world.run("create table t (id bigint, n bigint, text text)").await;
    let proxy = Proxy::start(world.address()).await?;
    let sink = sink_by(&world, proxy.address(), Mode::Append);
    let (stop, (told, mut done)) = (Arc::new(AtomicBool::new(false)), watch::channel(Done::default()));
    let writing = tokio::spawn(through_thick_and_thin(sink, Arc::clone(&stop), told));
    for number in 0..cuts {
        // Only a writer at work has something to lose. A batch and its commit take a few milliseconds.
        let Done { commits, errors } = *done.borrow_and_update();
        done.wait_for(|done| done.commits > commits).await.unwrap();
        tokio::time::sleep(Duration::from_micros(u64::from(number) * 977 % 10_000)).await;
        // Half of them after a moment in which nothing comes through.
        proxy.set(Faults { stall: number % 2 == 0, ..Faults::default() });
        tokio::time::sleep(Duration::from_micros(u64::from(number % 3) * 500)).await;
        proxy.set(Faults { cut: true, ..Faults::default() });
        // It lasts until the writer has met it, wherever it was.
        let met = tokio::time::timeout(Duration::from_secs(10), done.wait_for(|done| done.errors > errors)).await.map(drop);
        assert!(met.is_ok(), "the cut {number} met no writer");
        proxy.set(Faults::default());
    }
    stop.store(true, Ordering::SeqCst);
    let Done { commits, errors } = writing.await.unwrap();
    assert!(errors >= cuts as usize, "{errors} of {cuts} cuts met a writer");
    whole(&world, commits).await;
    Ok(())
}

/// What a writer came to.
#[derive(Clone, Copy, Debug, Default)]
struct Done {
    commits: u64,
    errors: usize,
}

/// Writes until told to stop, whatever the server does.
async fn through_thick_and_thin(sink: PostgresSink, stop: Arc<AtomicBool>, told: watch::Sender<Done>) -> Done {
    loop {
        let work = async {
            let mut at = At::open(&sink, &plain()).await?;
            while !stop.load(Ordering::SeqCst) {
                let begin = i64::try_from(at.seq).unwrap() * ROWS;
                at.stage(insert(numbered(begin..begin + ROWS, 0))).await?;
                at.commit().await?;
                told.send_modify(|done| done.commits = at.seq);
            }
            Ok(at.seq)
        };
        match work.await {
            Ok(commits) => return Done { commits, ..*told.borrow() },
            Err(error) => {
                let error: thyme_core::Error = error;
                assert_eq!(error.kind(), Kind::Unavailable, "{error:?}");
                told.send_modify(|done| done.errors += 1);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

async fn killed_server(kills: u32) -> Result<()> {
    let server = Server::start(&Settings::default())?;
    let world = World::on(&server).await?;
    world.run("create table t (id bigint, n bigint, text text)").await;
    let stop = Arc::new(AtomicBool::new(false));
    let writing =
        tokio::spawn(through_thick_and_thin(world.sink(|_| {}), Arc::clone(&stop), watch::Sender::new(Done::default())));
    for kill in 0..kills {
        tokio::time::sleep(Duration::from_millis(150 + u64::from(kill) * 37 % 200)).await;
        server.stop(Stop::Kill)?;
        server.up()?;
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    stop.store(true, Ordering::SeqCst);
    let Done { commits, errors } = writing.await.unwrap();
    assert!(errors >= kills as usize && commits > u64::from(kills) * 2, "{commits} commits, {errors} errors show nothing");
    whole(&world, commits).await;
    Ok(())
}

async fn restarted() -> Result<()> {
    let server = Server::start(&Settings::default())?;
    let world = World::on(&server).await?;
    let sink = world.sink(|config| config.auto_create = true);
    let mut at = At::open(&sink, &plain()).await?;
    at.put(numbered(0..ROWS, 0)).await?;
    at.stage(insert(numbered(1000..1010, 0))).await?;
    server.stop(Stop::Fast)?;
    let broken = at.commit().await.unwrap_err();
    assert_eq!(broken.kind(), Kind::Unavailable, "{broken:?}");
    assert_eq!(sink.open(&super::world::job(&plain())).await.unwrap_err().kind(), Kind::Unavailable);
    server.up()?;
    let mut at = At::open(&sink, &plain()).await?;
    at.put(numbered(ROWS..2 * ROWS, 0)).await?;
    whole(&world, 2).await;
    Ok(())
}

async fn slow_line() -> Result<()> {
    let world = World::new().await?;
    let proxy = Proxy::start(world.address()).await?;
    let sink = sink_by(&world, proxy.address(), Mode::Append);
    let mut at = At::open(&sink, &plain()).await?;
    proxy.set(Faults { delay: Duration::from_millis(200), ..Faults::default() });
    let begun = Instant::now();
    for commit in 0..2i64 {
        at.put(numbered(commit * ROWS..commit * ROWS + ROWS, 0)).await?;
    }
    // Three times there and back for a batch and its commit: begin and COPY, the rows, the commit. The proxy makes two pieces
    // that are sent at once wait one after the other.
    let taken = begun.elapsed();
    assert!(taken >= Duration::from_millis(800), "{taken:?}: the line is not slow");
    assert!(taken < Duration::from_millis(2 * 4 * 400 + 400), "{taken:?} for two batches: too many round trips");
    whole(&world, 2).await;
    Ok(())
}

async fn statement_timeout() -> Result<()> {
    let world = World::new().await?;
    world.run("create table t (id bigint, n bigint, text text)").await;
    let sink = world.sink(|config| config.statement_timeout = Some(Duration::from_millis(300)));
    let mut at = At::open(&sink, &plain()).await?;
    at.put(numbered(0..ROWS, 0)).await?;
    let other = world.client().await;
    other.batch_execute("begin; lock table t in exclusive mode").await.unwrap();
    let late = at.stage(insert(numbered(ROWS..2 * ROWS, 0))).await.unwrap_err();
    assert!(late.kind() == Kind::Unavailable && late.to_string().contains("57014"), "{late:?}");
    assert!(at.commit().await.is_err(), "a writer that failed does not commit");
    other.batch_execute("rollback").await.unwrap();
    At::open(&sink, &plain()).await?.put(numbered(ROWS..2 * ROWS, 0)).await?;
    whole(&world, 2).await;
    Ok(())
}

async fn idle_sessions() -> Result<()> {
    let world = World::new().await?;
    let role = format!("hasty_{}", world.schema.split_whitespace().next().unwrap());
    let schema = super::world::sql_name(&world.schema);
    world
        .run(&format!(
            "create role {role} login password 'w'; grant all on schema {schema} to {role};
             alter role {role} set idle_in_transaction_session_timeout = '100ms';
             alter role {role} set idle_session_timeout = '100ms';
             alter role {role} set synchronous_commit = off"
        ))
        .await;
    let sink = world.sink(|config| {
        config.user = Some(role.clone());
        config.password = Some(thyme_core::Secret::new("w"));
        config.auto_create = true;
    });
    let mut at = At::open(&sink, &plain()).await?;
    for commit in 0..2i64 {
        tokio::time::sleep(Duration::from_millis(400)).await;
        at.stage(insert(numbered(commit * ROWS..commit * ROWS + ROWS, 0))).await?;
        tokio::time::sleep(Duration::from_millis(400)).await;
        at.commit().await?;
    }
    whole(&world, 2).await;
    world.run(&format!("drop owned by {role}; drop role {role}")).await;
    Ok(())
}

/// Somebody holds a lock when the table is to be widened: the task does not queue up behind it for ever, with all readers behind.
async fn locked() -> Result<()> {
    let world = World::new().await?;
    world.run("create table t (id bigint, n bigint)").await;
    let other = world.client().await;
    other.batch_execute("begin; select count(*) from t").await.unwrap();
    let sink = world.sink(|config| config.auto_evolve = true);
    let begun = Instant::now();
    let late = sink.open(&super::world::job(&plain())).await.unwrap_err();
    assert!(late.kind() == Kind::Unavailable && late.to_string().contains("55P03"), "{late:?}");
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    other.batch_execute("rollback").await.unwrap();
    At::open(&sink, &plain()).await?.put(numbered(0..ROWS, 0)).await?;
    whole(&world, 1).await;
    Ok(())
}
