//! Schemas from samples: whatever the sample holds can be read by the schema it gives.
use std::sync::Arc;

use thyme_formats::json::{JsonOptions, JsonScanner, infer};

fn inferred(sample: &str) -> Vec<String> {
    let schema = infer(sample.as_bytes()).unwrap();
    let fields = schema.fields().iter();
    fields
        .map(|field| {
            assert!(field.is_nullable());
            let json = if field.metadata().is_empty() { "" } else { " json" };
            format!("{} {}{json}", field.name(), field.data_type())
        })
        .collect()
}

#[test]
fn each_kind_of_value_has_its_type() {
    let sample = r#"
{"i":1,"f":1,"b":true,"t":"2024-01-01T00:00:00Z","d":"2024-01-01","s":"x","z":null,"big":1}
{"late":1.5,"i":-1,"f":2.5,"b":null,"t":"2024-01-01T00:00:00.5+02:00","d":"2024-01-02","s":"2024-01-01","big":18446744073709551615}
not json
{"i":2"#;
    assert_eq!(
        inferred(sample),
        [
            "i Int64",
            "f Float64",
            "b Boolean",
            "t Timestamp(µs, \"+00:00\")",
            "d Date32",
            "s Utf8",
            "z Utf8",
            "big UInt64",
            "late Float64"
        ]
    );
}

#[test]
fn lists_structs_and_what_does_not_go_together() {
    let sample = r#"{"l":[],"o":{"x":1},"m":1,"e":{},"n":[[1],[2.5]],"lo":[{"a":1}]}
{"l":[1,null],"o":{"y":"s"},"m":"one","e":{},"n":null,"lo":[{"b":true},{}]}"#;
    assert_eq!(
        inferred(sample),
        [
            "l List(Int64)",
            "o Struct(\"x\": Int64, \"y\": Utf8)",
            "m Utf8 json",
            "e Utf8 json",
            "n List(List(Float64))",
            "lo List(Struct(\"a\": Int64, \"b\": Boolean))"
        ]
    );
    let schema = Arc::new(infer(sample.as_bytes()).unwrap());
    let got = JsonScanner::new(&schema, JsonOptions::default()).unwrap().lines(sample.as_bytes(), true).unwrap();
    assert_eq!((got.rows.num_rows(), got.bad.len()), (2, 0));
}

#[test]
fn arrays_objects_and_samples_that_are_cut() {
    assert_eq!(inferred("[{\"a\":1},\n{\"a\":2.5},{\"a\":\"cut"), ["a Float64"]);
    assert_eq!(
        inferred("{\n  \"a\": {\n    \"b\": 1\n  },\n \"c\":[\n{\"x\":1}\n]\n}\n"),
        ["a Struct(\"b\": Int64)", "c List(Struct(\"x\": Int64))"]
    );
    assert_eq!(inferred("\u{feff}{\"a\":1}\r\n{\"a\":2}\r\n"), ["a Int64"]);
    for nothing in ["", "[]", "1 2 3", "not json", "{\"a\":"] {
        assert!(infer(nothing.as_bytes()).is_err(), "{nothing}");
    }
}
