//! Kafka and what stands around it, all from Maven Central and npm: the tests start them as processes.
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Service, debian};
use crate::repo::Repo;
use crate::{Result, process};

/// Broker, tools and the worker of Connect.
pub(super) const BROKER: Service =
    Service { name: "Kafka 4.3.1", connectors: &["kafka"], find: |repo| found(repo, BROKER_JAR), install: install_broker };

/// The plugins of Connect: Debezium for PostgreSQL, and a converter to Avro.
pub(super) const DEBEZIUM: Service =
    Service { name: "Debezium 3.6.0", connectors: &["kafka"], find: |repo| found(repo, DEBEZIUM_JAR), install: install_plugins };

/// A schema registry.
pub(super) const APICURIO_2: Service = Service {
    name: "Apicurio 2.6.13",
    connectors: &["kafka"],
    find: |repo| found(repo, "apicurio-2/apicurio-registry-app-2.6.13.Final-runner.jar"),
    install: |repo| apicurio(repo, "2.6.13.Final", "apicurio-2"),
};

/// Its next version.
pub(super) const APICURIO_3: Service = Service {
    name: "Apicurio 3.0.9",
    connectors: &["kafka"],
    find: |repo| found(repo, "apicurio-3/apicurio-registry-app-3.0.9-runner.jar"),
    install: |repo| apicurio(repo, "3.0.9", "apicurio-3"),
};

/// Issues the tokens of OAUTHBEARER.
pub(super) const ISSUER: Service = Service {
    name: "oauth2-mock-server",
    connectors: &["kafka"],
    find: |repo| found(repo, "oidc/node_modules/oauth2-mock-server/dist/index.mjs"),
    install: install_issuer,
};

/// A client on the command line, for the benchmarks alone.
pub(super) const KCAT: Service = Service {
    name: "kcat",
    connectors: &[],
    find: |repo| there(repo, "kcat", "-V").then(|| "kcat".to_owned()),
    install: |repo| needs(repo, "kcat", &["kcat"]),
};

const BROKER_JAR: &str = "kafka/lib/kafka_2.13-4.3.1.jar";
const DEBEZIUM_JAR: &str = "kafka-connect/debezium/debezium-connector-postgres-3.6.0.Final.jar";

/// Pinned: the newest that runs on the Node of Debian's long-term versions.
const ISSUER_PACKAGE: &str = "oauth2-mock-server@8.2.3";

/// What the worker of Connect has itself must not come with a plugin.
const OF_THE_WORKER: &str = "-DexcludeGroupIds=org.apache.kafka,org.slf4j,org.lz4,at.yawk.lz4,com.github.luben,org.xerial.snappy";

fn found(repo: &Repo, file: &str) -> Option<String> {
    let path = folder(repo, file);
    path.is_file().then(|| path.parent().unwrap_or(&path).display().to_string())
}

fn folder(repo: &Repo, name: &str) -> PathBuf {
    repo.target.join("services").join(name)
}

fn install_broker(repo: &Repo) -> Result {
    jars(repo, "broker", &folder(repo, "kafka/lib"), &[])
}

fn install_plugins(repo: &Repo) -> Result {
    jars(repo, "avro", &folder(repo, "kafka-connect/avro"), &[OF_THE_WORKER, "-DincludeScope=runtime"])?;
    jars(repo, "debezium", &folder(repo, "kafka-connect/debezium"), &[OF_THE_WORKER, "-DincludeScope=runtime"])
}

/// All jars that a pom of ours names, and those they need, in a folder that is there when it is whole.
fn jars(repo: &Repo, pom: &str, to: &Path, options: &[&str]) -> Result {
    let new = to.with_extension("new");
    clear(&new)?;
    let pom = repo.root.join("xtask/src/services/kafka").join(pom).with_extension("xml");
    let mut maven = maven(repo)?;
    maven.arg("-f").arg(pom).arg("dependency:copy-dependencies").args(options);
    process::run(maven.arg(format!("-DoutputDirectory={}", new.display())))?;
    clear(to)?;
    std::fs::rename(&new, to).map_err(|e| format!("{}: {e}", to.display()))
}

/// A registry as its project ships it: an archive of jars.
fn apicurio(repo: &Repo, version: &str, name: &str) -> Result {
    let (to, new) = (folder(repo, name), folder(repo, &format!("{name}.new")));
    clear(&new)?;
    std::fs::create_dir_all(&new).map_err(|e| format!("{}: {e}", new.display()))?;
    let mut copy = maven(repo)?;
    copy.arg("dependency:copy").arg(format!("-Dartifact=io.apicurio:apicurio-registry-app:{version}:tar.gz:all"));
    process::run(copy.arg(format!("-DoutputDirectory={}", new.display())))?;
    let archive = new.join(format!("apicurio-registry-app-{version}-all.tar.gz"));
    process::run(process::command("tar", &new).arg("xzf").arg(&archive))?;
    std::fs::remove_file(&archive).map_err(|e| format!("{}: {e}", archive.display()))?;
    clear(&to)?;
    std::fs::rename(&new, &to).map_err(|e| format!("{}: {e}", to.display()))
}

fn install_issuer(repo: &Repo) -> Result {
    let to = folder(repo, "oidc");
    std::fs::create_dir_all(&to).map_err(|e| format!("{}: {e}", to.display()))?;
    if !there(repo, "npm", "--version") {
        let packages = ["nodejs", "npm"];
        needs(repo, "npm", &packages)?;
    }
    // Without a manifest of its own npm would look for one further up.
    crate::repo::write(&to.join("package.json"), "{ \"private\": true }\n")?;
    process::run(process::command("npm", &to).args(["install", "--silent", "--no-audit", "--no-fund", ISSUER_PACKAGE]))
}

fn maven(repo: &Repo) -> Result<Command> {
    if !there(repo, "java", "-version") || !there(repo, "mvn", "--version") {
        needs(repo, "java and mvn", &["openjdk-17-jre-headless", "maven"])?;
    }
    let mut maven = process::command("mvn", &repo.target);
    maven.args(["--quiet", "--batch-mode", "-Dstyle.color=never"]);
    Ok(maven)
}

fn there(repo: &Repo, program: &str, argument: &str) -> bool {
    process::command(program, &repo.root).arg(argument).output().is_ok_and(|output| output.status.success())
}

/// The headers of OpenSSL, which librdkafka is built with, and its program, by which a test locks a key.
pub(super) fn headers(repo: &Repo) -> Result {
    let headers = process::command("pkg-config", &repo.root).args(["--exists", "openssl"]).output();
    if headers.is_ok_and(|output| output.status.success()) && there(repo, "openssl", "version") {
        return Ok(());
    }
    needs(repo, "OpenSSL and its headers", &["libssl-dev", "openssl", "pkg-config"])
}

/// Installs what is missing where that can be done.
fn needs(repo: &Repo, what: &str, packages: &[&str]) -> Result {
    if debian::usable(repo)? { debian::install(repo, packages) } else { Err(format!("it takes {what}: {}", packages.join(", "))) }
}

fn clear(folder: &Path) -> Result {
    match std::fs::remove_dir_all(folder) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(format!("{}: {e}", folder.display())),
        _ => Ok(()),
    }
}
