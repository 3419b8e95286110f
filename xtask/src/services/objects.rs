//! Object stores, and a client to measure against: built from the Go module proxy, in a folder of their own.
use std::path::{Path, PathBuf};

use super::golang::{build, find, install};
use super::{Service, debian};
use crate::Result;
use crate::repo::Repo;

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

/// Clocks that are off.
pub(super) const FAKETIME: Service = Service {
    name: "libfaketime",
    connectors: &["s3"],
    find: find_faketime,
    install: |repo| debian::unpack(repo, "libfaketime", &faketime(repo)),
};

fn faketime(repo: &Repo) -> PathBuf {
    repo.target.join("services/faketime")
}

/// As the system has it, or as it was put below the build directory.
fn find_faketime(repo: &Repo) -> Option<String> {
    let inside = format!("usr/lib/{}-linux-gnu/faketime/libfaketimeMT.so.1", std::env::consts::ARCH);
    let places = [Path::new("/").join(&inside), faketime(repo).join(&inside)];
    places.iter().find(|path| path.is_file()).map(|path| path.display().to_string())
}

/// Plain parallel GETs, for the benchmarks alone.
pub(super) const S5CMD: Service =
    Service { name: "s5cmd", connectors: &[], find: |repo| find(repo, "s5cmd"), install: install_s5cmd };

/// Its releases are tags that the proxy does not serve.
const MINIO_MODULE: &str = "github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c";

/// The list of its versions is not served either: a module that requires one is.
const S5CMD_MODULE: &str = "module s5cmd\n\ngo 1.26\n\nrequire github.com/peak/s5cmd/v2 v2.2.2\n";
const S5CMD_PROGRAM: &str = "package main\n\nimport (\n\t\"context\"\n\t\"os\"\n\n\t\"github.com/peak/s5cmd/v2/command\"\n)\n\nfunc main() {\n\
     \tif err := command.Main(context.Background(), os.Args); err != nil {\n\t\tos.Exit(1)\n\t}\n}\n";

fn install_s5cmd(repo: &Repo) -> Result {
    build(repo, "s5cmd", S5CMD_MODULE, S5CMD_PROGRAM)
}
