//! Values in Avro and in Debezium's envelopes, record by record, each by the schema of its writer.
use std::collections::{BTreeMap, BTreeSet};

use thyme_core::arrow::array::RecordBatch;
use thyme_core::arrow::buffer::BooleanBuffer;
use thyme_core::arrow::datatypes::SchemaRef;
use thyme_core::drift::Drift;
use thyme_core::{Dataset, Error, Job, Kind, Ops, Result};
use thyme_formats::avro::{AvroDecoder, AvroOptions, schema_id};
use thyme_formats::debezium::{Decoder, Message, OP_HEADER, Options};
use thyme_formats::scan::{Pushed, Unknown};

use super::block::{Block, Texts};
use super::decode::{Bad, Found, unit};
use crate::config::{Format, KafkaSourceConfig};
use crate::registry::Registered;

/// Schemas that were looked up, and what is wrong with those that can't be read by.
#[derive(Debug, Default)]
struct Writers {
    known: BTreeSet<u32>,
    wrong: BTreeMap<u32, String>,
    unfit: BTreeMap<u32, Drift>,
}

impl Writers {
    fn missing(&self, texts: &Texts, missing: &mut BTreeSet<u32>) {
        let ids = (0..texts.len()).filter_map(|at| texts.get(at)).filter_map(schema_id);
        missing.extend(ids.filter(|id| !self.known.contains(id)));
    }

    fn learn(&mut self, id: u32, found: Result<&Registered>, add: impl FnOnce(&Registered) -> Result<()>) -> Result<()> {
        let added = found.and_then(add);
        self.known.insert(id);
        match added {
            Ok(()) => Ok(()),
            Err(error) => match error.as_drift() {
                Some(drift) => {
                    self.unfit.insert(id, drift.clone());
                    Ok(())
                }
                None if matches!(error.kind(), Kind::NotFound | Kind::Schema | Kind::Unsupported) => {
                    self.wrong.insert(id, format!("the schema {id} of the record: {error}"));
                    Ok(())
                }
                None => {
                    self.known.remove(&id);
                    Err(error)
                }
            },
        }
    }
}

/// Decodes Avro behind the frame of a schema registry.
#[derive(Debug)]
pub(super) struct Avro {
    decoder: AvroDecoder,
    writers: Writers,
}

impl Avro {
    pub(super) fn new(schema: &SchemaRef, job: &Job) -> Result<Self> {
        let unknown = if job.report_drift { Unknown::Report } else { Unknown::Ignore };
        let options = AvroOptions { unknown, timestamp_unit: unit(&job.dataset), ..AvroOptions::default() };
        Ok(Self { decoder: AvroDecoder::new(schema, options)?, writers: Writers::default() })
    }

    pub(super) fn missing(&self, values: &Texts, missing: &mut BTreeSet<u32>) {
        self.writers.missing(values, missing);
    }

    pub(super) fn learn(&mut self, id: u32, found: Result<&Registered>) -> Result<()> {
        let decoder = &mut self.decoder;
        self.writers.learn(id, found, |known| decoder.add_schema(id, &known.schema, &known.references))
    }

    pub(super) fn decode(&mut self, values: &Texts) -> Result<Found> {
        let mut found = Found::default();
        for at in 0..values.len() {
            let Some(value) = values.get(at) else {
                found.bad.push(Bad::absent(at));
                continue;
            };
            match self.decoder.push(value) {
                Pushed::Row => {}
                Pushed::Skipped(reason) => found.bad.push(Bad::because(at, reason)),
                Pushed::Bad(reason) => found.bad.push(Bad::because(at, reason)),
                Pushed::Drift(drift) => {
                    found.drift = Some(drift);
                    break;
                }
                Pushed::NeedsSchema(id) => match self.writers.unfit.get(&id) {
                    Some(drift) => {
                        found.drift = Some(drift.clone());
                        break;
                    }
                    None => found.bad.push(Bad::because(at, wrong(&self.writers, id))),
                },
            }
        }
        found.rows.push(self.decoder.finish()?);
        Ok(found)
    }
}

fn wrong(writers: &Writers, id: u32) -> String {
    writers.wrong.get(&id).cloned().unwrap_or_else(|| format!("the schema {id} of the record is not known"))
}

/// Decodes Debezium's envelopes, in JSON or in Avro.
#[derive(Debug)]
pub(super) struct Envelopes {
    decoder: Decoder,
    avro: bool,
    writers: Writers,
}

/// The changes of a block.
#[derive(Debug)]
pub(super) struct Changed {
    pub(super) rows: RecordBatch,
    pub(super) ops: Ops,
    pub(super) before: Option<RecordBatch>,
    pub(super) unset: Vec<(usize, BooleanBuffer)>,
    /// The record of each row.
    pub(super) records: Vec<usize>,
    pub(super) bad: Vec<Bad>,
    /// Records dealt with.
    pub(super) dealt: usize,
    pub(super) drift: Option<Drift>,
}

impl Envelopes {
    /// For a dataset of the columns `schema`.
    pub(super) fn new(schema: &SchemaRef, job: &Job, config: &KafkaSourceConfig) -> Result<Self> {
        let avro = config.format == Format::Avro;
        let own = job.dataset.key().iter().filter(|name| schema.field_with_name(name).is_ok()).cloned();
        let dataset = Dataset::new(job.dataset.name(), schema.clone())?.with_key(own.collect::<Vec<_>>())?;
        let dataset = dataset.with_timestamp_unit(job.dataset.timestamp_unit());
        let unknown = if job.report_drift { Unknown::Report } else { Unknown::Ignore };
        let options = Options { unknown, before: true, ..config.debezium.options() };
        let decoder = if avro { Decoder::avro(&dataset, options)? } else { Decoder::json(&dataset, options)? };
        Ok(Self { decoder, avro, writers: Writers::default() })
    }

    pub(super) fn missing(&self, block: &Block, missing: &mut BTreeSet<u32>) {
        if self.avro {
            self.writers.missing(&block.values, missing);
            self.writers.missing(&block.keys, missing);
        }
    }

    pub(super) fn learn(&mut self, id: u32, found: Result<&Registered>) -> Result<()> {
        let decoder = &mut self.decoder;
        self.writers.learn(id, found, |known| decoder.add_schema(id, &known.schema, &known.references))
    }

    pub(super) fn decode(&mut self, block: &Block) -> Result<Changed> {
        let (mut records, mut bad, mut drift, mut dealt) = (Vec::new(), Vec::new(), None, 0);
        for at in 0..block.len() {
            let headers = block.headers.get(at).map(Vec::as_slice).unwrap_or_default();
            let op = headers.iter().find(|(name, _)| name == OP_HEADER).and_then(|(_, value)| value.as_deref());
            let message = Message { key: block.keys.get(at), value: block.values.get(at), op };
            match self.decoder.push(message) {
                Pushed::Row => records.push(at),
                Pushed::Skipped(reason) => tracing::trace!(offset = block.offsets.get(at), reason, "no row"),
                Pushed::Bad(reason) => bad.push(Bad::because(at, reason)),
                Pushed::Drift(found) => {
                    drift = Some(found);
                    break;
                }
                Pushed::NeedsSchema(id) => match self.writers.unfit.get(&id) {
                    Some(found) => {
                        drift = Some(found.clone());
                        break;
                    }
                    None => bad.push(Bad::because(at, wrong(&self.writers, id))),
                },
            }
            dealt = at + 1;
        }
        let changes = self.decoder.finish()?;
        if changes.rows.num_rows() != records.len() {
            return Err(Error::new(Kind::Unexpected, "as many rows of changes as records were expected"));
        }
        let (rows, ops, before, unset) = (changes.rows, changes.ops, changes.before, changes.unset);
        Ok(Changed { rows, ops, before, unset, records, bad, dealt, drift })
    }
}
