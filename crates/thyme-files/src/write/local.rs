//! Files of this machine.
mod replace;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use thyme_core::{Error, Kind, Result, async_trait, testing};
use tokio::task::{JoinError, JoinHandle};

use super::log::OWN;
use super::target::{Generation, Target, Upload};

/// A folder of this machine, made when it is first written to.
#[derive(Clone, Debug)]
pub struct LocalTarget {
    root: PathBuf,
    /// Where the protocol's own folder is.
    own: PathBuf,
}

impl LocalTarget {
    /// Files below `root`, which are added to. The protocol's own files are in `_thyme` there.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        let root = root.into();
        Self { own: root.clone(), root }
    }

    /// Files below `root`, which are replaced as a whole. The protocol's own files are beside it, in `.<name>.thyme`.
    ///
    /// # Errors
    /// `Config` for a root that has no name: `/`, `..`.
    pub fn replacing(root: impl Into<PathBuf>) -> Result<Self> {
        let root = std::path::absolute(root.into()).map_err(|e| failed(Path::new("."), e))?;
        // A link is not what is replaced, but what it points to.
        let root = fs::canonicalize(&root).unwrap_or(root);
        let Some(name) = root.file_name() else {
            return Err(Error::new(Kind::Config, "this folder can't be replaced").context("path", root.display()));
        };
        let own = root.with_file_name(format!(".{}.thyme", name.to_string_lossy()));
        Ok(Self { root, own })
    }

    fn path(&self, name: &str) -> PathBuf {
        match name {
            "" => self.root.clone(),
            name if name.split('/').next() == Some(OWN) => self.own.join(name),
            name => self.root.join(name),
        }
    }

    /// Runs `work` where it may block.
    async fn blocking<T: Send + 'static>(&self, work: impl FnOnce(Self) -> Result<T> + Send + 'static) -> Result<T> {
        let target = self.clone();
        on_disk(move || work(target)).await
    }

    /// Makes the folder of `path` and what is above it, durably.
    fn folder(&self, path: &Path) -> Result<()> {
        let Some(folder) = path.parent() else { return Ok(()) };
        if folder.is_dir() {
            return Ok(());
        }
        fs::create_dir_all(folder).map_err(|e| failed(folder, e))?;
        let top = if folder.starts_with(&self.own) { &self.own } else { &self.root };
        let above = folder.ancestors().skip(1).take_while(|above| above.starts_with(top));
        above.chain(top.parent()).try_for_each(sync)
    }
}

#[async_trait]
impl Target for LocalTarget {
    fn identity(&self) -> String {
        let path = std::path::absolute(&self.root).unwrap_or_else(|_| self.root.clone());
        format!("file://{}", path.display())
    }

    async fn check(&self) -> Result<()> {
        self.blocking(|target| {
            let root = std::path::absolute(&target.root).map_err(|e| failed(&target.root, e))?;
            let there = root.ancestors().find(|path| path.symlink_metadata().is_ok()).unwrap_or(&root);
            let metadata = fs::metadata(there).map_err(|e| failed(there, e))?;
            if !metadata.is_dir() {
                return Err(not_a_folder(there));
            }
            rustix::fs::access(there, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK)
                .map_err(|e| failed(there, e.into()))
        })
        .await
    }

    async fn begin(&self, hidden: &str, attempt: &str) -> Result<Box<dyn Upload>> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!("{hidden}/{attempt}-{:x}.tmp", COUNT.fetch_add(1, Ordering::Relaxed));
        self.blocking(move |target| {
            let path = target.path(&name);
            target.folder(&path)?;
            let file = OpenOptions::new().write(true).create_new(true).open(&path).map_err(|e| failed(&path, e))?;
            Ok(Box::new(LocalUpload::new(file, path, name)) as Box<dyn Upload>)
        })
        .await
    }

    async fn publish(&self, from: &str, to: &str) -> Result<()> {
        let (from, to) = (self.path(from), self.path(to));
        self.blocking(move |target| {
            target.folder(&to)?;
            match rename_new(&from, &to) {
                Ok(()) => Ok(()),
                // It was published before, and whoever reads it may have taken it away since.
                Err(e) if e.kind() == io::ErrorKind::NotFound && !from.exists() => Ok(()),
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists && same(&from, &to) => {
                    fs::remove_file(&from).map_err(|e| failed(&from, e))
                }
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                    Err(Error::new(Kind::Conflict, "another file took the name of a committed one; move it away")
                        .context("file", to.display())
                        .context("committed", from.display()))
                }
                Err(e) => Err(failed(&to, e)),
            }
        })
        .await
    }

    async fn settle(&self, names: &[String]) -> Result<()> {
        let mut folders: Vec<_> = names.iter().filter_map(|name| self.path(name).parent().map(Path::to_owned)).collect();
        folders.sort();
        folders.dedup();
        // A folder that is gone was taken away, with its files, by whoever reads them.
        on_disk(move || folders.iter().filter(|folder| folder.exists()).try_for_each(|folder| sync(folder))).await
    }

    async fn create(&self, name: &str, bytes: &[u8]) -> Result<bool> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let (path, bytes) = (self.path(name), bytes.to_vec());
        let whole = path.with_extension(format!("{}-{}.new", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)));
        self.blocking(move |target| {
            target.folder(&path)?;
            let write = || {
                let mut file = File::create(&whole)?;
                file.write_all(&bytes)?;
                file.sync_all()?;
                // A link is made whole or not at all, and never over another: create-new alone can leave an empty file.
                fs::hard_link(&whole, &path)
            };
            let linked = write();
            let _ = fs::remove_file(&whole);
            match linked {
                Ok(()) => path.parent().map_or(Ok(()), sync).map(|()| true),
                // `NotFound`: a newer writer swept our unfinished file away.
                Err(e) if matches!(e.kind(), io::ErrorKind::AlreadyExists | io::ErrorKind::NotFound) => Ok(false),
                Err(e) => Err(failed(&path, e)),
            }
        })
        .await
    }

    async fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let path = self.path(name);
        on_disk(move || match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(failed(&path, e)),
        })
        .await
    }

    async fn exists(&self, name: &str) -> Result<bool> {
        let path = self.path(name);
        on_disk(move || match path.symlink_metadata() {
            Ok(_) => Ok(true),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(e) => Err(failed(&path, e)),
        })
        .await
    }

    async fn list(&self, folder: &str) -> Result<Vec<String>> {
        let path = self.path(folder);
        on_disk(move || {
            let entries = match fs::read_dir(&path) {
                Ok(entries) => entries,
                Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
                Err(e) => return Err(failed(&path, e)),
            };
            let names = entries.map(|entry| entry.map(|e| e.file_name().to_string_lossy().into_owned()));
            let mut names = names.collect::<io::Result<Vec<_>>>().map_err(|e| failed(&path, e))?;
            names.sort();
            Ok(names)
        })
        .await
    }

    async fn replaceable(&self, owner: &str) -> Result<()> {
        let owner = owner.to_owned();
        self.blocking(move |target| replace::allowed(&target.root, &owner)).await
    }

    async fn replace(&self, generation: &Generation) -> Result<()> {
        let generation = generation.clone();
        self.blocking(move |target| replace::replace(&target, &generation)).await
    }

    async fn remove(&self, name: &str) -> Result<()> {
        let path = self.path(name);
        on_disk(move || match fs::remove_file(&path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(failed(&path, e)),
            _ => Ok(()),
        })
        .await
    }
}

/// Bytes that are written before the disk is told to begin with them.
const SYNC_BYTES: usize = 16 << 20;

struct LocalUpload {
    /// Gone only while a write is under way, or after one failed.
    file: Option<File>,
    /// The write under way: whoever has the next bytes made meanwhile does not wait for it.
    writing: Option<JoinHandle<Result<File>>>,
    /// Bytes written since the disk was last told to keep them.
    unsynced: usize,
    /// The disk at work on what was written before, so that little is left to wait for at the end.
    syncing: Option<JoinHandle<Result<()>>>,
    path: PathBuf,
    name: String,
}

impl LocalUpload {
    fn new(file: File, path: PathBuf, name: String) -> Self {
        Self { file: Some(file), writing: None, unsynced: 0, syncing: None, path, name }
    }

    /// Has the disk begin with what was written, if it is enough and nothing else is under way.
    async fn sync_ahead(&mut self, file: &File) -> Result<()> {
        if self.unsynced < SYNC_BYTES || self.syncing.as_ref().is_some_and(|syncing| !syncing.is_finished()) {
            return Ok(());
        }
        self.synced().await?;
        let (file, path) = (file.try_clone().map_err(|e| failed(&self.path, e))?, self.path.clone());
        self.unsynced = 0;
        self.syncing = Some(tokio::task::spawn_blocking(move || file.sync_data().map_err(|e| failed(&path, e))));
        Ok(())
    }

    /// Waits for the disk. An error is told once by the system, so it is never dropped here.
    async fn synced(&mut self) -> Result<()> {
        match self.syncing.take() {
            Some(syncing) => syncing.await.map_err(cut_off)?,
            None => Ok(()),
        }
    }

    /// The file, once all that came before is written.
    async fn written(&mut self) -> Result<File> {
        if let Some(writing) = self.writing.take() {
            return writing.await.map_err(cut_off)?;
        }
        let broken = || Error::new(Kind::Unavailable, "an earlier write to the file failed").context("file", self.path.display());
        self.file.take().ok_or_else(broken)
    }
}

#[async_trait]
impl Upload for LocalUpload {
    async fn write(&mut self, bytes: Vec<u8>) -> Result<()> {
        let (mut file, path) = (self.written().await?, self.path.clone());
        self.sync_ahead(&file).await?;
        self.unsynced += bytes.len();
        self.writing = Some(tokio::task::spawn_blocking(move || match file.write_all(&bytes) {
            Ok(()) => Ok(file),
            Err(e) => Err(failed(&path, e)),
        }));
        Ok(())
    }

    async fn finish(mut self: Box<Self>) -> Result<String> {
        let (file, path) = (self.written().await?, self.path.clone());
        self.synced().await?;
        on_disk(move || {
            testing::point("file.before_sync");
            file.sync_all().map_err(|e| failed(&path, e))?;
            path.parent().map_or(Ok(()), sync)
        })
        .await?;
        Ok(self.name)
    }
}

/// Runs `work` where it may block.
async fn on_disk<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(cut_off)?
}

fn cut_off(error: JoinError) -> Error {
    Error::new(Kind::Unexpected, "writing files was cut off").source(error)
}

/// One step that can't replace anything, where the file system knows it: a name that appears later than its file's last change
/// of status would look like a changed file to whoever reads the folder.
fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
    match rustix::fs::renameat_with(rustix::fs::CWD, from, rustix::fs::CWD, to, rustix::fs::RenameFlags::NOREPLACE) {
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS | rustix::io::Errno::OPNOTSUPP) => {}
        done => return done.map_err(Into::into),
    }
    fs::hard_link(from, to)?;
    fs::remove_file(from)
}

/// Two names of one file: a process died between the two steps of [`rename_new`].
fn same(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (fs::metadata(one), fs::metadata(other)) {
        (Ok(one), Ok(other)) => one.ino() == other.ino() && one.dev() == other.dev(),
        _ => false,
    }
}

fn sync(folder: &Path) -> Result<()> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|e| failed(folder, e))
}

fn not_a_folder(path: &Path) -> Error {
    Error::new(Kind::Config, "the target is a file, and has to be a folder").context("path", path.display())
}

fn failed(path: &Path, error: io::Error) -> Error {
    use io::ErrorKind::{NotADirectory, PermissionDenied, ReadOnlyFilesystem, StorageFull};
    let (kind, text) = match error.kind() {
        PermissionDenied | ReadOnlyFilesystem => (Kind::Auth, "not allowed to write here"),
        NotADirectory => return not_a_folder(path),
        StorageFull => (Kind::Unavailable, "the disk is full"),
        _ => (Kind::Unavailable, "cannot write here"),
    };
    Error::new(kind, text).context("path", path.display()).source(error)
}
