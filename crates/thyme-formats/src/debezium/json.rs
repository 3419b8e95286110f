//! Messages in JSON.
use std::sync::Arc;

use serde_json::Value;
use thyme_core::arrow::datatypes::SchemaRef;
use thyme_core::drift::Drift;
use thyme_core::{Dataset, Op};

use super::cache::Cache;
use super::envelope::Reading;
use super::how::Scratch;
use super::members::Members;
use super::options::{Message, Options};
use super::rows::Rows;
use super::unavailable::Unavailable;
use super::wrap::{self, Known};
use super::{bare, connect};
use crate::json::added;
use crate::json::input::Input;
use crate::scan::Unknown;

/// What is known of the messages of a topic.
#[derive(Debug)]
pub(super) struct Json {
    declared: SchemaRef,
    unknown: Unknown,
    unavailable: Unavailable,
    bare: Members,
    bare_key: Members,
    values: Cache<What>,
    keys: Cache<Members>,
    scratch: Scratch,
}

/// What messages of a schema are.
#[derive(Debug)]
enum What {
    /// Envelopes of such rows.
    Envelope(Members),
    /// Such rows.
    Row(Members),
    /// Something that is no row.
    Other(&'static str),
}

/// What a message turned out to be.
#[derive(Debug)]
pub(super) enum Done {
    /// The row in the making, and the columns of it whose value was not sent. A deleted one may lack its key.
    Row(Op, Vec<usize>),
    Skipped(&'static str),
    /// No value: the key is gone.
    Tombstone,
    NeedsSchema(u32),
    Drift(Drift),
}

impl Json {
    pub(super) fn new(dataset: &Dataset, options: &Options, key: &[usize]) -> Self {
        Self {
            declared: Arc::clone(dataset.schema()),
            unknown: options.unknown,
            unavailable: Unavailable::new(&options.unavailable),
            bare: bare::row(dataset.columns(), options, None),
            bare_key: bare::row(dataset.columns(), options, Some(key)),
            values: Cache::new(),
            keys: Cache::new(),
            scratch: Scratch::default(),
        }
    }

    /// Reads a value into the row in the making.
    pub(super) fn value(&mut self, message: &Message<'_>, value: &[u8], rows: &mut Rows) -> Result<Done, String> {
        if simdutf8::basic::from_utf8(value).is_err() {
            return Err("not valid utf-8".into());
        }
        if value.trim_ascii() == b"null" {
            return Ok(Done::Tombstone);
        }
        let mut input = Input::new(value, false);
        let start = input.blank(0);
        let parts = wrap::parts(&mut input, start, &mut self.values).map_err(|_| input.fault())?;
        let Some(parts) = parts else { return self.bare(message, &mut input, start, false, rows) };
        if input.byte(parts.payload) == Some(b'n') {
            wrap::tail(&mut input, parts.payload + 4, true).map_err(|_| input.fault())?;
            return Ok(Done::Tombstone);
        }
        let place = match parts.schema {
            Some(Known::At(place)) => place,
            Some(Known::New(range)) => match self.learn(value.get(range).unwrap_or_default())? {
                Ok(place) => place,
                Err(drift) => return Ok(Done::Drift(drift)),
            },
            None => return self.bare(message, &mut input, parts.payload, true, rows),
        };
        let mut reading = Reading { unavailable: &self.unavailable, scratch: &mut self.scratch, rows };
        let (op, end, unset) = match self.values.get(place) {
            Some(What::Envelope(members)) => {
                let found = reading.envelope(&mut input, parts.payload, members).map_err(|_| input.fault())?;
                match reading.decide(&mut input, members, &found)? {
                    Ok(op) => (op, found.end, unset(op, found.unset)),
                    Err(what) => return Ok(Done::Skipped(what)),
                }
            }
            Some(What::Row(members)) => {
                let (op, end, unset, _) = reading.flat(&mut input, parts.payload, members, message)?;
                (op, end, unset)
            }
            Some(What::Other(what)) => return Ok(Done::Skipped(what)),
            None => return Err("a schema that is not there".into()),
        };
        wrap::tail(&mut input, end, true).map_err(|_| input.fault())?;
        Ok(Done::Row(op, unset))
    }

    /// A payload without a schema.
    fn bare(
        &mut self,
        message: &Message<'_>,
        input: &mut Input<'_>,
        pos: usize,
        wrapped: bool,
        rows: &mut Rows,
    ) -> Result<Done, String> {
        let mut reading = Reading { unavailable: &self.unavailable, scratch: &mut self.scratch, rows };
        let whole = input.bytes;
        let mut done = None;
        if begins_as_envelope(whole.get(pos..).unwrap_or_default()) {
            let found = reading.envelope(input, pos, &self.bare);
            match found {
                Ok(found) if found.is_envelope() => match reading.decide(input, &self.bare, &found)? {
                    Ok(op) => {
                        let row = found.after.clone().filter(|_| found.unknown);
                        done = Some((op, found.end, unset(op, found.unset), row));
                    }
                    Err(what) => return Ok(Done::Skipped(what)),
                },
                Ok(found) => {
                    reading.rows.undo();
                    if let Some(other) = found.other() {
                        return Ok(Done::Skipped(other));
                    }
                }
                // An envelope's fault is worth more than what a row without one would be found to lack.
                Err(_) => return Err(input.fault()),
            }
        }
        let (op, end, unset, row) = match done {
            Some(done) => done,
            None => {
                let (op, end, unset, unknown) = reading.flat(input, pos, &self.bare, message)?;
                (op, end, unset, unknown.then_some(pos..end))
            }
        };
        wrap::tail(input, end, wrapped).map_err(|_| input.fault())?;
        if let (Some(row), Unknown::Report) = (row, self.unknown) {
            let drift = added(whole.get(row).unwrap_or_default(), &self.declared).map_err(|e| e.to_string())?;
            if let Some(mut drift) = drift {
                drift.added.retain(|field| !field.name().starts_with("__"));
                if !drift.added.is_empty() {
                    return Ok(Done::Drift(drift));
                }
            }
        }
        Ok(Done::Row(op, unset))
    }

    /// What a schema says of the messages that have it; its place in the cache.
    #[cold]
    fn learn(&mut self, text: &[u8]) -> Result<Result<usize, Drift>, String> {
        let schema: Value = serde_json::from_slice(text).map_err(|e| format!("a schema that cannot be read: {e}"))?;
        let name = connect::name(&schema);
        let has = |name: &str| connect::field(&schema, name).is_some();
        let row = connect::field(&schema, "after").or_else(|| connect::field(&schema, "before")).filter(|_| has("op"));
        let (row, is_envelope) = match row {
            Some(row) => (row, true),
            None if name.ends_with(".MessageValue") || has("op") && has("message") => return Ok(Ok(self.other(text, "message"))),
            None if name.ends_with(".TransactionMetadataValue") => return Ok(Ok(self.other(text, "transaction"))),
            None if name.ends_with(".Heartbeat") => return Ok(Ok(self.other(text, "heartbeat"))),
            None if name.ends_with(".SchemaChangeValue") => return Ok(Ok(self.other(text, "schema change"))),
            None => (&schema, false),
        };
        Ok(connect::row(row, &self.declared, self.unknown).map(|members| {
            let what = if is_envelope { What::Envelope(members) } else { What::Row(members) };
            self.values.add(text, what)
        }))
    }

    fn other(&mut self, text: &[u8], what: &'static str) -> usize {
        self.values.add(text, What::Other(what))
    }

    /// Reads the key columns of the row in the making from a key.
    pub(super) fn key(&mut self, key: &[u8], rows: &mut Rows) -> Result<(), String> {
        if simdutf8::basic::from_utf8(key).is_err() {
            return Err("a key that is not valid utf-8".into());
        }
        let mut input = Input::new(key, false);
        let start = input.blank(0);
        let parts = wrap::parts(&mut input, start, &mut self.keys).map_err(|_| input.fault())?;
        let wrapped = parts.is_some();
        let (pos, schema) = parts.map_or((start, None), |parts| (parts.payload, parts.schema));
        let place = match schema {
            Some(Known::At(place)) => Some(place),
            Some(Known::New(range)) => {
                let text = key.get(range).unwrap_or_default();
                let schema: Value = serde_json::from_slice(text).map_err(|e| format!("a schema that cannot be read: {e}"))?;
                let members = connect::key(&schema, &self.declared, &rows.key);
                Some(self.keys.add(text, members))
            }
            None => None,
        };
        let members = place.and_then(|place| self.keys.get(place)).unwrap_or(&self.bare_key);
        let end = members.read(&mut input, pos, &mut rows.root, &mut self.scratch, None).map_err(|_| input.fault())?;
        wrap::tail(&mut input, end, wrapped).map_err(|_| input.fault())?;
        Ok(())
    }
}

/// The columns that are really unset: of a deleted row nothing needs to be known.
fn unset(op: Op, unset: Vec<usize>) -> Vec<usize> {
    if matches!(op, Op::Insert | Op::Update) { unset } else { Vec::new() }
}

/// Whether the first key of the object is one that envelopes begin with.
fn begins_as_envelope(object: &[u8]) -> bool {
    const KEYS: [&[u8]; 7] = [b"before\"", b"after\"", b"op\"", b"source\"", b"ts_ms\"", b"status\"", b"transaction\""];
    let first = object.strip_prefix(b"{").map(<[u8]>::trim_ascii_start).and_then(|rest| rest.strip_prefix(b"\""));
    first.is_some_and(|first| KEYS.iter().any(|key| first.starts_with(key)))
}
