use thyme_core::arrow::array::cast::AsArray;
use thyme_core::arrow::array::types::TimestampMicrosecondType;
use thyme_core::{Dataset, Source};
use thyme_file::{FileSource, MetadataColumn};

use super::support::*;

#[tokio::test]
async fn columns_about_the_file() {
    let folder = Folder::new();
    let text: String = lines(0..3) + "{broken\n" + &lines(3..5);
    let size = text.len() as i64;
    let path = folder.write("a.jsonl", text);
    let all = [MetadataColumn::Path, MetadataColumn::LastModified, MetadataColumn::Size, MetadataColumn::Row];
    let source = FileSource::builder().path(folder.text("*.jsonl")).metadata(all).build();
    let found = source.discover().await.unwrap().unwrap();
    let names: Vec<_> = found.schema().fields().iter().map(|field| field.name().as_str()).collect();
    assert_eq!(names, ["n", "_path", "_last_modified", "_size", "_row"]);
    let mut run = Run::new(source, job());
    run.job.dataset = found.into();
    run.poll().await.unwrap();
    folder.append("a.jsonl", lines(5..6));
    run.poll().await.unwrap();
    assert_eq!(run.numbers("n"), [0, 1, 2, 3, 4, 5]);
    assert_eq!(run.numbers("_row"), [1, 2, 3, 5, 6, 7]);
    assert_eq!(run.numbers("_size"), [size, size, size, size, size, size + 8]);
    assert!(run.texts("_path").iter().all(|text| text.as_deref() == path.to_str()));
    let modified = std::fs::metadata(&path).unwrap().modified().unwrap();
    let micros = modified.duration_since(std::time::UNIX_EPOCH).unwrap().as_micros();
    let last = run.batches.iter().rfind(|rows| rows.num_rows() > 0).unwrap();
    let times = last.column_by_name("_last_modified").unwrap().as_primitive::<TimestampMicrosecondType>();
    assert_eq!(times.value(0) as u128, micros);
}

#[tokio::test]
async fn a_new_column_is_drift_where_it_is_asked_for() {
    let folder = Folder::new();
    folder.write("a.jsonl", lines(0..3) + "{\"n\":3,\"new\":1.5}\n" + &lines(4..6));
    folder.write("b.csv", "n,other\n100,x\n");
    for (name, rows, added) in [("a.jsonl", vec![0, 1, 2], "new"), ("b.csv", vec![], "other")] {
        let mut run = Run::of(folder.text(name));
        run.job.report_drift = true;
        let error = run.poll().await.unwrap_err();
        let drift = error.as_drift().expect("drift").clone();
        assert_eq!(drift.added.iter().map(|field| field.name().as_str()).collect::<Vec<_>>(), [added]);
        assert_eq!(run.numbers("n"), rows, "what came before fits");
        run.job.dataset = run.job.dataset.with_added(&drift.added).map(Dataset::into).unwrap();
        run.batches.clear();
        run.poll().await.unwrap();
        assert_eq!(run.numbers("n"), if name == "a.jsonl" { vec![3, 4, 5] } else { vec![100] });
        let mut plain = Run::of(folder.text(name));
        plain.poll().await.unwrap();
        assert_eq!(plain.numbers("n").len(), if name == "a.jsonl" { 6 } else { 1 }, "left out where it is not");
    }
}

#[tokio::test]
async fn csv_by_name_with_its_options() {
    let folder = Folder::new();
    folder.write("a.tsv", "skip\tn\ttext\n-\t1\t'a\t\\'b'\n-\t2\tNULL\n-\t3\t''\n");
    let source = FileSource::builder().path(folder.text("a.tsv")).quote("'").escape("\\").null_value("NULL").build();
    let mut run = Run::new(source, job_of(&[("text", "string"), ("n", "int64")]));
    run.poll().await.unwrap();
    assert_eq!(run.numbers("n"), [1, 2, 3]);
    assert_eq!(run.texts("text"), [Some("a\t'b".to_owned()), None, Some(String::new())]);
}
