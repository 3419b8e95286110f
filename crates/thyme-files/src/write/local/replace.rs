//! A folder replaced as a whole.
//!
//! The new files are put together in a folder of their own beside the target; then the two folders change names in one step.
//! Who lists the target sees the old files or the new ones, never some of each; who opens a file by a name listed before the
//! change finds that it is gone, as no two files have one name; who has the folder open can read on. Folders of partitions have: who walks through them by their
//! names while they change may find old ones and new ones. Where the file system can't exchange two names (it is not
//! Linux or macOS, or a network file system), the target is missing for the moment between two renames.
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thyme_core::{Error, Kind, Result, testing};

use super::{LocalTarget, failed, rename_new, sync};
use crate::write::log::{OWN, UNFINISHED};
use crate::write::owner::MARK;
use crate::write::target::Generation;

/// Names end like this where they hold what we could have written.
const ENDS: &[&str] = &["parquet", "jsonl", "csv", "avro", "arrow", "gz", "zst"];

#[derive(Serialize, Deserialize)]
struct Mark {
    pipeline: String,
    generation: String,
}

/// Whether `owner` may replace what is in `root`: nothing, its own, or files that look like data and are nobody's.
pub(super) fn allowed(root: &Path, owner: &str) -> Result<()> {
    let refused = |text: String, path: &Path| Err(Error::new(Kind::Conflict, text).context("path", path.display()));
    if let Some(mark) = mark(root)? {
        if mark.pipeline == owner {
            return Ok(());
        }
        return refused(format!("the target belongs to the pipeline `{}`", mark.pipeline), root);
    }
    let own = root.join(OWN);
    for other in entries(&own)? {
        if other.file_name() != Some(OsStr::new(&crate::names::escape(owner))) && other.is_dir() {
            return refused("another pipeline adds to the folder that is to be replaced".to_owned(), &other);
        }
    }
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for path in entries(&folder)? {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let data = path.extension().is_some_and(|end| ENDS.iter().any(|known| end == *known));
            if path == own || (path.is_file() && (data || name.starts_with(['_', '.']))) {
                continue;
            }
            if path.is_dir() && name.contains('=') {
                folders.push(path);
                continue;
            }
            return refused(
                "the target has something that is no data file, and won't be replaced; move it away".to_owned(),
                &path,
            );
        }
    }
    Ok(())
}

/// Makes the files of `generation` all there is.
///
/// What was there stays beside it until the next replacement: whoever is reading its folder can go on to the end.
pub(super) fn replace(target: &LocalTarget, generation: &Generation) -> Result<()> {
    let hidden = target.path(&generation.hidden);
    let fresh = take_over(&hidden, generation)?;
    if mark(&target.root)?.is_some_and(|mark| mark.pipeline == generation.owner && mark.generation == generation.id) {
        return Ok(());
    }
    let fresh = match fresh {
        Some(fresh) => fresh,
        None => {
            clear(&hidden)?;
            let fresh = hidden.join(format!("{}.{}", generation.id, generation.attempt));
            fs::create_dir(&fresh).map_err(|e| failed(&fresh, e))?;
            fresh
        }
    };
    fill(target, &fresh, generation)?;
    testing::point("file.before_exchange");
    exchange(&fresh, &target.root, &hidden.join(format!("old.{}", generation.id)))?;
    testing::point("file.after_rename");
    target.root.parent().map_or(Ok(()), sync)?;
    sync(&hidden)
}

/// The folder of this generation, under a name that no older writer knows: one that sleeps can't exchange it any more.
fn take_over(hidden: &Path, generation: &Generation) -> Result<Option<PathBuf>> {
    let begins = format!("{}.", generation.id);
    let is_it = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&begins));
    let Some(found) = entries(hidden)?.into_iter().find(|path| is_it(path) && path.is_dir()) else { return Ok(None) };
    let mine = hidden.join(format!("{begins}{}", generation.attempt));
    if found != mine {
        fs::rename(&found, &mine).map_err(|e| failed(&found, e))?;
    }
    Ok(Some(mine))
}

/// Moves the files into `fresh`, where some may be already.
fn fill(target: &LocalTarget, fresh: &Path, generation: &Generation) -> Result<()> {
    let mut folders = vec![fresh.to_owned()];
    // Folders first: a file is never moved into one that was made anew under a name that a newer writer took away.
    for (_, to) in &generation.files {
        let to = fresh.join(to);
        let inner: Vec<_> = to.ancestors().skip(1).take_while(|above| *above != fresh).map(Path::to_owned).collect();
        for folder in inner.into_iter().rev().filter(|folder| !folders.contains(folder)).collect::<Vec<_>>() {
            match fs::create_dir(&folder) {
                Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(failed(&folder, e)),
                _ => folders.push(folder),
            }
        }
    }
    for (from, to) in &generation.files {
        let (from, to) = (target.path(from), fresh.join(to));
        match rename_new(&from, &to) {
            Err(e) if !to.exists() => return Err(failed(&from, e)),
            _ => testing::point("file.after_move"),
        }
    }
    let mark = Mark { pipeline: generation.owner.clone(), generation: generation.id.clone() };
    let json = serde_json::to_vec(&mark).map_err(|e| Error::new(Kind::Unexpected, "a name has no JSON form").source(e))?;
    let path = fresh.join(MARK);
    let write = || {
        let mut file = File::create(&path)?;
        file.write_all(&json)?;
        file.sync_all()
    };
    write().map_err(|e| failed(&path, e))?;
    folders.iter().rev().try_for_each(|folder| sync(folder))
}

fn exchange(fresh: &Path, root: &Path, old: &Path) -> Result<()> {
    if !root.exists() {
        return fs::rename(fresh, root).map_err(|e| failed(root, e));
    }
    #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
    match rustix::fs::renameat_with(rustix::fs::CWD, fresh, rustix::fs::CWD, root, rustix::fs::RenameFlags::EXCHANGE) {
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS | rustix::io::Errno::OPNOTSUPP) => {}
        done => return done.map_err(|e| failed(root, e.into())),
    }
    fs::rename(root, old).and_then(|()| fs::rename(fresh, root)).map_err(|e| failed(root, e))
}

/// Removes what earlier generations replaced.
fn clear(hidden: &Path) -> Result<()> {
    let replaced = |folder: &PathBuf| folder.is_dir() && folder.file_name().is_some_and(|name| name != UNFINISHED);
    entries(hidden)?.into_iter().filter(replaced).try_for_each(|folder| match fs::remove_dir_all(&folder) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(failed(&folder, e)),
        _ => Ok(()),
    })
}

fn mark(root: &Path) -> Result<Option<Mark>> {
    let path = root.join(MARK);
    match fs::read(&path) {
        Ok(json) => serde_json::from_slice(&json).map(Some).map_err(|e| {
            Error::new(Kind::CursorLost, "what the target says about itself does not parse")
                .context("file", path.display())
                .source(e)
        }),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(failed(&path, e)),
    }
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    match fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| entry.map(|e| e.path())).collect::<io::Result<_>>().map_err(|e| failed(folder, e)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(e) => Err(failed(folder, e)),
    }
}
