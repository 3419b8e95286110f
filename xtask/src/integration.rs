//! `cargo xtask integration [CONNECTOR]`: a connector's tests against its real system.
use crate::repo::Repo;
use crate::tally::Tally;
use crate::test::FEATURES;
use crate::{Result, process};

/// Runs the tests of one connector, or of all, with nothing left out for want of a service.
pub(crate) fn run(repo: &Repo, args: &[&str]) -> Result {
    let known: Vec<&str> = repo.connectors().map(|package| package.name.trim_start_matches("thyme-")).collect();
    let wanted: Vec<&str> = match args {
        [] => known.clone(),
        [name] if known.contains(name) => vec![name],
        _ => return Err(format!("usage: cargo xtask integration [{}]", known.join("|"))),
    };
    let mut tally = Tally::default();
    process::run(process::cargo(&repo.root).arg("build").args(FEATURES).arg("--all-targets"))?;
    for name in wanted {
        let mut cargo = process::cargo(&repo.root);
        cargo.args(["test", "--all-features", "--no-fail-fast", "--package", &format!("thyme-{name}")]);
        cargo.env("THYME_TEST_REQUIRED", "1").env("THYME_BIN", repo.binary("debug"));
        let before = tally.failed;
        let well = process::lines(&mut cargo, |line| {
            println!("{line}");
            tally.line(line);
        })?;
        if !well && tally.failed == before {
            tally.broke(format!("{name}: a test binary broke off or did not build"));
        }
    }
    let result = tally.close();
    println!("{tally}");
    result
}
