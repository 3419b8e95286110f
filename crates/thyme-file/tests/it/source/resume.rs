use super::support::*;
use thyme_file::FileSource;

/// Crashes before each commit in turn, with another threshold each time, and compares with one run through.
async fn from_every_commit(make: impl Fn() -> Run, truth: &[i64]) {
    let mut whole = make();
    whole.poll().await.unwrap();
    assert_eq!(whole.sorted(), truth);
    let commits = whole.cursors.len();
    assert!(commits > 2, "only {commits} commits");
    for crash in 0..commits {
        let mut run = make();
        run.poll_until(crash).await.unwrap();
        run.poll().await.unwrap();
        assert_eq!(run.sorted(), truth, "crash at {crash}");
        run.poll().await.unwrap();
        assert_eq!(run.sorted(), truth, "a poll with nothing new after a crash at {crash}");
        assert!(run.cursor.splits.is_empty(), "{:?}", run.cursor);
    }
    let mut step = make();
    for _ in 0..=2 * commits {
        step.poll_until(1).await.unwrap();
    }
    assert_eq!(step.sorted(), truth, "a crash after each commit");
}

fn wide(n: i64) -> String {
    format!("{{\"pad\":\"{}\",\"n\":{n}}}\n", "x".repeat(2000))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jsonl_from_every_position_in_order() {
    let folder = Folder::new();
    folder.write("a.jsonl", (0..12_000).map(wide).collect::<String>());
    let make = || {
        let mut run = Run::of(folder.text("a.jsonl"));
        run.job = job_of(&[("pad", "string"), ("n", "int64")]);
        run.job.buffer = 6 << 20;
        run
    };
    from_every_commit(make, &(0..12_000).collect::<Vec<_>>()).await;
    let mut run = make();
    run.job.threads = 4;
    run.poll().await.unwrap();
    assert!(run.batches.len() > 4);
    assert_eq!(run.numbers("n"), (0..12_000).collect::<Vec<_>>(), "decoded in parallel, in order");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn csv_from_every_position_with_line_ends_in_quotes() {
    let folder = Folder::new();
    let rows: String = (0..12_000).map(|n| format!("{n},\"{}\n,\"\"{}\"\r\n", "y".repeat(1500), "z".repeat(500))).collect();
    folder.write("a.csv", format!("n,text\r\n{rows}"));
    let make = || {
        let source = FileSource::builder().path(folder.text("a.csv")).build();
        let mut run = Run::new(source, job_of(&[("n", "int64"), ("text", "string")]));
        run.job.buffer = 6 << 20;
        run
    };
    from_every_commit(make, &(0..12_000).collect::<Vec<_>>()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn json_array_from_every_position() {
    let folder = Folder::new();
    let rows: Vec<_> = (0..12_000).map(wide).collect();
    folder.write("a.json", format!("[\n{}]\n", rows.join(",")));
    let make = || {
        let mut run = Run::of(folder.text("a.json"));
        run.job = job_of(&[("pad", "string"), ("n", "int64")]);
        run.job.buffer = 6 << 20;
        run
    };
    from_every_commit(make, &(0..12_000).collect::<Vec<_>>()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_groups_from_every_commit() {
    let folder = Folder::new();
    for n in 0..400 {
        folder.write(&format!("d{}/f{n:03}.jsonl", n % 7), lines([2 * n, 2 * n + 1]));
    }
    from_every_commit(|| Run::of(folder.text("")), &(0..800).collect::<Vec<_>>()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn line_numbers_are_right_after_a_resume() {
    let folder = Folder::new();
    let text: String = (0..6_000).map(|n| if n % 1000 == 999 { "{\"n\":\"bad\"}\n".into() } else { wide(n) }).collect();
    folder.write("a.jsonl", text);
    for crash in 0..8 {
        let mut run = Run::of(folder.text("a.jsonl"));
        run.job.buffer = 6 << 20;
        run.poll_until(crash).await.unwrap();
        run.poll().await.unwrap();
        let lines: Vec<_> = run.rejects.iter().map(|reject| reject.place.line.unwrap()).collect();
        assert_eq!(lines, [1000, 2000, 3000, 4000, 5000, 6000], "crash at {crash}");
        assert_eq!(run.rejects[0].payload.as_deref(), Some(&b"{\"n\":\"bad\"}"[..]));
        assert_eq!(run.numbers("n").len(), 5994);
    }
}
