//! The program dies while it writes dead letters: nothing of them stays that is not one.
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use thyme_testkit::kill::binary;

const PIPELINE: &str = "[[pipeline]]\nname = \"p\"\nschedule = \"@auto\"\non_error = \"dead_letter\"\n\
    [pipeline.dataset]\nfields = { id = \"int64\" }\n[pipeline.source]\ntype = \"file\"\npath = \"in/*.jsonl\"\n\
    [pipeline.sink]\ntype = \"file\"\npath = \"out\"\nformat = \"jsonl\"\n";

fn unfinished(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().into_string().unwrap()).filter(|name| name.ends_with(".new")).collect()
}

#[test]
fn what_a_crash_left_of_dead_letters_goes_with_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("in")).unwrap();
    fs::write(folder.path().join("pipeline.toml"), PIPELINE).unwrap();
    fs::write(folder.path().join("in/a.jsonl"), "{\"id\":1}\n{\"id\":\"bad\"}\n").unwrap();
    let program = |args: &[&str], crash: Option<&str>| {
        let mut command = Command::new(binary().unwrap());
        command.current_dir(folder.path()).args(args).args(["--state", "state"]).stdin(Stdio::null());
        command.env_remove("THYME_CRASH").envs(crash.map(|point| ("THYME_CRASH", point)));
        command.output().unwrap()
    };
    let letters = folder.path().join("state/p/dlq");
    let run = ["run", "pipeline.toml", "--once"];
    assert!(!program(&run, Some("state.before_rename")).status.success());
    assert_eq!(unfinished(&letters).len(), 1, "it died in the middle");
    // Its rows are gone with it: who reads the file now has none to put aside.
    fs::write(folder.path().join("in/a.jsonl"), "{\"id\":1}\n{\"id\":2}\n").unwrap();
    let output = program(&run, None);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(unfinished(&letters), [] as [&str; 0]);
    let listed = String::from_utf8(program(&["dlq", "list", "pipeline.toml"], None).stdout).unwrap();
    assert_eq!(listed.lines().skip(1).count(), 0, "{listed}");
}
