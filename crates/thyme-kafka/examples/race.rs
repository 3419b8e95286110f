//! What `cargo xtask bench kafka` lets run beside peers: `race TASK BROKERS TOPIC RECORDS`.
#![allow(clippy::print_stdout, reason = "an example prints")]
use std::sync::Arc;
use std::time::Instant;

use thyme_core::arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use thyme_core::arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use thyme_core::{Batch, Cursor, Dataset, Error, Job, Kind, Position, Result, Sink, Source, Task};
use thyme_kafka::{AutoOffsetReset, KafkaSink, KafkaSource, limit};

/// Records of one transaction, whoever publishes.
const EACH: u64 = 100_000;

/// Rows of a batch.
const BATCH: u64 = 10_000;

#[tokio::main]
async fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let usage = || Error::new(Kind::Config, "usage: race count|alone|poll|read|publish|limit BROKERS TOPIC RECORDS");
    let [task, brokers, topic, records] = args.as_slice() else { return Err(usage()) };
    let records = records.parse().map_err(|_| usage())?;
    let dataset = Arc::new(dataset()?.with_key(["id"])?);
    // What is published is there before the clock starts.
    let (lines, batches) = match task.as_str() {
        "limit" => ((0..EACH).map(|number| line(number).into_bytes()).collect(), Vec::new()),
        "publish" => (Vec::new(), batches(&dataset)?),
        _ => (Vec::new(), Vec::new()),
    };
    let start = Instant::now();
    match task.as_str() {
        "count" => limit::count(brokers, topic, records, true).map(drop)?,
        "alone" => limit::count(brokers, topic, records, false).map(drop)?,
        "poll" => poll(brokers, topic, records, &dataset)?,
        "read" => read(brokers, topic, records, &dataset).await?,
        "publish" => publish(brokers, topic, records, &dataset, &batches).await?,
        "limit" => limit::publish(brokers, topic, records, &lines)?,
        _ => return Err(usage()),
    }
    println!("{{\"rows\": {records}, \"seconds\": {}}}", start.elapsed().as_secs_f64());
    Ok(())
}

/// A record of about 190 bytes.
fn line(id: u64) -> String {
    format!(
        "{{\"id\":{id},\"user\":\"user-{:06}\",\"event\":\"purchase-{}\",\"amount\":{}.25,\"score\":{}.5,\"quantity\":{},\
         \"ts\":\"2025-01-01T00:{:02}:{:02}.{:06}Z\",\"note\":\"a note of some length about event {id:010}\"}}",
        id % 1_000_000,
        id % 8,
        id % 10_000,
        id % 1_000,
        id % 100,
        id / 60_000_000 % 60,
        id / 1_000_000 % 60,
        id % 1_000_000
    )
}

fn dataset() -> Result<Dataset> {
    let instant = DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into()));
    let fields = [
        ("id", DataType::Int64),
        ("user", DataType::Utf8),
        ("event", DataType::Utf8),
        ("amount", DataType::Float64),
        ("score", DataType::Float64),
        ("quantity", DataType::Int64),
        ("ts", instant),
        ("note", DataType::Utf8),
    ];
    let fields: Vec<Field> = fields.into_iter().map(|(name, of)| Field::new(name, of, true)).collect();
    Dataset::new("race", Arc::new(Schema::new(fields)))
}

/// Every batch is dropped as soon as it is there.
async fn read(brokers: &str, topic: &str, records: u64, dataset: &Arc<Dataset>) -> Result<()> {
    let source = KafkaSource::builder().brokers(brokers).topic([topic]).auto_offset_reset(AutoOffsetReset::Earliest).build();
    let mut job = Job::new(Task::alone("race"), Arc::clone(dataset));
    job.once = true;
    let mut plan = source.plan(&job, &Cursor::start(source.info().identity)).await?;
    let (mut readers, mut rows, mut more) = (tokio::task::JoinSet::new(), 0, true);
    // Over with the last record, as the others, which are in no group: a run that ends tells its group besides.
    while rows < records && (more || !readers.is_empty()) {
        tokio::select! {
            split = plan.next(), if more => {
                let Some(split) = split? else {
                    more = false;
                    continue;
                };
                let mut reader = plan.reader(&split, None).await?;
                readers.spawn(async move {
                    let mut rows = 0;
                    while let Some(batch) = reader.next().await? {
                        rows += batch.rows.num_rows() as u64;
                    }
                    Ok::<_, Error>(rows)
                });
            }
            Some(read) = readers.join_next() => {
                rows += read.map_err(|e| Error::new(Kind::Unexpected, "a reader broke off").source(e))??;
            }
        }
    }
    if rows == records { Ok(()) } else { Err(Error::new(Kind::Data, format!("{rows} rows instead of {records}"))) }
}

/// One thread that takes a record at a time and gives it to arrow-json.
fn poll(brokers: &str, topic: &str, records: u64, dataset: &Dataset) -> Result<()> {
    let wrong = |e| Error::new(Kind::Data, "arrow-json does not take a record").source(e);
    let decoder = arrow_json::ReaderBuilder::new(Arc::clone(dataset.schema())).with_batch_size(BATCH as usize);
    let (mut decoder, mut rows) = (decoder.build_decoder().map_err(wrong)?, 0);
    limit::poll(brokers, topic, records, |value| {
        decoder.decode(value).map_err(wrong)?;
        if decoder.len() >= BATCH as usize {
            rows += decoder.flush().map_err(wrong)?.map_or(0, |batch| batch.num_rows() as u64);
        }
        Ok(())
    })?;
    rows += decoder.flush().map_err(wrong)?.map_or(0, |batch| batch.num_rows() as u64);
    if rows == records { Ok(()) } else { Err(Error::new(Kind::Data, format!("{rows} rows instead of {records}"))) }
}

/// One transaction's rows as columns.
fn batches(dataset: &Dataset) -> Result<Vec<RecordBatch>> {
    (0..EACH / BATCH).map(|number| rows(dataset, number * BATCH..(number + 1) * BATCH)).collect()
}

/// The same rows as columns, again and again.
async fn publish(brokers: &str, topic: &str, records: u64, dataset: &Arc<Dataset>, batches: &[RecordBatch]) -> Result<()> {
    let job = Job::new(Task::alone(topic), Arc::clone(dataset));
    let sink = KafkaSink::builder().brokers(brokers).topic(topic).build();
    let opened = sink.open(&job).await?;
    let (mut writer, mut cursor) = (opened.writer, Cursor::start("race"));
    let mut number = 0;
    while number < records {
        for batch in batches {
            let left = usize::try_from(records - number).unwrap_or(usize::MAX);
            let batch = batch.slice(0, batch.num_rows().min(left));
            number += batch.num_rows() as u64;
            writer.stage(&Batch::insert(batch, Position::of(&number))).await?;
        }
        cursor.seq += 1;
        writer.commit(&cursor).await?;
    }
    Ok(())
}

fn rows(dataset: &Dataset, ids: std::ops::Range<u64>) -> Result<RecordBatch> {
    let strings = |of: &dyn Fn(u64) -> String| Arc::new(StringArray::from_iter_values(ids.clone().map(of))) as ArrayRef;
    let floats = |of: &dyn Fn(u64) -> f64| Arc::new(Float64Array::from_iter_values(ids.clone().map(of))) as ArrayRef;
    let integers = |of: &dyn Fn(u64) -> i64| Arc::new(Int64Array::from_iter_values(ids.clone().map(of))) as ArrayRef;
    let stamps = ids.clone().map(|id| 1_735_689_600_000_000 + id as i64);
    let columns = vec![
        integers(&|id| id as i64),
        strings(&|id| format!("user-{:06}", id % 1_000_000)),
        strings(&|id| format!("purchase-{}", id % 8)),
        floats(&|id| (id % 10_000) as f64 + 0.25),
        floats(&|id| (id % 1_000) as f64 + 0.5),
        integers(&|id| (id % 100) as i64),
        Arc::new(TimestampMicrosecondArray::from_iter_values(stamps).with_timezone("+00:00")),
        strings(&|id| format!("a note of some length about event {id:010}")),
    ];
    let wrong = |e| Error::new(Kind::Unexpected, "the rows do not fit their columns").source(e);
    RecordBatch::try_new(Arc::clone(dataset.schema()), columns).map_err(wrong)
}
