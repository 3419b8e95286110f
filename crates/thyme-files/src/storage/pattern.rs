//! Which files below a folder are meant.
use globset::{GlobBuilder, GlobMatcher};
use thyme_core::{Error, Kind, Result};

/// Whether `path` holds characters of a glob: `*`, `?`, `[`, `{`.
#[must_use]
pub fn is_glob(path: &str) -> bool {
    path.contains(['*', '?', '[', '{'])
}

/// A glob below a root: `2024/*/part-?.jsonl`, `**/*.csv`.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    whole: GlobMatcher,
    parts: Vec<Part>,
    all: bool,
}

#[derive(Clone, Debug)]
struct Part {
    matcher: GlobMatcher,
    /// `**`: any number of folders.
    any: bool,
    /// A `.` or `_` in front is written out, so that names with it are meant.
    shows: Option<char>,
}

impl Pattern {
    /// # Errors
    /// `Config` for a bracket or brace that is not closed.
    pub(super) fn new(glob: &str) -> Result<Self> {
        let compile = |glob: &str| {
            let built = GlobBuilder::new(glob).literal_separator(true).build();
            built
                .map(|glob| glob.compile_matcher())
                .map_err(|e| Error::new(Kind::Config, "the path is not a valid pattern").context("pattern", glob).source(e))
        };
        let parts = glob.split('/').map(|part| {
            Ok(Part {
                matcher: compile(part)?,
                any: part.contains("**"),
                shows: part.chars().next().filter(|c| matches!(c, '.' | '_')),
            })
        });
        Ok(Self { whole: compile(glob)?, parts: parts.collect::<Result<_>>()?, all: false })
    }

    /// The same, and names beginning with `.` or `_` too: the user wrote the name of one file.
    pub(super) fn showing_all(self) -> Self {
        Self { all: true, ..self }
    }

    /// Whether the file `key` is meant. Names that begin with `.` or `_` only where the pattern says so.
    pub(super) fn takes(&self, key: &str) -> bool {
        self.whole.is_match(key) && key.split('/').enumerate().all(|(depth, name)| self.shown(depth, name))
    }

    /// Whether files below the folder `name`, that many folders below the root, can be meant.
    pub(super) fn enters(&self, depth: usize, name: &str) -> bool {
        if !self.shown(depth, name) {
            return false;
        }
        if self.parts.iter().take(depth + 1).any(|part| part.any) {
            return true;
        }
        depth + 1 < self.parts.len() && self.parts.get(depth).is_some_and(|part| part.matcher.is_match(name))
    }

    fn shown(&self, depth: usize, name: &str) -> bool {
        if self.all {
            return true;
        }
        let Some(mark @ ('.' | '_')) = name.chars().next() else { return true };
        if self.parts.iter().take(depth + 1).any(|part| part.any) {
            // Behind `**` a name can stand for any later part.
            return self.parts.iter().any(|part| part.shows == Some(mark) && part.matcher.is_match(name));
        }
        self.parts.get(depth).is_some_and(|part| part.shows == Some(mark))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_a_shell_would() {
        for (glob, takes, leaves) in [
            ("*.jsonl", vec!["a.jsonl"], vec!["a/b.jsonl", ".a.jsonl", "_a.jsonl", "a.json"]),
            ("**", vec!["a", "a/b/c.csv"], vec![".git/x", "a/_temporary/x", "a/.x"]),
            ("**/*.csv", vec!["a.csv", "x/y/a.csv"], vec!["a.json", "x/.y/a.csv"]),
            ("20??/[ab]*.{csv,json}", vec!["2024/a1.csv", "2025/b.json"], vec!["2024/c.csv", "20245/a.csv"]),
            (".logs/_*.log", vec![".logs/_a.log"], vec!["logs/_a.log"]),
        ] {
            let pattern = Pattern::new(glob).unwrap();
            for key in takes {
                assert!(pattern.takes(key), "{glob} {key}");
                let folders: Vec<_> = key.split('/').collect();
                for (depth, name) in folders[..folders.len() - 1].iter().enumerate() {
                    assert!(pattern.enters(depth, name), "{glob} {key} {name}");
                }
            }
            for key in leaves {
                assert!(!pattern.takes(key), "{glob} {key}");
            }
        }
        assert!(!Pattern::new("a/*/b*.csv").unwrap().enters(2, "bc"));
        assert_eq!(Pattern::new("a[").unwrap_err().kind(), Kind::Config);
    }
}
