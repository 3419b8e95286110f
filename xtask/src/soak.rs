//! `cargo xtask soak [AREA] [--minutes N]`: the full counts, for as long as they take.
use std::path::Path;

use crate::repo::Repo;
use crate::tally::Tally;
use crate::{Result, binaries, process};

/// Soak tests are `#[ignore = "soak: …"]`; an area is a crate without its `thyme-`. Without one all of them run, then the
/// fuzzers, then Miri.
pub(crate) fn run(repo: &Repo, args: &[&str]) -> Result {
    let (area, minutes) = options(args)?;
    let mut tally = Tally::default();
    if area.is_none_or(|area| !matches!(area, "fuzz" | "miri")) {
        tests(repo, area, &mut tally)?;
    }
    if area.is_none_or(|area| area == "fuzz") {
        fuzz(repo, minutes, &mut tally)?;
    }
    if area.is_none_or(|area| area == "miri") {
        tally.check("miri: thyme-formats", miri(repo));
    }
    let result = tally.close();
    println!("{tally}");
    result
}

fn options<'a>(args: &[&'a str]) -> Result<(Option<&'a str>, u64)> {
    let (mut area, mut minutes, mut rest) = (None, 10, args.iter());
    while let Some(arg) = rest.next() {
        match *arg {
            "--minutes" => {
                minutes = rest.next().and_then(|n| n.parse().ok()).ok_or("--minutes takes a whole number")?;
            }
            name if !name.starts_with('-') && area.is_none() => area = Some(name),
            other => return Err(format!("soak does not know {other}")),
        }
    }
    Ok((area, minutes))
}

fn tests(repo: &Repo, area: Option<&str>, tally: &mut Tally) -> Result {
    let package = area.map(|area| format!("thyme-{area}"));
    if let Some(package) = &package
        && !repo.packages.iter().any(|known| known.name == *package)
    {
        return Err(format!("no crate {package}; areas are crates without their `thyme-`, `fuzz` and `miri`"));
    }
    for binary in binaries::build(repo, true)?.iter().filter(|binary| package.as_ref().is_none_or(|it| *it == binary.package)) {
        let mut command = binary.command();
        command.args(["--ignored", "--nocapture", "--test-threads=1"]).env("THYME_BIN", repo.binary("release"));
        binary.run(&mut command, tally)?;
    }
    Ok(())
}

/// Every target of every `fuzz/` folder, for the time given.
fn fuzz(repo: &Repo, minutes: u64, tally: &mut Tally) -> Result {
    let dirs: Vec<_> = repo.packages.iter().map(|p| repo.root.join(&p.dir)).filter(|dir| dir.join("fuzz").is_dir()).collect();
    if dirs.is_empty() {
        return Ok(());
    }
    let there = process::output(process::cargo(&repo.root).args(["fuzz", "--version"])).is_ok();
    if !there {
        process::run(process::cargo(&repo.root).args(["install", "--locked", "cargo-fuzz"]))?;
    }
    for dir in dirs {
        for target in process::output(nightly(&dir).args(["fuzz", "list"]))?.split_whitespace() {
            let seconds = format!("-max_total_time={}", minutes * 60);
            // What is found goes to the first folder; the seeds stay as they are.
            let folders = [format!("fuzz/corpus/{target}"), format!("fuzz/seeds/{target}")];
            std::fs::create_dir_all(dir.join(&folders[0])).map_err(|e| format!("{}: {e}", folders[0]))?;
            let mut run = nightly(&dir);
            run.args(["fuzz", "run", target]).args(&folders).args(["--", &seconds]);
            tally.check(&format!("fuzz: {target}"), process::run(&mut run));
        }
    }
    Ok(())
}

/// The unsafe module of `thyme-formats` and what stands on it. Compression is a library in C, which Miri can't look into.
fn miri(repo: &Repo) -> Result {
    let mut miri = nightly(&repo.root);
    miri.env("MIRIFLAGS", "-Zmiri-disable-isolation");
    process::run(miri.args(["miri", "test", "-p", "thyme-formats", "--lib", "--", "raw::", "json", "csv::", "text::"]))
}

/// Fuzzing and Miri need the nightly compiler.
fn nightly(dir: &Path) -> std::process::Command {
    let mut command = process::command("cargo", dir);
    command.arg("+nightly");
    command
}
