//! Files on a local disk.
mod walk;

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use thyme_core::{Error, Kind, Result, async_trait};

use super::pattern::{Pattern, is_glob};
use super::{Entry, Opened, ReadAt, Storage};

/// A file's ctime comes from a clock that ticks every few ms and may lag behind the one that is asked for the time.
const CLOCK_LAG_US: i64 = 100_000;

/// The files that a path means: one file, all files below a folder, or what a glob matches.
///
/// Names beginning with `.` or `_` are left out unless the glob writes that character. A link to a file is read as that
/// file, unless the listing has the file itself; links to folders below the root are not followed.
#[derive(Clone, Debug)]
pub struct LocalStorage {
    path: String,
}

/// What the path means at this moment: a folder may become a file.
struct Meant {
    root: PathBuf,
    pattern: Pattern,
}

impl LocalStorage {
    /// The files that `path` means; nothing is looked at yet.
    ///
    /// # Errors
    /// `Config` for a glob that does not parse.
    pub fn new(path: impl Into<String>) -> Result<Self> {
        let path: String = path.into();
        let local = Self { path };
        if is_glob(&local.path) {
            Pattern::new(local.split().1)?;
        }
        Ok(local)
    }

    /// The folder before the first glob character, and the rest. A path without one splits before its last part.
    fn split(&self) -> (&str, &str) {
        let path = self.path.strip_suffix('/').unwrap_or(&self.path);
        let glob = path.find(['*', '?', '[', '{']).unwrap_or(path.len());
        match path[..glob].rfind('/') {
            Some(0) => ("/", &path[1..]),
            Some(cut) => (&path[..cut], &path[cut + 1..]),
            None => (".", path),
        }
    }

    /// Whether `file`, which need not exist, would be listed: it lies in the folder that is meant, or the glob matches it.
    #[must_use]
    pub fn takes(&self, file: &Path) -> bool {
        let path = Path::new(&self.path);
        let (root, glob) = if is_glob(&self.path) && !path.exists() { self.split() } else { (self.path.as_str(), "**") };
        let (root, file) = (real(Path::new(root)), real(file));
        let key = file.strip_prefix(root).ok().and_then(Path::to_str).filter(|key| !key.is_empty());
        key.is_some_and(|key| Pattern::new(glob).is_ok_and(|pattern| pattern.takes(key)))
    }

    fn meant(&self) -> Result<Meant> {
        let path = Path::new(&self.path);
        let (root, glob) = self.split();
        if !is_glob(&self.path) || path.exists() {
            if path.is_dir() {
                return Ok(Meant { root: path.to_owned(), pattern: Pattern::new("**")? });
            }
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let root = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
            return Ok(Meant { root: root.to_owned(), pattern: Pattern::new(&globset::escape(name))?.showing_all() });
        }
        Ok(Meant { root: PathBuf::from(root), pattern: Pattern::new(glob)? })
    }

    /// The folder that keys are relative to.
    fn root(&self) -> PathBuf {
        let path = Path::new(&self.path);
        if (!is_glob(&self.path) || path.exists()) && path.is_dir() { path.to_owned() } else { PathBuf::from(self.split().0) }
    }
}

/// The path without `..` and links, as far as it exists.
fn real(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let there = path.ancestors().find_map(|above| Some((fs::canonicalize(above).ok()?, path.strip_prefix(above).ok()?)));
    there.map_or_else(|| path.clone(), |(above, rest)| above.join(rest))
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|e| Error::new(Kind::Unexpected, "a thread that looked at files died").source(e))?
}

#[async_trait]
impl Storage for LocalStorage {
    async fn list(&self, after: Option<&str>, limit: usize) -> Result<Vec<Entry>> {
        let (local, after) = (self.clone(), after.unwrap_or_default().to_owned());
        blocking(move || {
            let meant = local.meant()?;
            walk::walk(&meant.root, &meant.pattern, &after, limit)
        })
        .await
    }

    async fn stat(&self, keys: Vec<String>) -> Result<Vec<Option<Entry>>> {
        let root = self.root();
        blocking(move || keys.into_iter().map(|key| stat(&root.join(&key), key)).collect()).await
    }

    async fn beside(&self, key: &str) -> Result<Vec<Entry>> {
        let (root, key) = (self.root(), key.to_owned());
        blocking(move || walk::beside(&root, &key)).await
    }

    fn open(&self, key: &str) -> Result<Option<Opened>> {
        let path = self.root().join(key);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed("open", &path, error)),
        };
        let metadata = file.metadata().map_err(|e| failed("look at", &path, e))?;
        let entry = entry(key.to_owned(), &metadata);
        Ok(Some(Opened { entry, bytes: Arc::new(Local(file)) }))
    }

    async fn check(&self) -> Result<()> {
        let local = self.clone();
        blocking(move || {
            let path =
                if is_glob(&local.path) && !Path::new(&local.path).exists() { local.root() } else { PathBuf::from(&local.path) };
            let metadata = fs::metadata(&path).map_err(|e| failed("find", &path, e))?;
            if metadata.is_dir() { fs::read_dir(&path).map(drop) } else { File::open(&path).map(drop) }
                .map_err(|e| failed("read", &path, e))
        })
        .await
    }

    fn location(&self, key: &str) -> String {
        self.root().join(key).to_string_lossy().into_owned()
    }

    fn grows(&self) -> bool {
        true
    }

    fn now(&self) -> i64 {
        micros(Ok(SystemTime::now())).unwrap_or(0) - CLOCK_LAG_US
    }
}

struct Local(File);

impl ReadAt for Local {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.0.read_at(rest, offset + filled as u64) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }
}

fn stat(path: &Path, key: String) -> Result<Option<Entry>> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => Ok(Some(entry(key, &metadata))),
        Ok(_) => Ok(None),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(failed("look at", path, error)),
    }
}

fn entry(key: String, metadata: &Metadata) -> Entry {
    let time = |seconds: i64, nanos: i64| seconds.saturating_mul(1_000_000).saturating_add(nanos / 1000);
    let created = micros(metadata.created());
    Entry {
        key,
        size: metadata.len(),
        modified: time(metadata.mtime(), metadata.mtime_nsec()),
        changed: time(metadata.ctime(), metadata.ctime_nsec()),
        created,
        // A file system gives the inode of a deleted file to the next one.
        id: format!("{:x}.{:x}.{:x}", metadata.dev(), metadata.ino(), created.unwrap_or(0)),
        version: String::new(),
        slow: false,
    }
}

fn micros(time: io::Result<SystemTime>) -> Option<i64> {
    let since = time.ok()?.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_micros()).ok()
}

fn failed(what: &str, path: &Path, error: io::Error) -> Error {
    let kind = match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Kind::NotFound,
        io::ErrorKind::PermissionDenied => Kind::Auth,
        _ => Kind::Unavailable,
    };
    Error::new(kind, format!("cannot {what} the file")).context("path", path.display()).source(error)
}

#[cfg(test)]
mod tests;
