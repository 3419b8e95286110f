//! `cargo xtask test`: everything a change has to pass, counted on the last line.
use crate::repo::Repo;
use crate::tally::Tally;
use crate::{Result, codegen, process, quickstart, readme, services, tidy};

/// The one feature set of all builds in the development profile: another one would build the dependencies again.
pub(crate) const FEATURES: &[&str] = &["--workspace", "--all-features"];

/// Runs all steps, also after a failure, and prints `N passed, M failed, K skipped` as the very last line.
pub(crate) fn run(repo: &Repo) -> Result {
    let mut tally = Tally::default();
    steps(repo, &mut tally);
    let result = tally.close();
    println!("{tally}");
    if result.is_err() {
        // The counts stay the last line: nothing is added on stderr.
        std::process::exit(1);
    }
    Ok(())
}

fn steps(repo: &Repo, tally: &mut Tally) {
    tally.check("format", process::run(process::cargo(&repo.root).args(["fmt", "--all", "--check"])));
    tidy::checks(repo, tally);
    if Repo::in_ci() {
        tally.check("headers", services::headers(repo));
    }
    tally.check("lints", lints(repo));
    let built = process::run(process::cargo(&repo.root).arg("build").args(FEATURES).arg("--all-targets"));
    let stop = built.is_err();
    tally.check("build", built);
    if stop {
        return;
    }
    tally.check("generated files", codegen::run(repo, true));
    if Repo::in_ci() {
        // Elsewhere a test that needs what is not there is ignored, and says how to install it.
        tally.check("services", services::up(repo, None));
    }
    if let Err(error) = tests(repo, tally) {
        tally.broke(error);
    }
    readme::checks(repo, tally);
    quickstart::checks(repo, tally);
}

fn lints(repo: &Repo) -> Result {
    process::run(process::cargo(&repo.root).arg("clippy").args(FEATURES).args(["--all-targets", "--", "-D", "warnings"]))
}

/// Unit, integration, conformance and documentation tests of all crates, against the binary just built.
fn tests(repo: &Repo, tally: &mut Tally) -> Result {
    let mut cargo = process::cargo(&repo.root);
    cargo.arg("test").args(FEATURES).arg("--no-fail-fast");
    cargo.env("THYME_BIN", repo.binary("debug"));
    if Repo::in_ci() {
        cargo.env("THYME_TEST_REQUIRED", "1");
    }
    let before = tally.failed;
    let well = process::lines(&mut cargo, |line| {
        println!("{line}");
        tally.line(line);
    })?;
    if !well && tally.failed == before {
        tally.broke(format!("{}: a test binary broke off or did not build", process::show(&cargo)));
    }
    Ok(())
}
