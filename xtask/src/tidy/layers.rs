//! Who may depend on whom: core knows nobody, a connector knows core, formats and files, never the engine or its siblings.
use super::Complaints;
use crate::repo::Package;

/// The crates of the framework and what each may use of the house. Every other crate in `crates/` is a connector.
const FRAMEWORK: &[(&str, &[&str])] = &[
    ("thyme-core", &["thyme-derive"]),
    ("thyme-derive", &[]),
    ("thyme-formats", &["thyme-core"]),
    ("thyme-files", &["thyme-core", "thyme-formats"]),
    ("thyme-engine", &["thyme-core", "thyme-formats"]),
    ("thyme-testkit", &["thyme-core", "thyme-formats", "thyme-engine"]),
    ("thyme-connectors", ANY),
    ("thyme-cli", ANY),
];

/// What a connector may use.
const CONNECTOR: &[&str] = &["thyme-core", "thyme-formats", "thyme-files"];

const ANY: &[&str] = &["*"];

/// Looks at `[dependencies]` and `[build-dependencies]`; tests may use what they like.
pub(super) fn check(packages: &[Package]) -> Complaints {
    let mut complaints = Vec::new();
    for package in packages.iter().filter(|p| p.dir.starts_with("crates")) {
        let allowed = FRAMEWORK.iter().find(|(name, _)| *name == package.name).map_or(CONNECTOR, |(_, allowed)| allowed);
        if allowed == ANY {
            continue;
        }
        for table in ["dependencies", "build-dependencies"] {
            let dependencies = package.manifest.get(table).and_then(|table| table.as_table());
            for name in dependencies.into_iter().flat_map(|table| table.keys()).filter(|name| name.starts_with("thyme-")) {
                if !allowed.contains(&name.as_str()) {
                    complaints.push(format!("{}: {} may not depend on {name}", package.dir.display(), package.name));
                }
            }
        }
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, manifest: &str) -> Package {
        Package { name: name.into(), dir: format!("crates/{name}").into(), manifest: manifest.parse().unwrap() }
    }

    #[test]
    fn a_connector_may_not_know_the_engine_or_a_sibling() {
        let good =
            package("thyme-file", "[dependencies]\nthyme-core = '1'\nthyme-files = '1'\n[dev-dependencies]\nthyme-engine = '1'");
        assert_eq!(check(std::slice::from_ref(&good)), Vec::<String>::new());
        let bad = package("thyme-kafka", "[dependencies]\nthyme-engine = '1'\nthyme-file = '1'");
        assert_eq!(check(&[bad]).len(), 2);
    }

    #[test]
    fn core_knows_no_connector() {
        assert_eq!(check(&[package("thyme-core", "[dependencies]\nthyme-file = '1'")]).len(), 1);
    }
}
