//! Folders walked in the order of keys, one page at a time.
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

use thyme_core::{Error, Kind, Result};

use super::super::Entry;
use super::super::pattern::Pattern;
use super::{entry, failed, stat};

/// Names of one folder held at a time; a folder with more is read again for each next lot.
const NAMES: usize = 65_536;

/// At most `limit` files below `root` that `pattern` takes, with keys after `after`, in order.
pub(super) fn walk(root: &Path, pattern: &Pattern, after: &str, limit: usize) -> Result<Vec<Entry>> {
    let mut walk = Walk { root, pattern, after, limit, found: Vec::new() };
    if limit > 0 {
        walk.folder(root, "", 0)?;
    }
    Ok(walk.found)
}

/// All files in the folder of `key`, in no order.
pub(super) fn beside(root: &Path, key: &str) -> Result<Vec<Entry>> {
    let folder = key.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut all = Vec::new();
    for name in names(&root.join(folder))?.into_iter().filter(|name| !name.ends_with('/')) {
        let key = if folder.is_empty() { name } else { format!("{folder}/{name}") };
        all.extend(stat(&root.join(&key), key)?);
    }
    Ok(all)
}

struct Walk<'a> {
    root: &'a Path,
    pattern: &'a Pattern,
    after: &'a str,
    limit: usize,
    found: Vec<Entry>,
}

impl Walk<'_> {
    /// Whether the walk goes on: the page is not full.
    fn folder(&mut self, path: &Path, prefix: &str, depth: usize) -> Result<bool> {
        let mut last: Option<String> = None;
        loop {
            // A folder sorts as `name/`, so that the order of names is the order of keys.
            let mut lot = BTreeSet::new();
            let mut more = false;
            for name in names(path)? {
                let seen = last.as_ref().is_some_and(|last| name <= *last) || self.is_before(prefix, &name);
                if seen || !self.wants(prefix, &name, depth) {
                    continue;
                }
                lot.insert(name);
                if lot.len() > NAMES {
                    lot.pop_last();
                    more = true;
                }
            }
            last = lot.last().cloned();
            for name in lot {
                let key = format!("{prefix}{name}");
                let path = path.join(name.trim_end_matches('/'));
                if key.ends_with('/') {
                    if !self.folder(&path, &key, depth + 1)? {
                        return Ok(false);
                    }
                } else if let Some(found) = self.file(&path, key)? {
                    self.found.push(found);
                    if self.found.len() >= self.limit {
                        return Ok(false);
                    }
                }
            }
            if !more {
                return Ok(true);
            }
        }
    }

    fn is_before(&self, prefix: &str, name: &str) -> bool {
        // Of a folder before `after`, the walk only goes into the one that `after` lies in.
        let Some(rest) = self.after.strip_prefix(prefix) else { return false };
        name <= rest && !(name.ends_with('/') && rest.starts_with(name))
    }

    fn wants(&self, prefix: &str, name: &str, depth: usize) -> bool {
        match name.strip_suffix('/') {
            Some(folder) => self.pattern.enters(depth, folder),
            None => self.pattern.takes(&format!("{prefix}{name}")),
        }
    }

    fn file(&self, path: &Path, key: String) -> Result<Option<Entry>> {
        let metadata = match fs::symlink_metadata(path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed("look at", path, error)),
        };
        if metadata.is_symlink() {
            return if self.lists_target(path) { Ok(None) } else { stat(path, key) };
        }
        Ok(metadata.is_file().then(|| entry(key, &metadata)))
    }

    /// Whether what the link at `path` leads to is in this listing under its own name: `current.log` beside its target.
    fn lists_target(&self, path: &Path) -> bool {
        let (Ok(target), Ok(root)) = (path.canonicalize(), self.root.canonicalize()) else { return false };
        target.strip_prefix(root).ok().and_then(Path::to_str).is_some_and(|key| self.pattern.takes(key))
    }
}

/// The names in a folder, those of folders with a `/` behind. A folder that is gone has none.
fn names(path: &Path) -> Result<Vec<String>> {
    let gone = |kind| matches!(kind, io::ErrorKind::NotFound | io::ErrorKind::NotADirectory);
    let listing = match fs::read_dir(path) {
        Ok(listing) => listing,
        Err(error) if gone(error.kind()) => return Ok(Vec::new()),
        Err(error) => return Err(failed("list", path, error)),
    };
    let mut names = Vec::new();
    for found in listing {
        let found = found.map_err(|e| failed("list", path, e))?;
        let Ok(mut name) = found.file_name().into_string() else {
            let text = "a file name is not UTF-8 and can't be kept in a cursor; rename the file";
            return Err(Error::new(Kind::Unsupported, text).context("path", found.path().display()));
        };
        match found.file_type() {
            Ok(kind) if kind.is_dir() => name.push('/'),
            Ok(kind) if kind.is_file() || kind.is_symlink() => {}
            _ => continue,
        }
        names.push(name);
    }
    Ok(names)
}
