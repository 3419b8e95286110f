//! The first record of a file: which column of the schema each of its fields goes to.
use std::sync::Arc;

use thyme_core::arrow::datatypes::{Field, Schema};
use thyme_core::drift::Drift;
use thyme_core::{Error, Kind, Result};

use super::CsvOptions;
use super::field::{self, End, Marks};
use crate::scan::Unknown;

const BOM: &[u8] = b"\xef\xbb\xbf";

/// The length of the byte order mark at the front of a file; `None` if the block is too short to tell.
pub(super) fn bom(block: &[u8], last: bool) -> Option<usize> {
    if block.starts_with(BOM) {
        Some(BOM.len())
    } else if BOM.starts_with(block) && !last {
        None
    } else {
        Some(0)
    }
}

/// The names of the header that begins at `from`, and where the records begin; `None` if it runs off the block. Empty lines in
/// front of it are passed over; a file without a record has no names.
pub(super) fn names(block: &[u8], from: usize, last: bool, options: &CsvOptions) -> Result<Option<(Vec<String>, usize)>> {
    let marks = Marks { stray_quote_is_text: true, ..Marks::new(options) };
    let (mut at, mut names, mut scratch) = (from, Vec::new(), Vec::new());
    loop {
        match block.get(at..).unwrap_or_default() {
            [b'\n', ..] => at += 1,
            [b'\r', b'\n', ..] => at += 2,
            [] if last => return Ok(Some((names, at))),
            _ => break,
        }
    }
    loop {
        let Some(field) = field::cut(block, at, last, &marks, &mut scratch) else {
            if block.len() - from > options.record_bytes_at_most {
                let most = options.record_bytes_at_most;
                return Err(Error::new(Kind::Data, format!("the csv header is longer than {most} bytes")));
            }
            return Ok(None);
        };
        if let Some((_, fault)) = field.fault {
            return Err(Error::new(Kind::Data, format!("the csv header cannot be read: {fault}")));
        }
        let Ok(name) = std::str::from_utf8(field.text) else {
            return Err(Error::new(Kind::Data, "the csv header is not valid utf-8").context("column", names.len() + 1));
        };
        names.push(name.to_owned());
        match field.end {
            End::Delimiter => at = field.at + 1,
            End::Record(length) => return Ok(Some((names, field.at + length))),
        }
    }
}

/// For each name of the header the index of its column in the schema.
///
/// # Errors
/// A name that stands twice; drift where the file lacks a column, or has one more and `unknown` says to report it.
pub(super) fn map(names: &[String], schema: &Schema, options: &CsvOptions, sample: &[u8]) -> Result<Vec<Option<usize>>> {
    for (i, name) in names.iter().enumerate() {
        if names[..i].contains(name) {
            return Err(Error::new(Kind::Schema, format!("the csv header has `{name}` twice")));
        }
    }
    let map: Vec<_> = names.iter().map(|name| schema.fields().iter().position(|field| field.name() == name)).collect();
    let mut drift = Drift::default();
    for field in schema.fields() {
        if !names.contains(field.name()) {
            drift.removed.push(field.name().clone());
        }
    }
    if options.unknown == Unknown::Report && map.contains(&None) {
        let types = super::infer::types(names, sample, options);
        for (i, name) in names.iter().enumerate() {
            if map[i].is_none() {
                drift.added.push(Arc::new(Field::new(name, types[i].clone(), true)));
            }
        }
    }
    if drift.added.is_empty() && drift.removed.is_empty() { Ok(map) } else { Err(Error::drift(drift)) }
}
