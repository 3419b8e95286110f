//! Packages of Debian.
use std::path::Path;

use crate::repo::Repo;
use crate::{Result, process};

/// Whether its packages can be installed here: by apt-get, as root.
pub(super) fn usable(repo: &Repo) -> Result<bool> {
    let there = process::command("apt-get", &repo.root).arg("--version").output().is_ok_and(|output| output.status.success());
    Ok(there && process::output(process::command("id", &repo.root).arg("-u"))?.trim() == "0")
}

/// Installs packages, without those they only recommend.
pub(super) fn install(repo: &Repo, packages: &[&str]) -> Result {
    let apt = || {
        let mut command = process::command("apt-get", &repo.root);
        command.env("DEBIAN_FRONTEND", "noninteractive");
        command
    };
    process::run(apt().args(["update", "-qq"]))?;
    process::run(apt().args(["install", "-y", "-qq", "--no-install-recommends"]).args(packages))
}

/// Unpacks a package to `folder`: for what needs no installation, and so no root.
pub(super) fn unpack(repo: &Repo, package: &str, folder: &Path) -> Result {
    let inside = |e| format!("{}: {e}", folder.display());
    std::fs::create_dir_all(folder).map_err(inside)?;
    if usable(repo)? {
        process::run(process::command("apt-get", &repo.root).args(["update", "-qq"]))?;
    }
    process::run(process::command("apt-get", folder).args(["download", "-qq", package]))?;
    for entry in std::fs::read_dir(folder).map_err(inside)? {
        let path = entry.map_err(inside)?.path();
        if path.extension().is_some_and(|extension| extension == "deb") {
            process::run(process::command("dpkg", folder).arg("-x").arg(&path).arg("."))?;
            std::fs::remove_file(&path).map_err(inside)?;
        }
    }
    Ok(())
}
