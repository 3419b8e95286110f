//! The examples of README.md do what they look like.
use std::path::Path;

use crate::repo::{self, Repo};
use crate::tally::Tally;
use crate::{Result, process, quickstart};

/// One check for each example, against the binaries just built.
pub(crate) fn checks(repo: &Repo, tally: &mut Tally) {
    tally.check("README: the pipeline file is valid", pipeline(repo));
    tally.check("README: the Rust example runs", program(repo));
}

/// The block of README.md in `language`.
pub(crate) fn block(readme: &str, language: &str) -> Result<String> {
    let start = format!("```{language}\n");
    let block = readme.split(start.as_str()).nth(1).and_then(|rest| rest.split("```").next());
    block.map(str::to_owned).ok_or_else(|| format!("README.md has no block of {language}"))
}

fn pipeline(repo: &Repo) -> Result {
    let file = repo.target.join("readme/pipeline.toml");
    repo::write(&file, &block(&repo::read(&repo.root.join("README.md"))?, "toml")?)?;
    process::run(process::command(repo.binary("debug"), &repo.root).arg("validate").arg(&file))
}

/// Runs `file_to_file`, which tidy knows to be the README's, beside a copy of the quickstart's data.
fn program(repo: &Repo) -> Result {
    let root = repo.target.join("readme");
    quickstart::place(repo, &root)?;
    let binary = repo.target.join("debug/examples").join(format!("file_to_file{}", std::env::consts::EXE_SUFFIX));
    process::run(&mut process::command(binary, &root))?;
    let rows = lines(&root.join("hot"))?;
    if rows > 0 { Ok(()) } else { Err("it wrote nothing".to_owned()) }
}

/// Lines of all JSON files of a folder.
fn lines(dir: &Path) -> Result<usize> {
    let mut lines = 0;
    for file in quickstart::files(dir)? {
        lines += repo::read(&file)?.lines().count();
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::block;

    #[test]
    fn a_block_is_what_stands_between_the_fences() {
        assert_eq!(block("a\n```toml\nb = 1\n```\n```rust\nc\n```\n", "rust").unwrap(), "c\n");
        assert!(block("a", "rust").is_err());
    }
}
