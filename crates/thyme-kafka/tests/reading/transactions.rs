//! Records of transactions, and offsets without records.
use thyme_kafka::IsolationLevel;
use thyme_testkit::Suite;
use thyme_testkit::drive::Durable;
use thyme_testkit::kafka::{New, missing};

use crate::world::{World, json, position};

pub(crate) fn suite() -> Suite {
    Suite::new("transactions")
        .needs(missing())
        .case("aborted_records_are_passed_over", || async {
            let world = World::new(1, &[]).await?;
            let records = |ids: std::ops::Range<i64>| ids.map(|id| New::to(0, json(id))).collect::<Vec<_>>();
            world.kafka.produce_in_transaction(&world.topic, &world.topic, records(0..5), true).await?;
            world.kafka.produce_in_transaction(&world.topic, &world.topic, records(100..105), false).await?;
            world.kafka.produce_in_transaction(&world.topic, &world.topic, records(5..10), true).await?;
            world.kafka.produce_in_transaction(&world.topic, &world.topic, records(200..210), false).await?;
            let mut durable = Durable::default();
            world.read(&world.source(|_| {}), &mut durable).await?;
            assert_eq!(durable.ids()?, (0..10).collect::<Vec<_>>());
            // Twenty-five records and four markers: the position is past them all, and the lag is none.
            assert_eq!(position(&durable, &format!("{}-0", world.topic)), Some(29));
            assert_eq!(world.kafka.committed(&world.group, &world.topic).await?, [Some(29)]);
            // A run that finds nothing ends.
            world.read(&world.source(|_| {}), &mut durable).await?;
            assert_eq!(durable.ids()?.len(), 10);
            let mut all = Durable::default();
            let dirty = world.source(|config| {
                config.group_id = Some(format!("{}-dirty", world.group));
                config.isolation_level = IsolationLevel::ReadUncommitted;
            });
            world.read(&dirty, &mut all).await?;
            assert_eq!(all.ids()?.len(), 25);
            Ok(())
        })
        .case("a_compacted_topic_is_read_to_its_end", || async {
            let config = [
                ("cleanup.policy", "compact"),
                ("segment.ms", "100"),
                ("segment.bytes", "1048576"),
                ("min.cleanable.dirty.ratio", "0.001"),
                ("delete.retention.ms", "100"),
                ("max.compaction.lag.ms", "200"),
            ];
            let world = World::new(1, &config).await?;
            let keyed = |id: i64| New { partition: Some(0), ..New::keyed(format!("k{}", id % 3), json(id)) };
            world.kafka.produce(&world.topic, (0..30).map(keyed)).await?;
            // The active segment is never compacted: roll it.
            for id in 30..400 {
                tokio::time::sleep(std::time::Duration::from_millis(150)).await;
                world.kafka.produce(&world.topic, [keyed(id)]).await?;
                if world.kafka.read(&world.topic).await?.len() < 20 {
                    break;
                }
            }
            let seen = world.kafka.read(&world.topic).await?;
            assert!(seen.len() < 30, "nothing was compacted: {} records", seen.len());
            let mut durable = Durable::default();
            world.read(&world.source(|_| {}), &mut durable).await?;
            let high = world.kafka.offsets(&world.topic).await?[0].high;
            assert_eq!(position(&durable, &format!("{}-0", world.topic)), Some(high));
            let last = durable.ids()?.pop();
            assert_eq!(last, Some(high - 1));
            Ok(())
        })
        .case("an_open_transaction_holds_a_run_back_and_not_up", || async {
            let world = World::new(1, &[]).await?;
            world.add(0..5).await?;
            let open = crate::world::Open::begin(world.kafka, &world.topic, &world.topic, 100..103).await?;
            world.add(5..8).await?;
            let mut durable = Durable::default();
            world.read(&world.source(|_| {}), &mut durable).await?;
            assert_eq!(durable.ids()?, (0..5).collect::<Vec<_>>());
            open.commit().await?;
            world.read(&world.source(|_| {}), &mut durable).await?;
            assert_eq!(durable.ids()?, [0, 1, 2, 3, 4, 100, 101, 102, 5, 6, 7]);
            Ok(())
        })
}
