//! `cargo xtask integration [CONNECTOR]`: a connector's tests against its real system.
use crate::repo::Repo;
use crate::tally::Tally;
use crate::test::FEATURES;
use crate::{Result, process, services};

/// The versions of its system that a connector is tested with, and the variable that names one to the tests.
const VERSIONS: &[(&str, &str, &[&str])] = &[("postgres", "THYME_TEST_POSTGRES", &["15", "18"])];

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
        services::up(repo, Some(name))?;
        let versions = VERSIONS.iter().find(|(connector, ..)| *connector == name);
        match versions {
            Some((_, variable, versions)) => {
                for version in *versions {
                    tests(repo, name, Some((variable, version)), &mut tally)?;
                }
            }
            None => tests(repo, name, None, &mut tally)?,
        }
    }
    let result = tally.close();
    println!("{tally}");
    result
}

fn tests(repo: &Repo, name: &str, version: Option<(&str, &str)>, tally: &mut Tally) -> Result {
    let mut cargo = process::cargo(&repo.root);
    cargo.args(["test", "--all-features", "--no-fail-fast", "--package", &format!("thyme-{name}")]);
    cargo.env("THYME_TEST_REQUIRED", "1").env("THYME_BIN", repo.binary("debug"));
    if let Some((variable, version)) = version {
        println!("{name} {version}");
        cargo.env(variable, version);
    }
    let before = tally.failed;
    let well = process::lines(&mut cargo, |line| {
        println!("{line}");
        tally.line(line);
    })?;
    if !well && tally.failed == before {
        tally.broke(format!("{name}: a test binary broke off or did not build"));
    }
    Ok(())
}
