//! Another topic of the same name.
use std::time::{Duration, Instant};

use thyme_core::{Cursor, Kind, Result, Source};
use thyme_kafka::{AutoOffsetReset, KafkaSourceConfig};
use thyme_testkit::Suite;
use thyme_testkit::drive::Durable;
use thyme_testkit::kafka::missing;

use crate::world::{World, job};

pub(crate) fn suite() -> Suite {
    Suite::new("anew")
        .needs(missing())
        .case("a_topic_that_stays_is_read_on", stays)
        .case("a_topic_made_anew_is_noticed", || anew(|_| {}, 10))
        .case("by_who_has_read_nothing", || anew(|config| config.auto_offset_reset = AutoOffsetReset::Latest, 0))
        .case("by_who_shares_it", || anew(|config| config.shared = true, 10))
        .case("while_it_is_read", reading)
        .breakage(
            "kafka.no_topic_id",
            &["anew/a_topic_made_anew_is_noticed", "by_who_has_read_nothing", "by_who_shares_it", "while_it_is_read"],
        )
}

async fn stays() -> Result<()> {
    let world = World::new(1, &[]).await?;
    let (source, mut durable) = (world.source(|_| {}), Durable::default());
    for turn in 1..=2 {
        world.add((turn - 1) * 10..turn * 10).await?;
        world.read(&source, &mut durable).await?;
        assert_eq!(durable.ids()?, (0..turn * 10).collect::<Vec<_>>());
    }
    Ok(())
}

/// Deletes the topic, and makes another of its name, with more records than the first one had.
async fn remake(world: &World) -> Result<()> {
    world.kafka.delete_topic(&world.topic).await?;
    let begun = Instant::now();
    while let Err(error) = world.kafka.create_topic(&world.topic, 1, &[]).await {
        assert!(begun.elapsed() < Duration::from_secs(30), "{error}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    world.add(100..120).await
}

/// The position is one that the new topic has as well.
async fn anew(change: fn(&mut KafkaSourceConfig), rows: usize) -> Result<()> {
    let world = World::new(1, &[]).await?;
    world.add(0..10).await?;
    let source = world.source(change);
    let mut durable = Durable::default();
    world.read(&source, &mut durable).await?;
    assert_eq!(durable.ids()?.len(), rows);
    remake(&world).await?;
    let error = world.read(&source, &mut durable).await.unwrap_err();
    assert_eq!(error.kind(), Kind::CursorLost, "{error}");
    assert!(error.to_string().contains("made anew"), "{error}");
    assert_eq!(durable.ids()?.len(), rows);
    Ok(())
}

async fn reading() -> Result<()> {
    let world = World::new(1, &[]).await?;
    world.add(0..10).await?;
    let mut running = job(&["id int64!"]);
    running.once = false;
    let source = world.source(|_| {});
    let mut plan = source.plan(&running, &Cursor::start(source.info().identity)).await?;
    let split = plan.next().await?.unwrap();
    let mut reader = plan.reader(&split, None).await?;
    assert!(reader.next().await?.is_some());
    remake(&world).await?;
    // A look is made every ten seconds.
    let found = tokio::time::timeout(Duration::from_secs(30), plan.next()).await;
    let error = found.expect("the plan says something").unwrap_err();
    assert!(matches!(error.kind(), Kind::CursorLost | Kind::NotFound), "{error}");
    Ok(())
}
