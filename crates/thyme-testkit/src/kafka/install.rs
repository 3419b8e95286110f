//! Where the programs are.
use std::path::{Path, PathBuf};
use std::process::Command;

use thyme_core::{Error, Kind, Result, env};

/// The broker's version; its jars carry it in their names.
pub(super) const VERSION: &str = "4.3.1";

/// What `cargo xtask services up` put below the build directory, in a folder of this name.
pub(super) fn service(name: &str) -> Result<PathBuf> {
    let named = env::var("THYME_TEST_SERVICES")?.map(|folder| Path::new(&folder).join(name));
    let place = Path::new("services").join(name);
    let built = std::env::current_exe().ok();
    let mut built = built.iter().flat_map(|exe| exe.ancestors()).map(|folder| folder.join(&place));
    let found = named.or_else(|| built.find(|folder| folder.is_dir())).filter(|folder| folder.is_dir());
    found.ok_or_else(|| Error::new(Kind::NotFound, format!("{name} is not installed: `cargo xtask services up kafka` does that")))
}

/// The jars of broker, tools and Connect.
pub(super) fn jars() -> Result<PathBuf> {
    let jars = service("kafka")?.join("lib");
    if !jars.join(format!("kafka_2.13-{VERSION}.jar")).is_file() {
        let text = format!("Kafka {VERSION} is not installed: `cargo xtask services up kafka` does that");
        return Err(Error::new(Kind::NotFound, text).context("looked in", jars.display()));
    }
    Ok(jars)
}

/// A virtual machine that starts fast and stays small.
pub(super) fn java(heap_mb: u32) -> Command {
    let mut java = Command::new("java");
    java.args(["-Xms64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.net.preferIPv4Stack=true"]);
    java.arg(format!("-Xmx{heap_mb}m"));
    java
}

/// All jars of a folder, as the virtual machine takes them.
pub(super) fn class_path(jars: &Path) -> String {
    jars.join("*").display().to_string()
}
