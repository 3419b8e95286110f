//! Brokers that go and come back while a topic is read.
use std::time::Duration;

use thyme_core::{Cursor, Job, Kind, Result, Source};
use thyme_kafka::{AutoOffsetReset, KafkaSource};
use thyme_testkit::Suite;
use thyme_testkit::kafka::{Kafka, Listener, New, Settings, Stop, missing};
use thyme_testkit::proxy::Faults;
use thyme_testkit::rows;
use tokio::sync::mpsc;

use crate::world::{World, job, json};

/// A run that goes on and on.
struct Run {
    ids: mpsc::UnboundedReceiver<i64>,
    task: tokio::task::JoinHandle<Result<()>>,
}

impl Run {
    /// The ids from `from` to before `to` come, in order, within a minute and a half.
    async fn come(&mut self, ids: std::ops::Range<i64>) {
        for id in ids {
            match tokio::time::timeout(Duration::from_secs(90), self.ids.recv()).await {
                Ok(Some(next)) => assert_eq!(next, id),
                Ok(None) => panic!("before {id} came, the run ended: {:?}", (&mut self.task).await),
                Err(_) => panic!("nothing came where {id} was to come"),
            }
        }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Reads partition 0 of a topic, again and again where a line breaks; the ids come by a channel.
fn follow(brokers: String, topic: &str) -> Run {
    let source = KafkaSource::builder().brokers(brokers).topic([topic]).auto_offset_reset(AutoOffsetReset::Earliest).build();
    let job = Job { once: false, ..job(&["id int64!"]) };
    let mut cursor = Cursor::start(source.info().identity);
    let (send, ids) = mpsc::unbounded_channel();
    let task = tokio::spawn(async move {
        loop {
            match once(&source, &job, &mut cursor, &send).await {
                Err(error) if error.kind() == Kind::Unavailable => tokio::time::sleep(Duration::from_millis(100)).await,
                ended => return ended,
            }
        }
    });
    Run { ids, task }
}

async fn once(source: &KafkaSource, job: &Job, cursor: &mut Cursor, send: &mpsc::UnboundedSender<i64>) -> Result<()> {
    let mut plan = source.plan(job, cursor).await?;
    let split = plan.next().await?.unwrap();
    let mut reader = plan.reader(&split, cursor.splits.get(&split)).await?;
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
}

async fn add(kafka: &Kafka, topic: &str, ids: std::ops::Range<i64>) -> Result<()> {
    kafka.produce(topic, ids.map(|id| New::to(0, json(id)))).await
}

/// Everything comes once, though the way to the broker is cut for `seconds`.
async fn cut(seconds: u64) -> Result<()> {
    let kafka = Kafka::start_behind_proxies(&Settings::default()).await?;
    kafka.create_topic("cut", 1, &[]).await?;
    add(&kafka, "cut", 0..50).await?;
    let mut run = follow(kafka.brokers(Listener::Plain), "cut");
    run.come(0..50).await;
    for faults in [Faults { cut: true, ..Faults::default() }, Faults { stall: true, ..Faults::default() }] {
        kafka.proxy(1)?.set(faults);
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        kafka.proxy(1)?.set(Faults::default());
        let from = if faults.cut { 50 } else { 100 };
        add(&kafka, "cut", from..from + 50).await?;
        run.come(from..from + 50).await;
    }
    assert!(!run.task.is_finished());
    Ok(())
}

/// Everything comes once, though the broker goes `how` and comes back.
async fn restart(how: Stop) -> Result<()> {
    let kafka = Kafka::start(&Settings::default())?;
    kafka.create_topic("restart", 1, &[]).await?;
    add(&kafka, "restart", 0..50).await?;
    let mut run = follow(kafka.brokers(Listener::Plain), "restart");
    run.come(0..50).await;
    let kafka =
        tokio::task::spawn_blocking(move || kafka.stop(1, how).and_then(|()| kafka.up(1)).map(|()| kafka)).await.unwrap()?;
    add(&kafka, "restart", 50..100).await?;
    run.come(50..100).await;
    assert!(!run.task.is_finished());
    Ok(())
}

/// Everything comes once, though of three brokers the one that keeps the group goes `how`, and then the one that leads.
async fn of_three(how: Stop) -> Result<()> {
    let kafka = Kafka::start(&Settings { nodes: 3, ..Settings::default() })?;
    kafka.create_topic("three", 1, &[]).await?;
    add(&kafka, "three", 0..50).await?;
    let mut run = follow(kafka.brokers(Listener::Plain), "three");
    run.come(0..50).await;
    let group = kafka.coordinator("__consumer_offsets", "reading").await?;
    kafka.stop(group, how)?;
    add(&kafka, "three", 50..100).await?;
    run.come(50..100).await;
    kafka.up(group)?;
    let leader = kafka.leader("three", 0).await?;
    kafka.stop(leader, how)?;
    add(&kafka, "three", 100..150).await?;
    run.come(100..150).await;
    assert!(!run.task.is_finished());
    Ok(())
}

/// What a reader has not come to yet is removed under its feet.
async fn overtaken() -> Result<()> {
    let world = World::new(1, &[]).await?;
    let text = "x".repeat(100_000);
    let large = (0..100).map(|id| New::to(0, format!("{{\"id\": {id}, \"text\": \"{text}\"}}")));
    world.kafka.produce(&world.topic, large).await?;
    let source = world.source(|config| config.max_poll_records = Some(1));
    let job = Job { once: false, buffer: 1 << 20, ..job(&["id int64!"]) };
    let mut plan = source.plan(&job, &Cursor::start(source.info().identity)).await?;
    let split = plan.next().await?.unwrap();
    let mut reader = plan.reader(&split, None).await?;
    assert_eq!(rows::ids(&reader.next().await?.unwrap().rows)?, [0]);
    world.kafka.delete_records(&world.topic, 0, 90).await?;
    let mut read = 1;
    let error = loop {
        tokio::select! {
            batch = reader.next() => match batch {
                // What was fetched before.
                Ok(batch) => read += batch.unwrap().rows.num_rows(),
                Err(error) => break error,
            },
            ended = plan.next() => panic!("{ended:?}"),
        }
    };
    assert_eq!(error.kind(), Kind::CursorLost, "{error:?}");
    assert!(read < 90, "{read}: nothing was passed over in silence");
    Ok(())
}

pub(crate) fn suite() -> Suite {
    Suite::new("cuts")
        .needs(missing())
        .case("the_way_is_cut", || cut(6))
        .soak("the_way_is_cut_for_a_minute", || cut(60))
        .case("the_broker_restarts", || restart(Stop::Gently))
        .case("the_broker_is_killed", || restart(Stop::Kill))
        .case("retention_overtakes_a_slow_reader", overtaken)
        .soak("leader_and_coordinator_of_three_are_killed", || of_three(Stop::Kill))
        .soak("leader_and_coordinator_of_three_move", || of_three(Stop::Gently))
}
