//! SIGTERM, SIGINT, and a second run on one state.
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::thyme::{Folder, Ran, pipeline, rows};

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

/// Waits until `is` holds, for at most a minute.
fn until(what: &str, mut is: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is() {
        assert!(started.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// An address that nobody listens at.
fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// What is served at `addr`, or nothing.
fn metrics(addr: SocketAddr) -> String {
    let mut text = String::new();
    if let Ok(mut stream) = TcpStream::connect(addr) {
        stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").unwrap();
        let _ = stream.read_to_string(&mut text);
    }
    text
}

#[test]
fn sigterm_commits_what_is_staged_and_a_second_run_says_who_holds_the_state() {
    let folder = Folder::new();
    folder.write("in/a.jsonl", &rows(0, 100));
    // Nothing is committed before the signal.
    folder.write("a.toml", &pipeline("orders", "commit = { every = \"1h\" }"));
    let addr = free();
    let child = folder
        .command(&["run", "a.toml", "--metrics-addr", &addr.to_string()])
        .stderr(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    until("the lock is taken", || folder.path(".thyme/orders/lock").exists());
    let second = folder.thyme(&["run", "a.toml", "--once"]);
    assert_eq!(second.code, 1, "{second:#?}");
    assert!(second.err.contains(&format!("is being run by process {}", child.id())), "{}", second.err);
    let list = folder.thyme(&["cursor", "list", "a.toml"]).ok();
    assert_eq!(list.out.lines().count(), 1, "nothing is committed yet: {}", list.out);
    let reset = folder.thyme(&["cursor", "reset", "a.toml"]);
    assert_eq!(reset.code, 1, "{reset:#?}");
    until("all is read", || metrics(addr).contains("thyme_rows_read_total{pipeline=\"orders\"} 100"));
    signal(&child, Signal::TERM);
    let ran = Ran::of(child.wait_with_output().unwrap()).ok();
    assert!(ran.err.contains("stopping: "), "{}", ran.err);
    assert!(ran.err.contains("orders: 100 rows read, 100 written"), "{}", ran.err);
    assert_eq!(folder.lines("out").len(), 100);
    let again = folder.thyme(&["run", "a.toml", "--once"]).ok();
    assert!(again.err.contains("nothing new"), "{}", again.err);
}

#[test]
fn a_watched_folder_is_followed() {
    let folder = Folder::new();
    folder.write("in/a.jsonl", &rows(0, 10));
    let text = pipeline("orders", "commit = { every = \"100ms\" }")
        .replace("path = \"in", "watch = true\n  poll_interval_ms = 50\n  path = \"in");
    folder.write("a.toml", &text);
    let mut child = folder.command(&["run", "a.toml"]).stderr(Stdio::piped()).spawn().unwrap();
    until("the first rows are there", || folder.lines("out").len() == 10);
    folder.write("in/b.jsonl", &rows(10, 20));
    until("the rows of a new file are there", || folder.lines("out").len() == 20);
    folder.append("in/a.jsonl", &rows(20, 30));
    until("the rows of a file that grew are there", || folder.lines("out").len() == 30);
    signal(&child, Signal::INT);
    let mut err = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(err.any(|line| line.starts_with("orders: 30 rows read, 30 written")));
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_change_that_is_ignored_is_counted_once_and_not_in_each_poll() {
    let folder = Folder::new();
    folder.write("in/a.jsonl", &rows(0, 10));
    folder.write("in/b.jsonl", &rows(10, 20));
    let keys = "watch = true\n  poll_interval_ms = 20\n  changed = \"ignore\"\n  path = \"in";
    folder.write("a.toml", &pipeline("orders", "commit = { every = \"50ms\" }").replace("path = \"in", keys));
    let addr = free();
    let child = folder.command(&["run", "a.toml", "--metrics-addr", &addr.to_string()]).stderr(Stdio::null()).spawn().unwrap();
    let _running = Running(child);
    let counted = || {
        let text = metrics(addr);
        let line = text.lines().find_map(|line| line.strip_prefix("thyme_files_ignored_changes_total{pipeline=\"orders\"} "));
        line.map_or(0, |count| count.parse::<u64>().unwrap())
    };
    // In place and by one write, so that no poll sees half of a change.
    let change = |name: &str, with: &str| {
        fs::OpenOptions::new().write(true).open(folder.path(name)).unwrap().write_all(with.as_bytes()).unwrap();
    };
    until("the rows are there", || folder.lines("out").len() == 20);
    change("in/a.jsonl", &rows(0, 10).replace('n', "m"));
    until("a change is counted", || counted() > 0);
    // So many polls later it is still one.
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(counted(), 1);
    change("in/b.jsonl", &rows(10, 20).replace('n', "m"));
    until("another file's change is counted", || counted() == 2);
    change("in/a.jsonl", &rows(0, 10).replace('n', "k"));
    until("a second change of one file is counted", || counted() == 3);
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!((counted(), folder.lines("out").len()), (3, 20));
    assert!(metrics(addr).contains("# HELP thyme_files_ignored_changes_total "));
}

/// Ended with the test, however that ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_second_signal_ends_at_once_a_commit_that_does_not_come_to_its_end() {
    for (first, second) in [(Signal::TERM, Signal::INT), (Signal::INT, Signal::TERM)] {
        let folder = Folder::new();
        folder.write("in/a.jsonl", &rows(0, 20_000));
        folder.write("a.toml", &pipeline("orders", "").replace("type = \"file\"\n  path = \"out\"", "type = \"stdout\""));
        let said = || fs::read_to_string(folder.path("said")).unwrap();
        let err = File::create(folder.path("said")).unwrap();
        let child = folder.command(&["run", "a.toml"]).stdout(Stdio::piped()).stderr(err).spawn().unwrap();
        let mut child = Running(child);
        // The commit is in the middle of far more than a pipe holds, and nobody reads on.
        let mut out = BufReader::new(child.0.stdout.take().unwrap());
        let mut line = String::new();
        assert!(out.read_line(&mut line).unwrap() > 0, "{}", said());
        signal(&child.0, first);
        until("the first signal is heard", || said().contains("a second signal ends at once"));
        std::thread::sleep(Duration::from_secs(1));
        assert!(child.0.try_wait().unwrap().is_none(), "the first signal lets the commit end: {}", said());

        let sent = Instant::now();
        signal(&child.0, second);
        let mut status = None;
        until("the second signal ends it", || {
            status = child.0.try_wait().unwrap();
            status.is_some()
        });
        assert!(sent.elapsed() < Duration::from_secs(5), "at once: {:?}", sent.elapsed());
        assert_eq!(status.unwrap().code(), Some(1), "{}", said());
        out.read_to_string(&mut line).unwrap();
        assert!(line.lines().count() < 20_000, "the commit came to its end");

        // What was not committed is read again.
        let again = folder.thyme(&["run", "a.toml", "--once"]).ok();
        assert_eq!(again.out, rows(0, 20_000));
    }
}
