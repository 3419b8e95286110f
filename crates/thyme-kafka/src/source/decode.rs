//! Values of records into rows of the dataset.
use std::collections::BTreeSet;
use std::sync::Arc;

use thyme_core::arrow::array::builder::{BinaryBuilder, StringBuilder};
use thyme_core::arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use thyme_core::arrow::buffer::BooleanBuffer;
use thyme_core::arrow::datatypes::{DataType, SchemaRef};
use thyme_core::arrow::select::concat::concat_batches;
use thyme_core::drift::Drift;
use thyme_core::{Cdc, Dataset, Error, Job, Kind, Op, Ops, Result};
use thyme_formats::TimestampUnit;
use thyme_formats::csv::CsvOptions;
use thyme_formats::json::{JsonOptions, JsonScanner};
use thyme_formats::scan::Unknown;

use super::block::{Block, Texts, Wanted};
use super::columns::Columns;
use super::csv::Csv;
use super::framed::{Avro, Changed, Envelopes};
use super::keys::Keys;
use crate::client::Partition;
use crate::config::{Format, KafkaSourceConfig};
use crate::registry::Registered;

/// The longest record.
const RECORD_BYTES: usize = 256 << 20;

/// A record that could not be decoded.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Bad {
    /// Its number in the block.
    pub(super) record: usize,
    /// Where in it the fault is, in bytes from 1.
    pub(super) column: Option<u64>,
    /// What is wrong.
    pub(super) reason: String,
}

impl Bad {
    pub(super) fn because(record: usize, reason: impl Into<String>) -> Self {
        Self { record, column: None, reason: reason.into() }
    }

    /// A record without a value where rows are expected.
    pub(super) fn absent(record: usize) -> Self {
        let reason = "the record has no value: a tombstone, which `cdc = \"upsert\"` reads as a delete".to_owned();
        Self::because(record, reason)
    }
}

/// What was found in values: rows without those of the bad records.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) rows: Vec<RecordBatch>,
    /// Ascending.
    pub(super) bad: Vec<Bad>,
    /// Columns that the dataset does not have; the record that has them is the first that nothing was taken of.
    pub(super) drift: Option<Drift>,
}

/// The rows of a block.
#[derive(Debug)]
pub(super) struct Decoded {
    pub(super) rows: RecordBatch,
    pub(super) ops: Ops,
    /// The rows as they were before, where records say.
    pub(super) before: Option<RecordBatch>,
    /// Columns and the rows whose value there was not sent.
    pub(super) unset: Vec<(usize, BooleanBuffer)>,
    pub(super) bad: Vec<Bad>,
    /// Records that were dealt with; fewer than the block has where a drift is.
    pub(super) records: usize,
    pub(super) drift: Option<Drift>,
}

/// Decodes blocks of records into rows of one dataset.
#[derive(Debug)]
pub(super) struct Decoder {
    columns: Columns,
    values: Values,
    /// For records without a value, where they are deletes.
    keys: Option<Keys>,
}

#[derive(Debug)]
enum Values {
    Json(JsonScanner),
    Csv(Box<Csv>),
    Avro(Box<Avro>),
    Envelopes(Box<Envelopes>),
    /// One column of text.
    Text,
    /// One column of bytes.
    Bytes,
}

impl Decoder {
    /// # Errors
    /// `Schema` for a dataset that such values can't be read into, `Config` for options that contradict each other.
    pub(super) fn new(config: &KafkaSourceConfig, job: &Job) -> Result<Self> {
        let columns = Columns::new(&job.dataset, config)?;
        let values = match config.format {
            Format::Json | Format::Avro if job.cdc == Cdc::Debezium => {
                Values::Envelopes(Box::new(Envelopes::new(columns.data(), job, config)?))
            }
            _ if job.cdc == Cdc::Debezium => {
                return Err(Error::new(
                    Kind::Config,
                    "`cdc = \"debezium\"` reads values that are `json` or `avro`: set `format`",
                ));
            }
            Format::Json => Values::Json(JsonScanner::new(columns.data(), json(job))?),
            Format::Csv => Values::Csv(Box::new(Csv::new(columns.data(), csv(config, job)?)?)),
            Format::String => {
                single(columns.data(), &DataType::Utf8)?;
                Values::Text
            }
            Format::Bytes => {
                single(columns.data(), &DataType::Binary)?;
                Values::Bytes
            }
            Format::Avro => Values::Avro(Box::new(Avro::new(columns.data(), job)?)),
        };
        let keys = (job.cdc == Cdc::Upsert).then(|| Keys::new(config, job, columns.data())).transpose()?;
        Ok(Self { columns, values, keys })
    }

    /// What of each record a block is to hold.
    pub(super) fn wanted(&self) -> Wanted {
        let wanted = self.columns.wanted();
        let envelopes = matches!(self.values, Values::Envelopes(_));
        Wanted { keys: wanted.keys || envelopes || self.keys.is_some(), headers: wanted.headers || envelopes, ..wanted }
    }

    /// The ids of schemas in `block` that are not known yet: each is to be looked up and [learnt](Self::learn).
    pub(super) fn missing(&self, block: &Block) -> BTreeSet<u32> {
        let mut missing = BTreeSet::new();
        match &self.values {
            Values::Avro(avro) => avro.missing(&block.values, &mut missing),
            Values::Envelopes(envelopes) => envelopes.missing(block, &mut missing),
            _ => {}
        }
        missing
    }

    /// What the registry says of the schema `id`. One that is not there, or can't be read by, makes its records bad ones.
    ///
    /// # Errors
    /// That of the look-up, where trying again can help.
    pub(super) fn learn(&mut self, id: u32, found: Result<&Registered>) -> Result<()> {
        match &mut self.values {
            Values::Avro(avro) => avro.learn(id, found),
            Values::Envelopes(envelopes) => envelopes.learn(id, found),
            _ => Ok(()),
        }
    }

    /// The columns of the rows.
    pub(super) fn schema(&self) -> &SchemaRef {
        self.columns.all()
    }

    /// The rows of `block`, whose records are of the partition `at`.
    ///
    /// # Errors
    /// `Unexpected` for a defect; never for what records hold.
    pub(super) fn decode(&mut self, block: &Block, at: &Partition) -> Result<Decoded> {
        if let Values::Envelopes(envelopes) = &mut self.values {
            let changed = envelopes.decode(block)?;
            return self.changes(changed, block, at);
        }
        let absent = block.values.absent.as_slice();
        let found = match &self.keys {
            Some(_) if !absent.is_empty() => self.values.decode(&without(&block.values), self.columns.data())?,
            _ => self.values.decode(&block.values, self.columns.data())?,
        };
        let Found { rows, mut bad, drift } = found;
        let rows = match <[RecordBatch; 1]>::try_from(rows) {
            Ok([rows]) => rows,
            Err(several) => concat_batches(self.columns.data(), &several).map_err(broken)?,
        };
        let deletes = self.keys.as_mut().filter(|_| !absent.is_empty());
        let Some(keys) = deletes else {
            let dealt = rows.num_rows() + bad.len();
            let records = good(dealt, &bad);
            let rows = self.columns.complete(&rows, block, records.as_deref(), at)?;
            let (before, unset) = (None, Vec::new());
            return Ok(Decoded { rows, ops: Ops::All(Op::Insert), before, unset, bad, records: dealt, drift });
        };
        // Numbers among the values that are there become numbers among all.
        let present: Vec<usize> = (0..block.len()).filter(|at| absent.binary_search(at).is_err()).collect();
        let dealt = rows.num_rows() + bad.len();
        let end = drift.as_ref().and_then(|_| present.get(dealt).copied()).unwrap_or(block.len());
        let value_rows = good(dealt, &bad).unwrap_or_else(|| (0..dealt).collect());
        let value_rows: Vec<usize> = value_rows.into_iter().filter_map(|row| present.get(row).copied()).collect();
        bad.iter_mut().for_each(|bad| bad.record = present.get(bad.record).copied().unwrap_or(bad.record));
        let absent: Vec<usize> = absent.iter().copied().filter(|record| *record < end).collect();
        let (deleted, refused) = keys.decode(&block.keys, &absent)?;
        let delete_rows: Vec<usize> =
            absent.into_iter().filter(|record| !refused.iter().any(|bad| bad.record == *record)).collect();
        let (rows, records, ops) = merge(self.columns.data(), (&rows, &value_rows), (&deleted, &delete_rows))?;
        bad.extend(refused);
        bad.sort_by_key(|bad| bad.record);
        let rows = self.columns.complete(&rows, block, Some(&records), at)?;
        Ok(Decoded { rows, ops, before: None, unset: Vec::new(), bad, records: end, drift })
    }

    /// Changes with the columns about their records.
    fn changes(&self, changed: Changed, block: &Block, at: &Partition) -> Result<Decoded> {
        let Changed { rows, ops, before, unset, records, bad, dealt, drift } = changed;
        let rows = self.columns.complete(&rows, block, Some(&records), at)?;
        // Of a row before nothing more is known: what stands about the record is of the row after it.
        let before = before.map(|before| self.columns.complete(&before, block, Some(&records), at)).transpose()?;
        let place = |(column, rows)| Some((self.columns.place(column)?, rows));
        let unset = unset.into_iter().filter_map(place).collect();
        Ok(Decoded { rows, ops, before, unset, bad, records: dealt, drift })
    }
}

impl Values {
    fn decode(&mut self, values: &Texts, schema: &SchemaRef) -> Result<Found> {
        match self {
            Self::Json(scanner) => {
                let scanned = scanner.messages(&values.bytes, &values.ends)?;
                let bad = scanned.bad.into_iter().enumerate().map(|(before, bad)| {
                    let record = bad.row + before;
                    if values.absent.binary_search(&record).is_ok() {
                        return Bad::absent(record);
                    }
                    Bad { record, column: Some(bad.column), reason: bad.reason }
                });
                Ok(Found { bad: bad.collect(), rows: vec![scanned.rows], drift: scanned.drift })
            }
            Self::Csv(csv) => csv.decode(values),
            Self::Avro(avro) => avro.decode(values),
            Self::Envelopes(_) => Err(Error::new(Kind::Unexpected, "envelopes are decoded with their keys")),
            Self::Text => text(values, schema),
            Self::Bytes => {
                let mut column = BinaryBuilder::with_capacity(values.len(), values.bytes.len());
                (0..values.len()).for_each(|at| column.append_option(values.get(at)));
                Ok(Found { rows: vec![one(schema, Arc::new(column.finish()))?], ..Found::default() })
            }
        }
    }
}

fn text(values: &Texts, schema: &SchemaRef) -> Result<Found> {
    let mut column = StringBuilder::with_capacity(values.len(), values.bytes.len());
    let mut bad = Vec::new();
    for at in 0..values.len() {
        match values.get(at).map(std::str::from_utf8).transpose() {
            Ok(text) => column.append_option(text),
            Err(e) => {
                let at_byte = e.valid_up_to() as u64 + 1;
                bad.push(Bad { record: at, column: Some(at_byte), reason: "not valid UTF-8".to_owned() });
            }
        }
    }
    Ok(Found { rows: vec![one(schema, Arc::new(column.finish()))?], bad, drift: None })
}

fn one(schema: &SchemaRef, column: ArrayRef) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(column.len()));
    RecordBatch::try_new_with_options(Arc::clone(schema), vec![column], &options).map_err(broken)
}

/// The texts that are there.
fn without(values: &Texts) -> Texts {
    let mut there = Texts::default();
    (0..values.len()).filter_map(|at| values.get(at)).for_each(|value| there.push(Some(value)));
    there
}

/// Which of `records` records are no bad ones; `None`: all of them.
fn good(records: usize, bad: &[Bad]) -> Option<Vec<usize>> {
    let mut left = bad.iter().map(|bad| bad.record).peekable();
    (!bad.is_empty()).then(|| (0..records).filter(|record| left.next_if_eq(record).is_none()).collect())
}

/// Rows and deletes in the order of their records.
fn merge(
    schema: &SchemaRef,
    values: (&RecordBatch, &[usize]),
    deletes: (&RecordBatch, &[usize]),
) -> Result<(RecordBatch, Vec<usize>, Ops)> {
    use thyme_core::arrow::array::UInt32Array;
    use thyme_core::arrow::select::take::take_record_batch;

    let both = concat_batches(schema, [values.0, deletes.0]).map_err(broken)?;
    let first = values.1.len();
    let all = values.1.iter().chain(deletes.1).copied().enumerate();
    let mut order: Vec<(usize, usize)> = all.map(|(row, record)| (record, row)).collect();
    order.sort_unstable();
    let indices: UInt32Array = order.iter().map(|(_, row)| u32::try_from(*row).ok()).collect();
    let rows = take_record_batch(&both, &indices).map_err(broken)?;
    let ops: Vec<Op> = order.iter().map(|(_, row)| if *row < first { Op::Insert } else { Op::Delete }).collect();
    Ok((rows, order.into_iter().map(|(record, _)| record).collect(), Ops::Each(ops.into())))
}

/// The one column of a dataset whose values are text or bytes.
fn single(schema: &SchemaRef, wanted: &DataType) -> Result<()> {
    match schema.fields().as_ref() {
        [field] if field.data_type() == wanted => Ok(()),
        fields => {
            let names = fields.iter().map(|field| field.name().as_str()).collect::<Vec<_>>().join(", ");
            let want = if wanted == &DataType::Utf8 { "string" } else { "bytes" };
            Err(Error::new(
                Kind::Schema,
                format!("values that are {want} fill one column of that type beside those about the record, not: {names}"),
            ))
        }
    }
}

pub(super) fn unit(dataset: &Dataset) -> TimestampUnit {
    use thyme_core::arrow::datatypes::TimeUnit;
    match dataset.timestamp_unit() {
        TimeUnit::Millisecond => TimestampUnit::Milliseconds,
        TimeUnit::Microsecond | TimeUnit::Nanosecond => TimestampUnit::Microseconds,
        TimeUnit::Second => TimestampUnit::Seconds,
    }
}

pub(super) fn json(job: &Job) -> JsonOptions {
    JsonOptions {
        unknown: if job.report_drift { Unknown::Report } else { Unknown::Ignore },
        timestamp_unit: unit(&job.dataset),
        // Blocks are cut before they come here.
        rows_at_most: usize::MAX,
        record_bytes_at_most: RECORD_BYTES,
    }
}

/// The options of CSV values.
///
/// # Errors
/// `Config` for marks that are not one ASCII character, or stand for two things.
pub(super) fn csv(config: &KafkaSourceConfig, job: &Job) -> Result<CsvOptions> {
    let mark = |name: &str, text: &str| match text.as_bytes() {
        [one] if one.is_ascii() => Ok(*one),
        _ => Err(Error::new(Kind::Config, format!("`{name}` is one ASCII character, not {text:?}"))),
    };
    let options = CsvOptions {
        delimiter: mark("delimiter", &config.delimiter)?,
        quote: mark("quote", &config.quote)?,
        escape: config.escape.as_deref().map(|text| mark("escape", text)).transpose()?,
        null_value: config.null_value.clone(),
        header: false,
        timestamp_unit: unit(&job.dataset),
        rows_at_most: usize::MAX,
        record_bytes_at_most: RECORD_BYTES,
        ..CsvOptions::default()
    };
    options.check()?;
    Ok(options)
}

pub(super) fn broken(error: thyme_core::arrow::datatypes::ArrowError) -> Error {
    Error::new(Kind::Unexpected, "the rows of a topic do not fit together").source(error)
}
