//! `cargo xtask integration [CONNECTOR]`: a connector's tests against its real system.
use crate::repo::Repo;
use crate::tally::Tally;
use crate::{Result, binaries, services};

/// The versions of its system that a connector is tested with, and the variable that names one to the tests.
const VERSIONS: &[(&str, &str, &[&str])] =
    &[("postgres", "THYME_TEST_POSTGRES", &["15", "18"]), ("s3", "THYME_TEST_S3", &["minio", "versitygw"])];

/// Runs the tests of one connector, or of all, with nothing left out for want of a service.
pub(crate) fn run(repo: &Repo, args: &[&str]) -> Result {
    let known: Vec<&str> = repo.connectors().map(|package| package.name.trim_start_matches("thyme-")).collect();
    let wanted: Vec<&str> = match args {
        [] => known.clone(),
        [name] if known.contains(name) => vec![name],
        _ => return Err(format!("usage: cargo xtask integration [{}]", known.join("|"))),
    };
    let mut tally = Tally::default();
    let binaries = binaries::build(repo, false)?;
    for name in wanted {
        services::up(repo, Some(name))?;
        let package = format!("thyme-{name}");
        let versions = VERSIONS.iter().find(|(connector, ..)| *connector == name);
        let versions = match versions {
            Some((_, variable, versions)) => versions.iter().map(|version| Some((*variable, *version))).collect(),
            None => vec![None],
        };
        for version in versions {
            for binary in binaries.iter().filter(|binary| binary.package == package) {
                let mut command = binary.command();
                command.env("THYME_BIN", repo.binary("debug"));
                if let Some((variable, version)) = version {
                    println!("{name} {version}");
                    command.env(variable, version);
                }
                binary.run(&mut command, &mut tally)?;
            }
        }
        // Tests of the whole system that stand under the connector's name.
        for binary in binaries.iter().filter(|binary| binary.package == "thyme-tests" && binary.target == name) {
            binary.run(binary.command().env("THYME_BIN", repo.binary("debug")), &mut tally)?;
        }
    }
    let result = tally.close();
    println!("{tally}");
    result
}
