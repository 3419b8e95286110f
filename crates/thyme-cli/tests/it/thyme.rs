//! The binary, in a folder of its own.
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// A folder with files, to run the binary in.
pub(crate) struct Folder(TempDir);

/// What a run of the binary left.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file, its folders too.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn append(&self, name: &str, text: &str) {
        use std::io::Write;
        fs::OpenOptions::new().append(true).open(self.path(name)).unwrap().write_all(text.as_bytes()).unwrap();
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_thyme"));
        command.args(args).current_dir(self.0.path()).stdin(Stdio::null()).env_remove("RUST_LOG");
        command
    }

    pub(crate) fn thyme(&self, args: &[&str]) -> Ran {
        Ran::of(self.command(args).output().unwrap())
    }

    /// The lines of every finished file below `name`, sorted.
    pub(crate) fn lines(&self, name: &str) -> Vec<String> {
        let (mut folders, mut lines) = (vec![self.path(name)], Vec::new());
        while let Some(folder) = folders.pop() {
            let Ok(entries) = fs::read_dir(&folder) else { continue };
            for entry in entries.map(Result::unwrap) {
                let (path, name) = (entry.path(), entry.file_name().into_string().unwrap());
                if name.starts_with(['.', '_']) {
                    continue;
                } else if path.is_dir() {
                    folders.push(path);
                } else {
                    lines.extend(fs::read_to_string(path).unwrap().lines().map(str::to_owned));
                }
            }
        }
        lines.sort();
        lines
    }
}

impl Ran {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The same, which must have ended well.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.code, 0, "{self:#?}");
        self
    }
}

/// A pipeline from `in/*.jsonl` to `out`, with more keys where they are given.
pub(crate) fn pipeline(name: &str, keys: &str) -> String {
    format!(
        r#"
[[pipeline]]
name = "{name}"
schedule = "@auto"
{keys}
  [pipeline.dataset]
  fields = {{ id = "int64", name = "string" }}
  [pipeline.source]
  type = "file"
  path = "in/*.jsonl"
  [pipeline.sink]
  type = "file"
  path = "out"
  format = "jsonl"
"#
    )
}

/// Rows `from..to` as JSON lines.
pub(crate) fn rows(from: u32, to: u32) -> String {
    (from..to).map(|id| format!("{{\"id\":{id},\"name\":\"n{id}\"}}\n")).collect()
}
