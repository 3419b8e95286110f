//! The chores of this repository: `cargo xtask TASK`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool talks to its terminal")]

mod bench;
mod binaries;
mod codegen;
mod integration;
mod process;
mod quickstart;
mod readme;
mod repo;
mod services;
mod soak;
mod tally;
mod test;
mod tidy;

use std::process::ExitCode;

use repo::Repo;

/// What every task returns: an error is one readable line.
type Result<T = ()> = std::result::Result<T, String>;

const USAGE: &str = "\
usage: cargo xtask TASK

  test                  everything a change has to pass; the last line counts it
  soak [AREA] [--minutes N]
                        the full counts: soak tests in release, fuzzing, Miri
  integration [CONNECTOR]
                        the tests that need the real system of a connector, which is installed if it is missing
  bench file [--case NAME]… [--mb 1000] [--runs 5] [--threads 1,2] [--memory 256MiB]
                        files beside DuckDB, medians of alternating runs
  bench kafka [--case NAME]… [--records 2000000] [--rows 1000000] [--runs 5] [--memory 256MiB]
                        topics beside bare clients, which are the limit, and peers
  bench postgres [--case NAME]… [--rows 2000000] [--runs 5] [--threads 2] [--memory 256MiB] [--faucet PATH] [--rivet PATH]
                        tables beside COPY, which is the limit, and peers
  bench s3 [--case NAME]… [--percent 100] [--runs 5] [--threads 2] [--memory 256MiB]
                        objects beside plain GETs, which are the limit, and peers
  services [list|up [CONNECTOR]|down]
                        the systems that integration tests need: what is there, install what is missing
  codegen [--check]     registry, features, reference pages; --check says what is stale
  tidy                  the invariants of the house that the compiler does not see
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match dispatch(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(args: &[&str]) -> Result {
    let repo = Repo::find()?;
    match args {
        ["test"] => test::run(&repo),
        ["soak", rest @ ..] => soak::run(&repo, rest),
        ["integration", rest @ ..] => integration::run(&repo, rest),
        ["bench", rest @ ..] => bench::run(&repo, rest),
        ["services", rest @ ..] => services::run(&repo, rest),
        ["codegen"] => codegen::run(&repo, false),
        ["codegen", "--check"] => codegen::run(&repo, true),
        ["tidy"] => tidy::run(&repo),
        ["help" | "--help" | "-h"] => {
            print!("{USAGE}");
            Ok(())
        }
        [] => Err(format!("no task given\n\n{USAGE}")),
        [task, ..] => Err(format!("no such task or options: {task}\n\n{USAGE}")),
    }
}
