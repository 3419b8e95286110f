//! A disk that is really full, under the real program: nothing half is seen, and with room again it goes on as if nothing had been.
//!
//! The disk is a tmpfs in a mount namespace of its own: the kernel takes it away with the last process that sees it, whatever
//! becomes of the test.
#![allow(missing_docs, clippy::print_stdout, reason = "a test")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use thyme_core::env;
use thyme_testkit::kill::binary;

const CHILD: &str = "THYME_CHILD_FULL_DISK";
/// Bytes that are left free. With none not even the note of a new owner can be made, with some a file breaks off in the middle.
const ROOMS: [u64; 2] = [0, 96 << 10];
const ROWS: u32 = 5_000;

fn main() {
    if let Ok(Some(folder)) = env::var(CHILD) {
        return fills_up(Path::new(&folder));
    }
    let trials = vec![Trial::ignorable_test("the_disk_fills_up_and_has_room_again", on_a_small_disk)];
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

/// `program` where `disk` is a disk of one mebibyte.
fn apart(flags: &str, program: &Path, disk: &Path) -> Command {
    let mut command = Command::new("unshare");
    command.args([flags, "sh", "-c", "mount -t tmpfs -o size=1m tmpfs \"$1\" && exec \"$0\""]).arg(program).arg(disk);
    command
}

fn on_a_small_disk() -> Result<Completion, Failed> {
    let folder = tempfile::tempdir()?;
    let disk = folder.path().join("disk");
    fs::create_dir(&disk)?;
    let mut refused = String::new();
    for flags in ["-m", "-rm"] {
        match apart(flags, Path::new("true"), &disk).output() {
            Ok(output) if output.status.success() => {
                let mut child = apart(flags, &std::env::current_exe()?, &disk);
                let status = child.env(CHILD, folder.path()).status()?;
                if !status.success() {
                    return Err(format!("{status}; the program said:\n{}", said(folder.path())).into());
                }
                return if fs::read_dir(&disk)?.next().is_none() { Ok(Completion::Completed) } else { Err("still there".into()) };
            }
            Ok(output) => refused = String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            Err(e) => refused = e.to_string(),
        }
    }
    let reason = format!("a disk can't be mounted here: {refused}");
    match env::var("THYME_TEST_REQUIRED") {
        Ok(Some(value)) if value == "1" => Err(format!("THYME_TEST_REQUIRED is set, and {reason}").into()),
        _ => Ok(Completion::ignored_with(reason)),
    }
}

fn fills_up(folder: &Path) {
    fs::create_dir(folder.join("in")).unwrap();
    let mut all = 0;
    for (round, room) in ROOMS.into_iter().enumerate() {
        add(folder, round * 2, &mut all);
        assert!(thyme(folder, "2").arg("--once").status().unwrap().success(), "there is room");
        let before = visible(folder);
        assert_eq!(lines(&before), expected(all));

        let ballast = fill(folder, room);
        add(folder, round * 2 + 1, &mut all);
        let status = thyme(folder, "2").arg("--once").status().unwrap();
        assert_eq!(status.code(), Some(1), "it wrote as if there were room");
        let text = said(folder);
        assert!(text.contains("error: full: the disk is full (path: ") && text.contains("disk/out"), "{text}");
        assert_eq!(visible(folder), before, "something of a commit that failed is seen");

        let mut running = Running(thyme(folder, "1000").spawn().unwrap());
        until("it is tried again and again", || said(folder).matches("the disk is full").count() >= 3);
        assert_eq!(visible(folder), before, "something of a commit that failed is seen");
        assert!(running.0.try_wait().unwrap().is_none(), "it gave up");
        fs::remove_file(ballast).unwrap();
        until("all rows are there", || lines(&visible(folder)).len() >= all as usize);
        Command::new("kill").args(["-TERM", &running.0.id().to_string()]).status().unwrap();
        assert!(running.0.wait().unwrap().success(), "{}", said(folder));

        let after = visible(folder);
        assert_eq!(lines(&after), expected(all), "not each row once");
        assert!(before.iter().all(|(path, file)| after.get(path) == Some(file)), "a visible file changed");
        println!("{room} bytes free: {} files, {all} rows, each once", after.len());
    }
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The program; what it says goes to a file, anew each time.
fn thyme(folder: &Path, attempts: &str) -> Command {
    let pipeline = format!(
        "[[pipeline]]\nname = \"full\"\nevery = \"100ms\"\ncommit = {{ every = \"100ms\" }}\n\
         retry = {{ max_attempts = {attempts}, first = \"50ms\", longest = \"100ms\" }}\n\
         [pipeline.dataset]\nfields = {{ id = \"int64\", name = \"string\" }}\n\
         [pipeline.source]\ntype = \"file\"\npath = \"in/*.jsonl\"\n\
         [pipeline.sink]\ntype = \"file\"\npath = \"disk/out\"\nformat = \"jsonl\"\nroll = {{ rows = 1000 }}\n"
    );
    fs::write(folder.join("pipeline.toml"), pipeline).unwrap();
    let mut command = Command::new(binary().unwrap());
    command.current_dir(folder).args(["run", "pipeline.toml", "--state", "state"]);
    command.env_remove(CHILD).env_remove("RUST_LOG").stdin(Stdio::null()).stdout(Stdio::null());
    command.stderr(File::create(folder.join("log.txt")).unwrap());
    command
}

fn said(folder: &Path) -> String {
    fs::read_to_string(folder.join("log.txt")).unwrap_or_default()
}

fn row(id: u32) -> String {
    format!("{{\"id\":{id},\"name\":\"name {id}\"}}")
}

fn expected(all: u32) -> Vec<String> {
    let mut rows: Vec<_> = (0..all).map(row).collect();
    rows.sort();
    rows
}

/// Adds a file of the next rows.
fn add(folder: &Path, number: usize, all: &mut u32) {
    let text: String = (*all..*all + ROWS).map(|id| row(id) + "\n").collect();
    fs::write(folder.join(format!("in/{number}.jsonl")), text).unwrap();
    *all += ROWS;
}

/// Takes all of the disk but `room` bytes.
fn fill(folder: &Path, room: u64) -> PathBuf {
    let path = folder.join("disk/ballast");
    let mut file = File::create(&path).unwrap();
    let mut size = 0;
    let full = loop {
        match file.write(&[0; 4096]) {
            Ok(written) => size += written as u64,
            Err(e) => break e,
        }
    };
    assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
    file.set_len(size.checked_sub(room).unwrap()).unwrap();
    path
}

/// Every file that somebody who reads the target sees, with what must never change about it.
fn visible(folder: &Path) -> BTreeMap<PathBuf, (String, u64)> {
    let (mut files, mut folders) = (BTreeMap::new(), vec![folder.join("disk/out")]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().map(Result::unwrap) {
            let path = entry.path();
            if entry.file_name().to_str().unwrap().starts_with(['.', '_']) {
                continue;
            } else if path.is_dir() {
                folders.push(path);
            } else {
                let content = fs::read_to_string(&path).unwrap();
                files.insert(path, (content, entry.metadata().unwrap().ino()));
            }
        }
    }
    files
}

/// The lines of all files, in order.
fn lines(files: &BTreeMap<PathBuf, (String, u64)>) -> Vec<String> {
    let mut lines: Vec<_> = files.values().flat_map(|(text, _)| text.lines().map(str::to_owned)).collect();
    lines.sort();
    lines
}

/// Waits until `is` holds, for at most a minute.
fn until(what: &str, mut is: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is() {
        assert!(started.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
