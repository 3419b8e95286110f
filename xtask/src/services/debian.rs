//! Packages of Debian.
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
