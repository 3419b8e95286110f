//! Messages of a topic into batches of changes.
use thyme_core::{Dataset, Op, Result};

use super::avro::Avro;
use super::json::{Done, Json};
use super::options::{Message, Options};
use super::rows::{Changes, Rows};
use crate::scan::Pushed;

/// Offsets of text are 32 bits wide.
const BYTES_AT_MOST: usize = 1 << 30;

/// Turns the messages of one partition, in their order, into changes of the rows of a dataset.
#[derive(Debug)]
pub struct Decoder {
    rows: Rows,
    coding: Coding,
    /// The key that the last message deleted.
    deleted: Option<Vec<u8>>,
    held: usize,
}

#[derive(Debug)]
enum Coding {
    Json(Box<Json>),
    Avro(Box<Avro>),
}

impl Decoder {
    /// A decoder of JSON in any of its shapes.
    ///
    /// # Errors
    /// `Unsupported` for a column of a type that JSON cannot be read into.
    pub fn json(dataset: &Dataset, options: Options) -> Result<Self> {
        let options = resolved(dataset, options);
        let rows = Rows::new(dataset, options.before)?;
        let json = Json::new(dataset, &options, &rows.key);
        Ok(Self { rows, coding: Coding::Json(Box::new(json)), deleted: None, held: 0 })
    }

    /// A decoder of Avro in the frame of a schema registry.
    ///
    /// # Errors
    /// `Unsupported` for a column of a type that Avro cannot be read into.
    pub fn avro(dataset: &Dataset, options: Options) -> Result<Self> {
        let options = resolved(dataset, options);
        let rows = Rows::new(dataset, options.before)?;
        let avro = Avro::new(dataset, &options);
        Ok(Self { rows, coding: Coding::Avro(Box::new(avro)), deleted: None, held: 0 })
    }

    /// Makes a schema of keys or values known under its id; `references` are the schemas it refers to, each after those it
    /// needs itself. For JSON it does nothing.
    ///
    /// # Errors
    /// `Schema` when it is no Avro schema.
    pub fn add_schema(&mut self, id: u32, schema: &str, references: &[String]) -> Result<()> {
        match &mut self.coding {
            Coding::Json(_) => Ok(()),
            Coding::Avro(avro) => avro.add(id, schema, references),
        }
    }

    /// Decodes a message. Never more than 1 GiB of messages go into a batch.
    pub fn push(&mut self, message: Message<'_>) -> Pushed {
        let length = message.value.map_or(0, <[u8]>::len) + message.key.map_or(0, <[u8]>::len);
        if self.held.saturating_add(length) > BYTES_AT_MOST {
            return Pushed::Bad(format!("a batch of more than {BYTES_AT_MOST} bytes"));
        }
        match self.row(&message) {
            Ok(Done::Row(op, unset)) => {
                if let Err(reason) = self.rows.end(op, &unset) {
                    self.rows.undo();
                    return Pushed::Bad(reason);
                }
                self.held += length;
                self.deleted = if op == Op::Delete { message.key.map(<[u8]>::to_vec) } else { None };
                Pushed::Row
            }
            Ok(Done::Tombstone) => {
                self.deleted = None;
                Pushed::Skipped("tombstone")
            }
            Ok(other) => {
                self.rows.undo();
                match other {
                    Done::Skipped(what) => Pushed::Skipped(what),
                    Done::NeedsSchema(id) => Pushed::NeedsSchema(id),
                    Done::Drift(drift) => Pushed::Drift(drift),
                    Done::Row(..) | Done::Tombstone => Pushed::Skipped("nothing"),
                }
            }
            Err(reason) => {
                self.rows.undo();
                self.deleted = None;
                Pushed::Bad(reason)
            }
        }
    }

    fn row(&mut self, message: &Message<'_>) -> Result<Done, String> {
        let done = match (&mut self.coding, message.value) {
            (_, None) => Done::Tombstone,
            (Coding::Json(json), Some(value)) => json.value(message, value, &mut self.rows)?,
            (Coding::Avro(avro), Some(value)) => avro.value(message, value, &mut self.rows)?,
        };
        match (&done, message.key) {
            (Done::Tombstone, Some(key)) if !self.rows.key.is_empty() && self.deleted.as_deref() != Some(key) => {
                self.rows.undo();
            }
            (Done::Row(Op::Delete, _), _) => {}
            _ => return Ok(done),
        }
        if self.rows.keys_missing().is_empty() && !matches!(done, Done::Tombstone) {
            return self.deletable(done);
        }
        if let Some(key) = message.key {
            let read = match &mut self.coding {
                Coding::Json(json) => json.key(key, &mut self.rows).map(|()| None),
                Coding::Avro(avro) => avro.key(key, &mut self.rows),
            };
            if let Some(id) = read.map_err(|reason| format!("the key: {reason}"))? {
                return Ok(Done::NeedsSchema(id));
            }
        }
        if let Some(place) = self.rows.keys_missing().first() {
            return Err(format!("a deleted row without its key (field `{}`)", self.rows.root.name(*place)));
        }
        Ok(Done::Row(Op::Delete, Vec::new()))
    }

    /// A deleted row of a dataset without a key must at least say what it was.
    fn deletable(&mut self, done: Done) -> Result<Done, String> {
        if self.rows.key.is_empty() && self.rows.is_blank() {
            return Err("a deleted row of which nothing is said: the table has neither a key nor `replica identity full`".into());
        }
        Ok(done)
    }

    /// Rows since the last batch.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows.len()
    }

    /// Bytes of the messages that these rows were.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.held
    }

    /// The changes since the last batch.
    ///
    /// # Errors
    /// `Unexpected` for a defect; never for what messages hold.
    pub fn finish(&mut self) -> Result<Changes> {
        self.held = 0;
        self.rows.finish()
    }
}

fn resolved(dataset: &Dataset, options: Options) -> Options {
    use thyme_core::arrow::datatypes::TimeUnit;
    let unit = Some(dataset.timestamp_unit()).filter(|unit| *unit != TimeUnit::Second);
    Options { timestamps: options.timestamps.or(unit), ..options }
}
