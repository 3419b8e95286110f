//! `initdb` takes seconds: it runs once for each version and user, and every server gets a copy.
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use thyme_core::{Error, Kind, Result};

use super::install::Install;
use super::{PASSWORD, Settings, USER};
use crate::program::{broke, hash, output};

/// A cluster that was never started, and programs that its user can reach.
pub(super) struct Template {
    pub(super) install: Install,
    pub(super) data: PathBuf,
}

/// What the tests need and no production server would do: nothing survives the machine, all of it survives the process.
const OPTIONS: &[(&str, &str)] = &[
    ("listen_addresses", "127.0.0.1"),
    ("unix_socket_directories", ""),
    ("fsync", "off"),
    ("full_page_writes", "off"),
    ("wal_level", "logical"),
    ("max_wal_senders", "10"),
    ("max_replication_slots", "20"),
    ("max_prepared_transactions", "20"),
    ("max_connections", "60"),
    ("timezone", "UTC"),
    ("password_encryption", "scram-sha-256"),
];

/// Where programs are copied to: as deep as they lie in the Python package.
const COPIED: &str = "install/package/pginstall";

/// Finds or makes the template of this installation.
pub(super) fn ready(install: &Install) -> Result<Template> {
    let version = fs::canonicalize(&install.bin).map_err(|e| broke("no programs", &install.bin, e))?;
    let text = output(std::process::Command::new(install.bin.join("postgres")).arg("--version"))?;
    let number = text.split_whitespace().nth(2).unwrap_or("unknown");
    let owner = install.user.map_or_else(|| fs::metadata("/proc/self").map_or(0, |at| at.uid()), |user| user.uid);
    let place = std::env::temp_dir().join(format!("thyme-postgres-{number}-{owner}-{:08x}", hash(&version)));
    if !place.is_dir() {
        make(install, &place)?;
    }
    let at = fs::metadata(&place).map_err(|e| broke("no template", &place, e))?;
    if at.uid() != owner {
        return Err(Error::new(Kind::Unavailable, "the template belongs to somebody else").context("path", place.display()));
    }
    let copied = place.join(COPIED).join("bin");
    let bin = if copied.is_dir() { copied } else { install.bin.clone() };
    Ok(Template { install: Install { bin, user: install.user }, data: place.join("data") })
}

/// Makes it beside its place, and moves it there when it is whole: others may do the same at the same time.
fn make(install: &Install, place: &Path) -> Result<()> {
    let folder = new_folder(install)?;
    let mut install = install.clone();
    let reached = install.command("postgres").arg("--version").output().is_ok_and(|output| output.status.success());
    if !reached {
        // The build folder lies where only root may go.
        copy_programs(&install, &folder)?;
        install.bin = folder.join(COPIED).join("bin");
    }
    let password = folder.join("password");
    fs::write(&password, PASSWORD).map_err(|e| broke("a file can't be written", &password, e))?;
    install.own(&password)?;
    let mut initdb = install.command("initdb");
    initdb.args(["--encoding=UTF8", "--locale=C", "--auth=scram-sha-256", "--no-sync"]);
    output(initdb.arg("--username").arg(USER).arg("--pwfile").arg(&password).arg("-D").arg(folder.join("data")))?;
    match fs::rename(&folder, place) {
        Err(_) if place.is_dir() => fs::remove_dir_all(&folder).map_err(|e| broke("a folder stays behind", &folder, e)),
        done => done.map_err(|e| broke("the template can't be moved to its place", place, e)),
    }
}

/// Copies the programs, and the libraries that a Python package has beside itself: they are looked for at the same distance.
fn copy_programs(install: &Install, folder: &Path) -> Result<()> {
    let (to, from) = (folder.join(COPIED), install.bin.parent().unwrap_or(&install.bin));
    let package = from.parent().unwrap_or(from);
    fs::create_dir_all(to.parent().unwrap_or(&to)).map_err(|e| broke("a folder can't be made", &to, e))?;
    output(std::process::Command::new("cp").arg("-RL").arg(from).arg(&to))?;
    let mut libraries = package.as_os_str().to_owned();
    libraries.push(".libs");
    if Path::new(&libraries).is_dir() {
        output(std::process::Command::new("cp").arg("-RL").arg(&libraries).arg(folder.join("install")))?;
    }
    output(std::process::Command::new("chmod").args(["-R", "a+rX"]).arg(folder.join("install"))).map(drop)
}

/// A folder with a copy of the data, for one server.
pub(super) fn copy(install: &Install, data: &Path) -> Result<PathBuf> {
    let folder = new_folder(install)?;
    output(install.by_user("cp").arg("-R").arg("-p").arg(data).arg(folder.join("data")))?;
    Ok(folder)
}

/// Writes `pg_hba.conf` and adds to `postgresql.conf`.
pub(super) fn configure(folder: &Path, install: &Install, settings: &Settings) -> Result<()> {
    let mut hba = settings.hba.join("\n");
    hba.push_str("\nhost all all 127.0.0.1/32 scram-sha-256\nhost replication all 127.0.0.1/32 scram-sha-256\n");
    let mut options = String::from("\n");
    let quoted = |value: &str| value.replace('\'', "''");
    let mut line = |name: &str, value: &str| writeln!(options, "{name} = '{}'", quoted(value)).is_ok();
    OPTIONS.iter().all(|(name, value)| line(name, value));
    if settings.tls {
        let file = |name: &str| folder.join(name).display().to_string();
        line("ssl", "on");
        line("ssl_ca_file", &file("ca.crt"));
        line("ssl_cert_file", &file("server.crt"));
        line("ssl_key_file", &file("server.key"));
    }
    settings.options.iter().all(|(name, value)| line(name, value));
    let (hba_file, options_file) = (folder.join("data/pg_hba.conf"), folder.join("data/postgresql.conf"));
    let before = fs::read_to_string(&options_file).map_err(|e| broke("no settings", &options_file, e))?;
    fs::write(&options_file, before + &options).map_err(|e| broke("settings can't be written", &options_file, e))?;
    fs::write(&hba_file, hba).map_err(|e| broke("settings can't be written", &hba_file, e))?;
    install.own(&hba_file)
}

/// A folder of the server's user, closed to all others.
pub(super) fn new_folder(install: &Install) -> Result<PathBuf> {
    let new = tempfile::Builder::new().prefix("thyme-postgres-").tempdir();
    let folder = new.map_err(|e| broke("there is no room for a server", &std::env::temp_dir(), e))?.keep();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).map_err(|e| broke("a folder stays open", &folder, e))?;
    install.own(&folder)?;
    Ok(folder)
}
