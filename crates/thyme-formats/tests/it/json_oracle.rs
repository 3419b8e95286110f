//! The scanner against serde_json over mutated lines: it accepts nothing that serde_json refuses, takes all that fits the
//! types, and agrees on every value.
use std::collections::HashSet;
use std::sync::Arc;

use serde_json::Value;
use thyme_core::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use thyme_formats::json::{JsonOptions, JsonScanner};

use crate::json_reference::{self as reference, Verdict};
use crate::rng::Rng;

const N: usize = 100_000;
const LINES: usize = 40;

#[test]
fn agrees_with_serde_json() {
    compare(1, N);
}

#[test]
#[ignore = "soak: run by cargo xtask soak formats"]
fn agrees_with_serde_json_for_long() {
    compare(2, 10_000_000);
}

fn schema() -> SchemaRef {
    let pair = vec![Field::new("keys", DataType::Utf8, false), Field::new("values", DataType::Float64, true)];
    let entries = Field::new("entries", DataType::Struct(pair.into()), false);
    let json = [("ARROW:extension:name".to_owned(), "arrow.json".to_owned())];
    let inner = vec![Field::new("a", DataType::Int64, true), Field::new("b", DataType::Utf8, true)];
    Arc::new(Schema::new(vec![
        Field::new("id", DataType::Int64, true),
        Field::new("small", DataType::UInt8, true),
        Field::new("score", DataType::Float64, true),
        Field::new("half", DataType::Float32, true),
        Field::new("ok", DataType::Boolean, true),
        Field::new("name", DataType::Utf8, true),
        Field::new("a key longer than sixteen", DataType::Decimal128(12, 2), true),
        Field::new("big", DataType::Decimal256(40, 3), true),
        Field::new("any", DataType::Utf8, true).with_metadata(json.into_iter().collect()),
        Field::new("list", DataType::List(Arc::new(Field::new("item", DataType::Int64, true))), true),
        Field::new("inner", DataType::Struct(inner.into()), true),
        Field::new("map", DataType::Map(Arc::new(entries), false), true),
    ]))
}

fn compare(seed: u64, lines: usize) {
    let schema = schema();
    let mut scanner = JsonScanner::new(&schema, JsonOptions::default()).unwrap();
    let mut random = Rng(seed);
    let (mut rows, mut bad, mut refused) = (0, 0, 0);
    for round in 0..lines / LINES {
        let mut block = Vec::new();
        for _ in 0..LINES {
            let mut line = record(&mut random).into_bytes();
            mutate(&mut line, &mut random, round % 4 == 0);
            block.extend(line);
            block.push(b'\n');
        }
        let got = scanner.lines(&block, true).unwrap();
        assert_eq!(got.consumed, block.len());
        let mut bads = got.bad.iter().peekable();
        let mut row = 0;
        let mut start = 0;
        for (number, line) in block[..block.len() - 1].split(|byte| *byte == b'\n').enumerate() {
            let at = start;
            start += line.len() + 1;
            if line.iter().all(|byte| b" \t\r".contains(byte)) {
                continue;
            }
            let shown = || String::from_utf8_lossy(line).into_owned();
            let oracle = serde_json::from_slice::<Value>(line);
            if let Some(bad) = bads.next_if(|bad| bad.bytes.start == at) {
                assert_eq!((bad.row, bad.line), (row, number as u64), "{}", shown());
                assert!(bad.column >= 1 && bad.column as usize <= line.len() + 1 && !bad.reason.is_empty());
                if oracle.is_ok() {
                    let verdict = reference::record(line, &schema);
                    let fits = verdict.iter().all(|verdict| matches!(verdict, Verdict::Is(_)));
                    assert!(!fits || reference::repeats_a_key(line), "refused: {}: {}", bad.reason, shown());
                    refused += 1;
                }
                continue;
            }
            assert!(oracle.is_ok(), "took what serde_json refuses: {}: {}", oracle.unwrap_err(), shown());
            for (i, verdict) in reference::record(line, &schema).into_iter().enumerate() {
                let value = reference::shown(got.rows.column(i), row);
                match verdict {
                    Verdict::Is(wanted) => assert_eq!(value, wanted, "field {}: {}", schema.field(i).name(), shown()),
                    Verdict::Unfit => panic!("took {value} for `{}`: {}", schema.field(i).name(), shown()),
                }
            }
            row += 1;
        }
        assert!(bads.next().is_none());
        assert_eq!(row, got.rows.num_rows());
        rows += row;
        bad += got.bad.len();
    }
    // The mutations are neither too wild nor too tame.
    assert!(
        rows > lines / 10 && bad > lines / 10 && refused > lines / 200,
        "{rows} rows, {bad} bad, {refused} of the wrong type"
    );
}

/// A record that fits, in any order of keys, with or without white space, some keys missing, unknown or repeated.
fn record(random: &mut Rng) -> String {
    let mut fields: Vec<String> = Vec::new();
    let keys = ["id", "small", "score", "half", "ok", "name", "a key longer than sixteen", "big", "any", "list", "inner", "map"];
    for key in keys {
        if random.below(10) > 0 {
            let value = if random.below(15) == 0 { "null".into() } else { value(key, random) };
            fields.push(member(key, &value, random));
        }
    }
    if random.below(8) == 0 {
        fields.push(member("unknown", &any(random, 0), random));
    }
    if random.below(12) == 0
        && let Some(field) = fields.first().cloned()
    {
        fields.push(field);
    }
    if random.below(4) == 0 {
        let (a, b) = (random.below(fields.len().max(1)), random.below(fields.len().max(1)));
        if !fields.is_empty() {
            fields.swap(a, b);
        }
    }
    let comma = if random.below(3) == 0 { ", " } else { "," };
    format!("{{{}}}", fields.join(comma))
}

fn member(key: &str, value: &str, random: &mut Rng) -> String {
    let key = if random.below(30) == 0 { format!("\\u{:04x}{}", key.as_bytes()[0], &key[1..]) } else { key.to_owned() };
    let colon = [":", ":", ":", ": ", " : "][random.below(5)];
    format!("\"{key}\"{colon}{value}")
}

fn value(key: &str, random: &mut Rng) -> String {
    match key {
        "id" => integer(random),
        "small" => random.below(300).to_string(),
        "score" | "half" => float(random),
        "ok" => random.pick(&["true", "false"]).into(),
        "name" => string(random),
        "a key longer than sixteen" => {
            let number = format!("{}.{:02}", random.below(1 << 34), random.below(100));
            if random.below(3) == 0 { format!("\"{number}\"") } else { number }
        }
        "big" => format!("-{}{}.{}", random.next(), random.next() % 1_000_000_000_000, random.below(1000)),
        "any" => any(random, 0),
        "list" => {
            let items: Vec<_> = (0..random.below(4)).map(|_| integer(random)).collect();
            format!("[{}]", items.join(","))
        }
        "inner" => format!("{{\"a\":{},\"b\":{}}}", integer(random), string(random)),
        _ => {
            let entries: Vec<_> = (0..random.below(4)).map(|_| format!("\"k{}\":{}", random.below(6), float(random))).collect();
            format!("{{{}}}", entries.join(","))
        }
    }
}

fn integer(random: &mut Rng) -> String {
    match random.below(8) {
        0 => format!("{}", random.next() as i64),
        1 => format!("{}.0", random.below(1000)),
        2 => format!("{}e{}", random.below(100), random.below(20)),
        3 => ["-0", "9223372036854775807", "-9223372036854775808", "9007199254740993.0", "1.5e1", "9223372036854775808"]
            [random.below(6)]
        .into(),
        _ => format!("{}", random.below(100_000) as i64 - 50_000),
    }
}

fn float(random: &mut Rng) -> String {
    match random.below(8) {
        0 => format!("{:?}", f64::from_bits(random.next()).clamp(-1e300, 1e300)).replace("NaN", "0.5"),
        1 => format!("{}.{}e-{}", random.below(10), random.next(), random.below(330)),
        2 => ["1e400", "-0.0", "1e308", "1.7976931348623157e308", "5e-324", "2.4703282292062327e-324", "0e999", "1E+2"]
            [random.below(8)]
        .into(),
        3 => format!("{}", random.next()),
        4 => format!("{}{}", random.next(), random.next()),
        5 => format!("{:?}", random.next() as f64 / u64::MAX as f64),
        _ => format!("{}.{}", random.below(100_000), random.below(10_000)),
    }
}

fn string(random: &mut Rng) -> String {
    let pieces = [
        "a",
        "hello world",
        "é",
        "日本",
        "😀",
        "\\n",
        "\\\"",
        "\\\\",
        "\\u00e9",
        "\\ud83d\\ude00",
        "\\/",
        "\\u0000",
        "0123456789abcdef",
    ];
    let text: String = (0..random.below(6)).map(|_| pieces[random.below(pieces.len())]).collect();
    format!("\"{text}\"")
}

fn any(random: &mut Rng, depth: usize) -> String {
    match random.below(if depth > 3 { 5 } else { 8 }) {
        0 => integer(random),
        1 => float(random),
        2 => "true".into(),
        3 => "null".into(),
        4 => string(random),
        5 => format!("[{}, {}]", any(random, depth + 1), any(random, depth + 1)),
        6 => format!("{{\"x\": {} , \"y\":{}}}", any(random, depth + 1), any(random, depth + 1)),
        _ => "[ ]".into(),
    }
}

/// Changes a line in up to three places, or not at all; to bytes that JSON cares about, or to any.
fn mutate(line: &mut Vec<u8>, random: &mut Rng, wild: bool) {
    const TOKENS: &[u8] = b"{}[]:,\"\\ \t\r\n019-+.eEtfnu\x01\x1f\x7f";
    for _ in 0..random.below(4) {
        let at = random.below(line.len().max(1));
        let byte = if wild && random.below(8) == 0 { random.next() as u8 } else { TOKENS[random.below(TOKENS.len())] };
        match random.below(6) {
            _ if line.is_empty() => {}
            0 => line[at] = byte,
            1 => line.insert(at, byte),
            2 => {
                line.remove(at);
            }
            3 => line.truncate(at),
            4 => {
                let end = (at + random.below(12)).min(line.len());
                let copy: Vec<u8> = line[at..end].to_vec();
                line.splice(at..at, copy);
            }
            _ => {
                let digit = line.iter().skip(at).position(u8::is_ascii_digit);
                if let Some(digit) = digit {
                    line[at + digit] = byte;
                }
            }
        }
    }
}

#[test]
fn no_key_is_lost_in_a_wide_object() {
    let names: Vec<String> = (0..300).map(|i| format!("column {i}")).collect();
    let fields: Vec<_> = names.iter().map(|name| Field::new(name, DataType::Int64, true)).collect();
    let schema = Arc::new(Schema::new(fields));
    let mut scanner = JsonScanner::new(&schema, JsonOptions::default()).unwrap();
    let mut random = Rng(3);
    let mut lines = Vec::new();
    let mut wanted = Vec::new();
    for _ in 0..50 {
        let mut order: Vec<usize> = (0..300).filter(|_| random.below(5) > 0).collect();
        for i in 0..order.len() {
            let other = random.below(order.len());
            order.swap(i, other);
        }
        let members: Vec<_> = order.iter().map(|i| format!("\"{}\":{}", names[*i], i * 7)).collect();
        lines.push(format!("{{{}}}\n", members.join(",")));
        wanted.push(order.into_iter().collect::<HashSet<_>>());
    }
    let got = scanner.lines(lines.concat().as_bytes(), true).unwrap();
    assert_eq!(got.bad, []);
    for (row, wanted) in wanted.iter().enumerate() {
        for i in 0..300 {
            let value = if wanted.contains(&i) { (i * 7).to_string() } else { "null".into() };
            assert_eq!(reference::shown(got.rows.column(i), row), value);
        }
    }
}
