//! Rows as records: keys, values, partitions, headers.
use rdkafka::message::{Header, OwnedHeaders};
use thyme_core::{Batch, Cdc, Dataset, Error, Job, Kind, Op, Reject, Result};
use thyme_formats::encode::BadRow;

use super::envelopes::Envelopes;
use super::form::Form;
use super::partition::Partition;
use super::schemas::Ids;
use super::slots::Slots;
use crate::config::{Encoding, HeaderColumn, KafkaSinkConfig};

/// What every record costs in a topic beside its key, value and headers: the frame of a batch, lengths, a time.
pub(super) const FRAME: usize = 61 + 32;

/// Makes records of rows.
#[derive(Debug)]
pub(super) struct Records {
    encoding: Encoding,
    /// Whether records have keys.
    keyed: bool,
    shape: Shape,
    partition: Partition,
    headers: Vec<HeaderColumn>,
    limits: Limits,
    keys: Slots,
    values: Slots,
    partitions: Vec<i32>,
    bad: Vec<bool>,
}

/// How keys and values are written.
#[derive(Debug)]
enum Shape {
    /// Each by its format.
    Rows { key: Option<Form>, value: Form },
    /// Debezium's.
    Envelopes(Envelopes),
}

/// What the topic takes.
#[derive(Clone, Debug)]
pub(super) struct Limits {
    /// Its name, for messages.
    pub(super) topic: String,
    /// How many partitions it has.
    pub(super) partitions: i32,
    /// Bytes of the largest record.
    pub(super) largest: usize,
    /// It is compacted, which records without a key can't be.
    pub(super) compacted: bool,
}

/// One record.
pub(super) struct Record<'a> {
    pub(super) key: Option<&'a [u8]>,
    pub(super) value: Option<&'a [u8]>,
    pub(super) partition: Option<i32>,
    pub(super) headers: Option<OwnedHeaders>,
}

impl Records {
    /// Records of the dataset of `job` as `config` says; `keys` are its key columns, `ids` those of their Avro schemas.
    ///
    /// # Errors
    /// `Schema` for a column that is not there or has no form, `Config` for choices that contradict each other.
    pub(super) fn new(config: &KafkaSinkConfig, job: &Job, keys: &[usize], ids: Ids, limits: Limits) -> Result<Self> {
        let dataset = &job.dataset;
        let encoding = encoding(config, job);
        if encoding != Encoding::Append && keys.is_empty() {
            let text = "changes are written by key, and the dataset has none: set `dataset.key`";
            return Err(Error::new(Kind::Schema, text));
        }
        if encoding == Encoding::Upsert && !config.key_fields.iter().all(|name| dataset.key().contains(name)) {
            let text = "under `encoding = \"upsert\"` records have the key of the dataset: leave `key_fields` out";
            return Err(Error::new(Kind::Config, text).context("key", dataset.key().join(", ")));
        }
        if limits.compacted && keys.is_empty() {
            let text = "the topic is compacted, which takes records with a key alone: set `dataset.key` or `key_fields`";
            return Err(Error::new(Kind::Schema, text).context("topic", &limits.topic));
        }
        let by = config.partition_field.as_ref().map(|name| column(dataset, "partition_field", name)).transpose()?;
        let shape = if encoding == Encoding::Debezium {
            Shape::Envelopes(Envelopes::new(config, dataset)?)
        } else {
            let key = Form::of_key(dataset, keys, config.key_format, ids.key)?;
            Shape::Rows { key, value: Form::of_value(dataset, keys, config.format, ids.value)? }
        };
        Ok(Self {
            encoding,
            keyed: !keys.is_empty(),
            shape,
            partition: Partition::new(dataset.columns(), by, limits.partitions)?,
            headers: config.headers.clone(),
            limits,
            keys: Slots::default(),
            values: Slots::default(),
            partitions: Vec::new(),
            bad: Vec::new(),
        })
    }

    /// Makes the records of `batch`, which [`Records::get`] then gives. Returns the rows that have none.
    ///
    /// # Errors
    /// `Unsupported` for an operation that is not written, `Unexpected` for other columns than those of the dataset.
    pub(super) fn encode(&mut self, batch: &Batch) -> Result<Vec<Reject>> {
        if let Some(op) = batch.ops.outside(ops(Some(self.encoding))).filter(|_| batch.rows.num_rows() > 0) {
            let text = format!("the topic {} does not take a {}: set `encoding`", self.limits.topic, op.name());
            return Err(Error::new(Kind::Unsupported, text));
        }
        let ends = |row: usize| self.encoding == Encoding::Upsert && batch.ops.at(row) == Op::Delete;
        let mut bad = match &mut self.shape {
            Shape::Envelopes(envelopes) => envelopes.encode(batch, &mut self.keys, &mut self.values)?,
            Shape::Rows { key, value } => {
                let mut bad = match key {
                    Some(key) => key.encode(&batch.rows, &mut self.keys)?,
                    None => Vec::new(),
                };
                let refused = value.encode(&batch.rows, &mut self.values)?;
                bad.extend(refused.into_iter().filter(|refused| !ends(refused.row)));
                bad
            }
        };
        for row in (0..batch.rows.num_rows()).filter(|row| ends(*row)) {
            self.values.set_null(row);
        }
        bad.extend(self.partition.encode(&batch.rows, &mut self.partitions)?);
        bad.extend(self.unfit(batch));
        Ok(self.rejects(bad, batch.rows.num_rows()))
    }

    /// The record of `row` of the batch that was encoded last; `None` for a row that has none. `headers` are of the batch.
    #[inline]
    pub(super) fn get(&self, row: usize, headers: &Headers<'_>) -> Option<Record<'_>> {
        if self.bad.get(row).copied().unwrap_or_default() {
            return None;
        }
        let key = if self.keyed { self.keys.get(row) } else { None };
        let partition = self.partitions.get(row).copied().filter(|partition| *partition >= 0);
        Some(Record { key, value: self.values.get(row), partition, headers: headers.of(row) })
    }

    /// Whether a record without a value is to follow that of `row`: a delete is said and done.
    #[inline]
    pub(super) fn ends(&self, batch: &Batch, row: usize) -> bool {
        self.encoding == Encoding::Debezium && batch.ops.at(row) == Op::Delete
    }

    /// Which headers the records of `batch` have.
    pub(super) fn headers<'a>(&self, batch: &'a Batch) -> Headers<'a> {
        let position = self.headers.contains(&HeaderColumn::Position).then(|| batch.position.to_string());
        Headers { batch, op: self.headers.contains(&HeaderColumn::Op), position }
    }

    /// Rows that the topic does not take, known before they are sent.
    fn unfit(&self, batch: &Batch) -> Vec<BadRow> {
        let extra = FRAME + self.headers.len() * 64;
        let mut bad = Vec::new();
        for row in 0..batch.rows.num_rows() {
            let key = self.keys.get(row).filter(|_| self.keyed);
            let bytes = key.map_or(0, <[u8]>::len) + self.values.get(row).map_or(0, <[u8]>::len) + extra;
            if bytes > self.limits.largest {
                let Limits { topic, largest, .. } = &self.limits;
                let reason =
                    format!("the record has about {bytes} bytes, and the topic {topic} takes {largest} (`max.message.bytes`)");
                bad.push(BadRow { row, reason });
            } else if key.is_none()
                && (self.limits.compacted || self.encoding != Encoding::Append)
                && batch.ops.at(row) != Op::Truncate
            {
                bad.push(BadRow { row, reason: format!("the key is null, and the topic {} needs one", self.limits.topic) });
            }
        }
        bad
    }

    fn rejects(&mut self, mut bad: Vec<BadRow>, rows: usize) -> Vec<Reject> {
        self.bad.clear();
        if bad.is_empty() {
            return Vec::new();
        }
        bad.sort_by_key(|bad| bad.row);
        bad.dedup_by_key(|bad| bad.row);
        self.bad.resize(rows, false);
        for bad in &bad {
            if let Some(bad) = self.bad.get_mut(bad.row) {
                *bad = true;
            }
        }
        bad.into_iter().map(|bad| Reject { row: Some(bad.row), reason: bad.reason, ..Reject::default() }).collect()
    }
}

/// What stands in the headers of the records of a batch.
pub(super) struct Headers<'a> {
    batch: &'a Batch,
    op: bool,
    position: Option<String>,
}

impl Headers<'_> {
    fn of(&self, row: usize) -> Option<OwnedHeaders> {
        if !self.op && self.position.is_none() {
            return None;
        }
        let mut headers = OwnedHeaders::new_with_capacity(2);
        if self.op {
            headers = headers.insert(Header { key: "thyme.op", value: Some(self.batch.ops.at(row).name()) });
        }
        if let Some(position) = &self.position {
            headers = headers.insert(Header { key: "thyme.position", value: Some(position) });
        }
        Some(headers)
    }
}

/// The columns that make the key of a record: as the user says, else the key of the dataset.
///
/// # Errors
/// `Schema` for one that is not there.
pub(super) fn keys(config: &KafkaSinkConfig, dataset: &Dataset) -> Result<Vec<usize>> {
    let names = if config.key_fields.is_empty() { dataset.key() } else { &config.key_fields };
    names.iter().map(|name| column(dataset, "key_fields", name)).collect()
}

fn column(dataset: &Dataset, field: &str, name: &str) -> Result<usize> {
    let text = format!("`{field}` names `{name}`, which is not a column of the dataset");
    dataset.columns().index_of(name).map_err(|_| Error::new(Kind::Schema, text))
}

/// What changes become: as the user says, else as the pipeline means its rows.
pub(super) fn encoding(config: &KafkaSinkConfig, job: &Job) -> Encoding {
    let usual = if job.cdc == Cdc::Append { Encoding::Append } else { Encoding::Upsert };
    config.encoding.unwrap_or(usual)
}

/// The operations that are written; `None`: as the pipeline means its rows.
pub(super) fn ops(encoding: Option<Encoding>) -> &'static [Op] {
    match encoding {
        Some(Encoding::Append) => &[Op::Insert],
        None | Some(Encoding::Upsert) => &[Op::Insert, Op::Update, Op::Delete],
        Some(Encoding::Debezium) => Op::ALL,
    }
}
