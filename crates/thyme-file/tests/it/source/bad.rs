//! Malformed input: what becomes of each case.
use std::fs;

use thyme_core::{Kind, Source};
use thyme_file::{Compression, FileSource};

use super::support::*;

async fn once(folder: &Folder, name: &str) -> Run {
    let mut run = Run::of(folder.text(name));
    run.job.once = true;
    run.poll().await.unwrap();
    run.poll().await.unwrap();
    run
}

#[tokio::test]
async fn bad_lines_among_good_ones() {
    let folder = Folder::new();
    let bad: [&[u8]; 5] = [b"{\"n\":", b"{\"n\":\"x\"}", b"{\"n\":NaN}", b"{\"n\":1,\"s\":\"\xff\"}", b"[1]"];
    let mut text = Vec::new();
    for (n, bad) in bad.iter().enumerate() {
        text.extend_from_slice(lines([n as i64]).as_bytes());
        text.extend_from_slice(bad);
        text.push(b'\n');
    }
    folder.write("a.jsonl", &text);
    let run = once(&folder, "a.jsonl").await;
    assert_eq!(run.numbers("n"), [0, 1, 2, 3, 4]);
    assert_eq!(run.rejects.len(), bad.len());
    for (n, (reject, bad)) in run.rejects.iter().zip(bad).enumerate() {
        assert_eq!(reject.payload.as_deref(), Some(bad));
        assert_eq!(reject.place.line, Some(2 * n as u64 + 2));
        assert_eq!(reject.place.path, Some(folder.text("a.jsonl")));
        let offset = usize::try_from(reject.place.offset.unwrap()).unwrap();
        assert!(text[offset..].starts_with(bad));
        assert!(!reject.reason.is_empty());
    }
}

#[tokio::test]
async fn marks_and_line_ends() {
    let folder = Folder::new();
    folder.write("bom.jsonl", b"\xEF\xBB\xBF{\"n\":0}\r\n\r\n{\"n\":1}\r\n{\"n\":2}");
    folder.write("bom.csv", b"\xEF\xBB\xBFn\r\n3\r\n4\r\n");
    folder.write("bom.json", b"\xEF\xBB\xBF[{\"n\":5},\r\n{\"n\":6}]");
    folder.write("several.json", b"{\"n\":7}\n{\"n\":8}");
    folder.write("empty.jsonl", b"");
    folder.write("empty.csv", b"");
    folder.write("blank.jsonl", b"\n\n");
    folder.write("header.csv", b"n\n");
    folder.write("empty.json", b"[]");
    let run = once(&folder, "").await;
    assert_eq!(run.sorted(), (0..9).collect::<Vec<_>>());
    assert!(run.rejects.is_empty(), "{:?}", run.rejects);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_of_50_mb_costs_itself_alone() {
    let folder = Folder::new();
    let long = format!("{{\"n\":1,\"s\":\"{}\"}}\n", "x".repeat(50 << 20));
    folder.write("a.jsonl", lines([0]) + &long + &lines([2]));
    folder.write("b.csv", format!("n,s\n10,a\n11,{}\n12,c\n", "y".repeat(50 << 20)));
    for (name, good) in [("a.jsonl", [0, 2]), ("b.csv", [10, 12])] {
        let fields = [("n", "int64"), ("s", "string")];
        let mut run = Run::new(FileSource::builder().path(folder.text(name)).build(), job_of(&fields));
        run.poll().await.unwrap();
        assert_eq!(run.numbers("n"), good);
        let [reject] = run.rejects.as_slice() else { panic!("{name}: {} rejects", run.rejects.len()) };
        assert!(reject.reason.contains("longer than"), "{}", reject.reason);
        assert_eq!(reject.payload.as_ref().unwrap().len(), 1 << 20);
        assert_eq!(reject.place.line, Some(if name == "a.jsonl" { 2 } else { 3 }));
    }
}

#[tokio::test]
async fn a_long_line_at_the_end_and_crashes_around_it() {
    let folder = Folder::new();
    let long = format!("{{\"n\":1,\"s\":\"{}\"}}", "x".repeat(20 << 20));
    folder.write("a.jsonl", lines([0]) + &long);
    let mut run = Run::of(folder.text("a.jsonl"));
    run.job.once = true;
    for _ in 0..4 {
        run.poll_until(1).await.unwrap();
    }
    assert_eq!((run.sorted(), run.rejects.len()), (vec![0], 1));
    folder.append("a.jsonl", format!("\n{}", lines([2])));
    run.poll().await.unwrap();
    assert_eq!(run.sorted(), [0, 2]);
}

#[tokio::test]
async fn a_gzip_cut_in_half_is_one_letter_and_is_read_on_when_it_is_whole() {
    let folder = Folder::new();
    let text: String = (0..50_000).map(|n| format!("{{\"n\":{n},\"h\":{}}}\n", n * 7919 % 10_007)).collect();
    let whole = gzip(text.as_bytes());
    let path = folder.write("a.jsonl.gz", &whole[..whole.len() / 2]);
    let mut run = Run::of(folder.text("*.gz"));
    run.poll().await.unwrap();
    run.poll().await.unwrap();
    let before = run.numbers("n").len();
    assert!(before > 10_000, "{before} rows before the cut");
    let [reject] = run.rejects.as_slice() else { panic!("{:?}", run.rejects) };
    assert_eq!(reject.payload, None);
    assert_eq!(reject.place.path, Some(path.display().to_string()));
    assert!(reject.place.identity.is_some());
    assert_eq!(reject.place.offset, Some(whole.len() as u64 / 2));
    fs::write(&path, &whole).unwrap();
    run.poll().await.unwrap();
    assert_eq!(run.numbers("n"), (0..50_000).collect::<Vec<_>>(), "nothing lost, nothing twice");
    assert_eq!(run.rejects.len(), 1);
}

#[tokio::test]
async fn a_damaged_file_that_becomes_another_is_read_from_its_start() {
    let folder = Folder::new();
    let whole = gzip(lines(0..30_000).as_bytes());
    let path = folder.write("a.jsonl.gz", &whole[..whole.len() / 2]);
    let mut run = Run::of(folder.text("*.gz"));
    run.poll().await.unwrap();
    let before = run.numbers("n").len();
    fs::write(&path, gzip(lines(70_000..70_010).as_bytes())).unwrap();
    run.poll().await.unwrap();
    assert_eq!(run.numbers("n")[before..], (70_000..70_010).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_parquet_file_that_is_none() {
    let folder = Folder::new();
    for (name, content) in [("text.parquet", b"this is no parquet file".to_vec()), ("marks.parquet", b"PAR1xxxxPAR1".to_vec())] {
        let path = folder.write(name, content);
        let mut run = Run::of(folder.text(name));
        run.poll().await.unwrap();
        run.poll().await.unwrap();
        let [reject] = run.rejects.as_slice() else { panic!("{:?}", run.rejects) };
        assert_eq!((reject.payload.as_ref(), reject.place.path.clone()), (None, Some(path.display().to_string())));
        assert!(reject.reason.contains("not parquet"), "{}", reject.reason);
        super::formats::write_parquet(&path, 0..100, 10);
        run.poll().await.unwrap();
        assert_eq!(run.numbers("n"), (0..100).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn an_arrow_file_that_is_none_or_cut_off() {
    let folder = Folder::new();
    super::formats::write_arrow(&folder.path("whole"), 0..2_000, 500);
    let whole = fs::read(folder.path("whole")).unwrap();
    let huge = b"\xff\xff\xff\xff\xff\xff\xff\x7f".to_vec();
    for (name, content, what) in [
        ("text.arrow", b"this is no arrow file".to_vec(), "not arrow, or damaged"),
        ("huge.arrows", huge, "a header of 2147483647 bytes where 0 are left"),
        ("cut.arrow", whole[..whole.len() - 1].to_vec(), "the end of an arrow file is missing"),
    ] {
        let path = folder.write(name, content);
        let mut run = Run::of(folder.text(name));
        run.poll().await.unwrap();
        run.poll().await.unwrap();
        let [reject] = run.rejects.as_slice() else { panic!("{:?}", run.rejects) };
        assert_eq!((reject.payload.as_ref(), reject.place.path.clone()), (None, Some(path.display().to_string())));
        assert!(reject.reason.contains(what), "{}", reject.reason);
        let error = FileSource::builder().path(folder.text(name)).build().discover().await.unwrap_err();
        assert!(error.kind() == Kind::Data && error.to_string().contains(name), "{error}");
        fs::write(&path, &whole).unwrap();
        run.poll().await.unwrap();
        assert_eq!(run.numbers("n"), (0..2_000).collect::<Vec<_>>());
    }
}

/// Record batches of a file come before what is damaged in it; when it is made whole, the rest follows.
#[tokio::test]
async fn an_arrow_file_that_is_damaged_in_its_middle() {
    let folder = Folder::new();
    super::formats::write_arrow(&folder.path("a.arrow"), 0..2_000, 500);
    let whole = fs::read(folder.path("a.arrow")).unwrap();
    let mut broken = whole.clone();
    let at = broken.windows(8).position(|bytes| bytes == 1_000_i64.to_le_bytes()).unwrap();
    // The header of the third record batch.
    broken[at - 200..at - 100].fill(0xA5);
    fs::write(folder.path("a.arrow"), &broken).unwrap();
    let mut run = Run::of(folder.text("a.arrow"));
    run.poll().await.unwrap();
    assert_eq!((run.numbers("n"), run.rejects.len()), ((0..1_000).collect::<Vec<_>>(), 1));
    fs::write(folder.path("a.arrow"), &whole).unwrap();
    run.poll().await.unwrap();
    assert_eq!((run.numbers("n"), run.rejects.len()), ((0..2_000).collect::<Vec<_>>(), 1));
}

#[tokio::test]
async fn a_parquet_file_cut_short_or_scribbled_on_never_panics() {
    let folder = Folder::new();
    let path = folder.path("a.parquet");
    super::formats::write_parquet(&path, 0..2_000, 500);
    let whole = fs::read(&path).unwrap();
    for step in 0..60 {
        let mut broken = whole.clone();
        if step % 2 == 0 {
            broken.truncate(whole.len() * step / 60);
        } else {
            let at = whole.len() * step / 60;
            broken[at..(at + 16).min(whole.len())].fill(0xA5);
        }
        let name = format!("{step}.parquet");
        folder.write(&name, &broken);
        let mut run = Run::of(folder.text(&name));
        run.poll().await.unwrap();
        assert!(run.numbers("n").len() <= 2_000);
    }
}

#[tokio::test]
async fn a_json_array_that_breaks_off() {
    let folder = Folder::new();
    folder.write("a.json", "[{\"n\":0},{\"n\":1},{\"n\":2");
    let mut run = Run::of(folder.text("a.json"));
    run.poll().await.unwrap();
    assert_eq!((run.sorted(), run.rejects.len()), (vec![0, 1], 0), "it may be going on");
    run.job.once = true;
    run.poll().await.unwrap();
    run.poll().await.unwrap();
    assert_eq!((run.sorted(), run.rejects.len()), (vec![0, 1], 1));
    assert!(run.rejects[0].reason.contains("inside a record"), "{}", run.rejects[0].reason);
    folder.append("a.json", "},{\"n\":3}]");
    run.poll().await.unwrap();
    assert_eq!(run.sorted(), [0, 1, 2, 3]);
}

#[tokio::test]
async fn what_was_rejected_decodes_when_it_is_mended() {
    use thyme_core::{Reject, Source};
    let folder = Folder::new();
    folder.write("a.jsonl", "{\"n\":\"7\"}\n");
    folder.write("b.csv", "x,n\n1,seven\n");
    let mut run = Run::of(folder.text("*"));
    run.poll().await.unwrap();
    assert_eq!(run.rejects.len(), 2);
    let mend = |reject: &Reject| {
        let text = String::from_utf8(reject.payload.clone().unwrap().to_vec()).unwrap();
        Reject { payload: Some(text.replace("\"7\"", "7").replace("seven", "8").into()), ..reject.clone() }
    };
    let mut records: Vec<_> = run.rejects.iter().map(mend).collect();
    records.push(run.rejects[0].clone());
    let batch = run.source.decode(&run.job, &records).await.unwrap();
    run.batches = vec![batch.rows];
    assert_eq!(run.sorted(), [7, 8]);
    assert_eq!(batch.rejects.len(), 1);
    assert_eq!(batch.rejects[0].payload, run.rejects[0].payload);
}

#[tokio::test]
async fn text_that_pretends_to_be_compressed() {
    let folder = Folder::new();
    folder.write("a.jsonl.gz", lines(0..3));
    let mut run = Run::of(folder.text("*"));
    run.poll().await.unwrap();
    assert_eq!((run.sorted(), run.rejects.len()), (vec![], 1));
    let plain = FileSource::builder().path(folder.text("*")).compression(Compression::None);
    let mut run = Run::new(plain.format(thyme_file::ReadFormat::Jsonl).build(), job());
    run.poll().await.unwrap();
    assert_eq!(run.sorted(), [0, 1, 2]);
}
