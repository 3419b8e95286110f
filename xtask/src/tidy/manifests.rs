//! What every `Cargo.toml` says, and the files that stand beside it.
use super::Complaints;
use crate::Result;
use crate::repo::{Package, Repo};

/// Lints and descriptions everywhere; a README and docs.rs metadata for what is published; licences at the root.
pub(super) fn check(repo: &Repo) -> Result<Complaints> {
    let mut complaints = Vec::new();
    for package in &repo.packages {
        complaints.extend(manifest(package));
        if published(package) && !repo.root.join(&package.dir).join("README.md").is_file() {
            complaints.push(format!("{}: no README.md", package.dir.display()));
        }
    }
    for file in ["LICENSE-MIT", "LICENSE-APACHE", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "deny.toml"] {
        if !repo.root.join(file).is_file() {
            complaints.push(format!("{file} is missing"));
        }
    }
    Ok(complaints)
}

fn published(package: &Package) -> bool {
    package.manifest["package"].get("publish").and_then(toml::Value::as_bool) != Some(false)
}

fn manifest(package: &Package) -> Complaints {
    let mut complaints = Vec::new();
    let mut complain = |what: &str| complaints.push(format!("{}: {what}", package.dir.join("Cargo.toml").display()));
    let at = |path: &[&str]| {
        let mut value = package.manifest.get(*path.first()?)?;
        for key in path.get(1..)? {
            value = value.get(key)?;
        }
        Some(value)
    };
    if at(&["lints", "workspace"]).and_then(toml::Value::as_bool) != Some(true) {
        complain("no `[lints] workspace = true`");
    }
    for key in ["version", "edition", "rust-version", "license"] {
        if at(&["package", key, "workspace"]).and_then(toml::Value::as_bool) != Some(true) {
            complain(&format!("`{key}` is not the workspace's"));
        }
    }
    if published(package) {
        if at(&["package", "description"]).and_then(toml::Value::as_str).is_none_or(str::is_empty) {
            complain("no description");
        }
        if at(&["package", "readme"]).and_then(toml::Value::as_str) != Some("README.md") {
            complain("no `readme = \"README.md\"`");
        }
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_manifest_is_complained_about_in_full() {
        let manifest_text = "[package]\nname = 'x'\nversion = '1.0.0'\n";
        let package = Package { name: "x".into(), dir: "crates/x".into(), manifest: manifest_text.parse().unwrap() };
        assert_eq!(manifest(&package).len(), 7);
    }
}
