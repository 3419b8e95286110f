//! Object stores, and a client to measure against: built from the Go module proxy, in a folder of their own.
use std::path::{Path, PathBuf};

use super::Service;
use crate::repo::Repo;
use crate::{Result, process};

/// S3 and STS.
pub(super) const MINIO: Service =
    Service { name: "MinIO", connectors: &["s3"], find: |repo| find(repo, "minio"), install: |repo| install(repo, MINIO_MODULE) };

/// The second S3.
pub(super) const VERSITYGW: Service = Service {
    name: "versitygw",
    connectors: &["s3"],
    find: |repo| find(repo, "versitygw"),
    install: |repo| install(repo, "github.com/versity/versitygw/cmd/versitygw@v1.8.0"),
};

/// GCS.
pub(super) const FAKE_GCS: Service = Service {
    name: "fake-gcs-server",
    connectors: &["gcs"],
    find: |repo| find(repo, "fake-gcs-server"),
    install: |repo| install(repo, "github.com/fsouza/fake-gcs-server@v1.56.1"),
};

/// Plain parallel GETs, for the benchmarks alone.
pub(super) const S5CMD: Service =
    Service { name: "s5cmd", connectors: &[], find: |repo| find(repo, "s5cmd"), install: install_s5cmd };

/// Its releases are tags that the proxy does not serve.
const MINIO_MODULE: &str = "github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c";

/// The list of its versions is not served either: a module that requires one is.
const S5CMD_MODULE: &str = "module s5cmd\n\ngo 1.26\n\nrequire github.com/peak/s5cmd/v2 v2.2.2\n";
const S5CMD_PROGRAM: &str = "package main\n\nimport (\n\t\"context\"\n\t\"os\"\n\n\t\"github.com/peak/s5cmd/v2/command\"\n)\n\nfunc main() {\n\
     \tif err := command.Main(context.Background(), os.Args); err != nil {\n\t\tos.Exit(1)\n\t}\n}\n";

fn folder(repo: &Repo) -> PathBuf {
    repo.target.join("services/go")
}

fn find(repo: &Repo, program: &str) -> Option<String> {
    let path = folder(repo).join("bin").join(program);
    path.is_file().then(|| path.display().to_string())
}

/// The compiler with its own folders, so that nothing of it stays when they are removed.
fn go(repo: &Repo, dir: &Path) -> Result<std::process::Command> {
    if process::output(process::command("go", &repo.root).arg("version")).is_err() {
        return Err("there is no Go compiler here: install Go 1.26 or later".to_owned());
    }
    let folder = folder(repo);
    let mut go = process::command("go", dir);
    go.env("GOPATH", &folder).env("GOBIN", folder.join("bin")).env("GOCACHE", folder.join("cache"));
    go.env("CGO_ENABLED", "0").env("GOFLAGS", "-p=2 -buildvcs=false");
    Ok(go)
}

/// Removes what the compiler keeps for another time: twenty times the size of the programs.
pub(super) fn clean(repo: &Repo) -> Result {
    if folder(repo).join("cache").is_dir() {
        process::run(go(repo, &repo.root)?.args(["clean", "-cache", "-modcache"]))?;
    }
    Ok(())
}

fn install(repo: &Repo, module: &str) -> Result {
    process::run(go(repo, &repo.root)?.args(["install", "-ldflags=-s -w", module]))
}

fn install_s5cmd(repo: &Repo) -> Result {
    let source = folder(repo).join("s5cmd");
    crate::repo::write(&source.join("go.mod"), S5CMD_MODULE)?;
    crate::repo::write(&source.join("main.go"), S5CMD_PROGRAM)?;
    process::run(go(repo, &source)?.args(["mod", "tidy"]))?;
    process::run(go(repo, &source)?.args(["build", "-ldflags=-s -w", "-o"]).arg(folder(repo).join("bin/s5cmd")).arg("."))
}
