//! Messages into batches of one schema.
use std::collections::HashMap;
use std::sync::Arc;

use thyme_core::arrow::array::{RecordBatch, RecordBatchOptions};
use thyme_core::arrow::datatypes::SchemaRef;
use thyme_core::drift::Drift;
use thyme_core::{Error, Kind, Result};

use super::plan::Step;
use super::read::{self, Failed};
use super::schema::AvroSchema;
use super::wire::Wire;
use super::{AvroOptions, Framing, reader, resolve, schema_id};
use crate::json::build;
use crate::json::column::{Column, broken};
use crate::json::object::Object;
use crate::scan::Pushed;

/// Offsets of text are 32 bits wide.
const BYTES_AT_MOST: usize = 1 << 30;

/// Turns Avro messages into batches of one schema, each message by the schema of its writer.
///
/// Fields go to the columns of their names; a column that a writer does not have is null, or what the
/// [reader's schema](Self::set_reader) has as its default. Numbers are widened, never narrowed; logical types are exact. A bad
/// message costs nothing but itself.
#[derive(Debug)]
pub struct AvroDecoder {
    schema: SchemaRef,
    options: AvroOptions,
    root: Object,
    reader: Option<Arc<reader::Reader>>,
    writers: HashMap<u32, Writer>,
    /// Bytes of the messages since the last batch.
    held: usize,
}

#[derive(Debug)]
struct Writer {
    text: (String, Vec<String>),
    schema: AvroSchema,
    steps: Vec<Step>,
    /// Columns that the writer does not have and the reader has a default for.
    defaults: Vec<usize>,
}

impl AvroDecoder {
    /// A decoder for columns of `schema`, which knows no writer yet.
    ///
    /// # Errors
    /// `Unsupported` for a column of a type that Avro cannot be read into, `Config` for a name that is there twice.
    pub fn new(schema: &SchemaRef, options: AvroOptions) -> Result<Self> {
        let root = build::object(schema.fields(), 1, options.timestamp_unit)?;
        let (writers, schema) = (HashMap::new(), Arc::clone(schema));
        Ok(Self { schema, options, root, reader: None, writers, held: 0 })
    }

    /// The schema of the reader: its defaults fill what a writer does not have, its aliases find what a writer calls otherwise.
    /// It holds for writers known before as well.
    ///
    /// # Errors
    /// `Schema` when it is none of a record, or a default is not of its type.
    pub fn set_reader(&mut self, schema: &str, references: &[String]) -> Result<()> {
        self.reader = Some(Arc::new(reader::Reader::new(schema, references, &self.schema, &self.options)?));
        let known: Vec<_> = self.writers.drain().map(|(id, writer)| (id, writer.text)).collect();
        known.into_iter().try_for_each(|(id, (text, references))| self.add_schema(id, &text, &references))
    }

    /// Makes a writer's schema known under its id; without framing the id is 0. `references` are the schemas it refers to,
    /// each after those it needs itself.
    ///
    /// # Errors
    /// `Schema`: it is none of a record; or a [drift](Error::as_drift): a field's type does not go with its column, or with
    /// [`Unknown::Report`](crate::scan::Unknown::Report) a field has none.
    pub fn add_schema(&mut self, id: u32, schema: &str, references: &[String]) -> Result<()> {
        let text = (schema.to_owned(), references.to_vec());
        let schema = AvroSchema::parse(schema, references)?;
        let (steps, missing) = resolve::record(&schema, schema.root, &self.schema, &self.options, self.reader.as_deref())?;
        let defaults = missing.into_iter().filter(|place| self.reader.as_ref().is_some_and(|r| r.has(*place))).collect();
        self.writers.insert(id, Writer { text, schema, steps, defaults });
        Ok(())
    }

    /// Whether the schema of that id is known.
    #[must_use]
    pub fn knows(&self, id: u32) -> bool {
        self.writers.contains_key(&id)
    }

    /// Decodes a message. Never more than 1 GiB of messages go into a batch.
    pub fn push(&mut self, message: &[u8]) -> Pushed {
        let (id, body) = match self.options.framing {
            Framing::Bare => (0, message),
            Framing::Confluent => match schema_id(message) {
                Some(id) => (id, message.get(5..).unwrap_or_default()),
                None => return Pushed::Bad("no frame of a schema registry (a zero byte and four bytes of an id)".into()),
            },
        };
        let Some(writer) = self.writers.get(&id) else { return Pushed::NeedsSchema(id) };
        if self.held.saturating_add(body.len()) > BYTES_AT_MOST {
            return Pushed::Bad(format!("a batch of more than {BYTES_AT_MOST} bytes"));
        }
        let rows = self.root.rows();
        match row(writer, self.reader.as_deref(), body, &mut self.root) {
            Ok(()) => {
                self.held += body.len();
                Pushed::Row
            }
            Err(failed) => {
                self.root.truncate(rows);
                Pushed::Bad(failed.reason())
            }
        }
    }

    /// Rows since the last batch.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.root.rows()
    }

    /// Bytes of the messages that these rows were.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.held
    }

    /// The rows since the last batch.
    ///
    /// # Errors
    /// `Unexpected` for a defect; never for what messages hold.
    pub fn finish(&mut self) -> Result<RecordBatch> {
        let rows = self.root.rows();
        let columns = self.root.columns().map(Column::finish).collect::<Result<Vec<_>>>()?;
        self.root.restart();
        self.held = 0;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options).map_err(broken)
    }
}

fn row(writer: &Writer, reader: Option<&reader::Reader>, body: &[u8], root: &mut Object) -> Result<(), Failed> {
    let mut wire = Wire::new(body);
    read::fields(&writer.steps, &mut wire, root, &writer.schema)?;
    if !wire.rest().is_empty() {
        return Err(Failed::because(format!("{} bytes after the end of the record", wire.rest().len())));
    }
    if let Some(reader) = reader {
        for place in &writer.defaults {
            reader.fill(*place, root)?;
        }
    }
    root.end_row().map_err(|place| Failed::from("a value that must not be null is missing").within(root.name(place)))
}

/// The error of a schema whose fields do not go with the columns.
pub(super) fn unfit(drift: Drift) -> Error {
    Error::drift(drift)
}

/// The error of a schema that no row can come from.
pub(super) fn no_record() -> Error {
    Error::new(Kind::Schema, "the avro schema is not one of a record")
}
