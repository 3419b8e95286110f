//! Real object stores of a test's own: their data, their port on 127.0.0.1; gone when they are dropped, and when the process
//! that started them dies in whatever way.
//!
//! The programs come from `cargo xtask services up`: MinIO, which checks signatures, conditions and checksums, versitygw as the
//! second S3, and fake-gcs-server.
mod clock;
mod life;

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use thyme_core::{Error, Kind, Result, env};

use crate::drive::breaks;
pub use clock::{clock, no_clock};
use life::Life;

/// The access key of every S3 server here.
pub const ACCESS_KEY: &str = "testkey";

/// Its secret.
pub const SECRET: &str = "testsecret123";

/// The region of every S3 server here.
pub const REGION: &str = "eu-test-7";

/// A program that serves objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Program {
    /// MinIO: S3 and STS.
    Minio,
    /// versitygw: S3 in front of a folder.
    Versitygw,
    /// fake-gcs-server: GCS.
    FakeGcs,
}

impl Program {
    /// The S3 server to test with: that of `THYME_TEST_S3`, `minio` or `versitygw`; MinIO where it is not set.
    ///
    /// # Errors
    /// `Config` for another name.
    pub fn s3() -> Result<Self> {
        match env::var("THYME_TEST_S3")?.as_deref() {
            None | Some("minio") => Ok(Self::Minio),
            Some("versitygw") => Ok(Self::Versitygw),
            Some(other) => Err(Error::new(Kind::Config, "THYME_TEST_S3 is neither minio nor versitygw").context("it is", other)),
        }
    }

    /// What its file is called.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Minio => "minio",
            Self::Versitygw => "versitygw",
            Self::FakeGcs => "fake-gcs-server",
        }
    }

    fn find(self) -> Result<PathBuf> {
        let named = env::var(&format!("THYME_TEST_{}", self.name().to_ascii_uppercase().replace('-', "_")))?.map(PathBuf::from);
        let place = Path::new("services/go/bin").join(self.name());
        named.or(installed(&place)).ok_or_else(|| {
            let text = format!("{} is not installed: `cargo xtask services up` does that", self.name());
            Error::new(Kind::NotFound, text)
        })
    }
}

/// What `cargo xtask services up` installed at `place` below the build directory.
fn installed(place: &Path) -> Option<PathBuf> {
    let exe = std::env::current_exe().ok()?;
    exe.ancestors().map(|folder| folder.join(place)).find(|path| path.is_file())
}

/// Why there is no such program here; `None` when there is.
#[must_use]
pub fn missing(program: Program) -> Option<String> {
    program.find().err().map(|error| error.to_string())
}

/// A running server, or one that was killed for a while.
#[derive(Debug)]
pub struct Server {
    program: Program,
    binary: PathBuf,
    folder: PathBuf,
    port: u16,
    life: Mutex<Option<Life>>,
}

impl Server {
    /// Starts a server without buckets. Blocks for up to a second.
    ///
    /// # Errors
    /// `NotFound` when the program is not installed, with the remedy; `Unavailable` when it does not come up, with its log.
    pub fn start(program: Program) -> Result<Self> {
        let binary = program.find()?;
        let folder = folder(program)?;
        let mut error = breaks("the server was not started");
        // Between our look for a free port and the server's bind somebody else may take it.
        for _ in 0..3 {
            let port = free_port()?;
            match Life::begin(program, &binary, &folder, port) {
                Ok(life) => return Ok(Self { program, binary, folder, port, life: Mutex::new(Some(life)) }),
                Err(failed) => error = failed,
            }
        }
        let _ = std::fs::remove_dir_all(&folder);
        Err(error)
    }

    /// The one server of this program in this test process, started when it is first asked for.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub fn shared(program: Program) -> Result<&'static Self> {
        type Slot = OnceLock<std::result::Result<Server, String>>;
        static SHARED: [Slot; 3] = [const { OnceLock::new() }; 3];
        let slot = SHARED.get(program as usize).ok_or_else(|| breaks("an unknown program"))?;
        let server = slot.get_or_init(|| Self::start(program).map_err(|error| error.to_string()));
        server.as_ref().map_err(|error| Error::new(Kind::Unavailable, error.clone()))
    }

    /// Which program it is.
    #[must_use]
    pub fn program(&self) -> Program {
        self.program
    }

    /// Where it listens; stays the same over a restart.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Makes a bucket of a name that nobody else here has: `prefix` and a number.
    ///
    /// # Errors
    /// `Unavailable` when it can't be made.
    pub fn bucket(&self, prefix: &str) -> Result<String> {
        static COUNT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        let name = format!("{prefix}-{}", COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
        // All of them take a folder beside the others for a bucket.
        std::fs::create_dir_all(self.data(&name)).map_err(|e| broke("a bucket can't be made", &self.folder, e))?;
        Ok(name)
    }

    /// Where the objects of a bucket lie. To versitygw each file there is one, as old as that file.
    #[must_use]
    pub fn data(&self, bucket: &str) -> PathBuf {
        self.folder.join("data").join(bucket)
    }

    /// Kills it, as `kill -9` does. Nothing happens when it is down already.
    pub fn kill(&self) {
        if let Some(life) = self.life.lock().unwrap_or_else(PoisonError::into_inner).take() {
            life.end();
        }
    }

    /// Brings it up again, on the same port with the same data. Nothing happens when it is up.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub fn up(&self) -> Result<()> {
        let mut life = self.life.lock().unwrap_or_else(PoisonError::into_inner);
        if life.is_none() {
            *life = Some(Life::begin(self.program, &self.binary, &self.folder, self.port)?);
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A folder of its own, with an empty `data` in it.
fn folder(program: Program) -> Result<PathBuf> {
    static COUNT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    let number = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("thyme-{}-{}-{number}", program.name(), std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    for inner in ["data", "versions"] {
        std::fs::create_dir_all(folder.join(inner)).map_err(|e| broke("a server has no folder", &folder, e))?;
    }
    Ok(folder)
}

fn free_port() -> Result<u16> {
    let broken = |e| Error::new(Kind::Unavailable, "there is no free port on 127.0.0.1").source(e);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(broken)?;
    Ok(listener.local_addr().map_err(broken)?.port())
}

/// No server takes that long to come.
const PATIENCE: Duration = Duration::from_secs(60);

fn broke(what: &str, path: &Path, error: std::io::Error) -> Error {
    Error::new(Kind::Unavailable, what).context("path", path.display()).source(error)
}
