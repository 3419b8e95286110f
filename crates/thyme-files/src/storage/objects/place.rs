//! Which objects of a bucket are meant.
use thyme_core::Result;

use crate::storage::pattern::{Pattern, is_glob};

/// Which objects of a bucket are meant.
#[derive(Clone, Debug)]
pub struct Place {
    /// The folder that all of them are in, without a slash at its end; empty for the whole bucket.
    pub(super) folder: String,
    /// What their keys begin with.
    pub(super) begins: String,
    /// What their keys match, if not everything does.
    pattern: Option<Pattern>,
    /// Beside what begins so, the object of exactly this key.
    exact: Option<String>,
}

impl Place {
    /// The objects that a path in a bucket means: one object, all below a folder, or those that a glob matches.
    ///
    /// # Errors
    /// `Config` for a glob that does not parse.
    pub fn path(path: &str) -> Result<Self> {
        let path = path.trim_start_matches('/');
        if is_glob(path) {
            let glob = path.find(['*', '?', '[', '{']).unwrap_or(path.len());
            let literal = path.get(..glob).unwrap_or_default();
            return Ok(Self::new(literal, Some(Pattern::new(path)?), None));
        }
        let folder = path.trim_end_matches('/');
        if folder.is_empty() {
            return Ok(Self::new("", None, None));
        }
        let exact = (folder == path).then(|| path.to_owned());
        Ok(Self::new(&format!("{folder}/"), None, exact))
    }

    /// The objects whose keys begin with `prefix`, wherever that ends, and behind it match `glob`, if there is one.
    #[must_use]
    pub fn prefix(prefix: &str) -> Self {
        Self::new(prefix.trim_start_matches('/'), None, None)
    }

    fn new(begins: &str, pattern: Option<Pattern>, exact: Option<String>) -> Self {
        let folder = match &exact {
            // The object lies in the folder above that of its own name.
            Some(key) => key.rsplit_once('/').map_or("", |(folder, _)| folder),
            None => begins.rsplit_once('/').map_or("", |(folder, _)| folder),
        };
        Self { folder: folder.to_owned(), begins: begins.to_owned(), pattern, exact }
    }

    /// Whether the object `key` is meant. Names that begin with `.` or `_` behind what is written out are not.
    #[must_use]
    pub fn takes(&self, key: &str) -> bool {
        if self.exact.as_deref() == Some(key) {
            return true;
        }
        let Some(rest) = key.strip_prefix(self.begins.as_str()) else { return false };
        match &self.pattern {
            Some(pattern) => pattern.takes(key),
            None => !rest.is_empty() && shown(&self.begins, rest),
        }
    }

    /// A key that all keys meant come after, if the listing can begin there.
    pub(super) fn first(&self) -> Option<String> {
        let begins = self.exact.as_deref().unwrap_or(&self.begins);
        let mut bytes: Vec<char> = begins.chars().collect();
        // `a/b` comes after `a/a` with the highest character behind it; a prefix itself can be a key.
        let last = bytes.pop()?;
        let before = char::from_u32(u32::from(last).checked_sub(1)?).filter(|c| !c.is_control() && *c != '/')?;
        bytes.push(before);
        Some(bytes.into_iter().collect())
    }

    /// Whether no key after `key` is meant.
    pub(super) fn passed(&self, key: &str) -> bool {
        !key.starts_with(self.begins.as_str())
            && key > self.begins.as_str()
            && self.exact.as_deref().is_none_or(|exact| key > exact)
    }
}

/// Whether no name in `rest`, which follows `begins`, is hidden.
fn shown(begins: &str, rest: &str) -> bool {
    let mut names = rest.split('/');
    if !(begins.is_empty() || begins.ends_with('/')) {
        // The rest of a name that is written out in part.
        names.next();
    }
    names.all(|name| !name.starts_with(['.', '_']))
}

#[cfg(test)]
mod tests {
    use super::Place;

    #[test]
    fn paths_prefixes_and_globs_mean_objects() {
        for (path, takes, leaves) in [
            ("a/b.jsonl", vec!["a/b.jsonl", "a/b.jsonl/c"], vec!["a/b.jsonl2", "a/c"]),
            ("a/", vec!["a/b", "a/b/c"], vec!["ab", "a/_thyme/x", "a/.x", "a/"]),
            ("", vec!["a", "b/c"], vec!["_a", "b/_c"]),
            ("a/*.csv", vec!["a/x.csv"], vec!["a/b/x.csv", "a/_x.csv", "b/x.csv"]),
            ("a/**/*.csv", vec!["a/x.csv", "a/b/x.csv"], vec!["a/_b/x.csv"]),
            ("_a/*", vec!["_a/x"], vec!["a/x"]),
        ] {
            let place = Place::path(path).unwrap();
            for key in takes {
                assert!(place.takes(key), "{path} {key}");
                assert!(place.first().is_none_or(|first| first.as_str() < key) && !place.passed(key), "{path} {key}");
            }
            for key in leaves {
                assert!(!place.takes(key), "{path} {key}");
            }
        }
        let place = Place::prefix("a/2024-");
        assert!(
            place.takes("a/2024-01/x") && place.takes("a/2024-x") && !place.takes("a/2023-x") && !place.takes("a/2024-01/_x")
        );
        assert!(place.passed("a/2025") && !place.passed("a/2024-9") && !place.passed("a/2023"));
    }
}
