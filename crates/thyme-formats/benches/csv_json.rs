//! CSV in and JSON out beside the crates one would take otherwise: ten mixed columns, one thread, CPU time, median of five
//! alternating rounds. `cargo bench -p thyme-formats --bench csv_json`
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark fails by panicking and prints what it measured")]

use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use thyme_core::arrow::array::builder::{
    BooleanBuilder, Decimal128Builder, Float64Builder, Int32Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder,
};
use thyme_core::arrow::array::{ArrayRef, RecordBatch};
use thyme_core::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use thyme_formats::csv::{CsvEncoder, CsvOptions, CsvScanner, CsvWriteOptions};
use thyme_formats::json_out::{JsonEncoder, JsonWriteOptions};
use thyme_formats::text::{decimal, timestamp};

const ROWS: usize = 400_000;
const BATCH: usize = 16_384;
const ROUNDS: usize = 5;

fn main() {
    let (schema, text) = (schema(), text());
    let rows = ours(&schema, &text);
    assert_eq!(rows.iter().map(RecordBatch::num_rows).sum::<usize>(), ROWS);
    assert!(arrow(&schema, &text) == rows && csv_crate(&schema, &text) == rows, "the readers do not agree");
    println!("csv in, {} MB, {ROWS} rows", text.len() / 1_000_000);
    race(
        text.len(),
        &mut [
            ("thyme", &mut || black_box(ours(&schema, &text)).len()),
            ("arrow-csv", &mut || black_box(arrow(&schema, &text)).len()),
            ("csv crate into builders", &mut || black_box(csv_crate(&schema, &text)).len()),
        ],
    );
    let bytes = json(&rows).len();
    println!("json out, {} MB", bytes / 1_000_000);
    race(
        bytes,
        &mut [
            ("thyme", &mut || black_box(json(&rows)).len()),
            ("thyme, messages", &mut || black_box(messages(&rows)).len()),
            ("arrow-json", &mut || black_box(arrow_json(&rows)).len()),
        ],
    );
    println!("csv out, {} MB", csv(&rows).len() / 1_000_000);
    race(
        csv(&rows).len(),
        &mut [("thyme", &mut || black_box(csv(&rows)).len()), ("arrow-csv", &mut || black_box(arrow_csv_out(&rows)).len())],
    );
}

/// Prints megabytes a second of each, by the median of its CPU times.
fn race(bytes: usize, runners: &mut [(&str, &mut dyn FnMut() -> usize)]) {
    let mut times = vec![Vec::new(); runners.len()];
    for _ in 0..ROUNDS {
        for ((_, run), times) in runners.iter_mut().zip(&mut times) {
            let from = cpu();
            run();
            times.push(cpu() - from);
        }
    }
    for ((name, _), times) in runners.iter().zip(&mut times) {
        times.sort_by(f64::total_cmp);
        let rate = |seconds: f64| bytes as f64 / seconds / 1e6;
        let (median, best, worst) = (rate(times[ROUNDS / 2]), rate(times[0]), rate(times[ROUNDS - 1]));
        println!("  {name:<24} {median:>7.0} MB/s ({worst:.0}-{best:.0})");
    }
}

/// Seconds this thread has run, where Linux tells; else the clock on the wall.
fn cpu() -> f64 {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    let nanos = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    match nanos.and_then(|text| text.split(' ').next()?.parse::<f64>().ok()) {
        Some(nanos) => nanos / 1e9,
        None => START.get_or_init(Instant::now).elapsed().as_secs_f64(),
    }
}

fn schema() -> SchemaRef {
    let at = DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into()));
    let fields = [
        ("id", DataType::Int64),
        ("uid", DataType::Utf8),
        ("note", DataType::Utf8),
        ("kind", DataType::Utf8),
        ("score", DataType::Float64),
        ("amount", DataType::Decimal128(12, 2)),
        ("count", DataType::Int32),
        ("ok", DataType::Boolean),
        ("at", at),
        ("tag", DataType::Utf8),
    ];
    Arc::new(Schema::new(fields.map(|(name, t)| Field::new(name, t, true)).to_vec()))
}

/// Rows of about 160 bytes; one note in twenty has a line end, a delimiter or quotes in it.
fn text() -> String {
    let mut state = 7u64;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let words =
        "a benchmark should look like what people really have in their files and not like zeros, most of all where it hurts";
    let mut out = String::from("id,uid,note,kind,score,amount,count,ok,at,tag\n");
    for id in 0..ROWS {
        let (a, b) = (next(), next());
        let length = 20 + (next() % 41) as usize;
        let note = words.chars().skip((next() % 40) as usize).take(length).collect::<String>().replace(',', ";");
        let note = match id % 60 {
            7 => format!("\"{note}\nsecond line\""),
            17 => format!("\"{note}, and more\""),
            27 => format!("\"say \"\"{note}\"\"\""),
            _ => note,
        };
        let uid =
            format!("{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}", a >> 32, a >> 16 & 0xffff, a & 0xfff, b >> 48, b & 0xffff_ffff_ffff);
        let kind = ["order", "refund", "transfer", "fee"][(next() % 4) as usize];
        let score = (next() >> 11) as f64 / (1u64 << 53) as f64 * 1000.0;
        let (whole, cents) = (next() % 1_000_000, next() % 100);
        let count = (next() % 20_000) as i64 - 5_000;
        let second = 1_600_000_000_000_000 + (next() % 200_000_000_000_000) as i64;
        let at = jiff::Timestamp::from_microsecond(second).unwrap();
        let ok = next() % 3 > 0;
        let tag = if next() % 10 == 0 { String::new() } else { format!("t{}", next() % 1000) };
        writeln!(out, "{},{uid},{note},{kind},{score},{whole}.{cents:02},{count},{ok},{at:.6},{tag}", id + 10_000_000).unwrap();
    }
    out
}

fn ours(schema: &SchemaRef, text: &str) -> Vec<RecordBatch> {
    let mut scanner = CsvScanner::new(schema, CsvOptions { rows_at_most: BATCH, ..CsvOptions::default() }).unwrap();
    let mut at = scanner.header(text.as_bytes(), true).unwrap().unwrap();
    let mut batches = Vec::new();
    while at < text.len() {
        let scanned = scanner.records(&text.as_bytes()[at..], true).unwrap();
        assert!(scanned.bad.is_empty());
        at += scanned.consumed;
        batches.push(scanned.rows);
    }
    batches
}

fn arrow(schema: &SchemaRef, text: &str) -> Vec<RecordBatch> {
    let reader =
        arrow_csv::ReaderBuilder::new(schema.clone()).with_header(true).with_batch_size(BATCH).build_buffered(text.as_bytes());
    reader.unwrap().map(Result::unwrap).collect()
}

fn csv_crate(schema: &SchemaRef, text: &str) -> Vec<RecordBatch> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let (mut record, mut batches, mut more) = (csv::StringRecord::new(), Vec::new(), true);
    while more {
        let (mut id, mut score, mut count) = (Int64Builder::new(), Float64Builder::new(), Int32Builder::new());
        let mut texts = [(); 4].map(|()| StringBuilder::new());
        let mut amount = Decimal128Builder::new().with_precision_and_scale(12, 2).unwrap();
        let (mut ok, mut at) = (BooleanBuilder::new(), TimestampMicrosecondBuilder::new().with_timezone("+00:00"));
        let mut rows = 0;
        while rows < BATCH {
            more = reader.read_record(&mut record).unwrap();
            if !more {
                break;
            }
            id.append_value(record[0].parse().unwrap());
            for (builder, place) in texts.iter_mut().zip([1, 2, 3, 9]) {
                builder.append_option(Some(&record[place]).filter(|text| !text.is_empty()));
            }
            score.append_value(record[4].parse().unwrap());
            amount.append_value(decimal::decimal128(record[5].as_bytes(), 12, 2).unwrap());
            count.append_value(record[6].parse().unwrap());
            ok.append_value(record[7].parse().unwrap());
            at.append_value(timestamp::micros(record[8].as_bytes()).unwrap());
            rows += 1;
        }
        if rows > 0 {
            let [uid, note, kind, tag] = texts.map(|mut t| Arc::new(t.finish()) as ArrayRef);
            let columns: Vec<ArrayRef> = vec![
                Arc::new(id.finish()),
                uid,
                note,
                kind,
                Arc::new(score.finish()),
                Arc::new(amount.finish()),
                Arc::new(count.finish()),
                Arc::new(ok.finish()),
                Arc::new(at.finish()),
                tag,
            ];
            batches.push(RecordBatch::try_new(schema.clone(), columns).unwrap());
        }
    }
    batches
}

fn json(batches: &[RecordBatch]) -> Vec<u8> {
    let mut encoder = JsonEncoder::new(&batches[0].schema(), JsonWriteOptions::default()).unwrap();
    collect(batches, |batch, out| assert!(encoder.encode(batch, out, None).unwrap().is_empty()))
}

fn messages(batches: &[RecordBatch]) -> Vec<u8> {
    let mut encoder = JsonEncoder::new(&batches[0].schema(), JsonWriteOptions::default()).unwrap();
    let mut ends = Vec::new();
    collect(batches, |batch, out| {
        ends.clear();
        assert!(encoder.encode(batch, out, Some(&mut ends)).unwrap().is_empty());
    })
}

fn arrow_json(batches: &[RecordBatch]) -> Vec<u8> {
    collect(batches, |batch, out| {
        let mut writer = arrow_json::LineDelimitedWriter::new(out);
        writer.write(batch).unwrap();
        writer.finish().unwrap();
    })
}

fn csv(batches: &[RecordBatch]) -> Vec<u8> {
    let mut encoder = CsvEncoder::new(&batches[0].schema(), CsvWriteOptions::default()).unwrap();
    collect(batches, |batch, out| assert!(encoder.encode(batch, out).unwrap().is_empty()))
}

fn arrow_csv_out(batches: &[RecordBatch]) -> Vec<u8> {
    collect(batches, |batch, out| arrow_csv::WriterBuilder::new().with_header(false).build(out).write(batch).unwrap())
}

/// Writes each batch into the same buffer, as a writer to a file does; the bytes of all are kept by their number alone.
fn collect(batches: &[RecordBatch], mut write: impl FnMut(&RecordBatch, &mut Vec<u8>)) -> Vec<u8> {
    let (mut out, mut total) = (Vec::new(), 0);
    for batch in batches {
        out.clear();
        write(batch, &mut out);
        total += black_box(&out).len();
    }
    // As long as what was written; untouched pages cost nothing.
    vec![0; total]
}
