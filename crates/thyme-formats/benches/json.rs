//! How fast JSON Lines become columns: our scanner beside arrow-json, alternating, by CPU time of the thread.
//!
//! `cargo bench -p thyme-formats --bench json -- [MB] [rounds] [flat|nested|wide]`
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a bench prints, and stops when something is wrong")]
use std::hint::black_box;
use std::sync::Arc;

use thyme_core::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use thyme_formats::json::{JsonOptions, JsonScanner};

#[path = "../tests/it/rng.rs"]
#[allow(dead_code, reason = "the tests use all of it")]
mod rng;
use rng::Rng;

const BLOCK: usize = 4 << 20;

fn main() {
    let numbers: Vec<usize> = std::env::args().filter_map(|arg| arg.parse().ok()).collect();
    let megabytes = numbers.first().copied().unwrap_or(200);
    let rounds = numbers.get(1).copied().unwrap_or(5);
    for (name, schema, line) in kinds() {
        let asked: Vec<String> = std::env::args().filter(|arg| ["flat", "nested", "wide"].contains(&arg.as_str())).collect();
        if asked.is_empty() || asked.contains(&name.to_owned()) {
            compare(name, &schema, line, megabytes << 20, rounds);
        }
    }
}

type Line = fn(&mut Rng, u64, &mut String);

fn compare(name: &str, schema: &SchemaRef, line: Line, bytes: usize, rounds: usize) {
    let mut random = Rng(7);
    let mut data = String::with_capacity(bytes + 4096);
    let mut ends = Vec::new();
    let mut rows = 0;
    while data.len() < bytes {
        line(&mut random, rows, &mut data);
        data.push('\n');
        ends.push(data.len());
        rows += 1;
    }
    let data = data.as_bytes();
    let (mut ours, mut single, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        ours.push(timed(|| assert_eq!(scan(schema, data), rows as usize)));
        single.push(timed(|| assert_eq!(messages(schema, data, &ends), rows as usize)));
        theirs.push(timed(|| assert_eq!(arrow_json(schema, data), rows as usize)));
    }
    let megabytes = data.len() as f64 / 1e6;
    for (who, mut seconds) in [("thyme", ours), ("messages", single), ("arrow-json", theirs)] {
        seconds.sort_by(f64::total_cmp);
        let (best, median) = (seconds[0], seconds[seconds.len() / 2]);
        println!(
            "{name:7} {who:10} {:6.0} MB/s median, {:6.0} best, {:5.0} ns a row of {} bytes",
            megabytes / median,
            megabytes / best,
            median * 1e9 / rows as f64,
            data.len() / rows as usize
        );
    }
}

fn scan(schema: &SchemaRef, data: &[u8]) -> usize {
    let mut scanner = JsonScanner::new(schema, JsonOptions::default()).unwrap();
    let (mut rows, mut pos) = (0, 0);
    while pos < data.len() {
        let end = (pos + BLOCK).min(data.len());
        let got = scanner.lines(&data[pos..end], end == data.len()).unwrap();
        assert!(got.bad.is_empty(), "{:?}", got.bad.first());
        rows += black_box(got.rows).num_rows();
        pos += got.consumed;
    }
    rows
}

/// The same as messages of a broker, a thousand at a time.
fn messages(schema: &SchemaRef, data: &[u8], ends: &[usize]) -> usize {
    let mut scanner = JsonScanner::new(schema, JsonOptions::default()).unwrap();
    let (mut rows, mut start) = (0, 0);
    for ends in ends.chunks(1000) {
        let end = ends.last().copied().unwrap_or(start);
        let relative: Vec<_> = ends.iter().map(|end| end - start).collect();
        rows += black_box(scanner.messages(&data[start..end], &relative).unwrap().rows).num_rows();
        start = end;
    }
    rows
}

fn arrow_json(schema: &SchemaRef, data: &[u8]) -> usize {
    let mut decoder = arrow_json::ReaderBuilder::new(Arc::clone(schema)).with_batch_size(16384).build_decoder().unwrap();
    let (mut rows, mut pos) = (0, 0);
    while pos < data.len() {
        // It stops when a batch is full.
        pos += decoder.decode(&data[pos..]).unwrap();
        rows += black_box(decoder.flush().unwrap()).map_or(0, |batch| batch.num_rows());
    }
    rows
}

/// CPU seconds of this thread that `work` takes.
fn timed(work: impl FnOnce()) -> f64 {
    let now = || {
        let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
        stat.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e9
    };
    let start = now();
    work();
    now() - start
}

fn kinds() -> [(&'static str, SchemaRef, Line); 3] {
    let timestamp = || DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into()));
    let field = |name: &str, data_type: DataType| Field::new(name, data_type, true);
    let flat = vec![
        field("id", DataType::Int64),
        field("uid", DataType::Utf8),
        field("note", DataType::Utf8),
        field("status", DataType::Utf8),
        field("score", DataType::Float64),
        field("amount", DataType::Float64),
        field("quantity", DataType::Int64),
        field("active", DataType::Boolean),
        field("updated_at", timestamp()),
        field("country", DataType::Utf8),
    ];
    let item = Field::new("item", DataType::Struct(vec![field("sku", DataType::Utf8), field("n", DataType::Int64)].into()), true);
    let place = DataType::Struct(vec![field("lat", DataType::Float64), field("lon", DataType::Float64)].into());
    let nested = vec![
        field("id", DataType::Int64),
        field("place", place),
        field("items", DataType::List(Arc::new(item))),
        field("tags", DataType::List(Arc::new(Field::new("item", DataType::Utf8, true)))),
        field("at", timestamp()),
    ];
    let wide = (0..200).map(|i| match i % 4 {
        0 => field(&format!("column_{i}"), DataType::Int64),
        1 => field(&format!("column_{i}"), DataType::Float64),
        2 => field(&format!("column_{i}"), DataType::Utf8),
        _ => field(&format!("column_{i}"), DataType::Boolean),
    });
    [
        ("flat", Arc::new(Schema::new(flat)), flat_line),
        ("nested", Arc::new(Schema::new(nested)), nested_line),
        ("wide", Arc::new(Schema::new(wide.collect::<Vec<_>>())), wide_line),
    ]
}

fn float(random: &mut Rng) -> f64 {
    (random.next() >> 11) as f64 / (1u64 << 53) as f64
}

fn flat_line(random: &mut Rng, row: u64, out: &mut String) {
    const WORDS: [&str; 8] = ["lorem", "ipsum", "dolor", "sit", "amet", "naïve", "value", "thing"];
    let mut note = String::new();
    let length = 20 + random.below(40);
    while note.len() < length {
        note.push_str(WORDS[random.below(8)]);
        note.push_str(if random.below(60) == 0 { "\\n" } else { " " });
    }
    let mut members = [
        format!("\"id\":{row}"),
        format!("\"uid\":\"{:016x}{:016x}\"", random.next(), random.next()),
        format!("\"note\":\"{note}\""),
        format!("\"status\":\"{}\"", ["new", "paid", "shipped", "cancelled"][random.below(4)]),
        format!("\"score\":{}", float(random)),
        format!("\"amount\":{}.{:02}", random.below(100_000), random.below(100)),
        format!("\"quantity\":{}", random.below(1000)),
        format!("\"active\":{}", random.below(2) == 0),
        format!("\"updated_at\":\"{}\"", timestamp(random)),
        format!("\"country\":\"{}\"", ["DE", "FR", "US", "JP", "BR"][random.below(5)]),
    ];
    if random.below(20) == 0 {
        members.swap(random.below(10), random.below(10));
    }
    out.push('{');
    out.push_str(&members.join(","));
    if random.below(100) == 0 {
        out.push_str(",\"extra\":{\"a\":[1,2,3],\"b\":\"c\"}");
    }
    out.push('}');
}

fn timestamp(random: &mut Rng) -> String {
    let (month, day, hour) = (1 + random.below(12), 1 + random.below(28), random.below(24));
    format!("2024-{month:02}-{day:02}T{hour:02}:{:02}:{:02}.{:06}Z", random.below(60), random.below(60), random.below(1_000_000))
}

fn nested_line(random: &mut Rng, row: u64, out: &mut String) {
    let items: Vec<_> = (0..random.below(5)).map(|i| format!("{{\"sku\":\"sku-{}\",\"n\":{i}}}", random.below(10_000))).collect();
    let tags: Vec<_> = (0..random.below(4)).map(|_| format!("\"tag{}\"", random.below(50))).collect();
    out.push_str(&format!(
        "{{\"id\":{row},\"place\":{{\"lat\":{:.6},\"lon\":{:.6}}},\"items\":[{}],\"tags\":[{}],\"at\":\"{}\"}}",
        float(random) * 180.0 - 90.0,
        float(random) * 360.0 - 180.0,
        items.join(","),
        tags.join(","),
        timestamp(random)
    ));
}

fn wide_line(random: &mut Rng, row: u64, out: &mut String) {
    let members: Vec<_> = (0..200)
        .map(|i| match i % 4 {
            0 => format!("\"column_{i}\":{}", row + i),
            1 => format!("\"column_{i}\":{}.{}", random.below(1000), random.below(1000)),
            2 => format!("\"column_{i}\":\"value {}\"", random.below(1000)),
            _ => format!("\"column_{i}\":{}", random.below(2) == 0),
        })
        .collect();
    out.push_str(&format!("{{{}}}", members.join(",")));
}
