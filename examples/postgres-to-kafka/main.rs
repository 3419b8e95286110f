//! New rows of a table become events of a topic, each exactly once: `pipeline.toml` as a Rust program.
//!
//! `DATABASE_URL` says where the server is, as `postgresql://user:password@host:5432/database`; the brokers are its argument.
use jiff::Timestamp;
use thyme_connectors::core::{Cdc, Dataset, Result, Secret};
use thyme_connectors::engine::Pipeline;
use thyme_connectors::kafka::{CreateTopic, KafkaSink};
use thyme_connectors::postgres::PostgresSource;

#[derive(Dataset)]
struct Transaction {
    id: i64,
    #[dataset(key)]
    user_id: String,
    amount: f64,
    #[dataset(timestamp)]
    ts: Timestamp,
}

#[tokio::main]
async fn main() -> Result<()> {
    let brokers = std::env::args().nth(1).unwrap_or_else(|| "localhost:9092".to_owned());
    let four = CreateTopic { partitions: Some(4), ..CreateTopic::default() };
    Pipeline::builder::<Transaction>("transactions")
        .source(PostgresSource::builder().url(Secret::env("DATABASE_URL")).table("transactions").build())
        .cursor("ts")
        .every("1s")
        .max_lateness("5m")
        .cdc(Cdc::Append)
        .sink(KafkaSink::builder().brokers(brokers).topic("transactions").create_topic(four).build())
        .build()?
        .run()
        .await
        .map(drop)
}
