//! The client of schema registries against real ones.
#![allow(missing_docs, reason = "a test")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]
mod answers;
mod cases;

use std::process::ExitCode;
use std::sync::{Arc, OnceLock};

use thyme_core::{Error, Result};
use thyme_testkit::Suite;
use thyme_testkit::kafka::{Registry as Server, RegistryVersion};

fn main() -> ExitCode {
    let mut suites: Vec<Suite> = RegistryVersion::ALL.iter().map(|version| apicurio(*version)).collect();
    suites.push(
        Suite::new("answers")
            .case("who_we_are_is_said_and_a_refusal_is_auth", answers::auth)
            .case("what_fails_is_tried_again", answers::tries)
            .case("the_next_url_is_asked", answers::next_url)
            .case("each_status_is_its_kind", answers::kinds)
            .case("an_answer_that_never_comes_is_unavailable", answers::silent),
    );
    thyme_testkit::main(suites)
}

fn apicurio(version: RegistryVersion) -> Suite {
    let name = if version == RegistryVersion::V2 { "apicurio_2" } else { "apicurio_3" };
    Suite::new(name)
        .needs(version.missing())
        .case("schemas_come_and_go", move || cases::come_and_go(version))
        .case("a_schema_that_may_not_follow_is_refused", move || cases::refused(version))
        .case("references_are_followed", move || cases::references(version))
        .case("messages_by_two_schemas", move || cases::messages(version))
}

/// The one server of a version in this process.
fn url(version: RegistryVersion) -> Result<String> {
    static SERVERS: [OnceLock<Arc<Result<Server>>>; 2] = [const { OnceLock::new() }; 2];
    let server = SERVERS[usize::from(version == RegistryVersion::V3)].get_or_init(|| Arc::new(Server::start(version)));
    match server.as_ref() {
        Ok(server) => Ok(server.url()),
        Err(error) => Err(Error::new(error.kind(), error.to_string())),
    }
}
