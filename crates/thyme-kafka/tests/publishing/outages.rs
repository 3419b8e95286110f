//! Brokers that go, and networks that swallow: every row once all the same.
use std::time::Duration;

use thyme_core::Result;
use thyme_testkit::Suite;
use thyme_testkit::kafka::{Kafka, Settings, Stop};
use thyme_testkit::proxy::Faults;

use crate::world::{Delivery, World, ids};

pub(crate) fn cases(suite: Suite) -> Suite {
    suite
        .case("the_coordinator_of_a_transaction_dies_in_the_middle", || coordinator(Stop::Kill))
        .soak("the_coordinator_of_a_transaction_moves_in_the_middle", || coordinator(Stop::Gently))
        .case("the_broker_is_killed_in_the_middle", killed)
        .case("the_network_swallows_a_transaction", || swallowed(Duration::from_secs(6), Duration::from_secs(2)))
        .soak("the_network_swallows_a_transaction_for_a_minute", || swallowed(Duration::from_secs(60), Duration::from_secs(30)))
}

const COMMITS: u64 = 6;
const ROWS: i64 = 500;

async fn whole(world: &World, kafka: &Kafka) -> Result<()> {
    let rows = i64::try_from(COMMITS).unwrap() * ROWS;
    assert_eq!(ids(&world.read(kafka).await?), (0..rows).collect::<Vec<_>>());
    Ok(())
}

async fn coordinator(how: Stop) -> Result<()> {
    let kafka = Kafka::start(&Settings { nodes: 3, ..Settings::default() })?;
    let world = World::on(&kafka);
    let sink = world.sink(|config| config.transaction_timeout = Some(Duration::from_secs(10)));
    let (id, mut down) = (format!("thyme/{}/p/0", world.topic), false);
    let mut delivery = Delivery::new(&sink, ROWS);
    loop {
        let next = delivery.stage().await?;
        if next > COMMITS {
            break;
        }
        if next == 3 && !std::mem::replace(&mut down, true) {
            kafka.stop(kafka.coordinator("__transaction_state", &id).await?, how)?;
        }
        delivery.commit().await?;
    }
    drop(delivery);
    assert!(down);
    whole(&world, &kafka).await
}

async fn killed() -> Result<()> {
    let kafka = Kafka::start(&Settings::default())?;
    let world = World::on(&kafka);
    let sink = world.sink(|config| config.transaction_timeout = Some(Duration::from_secs(10)));
    let (mut delivery, mut killed) = (Delivery::new(&sink, ROWS), 0);
    loop {
        let next = delivery.stage().await?;
        if next > COMMITS {
            break;
        }
        if matches!((next, killed), (2, 0) | (4, 1)) {
            killed += 1;
            kafka.stop(1, Stop::Kill)?;
            kafka.up(1)?;
        }
        delivery.commit().await?;
    }
    drop(delivery);
    assert_eq!(killed, 2);
    whole(&world, &kafka).await
}

/// For longer than a transaction may be open.
async fn swallowed(time: Duration, timeout: Duration) -> Result<()> {
    let kafka = Kafka::start_behind_proxies(&Settings::default()).await?;
    let world = World::on(&kafka);
    let sink = world.sink(|config| config.transaction_timeout = Some(timeout));
    let (mut delivery, mut cut) = (Delivery::new(&sink, ROWS), false);
    loop {
        let next = delivery.stage().await?;
        if next > COMMITS {
            break;
        }
        if next == 3 && !std::mem::replace(&mut cut, true) {
            kafka.proxy(1)?.set(Faults { stall: true, ..Faults::default() });
            tokio::time::sleep(time).await;
            kafka.proxy(1)?.set(Faults::default());
        }
        delivery.commit().await?;
    }
    let opened = delivery.opened;
    drop(delivery);
    assert!(cut && opened > 1, "the broker never aborted it");
    whole(&world, &kafka).await
}
