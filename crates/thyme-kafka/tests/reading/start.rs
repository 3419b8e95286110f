//! Where a first run begins, and what becomes of positions that are gone.
use thyme_core::{Cursor, Kind, Source, Start};
use thyme_kafka::AutoOffsetReset;
use thyme_testkit::Suite;
use thyme_testkit::drive::{self, Cut, Durable, How};
use thyme_testkit::kafka::{New, missing};

use crate::world::{World, job, json, position};

pub(crate) fn suite() -> Suite {
    Suite::new("start")
        .needs(missing())
        .case("latest_is_kept_by_the_first_look", || async {
            let world = World::new(2, &[]).await?;
            world.add(0..10).await?;
            let source = world.source(|config| config.auto_offset_reset = AutoOffsetReset::Latest);
            let mut durable = Durable::default();
            world.read(&source, &mut durable).await?;
            assert!(durable.ids()?.is_empty());
            // What comes between the runs is read, though nobody was there when it came.
            world.add(10..20).await?;
            world.kafka.produce(&world.topic, [New::to(1, json(20))]).await?;
            world.read(&source, &mut durable).await?;
            let mut ids = durable.ids()?;
            ids.sort_unstable();
            assert_eq!(ids, (10..21).collect::<Vec<_>>());
            Ok(())
        })
        .case("a_cut_before_the_first_commit_looks_again", || async {
            let world = World::new(1, &[]).await?;
            world.add(0..10).await?;
            let source = world.source(|config| config.auto_offset_reset = AutoOffsetReset::Latest);
            let mut durable = Durable::default();
            let how = How { every: 1, cut: Some(Cut::Before(1)), ..How::default() };
            assert!(drive::run(&source, &job(&["id int64!"]), &mut durable, how).await?.cut);
            assert!(durable.cursor().is_none());
            world.add(10..12).await?;
            world.read(&source, &mut durable).await?;
            assert!(durable.ids()?.is_empty());
            assert_eq!(durable.cursor().unwrap().splits.len(), 1);
            Ok(())
        })
        .case("earliest_timestamp_and_none", || async {
            let world = World::new(1, &[]).await?;
            let now = jiff::Timestamp::now().as_millisecond();
            let at = |id: i64| New { timestamp: Some(now + id * 1000), ..New::to(0, json(id)) };
            world.kafka.produce(&world.topic, (0..10).map(at)).await?;
            let mut durable = Durable::default();
            world.read(&world.source(|_| {}), &mut durable).await?;
            assert_eq!(durable.ids()?, (0..10).collect::<Vec<_>>());
            let timed = world.source(|config| {
                config.group_id = Some(format!("{}-timed", world.group));
                config.auto_offset_reset = AutoOffsetReset::Timestamp;
                config.start_timestamp = Some(jiff::Timestamp::from_millisecond(now + 6500).unwrap().to_string());
            });
            let mut durable = Durable::default();
            world.read(&timed, &mut durable).await?;
            assert_eq!(durable.ids()?, [7, 8, 9]);
            let none = world.source(|config| {
                config.group_id = Some(format!("{}-none", world.group));
                config.auto_offset_reset = AutoOffsetReset::None;
            });
            let error = world.read(&none, &mut Durable::default()).await.unwrap_err();
            assert_eq!(error.kind(), Kind::CursorLost, "{error}");
            Ok(())
        })
        .case("the_group_counts_after_the_cursor_and_before_the_rule", || async {
            let world = World::new(1, &[]).await?;
            world.add(0..10).await?;
            let source = world.source(|_| {});
            let mut durable = Durable::default();
            world.read(&source, &mut durable).await?;
            assert_eq!(world.kafka.committed(&world.group, &world.topic).await?, [Some(10)]);
            world.add(10..15).await?;
            // Without a cursor, the group's offset: what was read stays read.
            let mut other = Durable::default();
            world.read(&source, &mut other).await?;
            assert_eq!(other.ids()?, (10..15).collect::<Vec<_>>());
            // With one, the cursor: it stands with the rows.
            world.read(&source, &mut durable).await?;
            assert_eq!(durable.ids()?, (0..15).collect::<Vec<_>>());
            Ok(())
        })
        .case("retention_past_the_position_is_a_lost_cursor", || async {
            let world = World::new(1, &[]).await?;
            world.add(0..10).await?;
            let source = world.source(|_| {});
            let mut durable = Durable::default();
            world.read(&source, &mut durable).await?;
            world.add(10..30).await?;
            world.kafka.delete_records(&world.topic, 0, 20).await?;
            let error = world.read(&source, &mut durable).await.unwrap_err();
            assert_eq!(error.kind(), Kind::CursorLost, "{error}");
            assert!(error.to_string().contains("retention"), "{error}");
            // What the engine does under each policy: the positions go, and `start` says where to begin.
            for (start, ids) in [(Start::Earliest, (20..30).collect::<Vec<_>>()), (Start::Latest, vec![])] {
                let mut anew = Durable::default();
                let mut job = job(&["id int64!"]);
                job.start = Some(start);
                drive::run(&source, &job, &mut anew, How::default()).await?;
                assert_eq!(anew.ids()?, ids, "{start:?}");
            }
            Ok(())
        })
        .case("a_position_of_something_else_is_lost", || async {
            let world = World::new(1, &[]).await?;
            let source = world.source(|_| {});
            let mut cursor = Cursor::start(source.info().identity);
            cursor.splits.insert("read-0".into(), thyme_core::Position::of(&"somewhere"));
            let mut plan = source.plan(&job(&["id int64!"]), &cursor).await?;
            let split = thyme_core::SplitId::from(format!("{}-0", world.topic));
            let error = plan.reader(&split, cursor.splits.get("read-0")).await.err().unwrap();
            assert_eq!(error.kind(), Kind::CursorLost, "{error}");
            Ok(())
        })
        .case("many_partitions_pin_once", || async {
            let world = World::new(12, &[]).await?;
            world.kafka.produce(&world.topic, (0..24).map(|id| New::to((id % 12) as i32, json(id)))).await?;
            let source = world.source(|config| config.auto_offset_reset = AutoOffsetReset::Latest);
            let mut durable = Durable::default();
            let how = How { every: 1, cut: Some(Cut::After(1)), ..How::default() };
            drive::run(&source, &job(&["id int64!"]), &mut durable, how).await?;
            // One commit keeps the beginnings of all of them.
            world.kafka.produce(&world.topic, (24..48).map(|id| New::to((id % 12) as i32, json(id)))).await?;
            world.read(&source, &mut durable).await?;
            let mut ids = durable.ids()?;
            ids.sort_unstable();
            assert_eq!(ids, (24..48).collect::<Vec<_>>());
            assert_eq!(position(&durable, &format!("{}-0", world.topic)), Some(4));
            Ok(())
        })
}
