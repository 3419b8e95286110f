//! The hot days of the quickstart's weather, from CSV to JSON lines under `hot/`, each row once.
use thyme_connectors::core::{Dataset, Result};
use thyme_connectors::engine::Pipeline;
use thyme_connectors::file::{FileFormat, FileSink, FileSource};

#[derive(Dataset)]
struct Day {
    #[dataset(key)]
    location: String,
    #[dataset(key)]
    date: jiff::civil::Date,
    temp_max: f64,
}

#[tokio::main]
async fn main() -> Result<()> {
    let days = FileSource::builder().path("examples/quickstart/data/*.csv").build();
    let hot = FileSink::builder().path("hot").format(FileFormat::Jsonl).build();
    let pipeline = Pipeline::builder::<Day>("hot-days").source(days).schedule("@once").sink(hot);
    let pipeline = pipeline.map_rows(|day: Day| Ok((day.temp_max > 30.0).then_some(day)));
    pipeline.build()?.run().await.map(drop)
}
