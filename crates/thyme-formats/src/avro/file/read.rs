//! Files into batches.
use std::io::{ErrorKind, Read};
use std::sync::Arc;

use thyme_core::arrow::array::{RecordBatch, RecordBatchOptions};
use thyme_core::arrow::datatypes::{Field, FieldRef, Schema, SchemaRef};
use thyme_core::drift::Drift;

use super::MAGIC;
use super::codec::{AvroCodec, BLOCK_AT_MOST};
use crate::TimestampUnit;
use crate::avro::plan::Step;
use crate::avro::schema::AvroSchema;
use crate::avro::wire::Wire;
use crate::avro::{AvroOptions, read, resolve, types};
use crate::fault::Fault;
use crate::json::build;
use crate::json::column::Column;
use crate::json::object::Object;
use crate::scan::Unknown;

/// Rows and bytes that a batch aims at.
const ROWS: usize = 65_536;
const BYTES: usize = 8 << 20;
/// A header is small.
const HEADER_AT_MOST: usize = 64 << 20;

/// Reads one file, from its start on.
#[derive(Debug)]
pub struct AvroFileDecoder<R> {
    input: R,
    writer: AvroSchema,
    steps: Vec<Step>,
    codec: AvroCodec,
    sync: [u8; 16],
    schema: SchemaRef,
    root: Object,
    /// What is left of the block under way.
    block: Vec<u8>,
    at: usize,
    left: u64,
    /// Rows that are not wanted.
    skip: u64,
}

/// The schema of a file, its codec and the mark between blocks.
struct Header {
    schema: AvroSchema,
    codec: AvroCodec,
    sync: [u8; 16],
}

impl<R: Read> AvroFileDecoder<R> {
    /// The rows of `input` from `first` on, as columns of `declared`. A column that the file lacks is null where it may be.
    ///
    /// # Errors
    /// `Drift` for a type that does not fit without loss, a required column that is missing, and with [`Unknown::Report`] for
    /// columns beyond those wanted; else `Damaged` and `Io`.
    pub fn open(mut input: R, declared: &Schema, unknown: Unknown, first: u64) -> Result<Self, Fault> {
        let Header { schema: writer, codec, sync } = header(&mut input)?;
        let options = AvroOptions { unknown, timestamp_unit: TimestampUnit::default(), ..AvroOptions::default() };
        let (steps, missing) = resolve::record(&writer, writer.root, declared, &options, None).map_err(fault)?;
        let gone = missing.iter().filter_map(|place| declared.fields().get(*place)).filter(|field| !field.is_nullable());
        let removed: Vec<_> = gone.map(|field| field.name().clone()).collect();
        if !removed.is_empty() {
            return Err(Fault::Drift(Drift { removed, ..Drift::default() }));
        }
        let fields: Vec<FieldRef> =
            declared.fields().iter().map(|field| Arc::new(Field::clone(field).with_nullable(true))).collect();
        let schema: SchemaRef = Arc::new(Schema::new(fields));
        let root = build::object(schema.fields(), 1, TimestampUnit::default()).map_err(fault)?;
        Ok(Self { input, writer, steps, codec, sync, schema, root, block: Vec::new(), at: 0, left: 0, skip: first })
    }

    /// The next rows; `None` at the end of the file.
    ///
    /// # Errors
    /// `Damaged` where the file is, `Io`.
    pub fn next_batch(&mut self) -> Result<Option<RecordBatch>, Fault> {
        self.root.truncate(0);
        let mut bytes = 0;
        while self.root.rows() < ROWS && bytes < BYTES {
            if self.left == 0 && !self.next_block()? {
                break;
            }
            let mut wire = Wire::new(self.block.get(self.at..).unwrap_or_default());
            let before = wire.rest().len();
            let damaged = |reason: String| Fault::Damaged(format!("a record that cannot be read: {reason}"));
            read::fields(&self.steps, &mut wire, &mut self.root, &self.writer).map_err(|failed| damaged(failed.reason()))?;
            let taken = before - wire.rest().len();
            self.at += taken;
            self.left -= 1;
            if self.skip > 0 {
                self.skip -= 1;
                let rows = self.root.rows();
                self.root.truncate(rows);
                continue;
            }
            bytes += taken;
            let missing = |place: usize| damaged(format!("`{place}` must not be null"));
            self.root.end_row().map_err(missing)?;
            if self.left == 0 && self.at < self.block.len() {
                return Err(Fault::Damaged("a block with bytes after its last record".into()));
            }
        }
        let rows = self.root.rows();
        if rows == 0 {
            return Ok(None);
        }
        let columns = self.root.columns().map(Column::finish).collect::<thyme_core::Result<Vec<_>>>().map_err(fault)?;
        self.root.restart();
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options);
        batch.map(Some).map_err(|e| Fault::Damaged(e.to_string()))
    }

    /// Reads the next block that has records; false at the end of the file.
    fn next_block(&mut self) -> Result<bool, Fault> {
        loop {
            let Some(count) = long(&mut self.input, true)? else { return Ok(false) };
            let size = long(&mut self.input, false)?.unwrap_or(-1);
            let damaged = |what: &str| Fault::Damaged(what.to_owned());
            let count = u64::try_from(count).map_err(|_| damaged("a block of less than no records"))?;
            let size = usize::try_from(size).ok().filter(|size| *size <= BLOCK_AT_MOST);
            let packed =
                exactly(&mut self.input, size.ok_or_else(|| damaged("a block of more than 1 GiB, or less than nothing"))?)?;
            let mut sync = [0; 16];
            self.input.read_exact(&mut sync)?;
            if sync != self.sync {
                return Err(damaged("the mark at the end of a block is wrong"));
            }
            self.block = self.codec.unpack(packed).map_err(Fault::Damaged)?;
            (self.at, self.left) = (0, count);
            // Records without bytes must not go on for ever.
            if count > self.block.len() as u64 + (1 << 20) {
                return Err(damaged("a block of more records than bytes"));
            }
            if count > 0 {
                return Ok(true);
            }
        }
    }
}

/// The columns of a file, all nullable.
///
/// # Errors
/// `Damaged` when it is no Avro file, `Io`.
pub fn schema(mut input: impl Read) -> Result<Schema, Fault> {
    let schema = header(&mut input)?.schema;
    let members = schema.record(schema.root).ok_or_else(|| Fault::Damaged("a file whose values are no records".into()))?;
    types::of(&schema, members).map_err(fault)
}

fn header(input: &mut impl Read) -> Result<Header, Fault> {
    let mut magic = [0; 4];
    input.read_exact(&mut magic)?;
    if &magic != MAGIC {
        return Err(Fault::Damaged("no object container file of avro".into()));
    }
    let (mut schema, mut codec, mut rest) = (None, AvroCodec::Null, HEADER_AT_MOST);
    let damaged = |what: &str| Fault::Damaged(what.to_owned());
    loop {
        let mut count = long(input, false)?.unwrap_or(0);
        if count == 0 {
            break;
        }
        if count < 0 {
            long(input, false)?;
            count = count.checked_neg().ok_or_else(|| damaged("a header of too many entries"))?;
        }
        for _ in 0..count {
            let mut part = || {
                let length = usize::try_from(long(input, false)?.unwrap_or(-1)).ok();
                let length = length.filter(|length| *length < rest).ok_or_else(|| damaged("a header of more than 64 MiB"))?;
                rest -= length + 1;
                exactly(input, length)
            };
            let (key, value) = (part()?, part()?);
            match key.as_slice() {
                b"avro.schema" => schema = Some(String::from_utf8(value).map_err(|_| damaged("a schema that is not utf-8"))?),
                b"avro.codec" => codec = AvroCodec::of_name(&value).map_err(Fault::Damaged)?,
                _ => {}
            }
        }
    }
    let mut sync = [0; 16];
    input.read_exact(&mut sync)?;
    let schema = AvroSchema::parse(&schema.ok_or_else(|| damaged("a header without a schema"))?, &[]).map_err(fault)?;
    Ok(Header { schema, codec, sync })
}

/// A number; `None` where the file ends before it, if it `may`.
fn long(input: &mut impl Read, may: bool) -> Result<Option<i64>, Fault> {
    let mut value = 0_u64;
    for i in 0..10 {
        let mut byte = [0];
        match input.read_exact(&mut byte) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof && may && i == 0 => return Ok(None),
            other => other?,
        }
        value |= u64::from(byte[0] & 0x7F) << (7 * i);
        if byte[0] < 0x80 {
            return Ok(Some((value >> 1) as i64 ^ -((value & 1) as i64)));
        }
    }
    Err(Fault::Damaged("a number of more than 64 bits".into()))
}

/// As many bytes. No more room is made than there are.
fn exactly(input: &mut impl Read, length: usize) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::new();
    input.take(length as u64).read_to_end(&mut bytes)?;
    if bytes.len() < length { Err(Fault::Damaged("the file ends too early".into())) } else { Ok(bytes) }
}

fn fault(error: thyme_core::Error) -> Fault {
    match error.as_drift() {
        Some(drift) => Fault::Drift(drift.clone()),
        None => Fault::Damaged(error.to_string()),
    }
}
