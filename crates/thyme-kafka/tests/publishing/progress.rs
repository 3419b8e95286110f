//! The progress topic: compacted, shared by many, and never mistaken.
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use thyme_core::{Kind, Result, Sink};
use thyme_testkit::Suite;
use thyme_testkit::kafka::{Kafka, New};

use crate::world::{At, World, ids, job};

pub(crate) fn cases(suite: Suite) -> Suite {
    suite
        .case("a_cursor_survives_compaction_and_ten_thousand_others", compaction)
        .case("pipelines_and_topics_are_told_apart", apart)
        .case("a_progress_topic_that_forgets_is_refused", forgets)
        .case("the_open_transaction_of_another_is_waited_for", held_up)
        .case("a_later_release_is_not_overwritten", later)
}

async fn compaction() -> Result<()> {
    let (kafka, world) = (Kafka::shared()?, World::new()?);
    let hasty = [("cleanup.policy", "compact"), ("segment.ms", "500"), ("min.cleanable.dirty.ratio", "0.01")];
    kafka.create_topic(&world.progress, 1, &hasty).await?;
    let sink = world.sink(|_| {});
    let mut at = At::open(&sink, &job("p", "0")).await?;
    for id in 0..30 {
        at.put(&[(id, "row")]).await?;
    }
    let other = |n: i32| {
        let value = format!(r#"{{"version":1,"owner":"x","cursor":{{"seq":{n},"source":"s"}}}}"#);
        New::keyed(format!(r#"["cursor","{}","p{n}","0"]"#, world.topic), value)
    };
    kafka.produce(&world.progress, (0..10_000).map(other)).await?;
    // A segment ends when the next record comes after its time.
    let begun = Instant::now();
    let mut n = 10_000;
    while ours(kafka, &world).await? > 1 {
        assert!(begun.elapsed() < Duration::from_secs(60), "it is never compacted");
        tokio::time::sleep(Duration::from_millis(700)).await;
        kafka.produce(&world.progress, [other(n)]).await?;
        n += 1;
    }
    let begun = Instant::now();
    assert_eq!(sink.cursors("p").await?["0"].seq, 30);
    let mut at = At::open(&sink, &job("p", "0")).await?;
    assert!(begun.elapsed() < Duration::from_secs(10), "it takes {:?}", begun.elapsed());
    assert_eq!(at.seq, 30);
    at.put(&[(30, "row")]).await?;
    assert_eq!(ids(&world.read(kafka).await?), (0..31).collect::<Vec<_>>());
    Ok(())
}

/// How many cursors the progress topic holds of the one task.
async fn ours(kafka: &Kafka, world: &World) -> Result<usize> {
    let key = format!(r#"["cursor","{}","p","0"]"#, world.topic);
    Ok(kafka.read(&world.progress).await?.iter().filter(|record| record.key_text() == key).count())
}

async fn seqs(sink: &thyme_kafka::KafkaSink, pipeline: &str) -> Result<Vec<(String, u64)>> {
    Ok(sink.cursors(pipeline).await?.iter().map(|(task, cursor)| (task.to_string(), cursor.seq)).collect())
}

async fn apart() -> Result<()> {
    let world = World::new()?;
    let other = World { topic: format!("{}.other", world.topic), ..world.clone() };
    let (sink, elsewhere) = (world.sink(|_| {}), other.sink(|_| {}));
    let mut writers = Vec::new();
    for (sink, pipeline, task) in [(&sink, "p", "0"), (&sink, "q", "0"), (&sink, "p", "a/0"), (&elsewhere, "p", "0")] {
        writers.push(At::open(sink, &job(pipeline, task)).await?);
    }
    // All of them go on, as often as they like.
    for turn in 0..3 {
        for (n, at) in writers.iter_mut().enumerate() {
            at.put(&[(turn * 10 + n as i64, "row")]).await?;
        }
    }
    writers[1].put(&[(99, "row")]).await?;
    assert_eq!(seqs(&sink, "p").await?, [("0".to_owned(), 3), ("a/0".to_owned(), 3)]);
    assert_eq!(seqs(&sink, "q").await?, [("0".to_owned(), 4)]);
    assert_eq!(seqs(&elsewhere, "p").await?, [("0".to_owned(), 3)]);
    assert_eq!(world.read(Kafka::shared()?).await?.len(), 10);
    Ok(())
}

async fn forgets() -> Result<()> {
    let world = World::new()?;
    Kafka::shared()?.create_topic(&world.progress, 1, &[]).await?;
    Kafka::shared()?.create_topic(&world.topic, 1, &[]).await?;
    let sink = world.sink(|_| {});
    for error in [sink.check().await.unwrap_err(), sink.open(&job("p", "0")).await.unwrap_err()] {
        assert!(error.kind() == Kind::Config && error.message().contains("not compacted"), "{error}");
    }
    Ok(())
}

/// Somebody died between its record and its commit: readers see nothing beyond before the broker aborts that.
async fn held_up() -> Result<()> {
    let world = World::new()?;
    let sink = world.sink(|_| {});
    At::open(&sink, &job("p", "0")).await?.put(&[(1, "one")]).await?;
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &world.brokers).set("transactional.id", format!("dead {}", world.topic));
    config.set("transaction.timeout.ms", "3000");
    let progress = world.progress.clone();
    let dead = move || {
        let producer: BaseProducer = config.create().unwrap();
        producer.init_transactions(Duration::from_secs(10)).unwrap();
        producer.begin_transaction().unwrap();
        producer.send(BaseRecord::<str, str>::to(&progress).key("x").payload("x").partition(0)).map_err(|(e, _)| e).unwrap();
        producer.flush(Duration::from_secs(10)).unwrap();
        producer
    };
    let dead = tokio::task::spawn_blocking(dead).await.unwrap();
    let begun = Instant::now();
    let mut at = At::open(&sink, &job("p", "0")).await?;
    assert!(begun.elapsed() > Duration::from_secs(1), "nothing held it up");
    assert_eq!(at.seq, 1);
    at.put(&[(2, "two")]).await?;
    assert_eq!(ids(&world.read(Kafka::shared()?).await?), [1, 2]);
    tokio::task::spawn_blocking(move || drop(dead)).await.unwrap();
    Ok(())
}

async fn later() -> Result<()> {
    let world = World::new()?;
    Kafka::shared()?.create_topic(&world.progress, 1, &[("cleanup.policy", "compact")]).await?;
    let key = format!(r#"["cursor","{}","p","0"]"#, world.topic);
    Kafka::shared()?.produce(&world.progress, [New::keyed(key, r#"{"version":2,"new":true}"#)]).await?;
    let sink = world.sink(|_| {});
    for error in [sink.open(&job("p", "0")).await.unwrap_err(), sink.cursors("p").await.unwrap_err()] {
        assert!(error.kind() == Kind::Unsupported && error.message().contains("later release"), "{error}");
    }
    Ok(())
}
