//! Reads whatever a connection string names, once, into Arrow batches: `read postgresql://me@db/shop?table=orders [CURSOR]`.
#![allow(clippy::print_stdout, reason = "an example prints")]
use std::sync::Arc;
use std::time::Instant;

use serde_json::Map;
use thyme_connectors::core::{Cursor, Error, Job, Kind, Result, Task};
use thyme_connectors::registry;

#[tokio::main]
async fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let usage = || Error::new(Kind::Config, "usage: read CONNECTION_STRING [CURSOR_COLUMN]");
    let source = registry().create_source(&args.next().ok_or_else(usage)?, Map::new())?;

    let start = Instant::now();
    let unknown = || Error::new(Kind::Schema, "the source does not know its columns");
    let dataset = source.discover().await?.ok_or_else(unknown)?;
    let mut job = Job::new(Task::alone("read"), Arc::new(dataset));
    job.cursor = args.next();
    job.once = true;

    // Splits are independent of each other: all of them are read at once, each in order.
    let from = Cursor::start(source.info().identity);
    let mut plan = source.plan(&job, &from).await?;
    let mut readers = tokio::task::JoinSet::new();
    while let Some(split) = plan.next().await? {
        let mut reader = plan.reader(&split, None).await?;
        readers.spawn(async move {
            let (mut batches, mut rows) = (0, 0);
            while let Some(batch) = reader.next().await? {
                // `batch.rows` is an Arrow `RecordBatch`: here is where you would use it.
                batches += 1;
                rows += batch.rows.num_rows();
            }
            Ok::<_, Error>((batches, rows))
        });
    }
    let (mut batches, mut rows) = (0, 0);
    while let Some(read) = readers.join_next().await {
        let (more_batches, more_rows) = read.map_err(|e| Error::new(Kind::Unexpected, e.to_string()))??;
        batches += more_batches;
        rows += more_rows;
    }
    println!("{rows} rows in {batches} batches within {:.3} s", start.elapsed().as_secs_f64());
    Ok(())
}
