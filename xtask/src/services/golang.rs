//! Programs built from the Go module proxy, in a folder of their own.
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Service;
use crate::repo::{self, Repo};
use crate::{Result, process};

/// Tables into topics and objects by pipelines, for the benchmarks alone: of its components those that they use.
pub(super) const BENTO: Service = Service {
    name: "Bento 1.17",
    connectors: &[],
    find: |repo| find(repo, "bento"),
    install: |repo| build(repo, "bento", BENTO_MODULE, BENTO_PROGRAM),
};

const BENTO_MODULE: &str =
    "module bento\n\ngo 1.26\n\nrequire (\n\tgithub.com/lib/pq v1.10.9\n\tgithub.com/warpstreamlabs/bento v1.17.0\n)\n";
const BENTO_PROGRAM: &str = "package main\n\nimport (\n\t\"context\"\n\n\t_ \"github.com/lib/pq\"\n\
     \t_ \"github.com/warpstreamlabs/bento/public/components/aws\"\n\
     \t_ \"github.com/warpstreamlabs/bento/public/components/io\"\n\
     \t_ \"github.com/warpstreamlabs/bento/public/components/kafka\"\n\
     \t_ \"github.com/warpstreamlabs/bento/public/components/pure\"\n\
     \t_ \"github.com/warpstreamlabs/bento/public/components/sql/base\"\n\
     \t\"github.com/warpstreamlabs/bento/public/service\"\n)\n\nfunc main() {\n\tservice.RunCLI(context.Background())\n}\n";

fn folder(repo: &Repo) -> PathBuf {
    repo.target.join("services/go")
}

/// Where a program is; `None` when it is not there.
pub(super) fn find(repo: &Repo, program: &str) -> Option<String> {
    let path = folder(repo).join("bin").join(program);
    path.is_file().then(|| path.display().to_string())
}

/// Builds the program of a module, `PATH@VERSION`.
pub(super) fn install(repo: &Repo, module: &str) -> Result {
    process::run(go(repo, &repo.root)?.args(["install", "-ldflags=-s -w", module]))
}

/// Builds a program of our own around modules that it requires.
pub(super) fn build(repo: &Repo, name: &str, module: &str, program: &str) -> Result {
    let source = folder(repo).join(name);
    repo::write(&source.join("go.mod"), module)?;
    repo::write(&source.join("main.go"), program)?;
    process::run(go(repo, &source)?.args(["mod", "tidy"]))?;
    process::run(go(repo, &source)?.args(["build", "-ldflags=-s -w", "-o"]).arg(folder(repo).join("bin").join(name)).arg("."))
}

/// Removes what the compiler keeps for another time: twenty times the size of the programs.
pub(super) fn clean(repo: &Repo) -> Result {
    if folder(repo).join("cache").is_dir() {
        process::run(go(repo, &repo.root)?.args(["clean", "-cache", "-modcache"]))?;
    }
    Ok(())
}

/// The compiler with its own folders, so that nothing of it stays when they are removed.
fn go(repo: &Repo, dir: &Path) -> Result<Command> {
    if process::output(process::command("go", &repo.root).arg("version")).is_err() {
        return Err("there is no Go compiler here: install Go 1.26 or later".to_owned());
    }
    let folder = folder(repo);
    let mut go = process::command("go", dir);
    go.env("GOPATH", &folder).env("GOBIN", folder.join("bin")).env("GOCACHE", folder.join("cache"));
    go.env("CGO_ENABLED", "0").env("GOFLAGS", "-p=2 -buildvcs=false");
    Ok(go)
}
