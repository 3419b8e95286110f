//! What documents may not do: name a machine, link to nothing, grow without end, or show code that is not built.
use std::path::{Component, Path, PathBuf};

use super::Complaints;
use crate::repo::{self, Repo};
use crate::{Result, readme};

/// Folders of one machine, which mean nothing on another. Split so that this file does not name them.
const PLACES: &[&str] = &[concat!("/ro", "ot/"), concat!("/wo", "rk/"), concat!("/home", "/"), concat!("/Us", "ers/")];

/// No text file names a folder of somebody's machine.
pub(super) fn machine_paths(repo: &Repo) -> Result<Complaints> {
    let mut complaints = Vec::new();
    for file in repo.files()? {
        let Some(text) = repo.text(&file)? else { continue };
        for (number, line) in text.lines().enumerate() {
            complaints.extend(names_machine(line).map(|place| format!("{}:{}: {place}", file.display(), number + 1)));
        }
    }
    Ok(complaints)
}

/// The machine path in a line: one that starts a word, so that `https://example.org/home/` is none.
fn names_machine(line: &str) -> Option<&'static str> {
    let starts_word = |at: usize| {
        let before = line.get(..at).and_then(|text| text.chars().next_back());
        !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '}'))
    };
    PLACES.iter().copied().find(|place| line.match_indices(place).any(|(at, _)| starts_word(at)))
}

/// Every relative link in a Markdown file leads to a file of the repository.
pub(super) fn links(repo: &Repo) -> Result<Complaints> {
    let files = repo.files()?;
    let mut complaints = Vec::new();
    for file in files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "md")) {
        let text = repo.text(file)?.ok_or_else(|| format!("{}: not UTF-8", file.display()))?;
        for link in relative_links(&text) {
            let to = resolve(file, link);
            if !files.iter().any(|known| known == &to || known.starts_with(&to)) {
                complaints.push(format!("{}: {link} leads nowhere", file.display()));
            }
        }
    }
    Ok(complaints)
}

/// Targets of `](…)` outside code blocks that are no addresses and no anchors.
fn relative_links(text: &str) -> Vec<&str> {
    let (mut links, mut code) = (Vec::new(), false);
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            code = !code;
        }
        for part in line.split("](").skip(1).filter(|_| !code) {
            let target = part.split([')', '#', ' ']).next().unwrap_or_default();
            if !target.is_empty() && !target.contains(':') {
                links.push(target);
            }
        }
    }
    links
}

/// `docs/a.md` and `../b/` give `b`.
fn resolve(file: &Path, link: &str) -> PathBuf {
    let mut path = PathBuf::new();
    for part in file.parent().unwrap_or(Path::new("")).join(link).components() {
        match part {
            Component::ParentDir => {
                path.pop();
            }
            Component::Normal(name) => path.push(name),
            _ => {}
        }
    }
    path
}

/// Somebody new reads it in one go.
pub(super) fn architecture(repo: &Repo) -> Result<Complaints> {
    let lines = repo::read(&repo.root.join("ARCHITECTURE.md"))?.lines().count();
    Ok(if lines > 300 { vec![format!("ARCHITECTURE.md has {lines} lines, 300 at most")] } else { Vec::new() })
}

/// The Rust block of README.md is `file_to_file.rs`, which the tests build.
pub(super) fn example(repo: &Repo) -> Result<Complaints> {
    let text = repo::read(&repo.root.join("README.md"))?;
    let built = repo::read(&repo.root.join("examples/file_to_file.rs"))?;
    let shown = readme::block(&text, "rust")?;
    let same = shown.trim() == built.trim();
    Ok(if same { Vec::new() } else { vec!["README.md: the Rust block differs from examples/file_to_file.rs".to_owned()] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found_and_resolved() {
        let text = "[a](../b/c.md#d) [e](https://f.g/h) [i](#j)\n```\n[k](l)\n```\n";
        assert_eq!(relative_links(text), ["../b/c.md"]);
        assert_eq!(resolve(Path::new("docs/x/y.md"), "../b/c.md"), Path::new("docs/b/c.md"));
    }

    #[test]
    fn machine_paths_are_found() {
        assert!(names_machine(&format!("see {}x", PLACES[0])).is_some());
        assert!(names_machine("https://example.org/home/x and ${HOME}/x").is_none());
    }
}
