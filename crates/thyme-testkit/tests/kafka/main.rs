//! The broker of a test is a real one, comes back with its data, and leaves nothing behind.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]
#![allow(clippy::print_stdout, reason = "one process tells another where its broker is")]
mod around;
mod ways;

use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use thyme_core::{Result, env};
use thyme_testkit::Suite;
use thyme_testkit::kafka::{Connect, Kafka, Listener, New, RegistryVersion, Settings, Stop, issuer, missing};
use thyme_testkit::postgres::{self, Major};
use thyme_testkit::proxy::Faults;
use tokio::io::{AsyncBufReadExt, BufReader};

/// This process is another one, which starts a broker and is killed.
const CHILD: &str = "THYME_CHILD_SERVES";

fn main() -> ExitCode {
    if let Ok(Some(_)) = env::var(CHILD) {
        return serve();
    }
    let suite = Suite::new("kafka")
        .needs(missing())
        .case("comes_back_with_what_was_taken", comes_back)
        .case("hides_what_is_open_or_aborted", hides)
        .case("forgets_what_is_deleted", forgets)
        .case("survives_a_broker_of_three", survives)
        .case("is_cut_off_by_its_proxy", cut_off)
        .case("lets_in_by_every_way", ways::right)
        .case("refuses_what_is_wrong", ways::wrong)
        .case("goes_when_its_process_is_killed", goes);
    let registry = RegistryVersion::ALL.iter().find_map(|version| version.missing());
    let postgres = Major::chosen().map_or_else(|error| Some(error.to_string()), postgres::missing);
    let around = [
        Suite::new("issuer").needs(issuer::missing().or_else(missing)).case("lets_in_by_its_tokens", around::tokens),
        Suite::new("registry").needs(registry.clone()).case("knows_a_schema_by_its_id", around::registries),
        Suite::new("connect")
            .needs(missing().or_else(Connect::missing).or(registry).or(postgres))
            .case("publishes_a_table", around::debezium),
    ];
    thyme_testkit::main([suite].into_iter().chain(around))
}

async fn comes_back() -> Result<()> {
    let kafka = Kafka::start(&Settings::default())?;
    kafka.create_topic("t", 2, &[]).await?;
    for (n, how) in [(1, Stop::Gently), (2, Stop::Kill)] {
        kafka.produce("t", [New::to(0, format!("{n}")), New::to(1, format!("-{n}"))]).await?;
        kafka.stop(1, how)?;
        assert!(tokio::net::TcpStream::connect(kafka.address(1, Listener::Plain)?).await.is_err(), "it is down and answers");
        kafka.up(1)?;
        let read: Vec<String> = kafka.read("t").await?.iter().map(|record| record.text()).collect();
        let expected: Vec<String> = (1..=n).map(|n| n.to_string()).chain((1..=n).map(|n| format!("-{n}"))).collect();
        assert_eq!(read, expected);
    }
    let folder = kafka.folder().to_path_buf();
    drop(kafka);
    assert!(!folder.exists());
    Ok(())
}

async fn hides() -> Result<()> {
    let kafka = Kafka::shared()?;
    kafka.create_topic("hides", 1, &[]).await?;
    let mut first = New::keyed("a", "1");
    first.headers = vec![("h".to_owned(), Some(b"x".to_vec())), ("h".to_owned(), None)];
    kafka.produce("hides", [first]).await?;
    kafka.produce_in_transaction("hides", "t1", vec![New::keyed("a", "aborted")], false).await?;
    kafka.produce_in_transaction("hides", "t1", vec![New::keyed("a", "2")], true).await?;
    let read = kafka.read("hides").await?;
    assert_eq!(read.iter().map(|record| (record.offset, record.text())).collect::<Vec<_>>(), [(0, "1".into()), (3, "2".into())]);
    assert_eq!(read[0].headers, [("h".to_owned(), Some(b"x".to_vec())), ("h".to_owned(), None)]);
    assert_eq!(kafka.read_uncommitted("hides").await?.len(), 3);
    assert_eq!(kafka.offsets("hides").await?[0].high, 5);
    Ok(())
}

async fn forgets() -> Result<()> {
    let kafka = Kafka::shared()?;
    kafka.create_topic("forgets", 1, &[]).await?;
    kafka.produce("forgets", (0..10).map(|n| New::to(0, n.to_string()))).await?;
    kafka.delete_records("forgets", 0, 7).await?;
    assert_eq!(kafka.read("forgets").await?.len(), 3);
    assert_eq!(kafka.offsets("forgets").await?[0].low, 7);
    kafka.configure_topic("forgets", &[("max.message.bytes", "1000")]).await?;
    let refused = kafka.produce("forgets", [New::to(0, vec![0; 2000])]).await;
    assert!(refused.is_err(), "a record that is too large is taken");
    kafka.add_partitions("forgets", 3).await?;
    assert_eq!(kafka.offsets("forgets").await?.len(), 3);
    assert_eq!(kafka.committed("nobody", "forgets").await?, [None, None, None]);
    kafka.delete_topic("forgets").await
}

/// The leader of three is killed: its records are still there, and more are taken.
async fn survives() -> Result<()> {
    let kafka = Kafka::start(&Settings { nodes: 3, heap_mb: 256, ..Settings::default() })?;
    kafka.create_topic("t", 1, &[]).await?;
    kafka.produce("t", [New::to(0, "1")]).await?;
    let leader = kafka.leader("t", 0).await?;
    kafka.stop(leader, Stop::Kill)?;
    kafka.produce("t", [New::to(0, "2")]).await?;
    assert_eq!(kafka.read("t").await?.iter().map(|record| record.text()).collect::<Vec<_>>(), ["1", "2"]);
    assert_ne!(kafka.leader("t", 0).await?, leader);
    kafka.up(leader)
}

async fn cut_off() -> Result<()> {
    let kafka = Kafka::start_behind_proxies(&Settings::default()).await?;
    kafka.create_topic("t", 1, &[]).await?;
    let proxy = kafka.proxy(1)?;
    assert_eq!(kafka.brokers(Listener::Plain), proxy.address().to_string());
    assert_ne!(kafka.address(1, Listener::Plain)?, proxy.address());
    proxy.set(Faults { cut: true, ..Faults::default() });
    let before = Instant::now();
    let writing = kafka.produce("t", [New::to(0, "1")]);
    let mended = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        proxy.set(Faults::default());
    };
    let (written, ()) = tokio::join!(writing, mended);
    written?;
    assert!(before.elapsed() >= Duration::from_secs(2), "a record passed while the proxy was cut");
    assert_eq!(kafka.read("t").await?.len(), 1);
    Ok(())
}

/// Nothing is left of a broker whose process was killed, not even its folder.
async fn goes() -> Result<()> {
    let mut again = Command::new(std::env::current_exe().unwrap());
    again.env(CHILD, "1").stdout(Stdio::piped());
    let mut child = tokio::process::Command::from(again).kill_on_drop(true).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = lines.next_line().await.unwrap().expect("the child starts no broker");
    let (pid, folder) = line.split_once(' ').unwrap();
    let folder = std::path::PathBuf::from(folder);
    let alive = || Command::new("kill").args(["-0", pid]).stderr(Stdio::null()).status().unwrap().success();
    assert!(folder.join("1/data/meta.properties").is_file() && alive());
    child.kill().await.unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while folder.exists() || alive() {
        assert!(Instant::now() < deadline, "the broker outlives its process");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

fn serve() -> ExitCode {
    let kafka = Kafka::start(&Settings::default()).unwrap();
    println!("{} {}", kafka.pid(1).unwrap().unwrap(), kafka.folder().display());
    std::thread::sleep(Duration::from_secs(60));
    ExitCode::FAILURE
}
