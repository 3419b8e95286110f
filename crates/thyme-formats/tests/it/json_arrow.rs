//! arrow-json as a second oracle, on input that is valid.
use std::fmt::Write as _;
use std::sync::Arc;

use thyme_core::arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use thyme_formats::json::{JsonOptions, JsonScanner};

use crate::rng::Rng;

#[test]
fn valid_lines_make_the_same_batch() {
    let item = Field::new("item", DataType::Struct(vec![Field::new("x", DataType::Int64, true)].into()), true);
    let pair = vec![Field::new("keys", DataType::Utf8, false), Field::new("values", DataType::Int64, true)];
    let schema = Arc::new(Schema::new(vec![
        Field::new("id", DataType::Int64, true),
        Field::new("price", DataType::Float64, true),
        Field::new("amount", DataType::Decimal128(20, 3), true),
        Field::new("ok", DataType::Boolean, true),
        Field::new("day", DataType::Date32, true),
        Field::new("at", DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into())), true),
        Field::new("text", DataType::Utf8, true),
        Field::new("items", DataType::List(Arc::new(item)), true),
        Field::new("map", DataType::Map(Arc::new(Field::new("entries", DataType::Struct(pair.into()), false)), false), true),
    ]));
    let mut random = Rng(11);
    let mut lines = String::new();
    for row in 0..5000 {
        let mut members = vec![format!("\"id\":{row}")];
        let mut add = |random: &mut Rng, key: &str, value: String| {
            match random.below(8) {
                0 => {}
                1 => members.push(format!("\"{key}\": null")),
                _ => members.push(format!("\"{key}\":{value}")),
            };
        };
        let (a, b, c) = (random.below(1000), random.below(28) + 1, random.below(60));
        let text = random.pick(&["plain", "esc\\\"\\u00e9", "é日本😀", ""]);
        add(&mut random, "price", format!("{a}.{c}"));
        add(&mut random, "amount", format!("-{c}.{a}"));
        add(&mut random, "ok", (a % 2 == 0).to_string());
        add(&mut random, "day", format!("\"2023-02-{b:02}\""));
        add(&mut random, "at", format!("\"2023-02-{b:02}T{:02}:{c:02}:59.{a:03}Z\"", b % 24));
        add(&mut random, "text", format!("\"{text}\""));
        add(&mut random, "items", format!("[{{\"x\":{a}}},{{}},null]"));
        add(&mut random, "map", format!("{{\"k{a}\":{c},\"l\":null}}"));
        writeln!(lines, "{{{}}}", members.join(",")).unwrap();
    }
    let got = JsonScanner::new(&schema, JsonOptions::default()).unwrap().lines(lines.as_bytes(), true).unwrap();
    assert_eq!(got.bad, []);
    let mut decoder = arrow_json::ReaderBuilder::new(Arc::clone(&schema)).with_batch_size(10_000).build_decoder().unwrap();
    assert_eq!(decoder.decode(lines.as_bytes()).unwrap(), lines.len());
    assert_eq!(got.rows, decoder.flush().unwrap().unwrap());
}
