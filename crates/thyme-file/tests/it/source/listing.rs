use std::fs;
use std::os::unix::fs::symlink;

use thyme_core::{Cursor, Source, Start};
use thyme_file::FileSource;

use super::support::*;

#[tokio::test]
async fn patterns_folders_and_links() {
    let folder = Folder::new();
    for (n, name) in ["a.jsonl", "b.jsonl", "sub/c.jsonl", "sub/deep/d.jsonl", ".hidden.jsonl", "_part.jsonl", "_thyme/e.jsonl"]
        .iter()
        .enumerate()
    {
        folder.write(&format!("in/{name}"), lines([n as i64]));
    }
    let outside = folder.write("outside.jsonl", lines([10]));
    symlink(&outside, folder.path("in/link.jsonl")).unwrap();
    symlink(folder.path("in/a.jsonl"), folder.path("in/current.jsonl")).unwrap();
    symlink(folder.path("in"), folder.path("in/sub/loop")).unwrap();
    symlink(folder.path("nowhere"), folder.path("in/dangling.jsonl")).unwrap();
    for (pattern, expected) in [
        ("in", vec![0, 1, 2, 3, 10]),
        ("in/", vec![0, 1, 2, 3, 10]),
        ("in/*.jsonl", vec![0, 1, 10]),
        ("in/**/*.jsonl", vec![0, 1, 2, 3, 10]),
        ("in/*/*.jsonl", vec![2]),
        ("in/{a,b}.jsonl", vec![0, 1]),
        ("in/[b-c].jsonl", vec![1]),
        ("in/.*.jsonl", vec![4]),
        ("in/_part.jsonl", vec![5]),
        ("in/link.jsonl", vec![10]),
        ("in/none-*.jsonl", vec![]),
    ] {
        let mut run = Run::of(folder.text(pattern));
        run.poll().await.unwrap();
        run.poll().await.unwrap();
        assert_eq!(run.sorted(), expected, "{pattern}");
    }
    folder.write("odd[1].jsonl", lines([20]));
    let mut run = Run::of(folder.text("odd[1].jsonl"));
    run.poll().await.unwrap();
    assert_eq!(run.sorted(), [20], "a file of that name counts before the pattern");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_small_files_in_a_bounded_cursor() {
    let folder = Folder::new();
    for n in 0..10_000 {
        let path = folder.path(&format!("{:02}", n % 20));
        fs::create_dir_all(&path).unwrap();
        fs::write(path.join(format!("{n}.jsonl")), lines([n])).unwrap();
    }
    let truth: Vec<_> = (0..10_000).collect();
    let mut run = Run::of(folder.text(""));
    for crash in [3, 1, 20, 35, usize::MAX, usize::MAX] {
        run.poll_until(crash).await.unwrap();
    }
    assert_eq!(run.sorted(), truth);
    let largest = run.cursors.iter().map(String::len).max().unwrap();
    assert!(largest < Cursor::MAX_BYTES, "{largest} bytes");
    for turn in 0..3 {
        folder.write(&format!("new-{turn}.jsonl"), lines([10_000 + turn]));
        fs::rename(folder.path(&format!("new-{turn}.jsonl")), folder.path(&format!("00/late-{turn}.jsonl"))).unwrap();
        run.poll().await.unwrap();
        assert_eq!(run.sorted().len(), 10_001 + turn as usize);
    }
    run.poll().await.unwrap();
    assert_eq!(run.sorted(), (0..10_003).collect::<Vec<_>>());
}

#[tokio::test]
async fn small_files_share_batches() {
    let folder = Folder::new();
    for n in 0..100 {
        folder.write(&format!("{n:03}.jsonl"), lines([n]));
    }
    let mut run = Run::of(folder.text(""));
    run.poll().await.unwrap();
    assert_eq!(run.numbers("n"), (0..100).collect::<Vec<_>>());
    assert!(run.batches.len() <= 3, "{} batches", run.batches.len());
}

#[tokio::test]
async fn a_start_leaves_out_what_is_older() {
    let folder = Folder::new();
    let old = folder.write("old.jsonl", lines([0]));
    rest(&old);
    folder.write("new.jsonl", lines([1]));
    let mut run = Run::of(folder.text(""));
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_micros() as i64;
    run.job.start = Some(Start::At(now - 60_000_000));
    run.poll().await.unwrap();
    run.job.start = None;
    run.poll().await.unwrap();
    assert_eq!(run.sorted(), [1]);
}

#[tokio::test]
async fn watching_is_said_and_the_identity_is_the_path() {
    let info = FileSource::builder().path("/data/*.csv").watch(true).poll_interval_ms(50).build().info();
    assert_eq!(info.identity, "file:/data/*.csv");
    assert_eq!(info.auto, Some(std::time::Duration::from_millis(50)));
    assert_eq!(FileSource::builder().path("/data/*.csv").build().info().auto, None);
}
