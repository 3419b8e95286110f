//! The CSV scanner beside the csv crate: over mutated text, and at every boundary between two blocks.
use std::sync::Arc;

use thyme_core::arrow::array::cast::AsArray;
use thyme_core::arrow::array::types::{Float64Type, Int64Type};
use thyme_core::arrow::array::{Array, RecordBatch};
use thyme_core::arrow::datatypes::{DataType, Field, Schema};
use thyme_formats::csv::{CsvEncoder, CsvOptions, CsvScanner, CsvWriteOptions};
use thyme_formats::scan::BadRecord;

use crate::batches;
use crate::rng::Rng;

const LINES: usize = 8;

/// Some lines of three fields, most of them well-formed.
fn document(rng: &mut Rng) -> Vec<u8> {
    let end = *rng.pick(&[&b"\n"[..], b"\r\n"]).first().unwrap();
    let mut text = Vec::new();
    for _ in 0..LINES {
        let fields = if rng.below(40) == 0 { rng.below(6) } else { 3 };
        for i in 0..fields {
            if i > 0 {
                text.push(b',');
            }
            let number = (rng.next() as i64 >> rng.below(64)).to_string();
            let float = format!("{}", f64::from_bits(rng.next()));
            let long = "a longer text of more than thirty-two bytes, ".replace(',', "");
            let quoted = format!(
                "\"{}\"",
                rng.pick(&[
                    "",
                    "x",
                    "a,b",
                    "\"\"",
                    "two\nlines",
                    "crlf\r\n",
                    "say \"\"hi\"\" and go on until the step is over",
                    "ä€"
                ])
            );
            let value = match rng.below(12) {
                0..3 => number.as_str(),
                3 => float.as_str(),
                4 => "",
                5 => &long,
                6..9 => &quoted,
                9 => "1e400",
                _ => rng.pick(&["x", "ä", "plain", "+5", "0.1", "inf", "-", "1.", " 1"]),
            };
            text.extend_from_slice(value.as_bytes());
        }
        if end == b'\r' {
            text.push(b'\r');
        }
        text.push(b'\n');
    }
    if rng.below(3) == 0 {
        text.pop();
    }
    for _ in 0..rng.below(4) {
        let at = rng.below(text.len());
        let byte = *rng.pick(&[b",", b"\"", b"\n", b"\r", b"x", b"1", b".", b"e", b"-", b"\xff", b"\xc3", b" "]).first().unwrap();
        match rng.below(3) {
            0 => text[at] = byte,
            1 => text.insert(at, byte),
            _ => _ = text.remove(at),
        }
        if text.is_empty() {
            text.push(b'\n');
        }
    }
    text
}

/// The fields of one record by the strict grammar, naively; whether each was quoted.
fn strict(record: &[u8]) -> Option<Vec<(String, bool)>> {
    let text = std::str::from_utf8(record).ok()?;
    let (mut fields, mut rest) = (Vec::new(), text);
    loop {
        let mut value = String::new();
        let quoted = rest.starts_with('"');
        if quoted {
            rest = &rest[1..];
            loop {
                let (before, after) = rest.split_once('"')?;
                value.push_str(before);
                rest = after;
                let Some(after) = rest.strip_prefix('"') else { break };
                value.push('"');
                rest = after;
            }
        } else {
            let end = rest.find(',').unwrap_or(rest.len());
            value.push_str(&rest[..end]);
            rest = &rest[end..];
            if value.contains(['"', '\r', '\n']) {
                return None;
            }
        }
        fields.push((value, quoted));
        match rest.strip_prefix(',') {
            Some(after) => rest = after,
            None if rest.is_empty() => return Some(fields),
            None => return None,
        }
    }
}

/// A row or a bad record, in the order of the file.
#[derive(Debug, PartialEq)]
enum Outcome {
    Row(Vec<Option<String>>),
    Bad(BadRecord),
}

fn cell(array: &dyn Array, row: usize) -> Option<String> {
    if array.is_null(row) {
        return None;
    }
    Some(match array.data_type() {
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::Float64 => format!("{:x}", array.as_primitive::<Float64Type>().value(row).to_bits()),
        _ => array.as_string::<i32>().value(row).to_owned(),
    })
}

/// What became of the block, with places counted from `from` and `line`.
fn outcomes(scanner: &mut CsvScanner, block: &[u8], last: bool, from: usize, line: u64) -> (Vec<Outcome>, usize, u64) {
    let scanned = scanner.records(block, last).unwrap();
    let (mut all, mut bad) = (Vec::new(), scanned.bad.into_iter().peekable());
    for row in 0..=scanned.rows.num_rows() {
        while let Some(mut one) = bad.next_if(|bad| bad.row == row) {
            // Counted in rows of its block; here the place in the list says it.
            (one.row, one.line) = (0, one.line + line);
            one.bytes = one.bytes.start + from..one.bytes.end + from;
            all.push(Outcome::Bad(one));
        }
        if row < scanned.rows.num_rows() {
            all.push(Outcome::Row(scanned.rows.columns().iter().map(|array| cell(array, row)).collect()));
        }
    }
    assert!(bad.next().is_none());
    (all, scanned.consumed, scanned.lines)
}

fn scanner(types: [DataType; 3], stray_quote_is_text: bool) -> CsvScanner {
    let fields: Vec<_> = types.into_iter().zip(["a", "b", "c"]).map(|(t, name)| Field::new(name, t, true)).collect();
    let options = CsvOptions { header: false, stray_quote_is_text, ..CsvOptions::default() };
    CsvScanner::new(&Arc::new(Schema::new(fields)), options).unwrap()
}

/// What the field's text is as a value, if it is one.
fn value(text: &str, quoted: bool, data_type: &DataType) -> Result<Option<String>, ()> {
    if text.is_empty() && !quoted {
        return Ok(None);
    }
    match data_type {
        DataType::Int64 => text.parse::<i64>().map(|n| Some(n.to_string())).map_err(drop),
        DataType::Float64 => {
            let number: f64 = text.parse().map_err(drop)?;
            let range = number.is_infinite() && text.contains(|c: char| c.is_ascii_digit());
            if range { Err(()) } else { Ok(Some(format!("{:x}", number.to_bits()))) }
        }
        _ => Ok(Some(text.to_owned())),
    }
}

/// Compares every record of `text` with what the csv crate and the grammar say; returns how many rows were good.
fn compare(text: &[u8], types: &[DataType; 3], all: &[Outcome]) -> usize {
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).terminator(csv::Terminator::Any(b'\n')).from_reader(text);
    let (mut record, mut ours, mut good) = (csv::ByteRecord::new(), all.iter(), 0);
    while reader.read_byte_record(&mut record).unwrap() {
        let show = || format!("{:?}\n{record:?}\n{all:#?}", String::from_utf8_lossy(text));
        let start = record.position().unwrap().byte() as usize;
        // The crate's position may be on the empty lines in front.
        let start = start + text[start..].iter().take_while(|b| **b == b'\n').count();
        let end = (reader.position().byte() as usize).min(text.len());
        let bytes = text[start..end].strip_suffix(b"\n").unwrap_or(&text[start..end]);
        let ended = bytes.len() < end - start;
        let bytes = if ended { bytes.strip_suffix(b"\r").unwrap_or(bytes) } else { bytes };
        if bytes.is_empty() && ended {
            continue;
        }
        // By the grammar, each field alone has to be a value of its column.
        let fields = strict(bytes).filter(|fields| fields.len() == 3);
        let want: Option<Vec<_>> =
            fields.and_then(|fields| fields.iter().zip(types).map(|((text, quoted), t)| value(text, *quoted, t).ok()).collect());
        match (ours.next(), want) {
            (Some(Outcome::Row(row)), Some(want)) => {
                assert_eq!(*row, want, "{}", show());
                good += 1;
                // And the crate read the same, as far as it tells.
                for ((field, got), t) in record.iter().zip(row).zip(types) {
                    let field = std::str::from_utf8(field).unwrap();
                    let field =
                        if ended && got.as_deref() != Some(field) { field.strip_suffix('\r').unwrap_or(field) } else { field };
                    assert_eq!(value(field, got.is_some(), t), Ok(got.clone()), "{}", show());
                }
            }
            (Some(Outcome::Bad(bad)), None) => {
                // A quote that is never closed takes the last line end in.
                let open = end == text.len() && bad.bytes.end == end;
                assert_eq!(bad.bytes, start..if open { end } else { start + bytes.len() }, "{}", show());
                assert_eq!(bad.line, text[..start].iter().filter(|b| **b == b'\n').count() as u64, "{}", show());
                assert!((1..=bad.bytes.len() as u64 + 1).contains(&bad.column), "{}", show());
            }
            (ours, want) => panic!("{ours:?} {want:?} {}", show()),
        }
    }
    assert_eq!(ours.next(), None, "{:?}", String::from_utf8_lossy(text));
    good
}

fn run(lines: usize, seed: u64) {
    let mut rng = Rng(seed);
    let texts = [DataType::Utf8, DataType::Utf8, DataType::Utf8];
    let typed = [DataType::Int64, DataType::Float64, DataType::Utf8];
    let reversed = [DataType::Utf8, DataType::Int64, DataType::Float64];
    let mut scanners = [&texts, &typed, &reversed].map(|types| (types, scanner(types.clone(), false)));
    let (mut good, mut bad) = (0, 0);
    for round in 0..lines / LINES {
        let text = document(&mut rng);
        let (types, scanner) = &mut scanners[round % 3];
        let (all, consumed, lines) = outcomes(scanner, &text, true, 0, 0);
        assert_eq!(consumed, text.len());
        assert_eq!(lines, text.iter().filter(|b| **b == b'\n').count() as u64);
        let rows = compare(&text, types, &all);
        good += rows;
        bad += all.len() - rows;
        // The same in two blocks: at every boundary, or at one.
        let cuts = if round % 8 == 0 { 0..text.len() } else { Some(rng.below(text.len())).map_or(0..0, |cut| cut..cut + 1) };
        for cut in cuts {
            let (mut both, from, line) = outcomes(scanner, &text[..cut], false, 0, 0);
            let (rest, _, _) = outcomes(scanner, &text[from..], true, from, line);
            both.extend(rest);
            assert_eq!(both, all, "{cut} {:?}", String::from_utf8_lossy(&text));
        }
    }
    assert!(good > lines / 4 && bad > lines / 8, "{good} good and {bad} bad: the mutations say nothing");
}

#[test]
fn mutated_lines_agree_with_the_csv_crate() {
    run(100_000, 11);
}

#[test]
#[ignore = "soak: run by cargo xtask soak formats"]
fn soak_formats_csv_mutated_lines() {
    for seed in 0..10 {
        run(1_000_000, 1000 + seed);
    }
}

#[test]
fn stray_quotes_as_text_agree_with_the_csv_crate() {
    let mut rng = Rng(12);
    let mut scanner = scanner([DataType::Utf8, DataType::Utf8, DataType::Utf8], true);
    for _ in 0..2_000 {
        let (mut text, mut want) = (String::new(), Vec::new());
        for _ in 0..LINES {
            let pieces =
                [("a\"b", "a\"b"), ("5\"", "5\""), ("x\"\"y", "x\"\"y"), ("\"q,\"\"q\"", "q,\"q"), ("\"\"", ""), ("z", "z")];
            let fields: Vec<_> = (0..3).map(|_| pieces[rng.below(pieces.len())]).collect();
            text.push_str(&fields.iter().map(|(raw, _)| *raw).collect::<Vec<_>>().join(","));
            text.push('\n');
            want.push(fields.iter().map(|(_, value)| (*value).to_owned()).collect::<Vec<_>>());
        }
        let (all, ..) = outcomes(&mut scanner, text.as_bytes(), true, 0, 0);
        let rows: Vec<_> = want.iter().map(|row| Outcome::Row(row.iter().cloned().map(Some).collect())).collect();
        assert_eq!(all, rows);
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
        let theirs: Vec<Vec<String>> = reader.deserialize().map(Result::unwrap).collect();
        assert_eq!(theirs, want);
    }
}

fn same_columns(a: &RecordBatch, b: &RecordBatch, names: &[impl AsRef<str>]) {
    for name in names.iter().map(AsRef::as_ref) {
        assert_eq!(a.column_by_name(name).unwrap(), b.column_by_name(name).unwrap(), "{name}");
    }
}

#[test]
fn what_is_written_is_read_back() {
    let mut rng = Rng(13);
    for round in 0..200 {
        let rows = rng.below(40);
        let batch = batches::simple(&mut rng, rows);
        let (delimiter, null_value) = *rng.pick(&[&(b',', ""), &(b';', "NULL"), &(b'\t', "\\N"), &(b'|', "0")]);
        let write = CsvWriteOptions { delimiter, null_value: null_value.into(), ..CsvWriteOptions::default() };
        let mut encoder = CsvEncoder::new(&batch.schema(), write).unwrap();
        let mut out = Vec::new();
        encoder.header(&mut out);
        assert_eq!(encoder.encode(&batch, &mut out).unwrap(), []);
        let options = CsvOptions { delimiter, null_value: null_value.into(), ..CsvOptions::default() };
        let mut scanner = CsvScanner::new(&batch.schema(), options).unwrap();
        let from = scanner.header(&out, true).unwrap().unwrap();
        let scanned = scanner.records(&out[from..], true).unwrap();
        assert_eq!(scanned.bad, [], "{round}");
        let names: Vec<_> = batch.schema().fields().iter().map(|field| field.name().clone()).collect();
        same_columns(&scanned.rows, &batch, &names);
        // The csv crate finds the same records.
        let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(out.as_slice());
        let text = batch.column_by_name("text").unwrap().as_string::<i32>();
        let place = batch.schema().index_of("text").unwrap();
        for (row, record) in reader.records().enumerate() {
            let record = record.unwrap();
            assert_eq!(record.len(), batch.num_columns());
            assert_eq!(&record[place], if text.is_null(row) { null_value } else { text.value(row) });
        }
    }
}

#[test]
fn arrow_csv_reads_the_same() {
    let mut rng = Rng(14);
    let names = ["bool", "i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64", "f64", "money", "date", "at", "local"];
    for _ in 0..100 {
        let whole = batches::simple(&mut rng, 50);
        let places: Vec<_> = names.iter().map(|name| whole.schema().index_of(name).unwrap()).collect();
        let batch = whole.project(&places).unwrap();
        let mut encoder = CsvEncoder::new(&batch.schema(), CsvWriteOptions::default()).unwrap();
        let mut out = Vec::new();
        encoder.header(&mut out);
        encoder.encode(&batch, &mut out).unwrap();
        let reader = arrow_csv::ReaderBuilder::new(batch.schema()).with_header(true).with_batch_size(100);
        let theirs = reader.build(out.as_slice()).unwrap().next().unwrap().unwrap();
        same_columns(&theirs, &batch, &names);
    }
}
