//! The server of a test is a real one, comes back with its data, and leaves nothing behind.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]
#![allow(clippy::print_stdout, reason = "one process tells another where its server is")]
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use thyme_core::{Result, env};
use thyme_testkit::Suite;
use thyme_testkit::postgres::{Database, Major, Server, Settings, Stop, missing, missing_tls};
use tokio::io::{AsyncBufReadExt, BufReader};

/// This process is another one, which starts a server and is killed.
const CHILD: &str = "THYME_CHILD_SERVES";

fn main() -> ExitCode {
    if let Ok(Some(_)) = env::var(CHILD) {
        return serve();
    }
    let suites = Major::ALL.iter().map(|major| {
        let settings = Settings { major: Some(*major), ..Settings::default() };
        let [a, b, c] = [settings.clone(), settings.clone(), settings.clone()];
        let suite = Suite::new(format!("postgres_{}", major.number()))
            .needs(missing(*major))
            .case("comes_back_with_what_was_committed", move || comes_back(a))
            .case("takes_only_the_right_password", move || right_password(b))
            .case("goes_when_its_process_is_killed", move || goes(c));
        match major {
            Major::V15 => {
                suite.needs(missing_tls(*major)).case("offers_tls", move || offers_tls(Settings { tls: true, ..settings }))
            }
            // The build that PyPI has is made without.
            Major::V18 => suite,
        }
    });
    thyme_testkit::main(suites.collect::<Vec<_>>())
}

async fn comes_back(settings: Settings) -> Result<()> {
    let server = Server::start(&settings)?;
    let database = server.database().await?;
    let version = database.column("show server_version").await?;
    assert!(version[0].starts_with(&server.major().number().to_string()), "{version:?}");
    database.run("create table t (n int)").await?;
    for (n, how) in [(1, Stop::Fast), (2, Stop::Kill), (3, Stop::Kill)] {
        database.run(&format!("insert into t values ({n})")).await?;
        let under_way = database.client().await?;
        under_way.batch_execute("begin; insert into t values (-1)").await.unwrap();
        server.stop(how)?;
        assert!(database.client().await.is_err(), "a server that is down answers");
        server.up()?;
        assert_eq!(database.column("select n from t order by n").await?, (1..=n).map(|n| n.to_string()).collect::<Vec<_>>());
    }
    let folder = server.folder().to_path_buf();
    drop(server);
    assert!(!folder.exists());
    Ok(())
}

async fn right_password(settings: Settings) -> Result<()> {
    let server = Server::start(&settings)?;
    let mut config = tokio_postgres::Config::new();
    config.host("127.0.0.1").port(server.port()).user("postgres").password("another").dbname("postgres");
    let refused = config.connect(tokio_postgres::NoTls).await.err().expect("the wrong password is taken");
    assert_eq!(refused.code(), Some(&tokio_postgres::error::SqlState::INVALID_PASSWORD));
    Ok(())
}

async fn offers_tls(settings: Settings) -> Result<()> {
    let server = Server::start(&settings)?;
    let database = Database { server: &server, name: "postgres".to_owned() };
    assert_eq!(database.column("show ssl").await?, ["on"]);
    assert!(server.certs().unwrap().pem().contains("BEGIN CERTIFICATE"));
    Ok(())
}

/// Nothing is left of a server whose process was killed, not even its folder.
async fn goes(settings: Settings) -> Result<()> {
    let mut child = tokio::process::Command::from(again(&settings)).stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let folder = std::path::PathBuf::from(lines.next_line().await.unwrap().expect("the child starts no server"));
    assert!(folder.join("data/postmaster.pid").is_file());
    child.kill().await.unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while folder.exists() {
        assert!(Instant::now() < deadline, "the server outlives its process");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

fn again(settings: &Settings) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.env(CHILD, "1").env("THYME_TEST_POSTGRES", settings.major.unwrap().number().to_string());
    command
}

fn serve() -> ExitCode {
    let server = Server::start(&Settings::default()).unwrap();
    println!("{}", server.folder().display());
    std::thread::sleep(Duration::from_secs(60));
    ExitCode::FAILURE
}
