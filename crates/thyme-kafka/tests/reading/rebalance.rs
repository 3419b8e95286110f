//! A group that changes while its members read on.
use std::time::Duration;

use thyme_core::{Cursor, Job, Result, Source};
use thyme_kafka::{GroupProtocol, KafkaSource};
use thyme_testkit::Suite;
use thyme_testkit::kafka::missing;
use tokio::sync::watch;

use crate::shared::{Target, process};
use crate::world::{Open, World, job};

/// How long a change of the group takes, with its signs of life twice a second.
const SETTLE: Duration = Duration::from_secs(3);

/// A reader stands at the end of its partition, where a transaction is open, while the group changes: what is committed then
/// comes whole. Without the transaction the position itself would be lost.
async fn at_the_end(protocol: GroupProtocol) -> Result<()> {
    let world = World::new(1, &[]).await?;
    let source = || -> KafkaSource {
        world.source(|config| {
            (config.shared, config.group_protocol) = (true, protocol);
            if protocol == GroupProtocol::Classic {
                (config.session_timeout_ms, config.heartbeat_interval_ms) = (Some(6000), Some(500));
            }
        })
    };
    let target = Target::default();
    let (stop, told) = watch::channel(false);
    world.add(0..5).await?;
    let reading = tokio::spawn(process(source(), target.clone(), told.clone()));
    for turn in 1..=2_i64 {
        target.holds(turn as usize * 5).await;
        // Until it has heard that this is the end.
        tokio::time::sleep(Duration::from_secs(1)).await;
        let ids = turn * 5..turn * 5 + 5;
        let open = Open::begin(world.kafka, &world.topic, &world.topic, ids).await?;
        let job = Job { once: false, ..job(&["id int64!"]) };
        let other = source().plan(&job, &Cursor::start("shared")).await?;
        tokio::time::sleep(SETTLE).await;
        drop(other);
        tokio::time::sleep(SETTLE).await;
        open.commit().await?;
    }
    target.holds(15).await;
    stop.send_replace(true);
    reading.await.unwrap()?;
    assert_eq!(target.ids(), (0..15).collect::<Vec<_>>());
    Ok(())
}

pub(crate) fn suite() -> Suite {
    Suite::new("rebalance")
        .needs(missing())
        .case("the_end_of_a_partition_is_kept", || at_the_end(GroupProtocol::Classic))
        .case("the_end_of_a_partition_is_kept_848", || at_the_end(GroupProtocol::Consumer))
}
