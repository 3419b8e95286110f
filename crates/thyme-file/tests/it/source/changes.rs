use std::fs;
use std::time::{Duration, SystemTime};

use thyme_core::Kind;
use thyme_file::{Changed, FileSource};

use super::support::*;

fn numbers(range: std::ops::Range<i64>) -> Vec<i64> {
    range.collect()
}

#[tokio::test]
async fn what_is_added_is_read_on() {
    let folder = Folder::new();
    folder.write("a.jsonl", lines(0..3));
    let mut run = Run::of(folder.text("*.jsonl"));
    run.poll().await.unwrap();
    run.poll().await.unwrap();
    assert_eq!((run.sorted(), run.cursors.len()), (numbers(0..3), run.cursors.len()));
    let commits = run.cursors.len();
    run.poll().await.unwrap();
    assert_eq!(run.cursors.len(), commits, "a poll with nothing new commits nothing");
    for n in 3..10 {
        folder.append("a.jsonl", lines([n]));
        run.poll().await.unwrap();
        assert_eq!(run.numbers("n"), numbers(0..n + 1));
    }
    folder.write("b.jsonl", lines([10]));
    run.poll().await.unwrap();
    assert_eq!(run.sorted(), numbers(0..11));
}

#[tokio::test]
async fn an_unfinished_line_waits_for_its_end() {
    let folder = Folder::new();
    folder.write("a.jsonl", "{\"n\":0}\n{\"n\":");
    folder.write("b.csv", "n\n100\n10");
    let mut run = Run::of(folder.text("*"));
    run.poll().await.unwrap();
    run.poll().await.unwrap();
    assert_eq!(run.sorted(), [0, 100]);
    folder.append("a.jsonl", "1}");
    folder.append("b.csv", "1");
    run.poll().await.unwrap();
    assert_eq!(run.sorted(), [0, 1, 100], "a JSON line that parses is whole, a CSV record may go on");
    folder.append("a.jsonl", "\n{\"n\":2}\n");
    folder.append("b.csv", "\n102\n");
    run.poll().await.unwrap();
    run.poll().await.unwrap();
    assert_eq!(run.sorted(), [0, 1, 2, 100, 101, 102]);
    assert!(run.rejects.is_empty(), "{:?}", run.rejects);
}

#[tokio::test]
async fn the_end_of_a_file_that_rests_is_its_end() {
    let folder = Folder::new();
    let json = folder.write("a.jsonl", "{\"n\":0}\n{\"n\":");
    let csv = folder.write("b.csv", "n\n100\n101");
    let mut run = Run::of(folder.text("*"));
    run.poll().await.unwrap();
    assert_eq!(run.sorted(), [0, 100]);
    rest(&json);
    rest(&csv);
    for _ in 0..3 {
        run.poll().await.unwrap();
        assert_eq!(run.sorted(), [0, 100, 101]);
        assert_eq!(run.rejects.len(), 1, "told once");
    }
    assert_eq!(run.rejects[0].payload.as_deref(), Some(&b"{\"n\":"[..]));
    assert_eq!(run.rejects[0].place.line, Some(2));
    folder.append("a.jsonl", "1}\n");
    folder.append("b.csv", "\n102\n");
    run.poll().await.unwrap();
    assert_eq!(run.sorted(), [0, 1, 100, 101, 102], "nothing is lost when it goes on after all");
}

#[tokio::test]
async fn under_once_the_end_is_the_end() {
    let folder = Folder::new();
    folder.write("a.jsonl", "{\"n\":0}\n{\"n\":1");
    folder.write("b.csv", "n\n100\n101");
    let mut run = Run::of(folder.text("*"));
    run.job.once = true;
    run.poll().await.unwrap();
    run.poll().await.unwrap();
    assert_eq!(run.sorted(), [0, 100, 101]);
    assert_eq!(run.rejects.len(), 1);
    folder.append("a.jsonl", "}\n");
    folder.append("b.csv", "\n102");
    run.poll().await.unwrap();
    run.poll().await.unwrap();
    assert_eq!(run.sorted(), [0, 1, 100, 101, 102]);
    folder.append("b.csv", "5\n");
    let error = run.poll().await.unwrap_err();
    assert_eq!(error.kind(), Kind::CursorLost, "a number that was taken for whole went on: {error}");
}

#[tokio::test]
async fn a_log_rotated_by_renaming() {
    let folder = Folder::new();
    for path in ["app.log", "*.log", "app.log*", ""] {
        let name = |end: &str| format!("d{}/app.log{end}", path.len());
        let write = |content: String| folder.append(&name(""), content);
        folder.write(&name(""), lines(0..3));
        let source = FileSource::builder().path(folder.text(&format!("d{}/{path}", path.len())));
        let mut run = Run::new(source.format(thyme_file::ReadFormat::Jsonl).build(), job());
        run.poll().await.unwrap();
        for turn in 0..4 {
            let from = 3 + turn * 4;
            write(lines(from..from + 2)); // Not read before the rotation.
            for old in (0..turn).rev() {
                fs::rename(folder.path(&name(&format!(".{}", old + 1))), folder.path(&name(&format!(".{}", old + 2)))).unwrap();
            }
            fs::rename(folder.path(&name("")), folder.path(&name(".1"))).unwrap();
            folder.append(&name(".1"), lines([from + 2])); // The writer has not noticed yet.
            write(lines([from + 3]));
            run.poll().await.unwrap();
            assert_eq!(run.sorted(), numbers(0..from + 4), "{path} turn {turn}");
        }
        run.poll().await.unwrap();
        assert_eq!(run.sorted(), numbers(0..19), "{path}");
    }
}

#[tokio::test]
async fn a_log_rotated_by_copying() {
    for path in ["app.log", "app.log*"] {
        let folder = Folder::new();
        folder.write("app.log", lines(0..3));
        let source = FileSource::builder().path(folder.text(path)).format(thyme_file::ReadFormat::Jsonl).build();
        let mut run = Run::new(source, job());
        run.poll().await.unwrap();
        folder.append("app.log", lines(3..5));
        fs::copy(folder.path("app.log"), folder.path("app.log.1")).unwrap();
        folder.write("app.log", lines(5..7)); // Truncates the same file.
        run.poll().await.unwrap();
        assert_eq!(run.sorted(), numbers(0..7), "{path}");
        folder.append("app.log", lines(7..30));
        run.poll().await.unwrap();
        run.poll().await.unwrap();
        assert_eq!(run.sorted(), numbers(0..30), "{path}");
    }
}

#[tokio::test]
async fn a_rotated_log_that_was_compressed_at_once() {
    let folder = Folder::new();
    folder.write("app.log", lines(0..3));
    let source = FileSource::builder().path(folder.text("app.log*")).format(thyme_file::ReadFormat::Jsonl).build();
    let mut run = Run::new(source, job());
    run.poll().await.unwrap();
    folder.append("app.log", lines(3..5));
    folder.write("app.log.1.gz", gzip(&fs::read(folder.path("app.log")).unwrap()));
    fs::remove_file(folder.path("app.log")).unwrap();
    folder.write("app.log", lines(5..7));
    run.poll().await.unwrap();
    run.poll().await.unwrap();
    assert_eq!(run.sorted(), numbers(0..7));
}

#[tokio::test]
async fn a_log_compressed_when_it_rotates_once_more() {
    let folder = Folder::new();
    folder.write("a-app.log", lines(0..2_000));
    let source = FileSource::builder().path(folder.text("*")).format(thyme_file::ReadFormat::Jsonl).build();
    let mut run = Run::new(source, job());
    run.poll().await.unwrap();
    fs::rename(folder.path("a-app.log"), folder.path("a-app.log.1")).unwrap();
    folder.write("a-app.log", lines(2_000..2_003));
    run.poll().await.unwrap();
    folder.write("a-app-2.log.gz", gzip(&fs::read(folder.path("a-app.log.1")).unwrap()));
    fs::rename(folder.path("a-app.log"), folder.path("a-app.log.1")).unwrap();
    folder.write("a-app.log", lines(2_003..2_005));
    for _ in 0..3 {
        run.poll().await.unwrap();
        assert_eq!(run.sorted(), numbers(0..2_005));
    }
}

#[tokio::test]
async fn files_that_come_with_old_times() {
    let folder = Folder::new();
    let old = SystemTime::now() - Duration::from_secs(86_400);
    let aged = |name: &str, content: String| {
        let path = folder.write(name, content);
        fs::File::options().append(true).open(&path).unwrap().set_modified(old).unwrap();
        path
    };
    aged("in/a.jsonl", lines(0..2));
    let moved = aged("elsewhere/b.jsonl", lines(2..4));
    let copied = aged("elsewhere/c.jsonl", lines(4..6));
    let mut run = Run::of(folder.text("in"));
    run.poll().await.unwrap();
    assert_eq!(run.sorted(), numbers(0..2));
    fs::rename(&moved, folder.path("in/0.jsonl")).unwrap();
    let status = std::process::Command::new("cp").arg("-p").arg(&copied).arg(folder.path("in/1.jsonl")).status().unwrap();
    assert!(status.success());
    run.poll().await.unwrap();
    run.poll().await.unwrap();
    assert_eq!(run.sorted(), numbers(0..6));
}

#[tokio::test]
async fn renames_rights_and_times_change_nothing() {
    let folder = Folder::new();
    for n in 0..5 {
        folder.write(&format!("{n}.jsonl"), lines([n]));
    }
    let mut run = Run::of(folder.text(""));
    run.poll().await.unwrap();
    fs::rename(folder.path("0.jsonl"), folder.path("9.jsonl")).unwrap();
    fs::set_permissions(folder.path("1.jsonl"), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    fs::File::options().append(true).open(folder.path("2.jsonl")).unwrap().set_modified(SystemTime::now()).unwrap();
    fs::remove_file(folder.path("3.jsonl")).unwrap();
    run.poll().await.unwrap();
    folder.append("9.jsonl", lines([5]));
    run.poll().await.unwrap();
    assert_eq!(run.sorted(), numbers(0..6));
}

#[tokio::test]
async fn a_file_replaced_by_a_longer_copy_of_itself() {
    let folder = Folder::new();
    folder.write("a.jsonl", lines(0..3));
    let mut run = Run::of(folder.text("a.jsonl"));
    run.poll().await.unwrap();
    folder.write("tmp", lines(0..5)); // As rsync does.
    fs::rename(folder.path("tmp"), folder.path("a.jsonl")).unwrap();
    run.poll().await.unwrap();
    run.poll().await.unwrap();
    assert_eq!(run.numbers("n"), numbers(0..5));
}

#[tokio::test]
async fn each_mode_for_a_file_that_was_rewritten() {
    for (changed, in_place) in
        [Changed::Append, Changed::Ignore, Changed::Reread, Changed::Fail].into_iter().flat_map(|c| [(c, true), (c, false)])
    {
        let folder = Folder::new();
        folder.write("a.jsonl", lines(0..3));
        let mut run = Run::new(FileSource::builder().path(folder.text("*.jsonl")).changed(changed).build(), job());
        run.poll().await.unwrap();
        if in_place {
            folder.write("a.jsonl", lines(10..14));
        } else {
            folder.write("tmp", lines(10..14));
            fs::rename(folder.path("tmp"), folder.path("a.jsonl")).unwrap();
        }
        let polled = run.poll().await;
        let again = run.poll().await;
        match changed {
            Changed::Append | Changed::Fail => {
                assert_eq!(polled.unwrap_err().kind(), Kind::CursorLost, "{changed:?} {in_place}");
                assert!(again.is_err());
                assert_eq!(run.sorted(), numbers(0..3));
            }
            Changed::Ignore => {
                polled.unwrap();
                assert_eq!(run.sorted(), numbers(0..3), "{in_place}");
            }
            Changed::Reread => {
                polled.unwrap();
                again.unwrap();
                assert_eq!(run.sorted(), [0, 1, 2, 10, 11, 12, 13], "{in_place}");
            }
        }
    }
}

#[tokio::test]
async fn a_crash_between_reading_and_a_rotation() {
    let folder = Folder::new();
    for crash in 0..3 {
        let name = |end: &str| format!("d{crash}/app.log{end}");
        folder
            .write(&name(""), (0..20_000).map(|n| format!("{{\"n\":{n},\"pad\":\"{}\"}}\n", "x".repeat(60))).collect::<String>());
        let source = FileSource::builder().path(folder.text(&name("*"))).format(thyme_file::ReadFormat::Jsonl).build();
        let mut run = Run::new(source, job());
        run.job.buffer = 1 << 20;
        run.poll_until(crash).await.unwrap();
        fs::rename(folder.path(&name("")), folder.path(&name(".1"))).unwrap();
        folder.write(&name(""), lines(20_000..20_003));
        for _ in 0..3 {
            run.poll().await.unwrap();
        }
        assert_eq!(run.sorted(), numbers(0..20_003), "crash at {crash}");
    }
}
