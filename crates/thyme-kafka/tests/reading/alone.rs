//! One process reads all partitions, and holds the group meanwhile.
use std::time::{Duration, Instant};

use thyme_core::{Cursor, Job, Kind, Plan, Result, Source, SplitId};
use thyme_kafka::KafkaSource;
use thyme_testkit::Suite;
use thyme_testkit::kafka::{Listener, New, missing};

use crate::world::{World, job, json};

/// A run that goes on, from the start.
async fn run(source: &KafkaSource) -> Result<Box<dyn Plan>> {
    let job = Job { once: false, ..job(&["id int64!"]) };
    source.plan(&job, &Cursor::start(source.info().identity)).await
}

/// What the plan says next, within ten seconds.
async fn next(plan: &mut Box<dyn Plan>) -> Result<Option<SplitId>> {
    tokio::time::timeout(Duration::from_secs(15), plan.next()).await.expect("the plan says something")
}

pub(crate) fn suite() -> Suite {
    Suite::new("alone")
        .needs(missing())
        .case("a_second_copy_takes_the_place_of_the_first", || async {
            let world = World::new(2, &[]).await?;
            let mut first = run(&world.source(|_| {})).await?;
            next(&mut first).await?;
            next(&mut first).await?;
            // It is a member by then.
            assert!(tokio::time::timeout(Duration::from_secs(2), first.next()).await.is_err());
            let mut second = run(&world.source(|_| {})).await?;
            next(&mut second).await?;
            next(&mut second).await?;
            let begun = Instant::now();
            let error = next(&mut first).await.unwrap_err();
            assert_eq!(error.kind(), Kind::Conflict, "{error}");
            assert!(error.to_string().contains("shared = true"), "{error}");
            assert!(begun.elapsed() < Duration::from_secs(10));
            assert!(tokio::time::timeout(Duration::from_secs(2), second.next()).await.is_err());
            Ok(())
        })
        .case("a_group_that_others_are_in_is_refused", || async {
            let world = World::new(2, &[]).await?;
            let mut other = world.kafka.client(Listener::Plain)?;
            other.set("group.id", &world.group);
            let topic = world.topic.clone();
            let joined = tokio::task::spawn_blocking(move || {
                use rdkafka::consumer::{BaseConsumer, Consumer};
                let consumer: BaseConsumer = other.create().unwrap();
                consumer.subscribe(&[&topic]).unwrap();
                let begun = Instant::now();
                while consumer.assignment().unwrap().count() == 0 {
                    assert!(begun.elapsed() < Duration::from_secs(20), "it never joined");
                    let _ = consumer.poll(Duration::from_millis(100));
                }
                consumer
            });
            let other = joined.await.unwrap();
            let error = run(&world.source(|_| {})).await.err().unwrap();
            assert_eq!(error.kind(), Kind::Conflict, "{error}");
            assert!(error.to_string().contains("rdkafka at "), "{error}");
            tokio::task::spawn_blocking(move || drop(other)).await.unwrap();
            Ok(())
        })
        .case("new_partitions_are_read_from_their_start", || async {
            let world = World::new(1, &[]).await?;
            world.add(0..5).await?;
            let source = world.source(|config| config.auto_offset_reset = thyme_kafka::AutoOffsetReset::Latest);
            let mut plan = run(&source).await?;
            assert_eq!(next(&mut plan).await?.as_deref(), Some(&*format!("{}-0", world.topic)));
            world.kafka.add_partitions(&world.topic, 2).await?;
            world.kafka.produce(&world.topic, [New::to(1, json(6))]).await?;
            let split = next(&mut plan).await?.unwrap();
            assert_eq!(&*split, format!("{}-1", world.topic));
            let mut reader = plan.reader(&split, None).await?;
            let batch = tokio::time::timeout(Duration::from_secs(10), reader.next()).await.unwrap()?.unwrap();
            assert_eq!(thyme_testkit::rows::ids(&batch.rows)?, [6]);
            Ok(())
        })
        .case("several_topics_are_one_dataset", || async {
            let (one, two) = (World::new(2, &[]).await?, World::new(1, &[]).await?);
            one.add(0..5).await?;
            two.add(5..8).await?;
            let source = one.source(|config| config.topic = vec![one.topic.clone(), two.topic.clone()]);
            let mut durable = thyme_testkit::drive::Durable::default();
            one.read(&source, &mut durable).await?;
            let mut ids = durable.ids()?;
            ids.sort_unstable();
            assert_eq!(ids, (0..8).collect::<Vec<_>>());
            Ok(())
        })
}
