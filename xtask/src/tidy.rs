//! `cargo xtask tidy`: the invariants of the house that the compiler does not see.
//!
//! Each rule is a function from text to complaints, so that a test can break it on purpose.
mod docs;
mod layers;
mod manifests;
mod sources;

use crate::Result;
use crate::repo::Repo;
use crate::tally::Tally;

/// A rule broken at a place.
type Complaints = Vec<String>;

/// Runs all rules and prints every complaint.
pub(crate) fn run(repo: &Repo) -> Result {
    let mut tally = Tally::default();
    checks(repo, &mut tally);
    if tally.failed == 0 { Ok(()) } else { Err(format!("{} rules are broken", tally.failed)) }
}

/// One check for each rule.
pub(crate) fn checks(repo: &Repo, tally: &mut Tally) {
    let mut check = |name: &str, complaints: Result<Complaints>| {
        let result = complaints.and_then(|found| if found.is_empty() { Ok(()) } else { Err(found.join("\n")) });
        tally.check(&format!("tidy: {name}"), result);
    };
    check("who may depend on whom", Ok(layers::check(&repo.packages)));
    check("manifests", manifests::check(repo));
    check("sources", sources::check(repo));
    check("no machine paths", docs::machine_paths(repo));
    check("links in documents", docs::links(repo));
    check("ARCHITECTURE.md is short", docs::architecture(repo));
    check("the README's Rust example is the one that is built", docs::example(repo));
}
