//! Brokers that go and come back while a topic is read.
use std::time::Duration;

use thyme_core::{Cursor, Job, Result, Source};
use thyme_kafka::{AutoOffsetReset, KafkaSource};
use thyme_testkit::Suite;
use thyme_testkit::kafka::{Kafka, Listener, New, Settings, Stop, missing};
use thyme_testkit::proxy::Faults;
use thyme_testkit::rows;
use tokio::sync::mpsc;

use crate::world::{job, json};

/// Reads partition 0 of a topic on and on; the ids come by the channel.
async fn follow(brokers: String, topic: &str) -> Result<(mpsc::UnboundedReceiver<i64>, tokio::task::JoinHandle<Result<()>>)> {
    let source = KafkaSource::builder().brokers(brokers).topic([topic]).auto_offset_reset(AutoOffsetReset::Earliest).build();
    let job = Job { once: false, ..job(&["id int64!"]) };
    let mut cursor = Cursor::start(source.info().identity);
    let mut plan = source.plan(&job, &cursor).await?;
    let (send, receive) = mpsc::unbounded_channel();
    let task = tokio::spawn(async move {
        let split = plan.next().await?.unwrap();
        let mut reader = plan.reader(&split, None).await?;
        let pump = async {
            while let Some(batch) = reader.next().await? {
                for id in rows::ids(&batch.rows)? {
                    let _ = send.send(id);
                }
                cursor.splits.insert(split.clone(), batch.position);
            }
            Ok(())
        };
        tokio::select! {
            done = pump => done,
            next = plan.next() => next.map(drop),
        }
    });
    Ok((receive, task))
}

/// The ids from `from` to before `to` come, in order, within a minute and a half.
async fn come(receive: &mut mpsc::UnboundedReceiver<i64>, ids: std::ops::Range<i64>) {
    for id in ids {
        let next = tokio::time::timeout(Duration::from_secs(90), receive.recv()).await;
        assert_eq!(next.unwrap_or_else(|_| panic!("nothing came after {id}")), Some(id));
    }
}

async fn add(kafka: &Kafka, topic: &str, ids: std::ops::Range<i64>) -> Result<()> {
    kafka.produce(topic, ids.map(|id| New::to(0, json(id)))).await
}

/// Everything comes once, though the way to the broker is cut for `seconds`.
async fn cut(seconds: u64) -> Result<()> {
    let kafka = Kafka::start_behind_proxies(&Settings::default()).await?;
    kafka.create_topic("cut", 1, &[]).await?;
    add(&kafka, "cut", 0..50).await?;
    let (mut receive, task) = follow(kafka.brokers(Listener::Plain), "cut").await?;
    come(&mut receive, 0..50).await;
    for faults in [Faults { cut: true, ..Faults::default() }, Faults { stall: true, ..Faults::default() }] {
        kafka.proxy(1)?.set(faults);
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        kafka.proxy(1)?.set(Faults::default());
        let from = if faults.cut { 50 } else { 100 };
        add(&kafka, "cut", from..from + 50).await?;
        come(&mut receive, from..from + 50).await;
    }
    assert!(!task.is_finished(), "{:?}", task.await);
    task.abort();
    Ok(())
}

/// Everything comes once, though the broker goes `how` and comes back.
async fn restart(how: Stop) -> Result<()> {
    let kafka = Kafka::start(&Settings::default())?;
    kafka.create_topic("restart", 1, &[]).await?;
    add(&kafka, "restart", 0..50).await?;
    let (mut receive, task) = follow(kafka.brokers(Listener::Plain), "restart").await?;
    come(&mut receive, 0..50).await;
    let kafka =
        tokio::task::spawn_blocking(move || kafka.stop(1, how).and_then(|()| kafka.up(1)).map(|()| kafka)).await.unwrap()?;
    add(&kafka, "restart", 50..100).await?;
    come(&mut receive, 50..100).await;
    assert!(!task.is_finished(), "{:?}", task.await);
    task.abort();
    Ok(())
}

pub(crate) fn suite() -> Suite {
    Suite::new("cuts")
        .needs(missing())
        .case("the_way_is_cut", || cut(6))
        .soak("the_way_is_cut_for_a_minute", || cut(60))
        .case("the_broker_restarts", || restart(Stop::Gently))
        .case("the_broker_is_killed", || restart(Stop::Kill))
}
