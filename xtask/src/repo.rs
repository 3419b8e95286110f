//! Where things are: the root, the build directory, the packages, the files under version control.
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::{Result, process};

/// The checkout this binary was built from.
#[derive(Debug)]
pub(crate) struct Repo {
    /// The folder of the workspace's `Cargo.toml`.
    pub(crate) root: PathBuf,
    /// Where cargo builds.
    pub(crate) target: PathBuf,
    /// The members of the workspace.
    pub(crate) packages: Vec<Package>,
}

/// One member of the workspace.
#[derive(Clone, Debug)]
pub(crate) struct Package {
    pub(crate) name: String,
    /// Its folder, relative to the root.
    pub(crate) dir: PathBuf,
    /// The parsed `Cargo.toml`.
    pub(crate) manifest: toml::Table,
}

impl Repo {
    /// Asks cargo, from the folder this task was built in.
    pub(crate) fn find() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("xtask lies in no workspace")?.to_path_buf();
        let text = process::output(process::cargo(&root).args(["metadata", "--format-version=1", "--no-deps"]))?;
        let metadata: Value = serde_json::from_str(&text).map_err(|e| format!("cargo metadata: {e}"))?;
        let target = metadata["target_directory"].as_str().ok_or("cargo metadata names no target directory")?.into();
        let mut packages = Vec::new();
        for package in metadata["packages"].as_array().into_iter().flatten() {
            let name = package["name"].as_str().ok_or("a package without a name")?.to_owned();
            let path = Path::new(package["manifest_path"].as_str().ok_or("a package without a manifest")?);
            let manifest = read(path)?.parse().map_err(|e| format!("{}: {e}", path.display()))?;
            let dir = path.parent().and_then(|dir| dir.strip_prefix(&root).ok()).unwrap_or(Path::new("")).to_path_buf();
            packages.push(Package { name, dir, manifest });
        }
        Ok(Self { root, target, packages })
    }

    /// All files that are under version control or would be, relative to the root, sorted; deleted ones left out.
    pub(crate) fn files(&self) -> Result<Vec<PathBuf>> {
        let mut git = process::command("git", &self.root);
        let text = process::output(git.args(["ls-files", "--cached", "--others", "--exclude-standard"]))?;
        let mut files: Vec<PathBuf> = text.lines().map(PathBuf::from).filter(|file| self.root.join(file).is_file()).collect();
        files.sort();
        files.dedup();
        Ok(files)
    }

    /// The text of a file of the repository; `None` when it is not UTF-8.
    pub(crate) fn text(&self, file: &Path) -> Result<Option<String>> {
        let bytes = std::fs::read(self.root.join(file)).map_err(|e| format!("{}: {e}", file.display()))?;
        Ok(String::from_utf8(bytes).ok())
    }

    /// The crates of connectors: those whose manifest has `[package.metadata.thyme]`.
    pub(crate) fn connectors(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| package.thyme().is_some())
    }

    /// The binary `thyme` of a profile, `debug` or `release`.
    pub(crate) fn binary(&self, profile: &str) -> PathBuf {
        self.target.join(profile).join(format!("thyme{}", std::env::consts::EXE_SUFFIX))
    }

    /// Whether continuous integration runs this.
    pub(crate) fn in_ci() -> bool {
        std::env::var_os("CI").is_some_and(|value| value == "true" || value == "1")
    }
}

impl Package {
    /// `[package.metadata.thyme]`.
    pub(crate) fn thyme(&self) -> Option<&toml::Table> {
        self.manifest.get("package")?.get("metadata")?.get("thyme")?.as_table()
    }
}

/// The text of a file.
pub(crate) fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))
}

/// Writes a file, its folders too.
pub(crate) fn write(path: &Path, text: &str) -> Result {
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir).map_err(|e| format!("{}: {e}", dir.display()))?;
    }
    std::fs::write(path, text).map_err(|e| format!("{}: {e}", path.display()))
}
