//! Records that can't be decoded cost themselves alone; what is known about a record can be had beside it.
use thyme_core::arrow::array::Array;
use thyme_core::arrow::array::cast::AsArray;
use thyme_core::arrow::array::types::{Int32Type, Int64Type};
use thyme_core::{Cdc, Dataset, Op, Source};
use thyme_kafka::{Format, MetadataColumn};
use thyme_testkit::Suite;
use thyme_testkit::drive::{self, Durable, How};
use thyme_testkit::kafka::{New, missing};

use crate::world::{World, job, json, position};

pub(crate) fn suite() -> Suite {
    Suite::new("poison")
        .needs(missing())
        .case("a_broken_record_has_its_place_and_its_bytes", || async {
            let world = World::new(1, &[]).await?;
            let values: [&[u8]; 6] =
                [b"{\"id\": 0}", b"{\"id\": ", b"{\"id\": 1}", b"\xff\xfe", b"{\"id\": \"x\"}", b"{\"id\": 2}"];
            world.kafka.produce(&world.topic, values.map(|value| New::to(0, value))).await?;
            let source = world.source(|_| {});
            let mut durable = Durable::default();
            world.read(&source, &mut durable).await?;
            assert_eq!(durable.ids()?, [0, 1, 2]);
            let found: Vec<_> =
                durable.rejects.iter().map(|reject| (reject.place.offset.unwrap(), reject.payload.as_deref().unwrap())).collect();
            assert_eq!(found, [(1, values[1]), (3, values[3]), (4, values[4])]);
            assert_eq!(durable.rejects[0].place.path.as_deref(), Some(&*format!("{}-0", world.topic)));
            assert_eq!(position(&durable, &format!("{}-0", world.topic)), Some(6));
            // Mended, a letter is decoded as it would have been.
            let mut reject = durable.rejects[0].clone();
            reject.payload = Some(json(7).into());
            let batch = source.decode(&job(&["id int64!"]), &[reject, durable.rejects[1].clone()]).await?;
            assert_eq!(batch.rows.column(0).as_primitive::<Int64Type>().values(), &[7]);
            assert_eq!(batch.rejects.len(), 1);
            Ok(())
        })
        .case("csv_left_open_eats_no_neighbour", || async {
            let world = World::new(1, &[]).await?;
            let values = ["0,a", "1,\"b", "2,\"c \"\"d\"\"\"", "3,e\n4,f", "", "5,\"g\nh\"", "x,i", "6,"];
            world.kafka.produce(&world.topic, values.map(|value| New::to(0, value))).await?;
            let source = world.source(|config| config.format = Format::Csv);
            let mut durable = Durable::default();
            drive::run(&source, &job(&["id int64!", "text string"]), &mut durable, How::default()).await?;
            assert_eq!(durable.ids()?, [0, 2, 5, 6]);
            let offsets: Vec<_> = durable.rejects.iter().map(|reject| reject.place.offset.unwrap()).collect();
            assert_eq!(offsets, [1, 3, 4, 6], "{:?}", durable.rejects);
            Ok(())
        })
        .case("columns_about_the_record", || async {
            let world = World::new(2, &[]).await?;
            let header = |name: &str, value: Option<&str>| (name.to_owned(), value.map(|value| value.as_bytes().to_vec()));
            let headers = vec![header("a", Some("1")), header("a", None)];
            let full = New {
                partition: Some(1),
                headers,
                timestamp: Some(1_700_000_000_123),
                ..New::keyed("k", "{\"id\": 1, \"x\": 2}")
            };
            world.kafka.produce(&world.topic, [New::to(1, "broken"), full, New::to(1, json(2))]).await?;
            let source = world.source(|config| {
                config.store_raw_value = true;
                config.metadata = vec![
                    MetadataColumn::Key,
                    MetadataColumn::Partition,
                    MetadataColumn::Offset,
                    MetadataColumn::Timestamp,
                    MetadataColumn::Headers,
                    MetadataColumn::Topic,
                ];
            });
            let columns = [
                "id int64!",
                "_key string",
                "_partition int32",
                "_offset int64",
                "_timestamp timestamp",
                "_headers list<struct<name:string,value:bytes>>",
                "_topic string",
                "_value bytes",
            ];
            let mut durable = Durable::default();
            drive::run(&source, &job(&columns), &mut durable, How::default()).await?;
            let rows = &durable.landed.iter().find(|landed| landed.rows.num_rows() > 0).unwrap().rows;
            let column = |name: &str| rows.column_by_name(name).unwrap();
            assert_eq!(column("_key").as_string::<i32>().iter().collect::<Vec<_>>(), [Some("k"), None]);
            assert_eq!(column("_partition").as_primitive::<Int32Type>().values(), &[1, 1]);
            assert_eq!(column("_offset").as_primitive::<Int64Type>().values(), &[1, 2]);
            let times = column("_timestamp").as_primitive::<thyme_core::arrow::array::types::TimestampMicrosecondType>();
            assert_eq!(times.value(0), 1_700_000_000_123_000);
            let headers = column("_headers").as_list::<i32>();
            assert_eq!((headers.value(0).len(), headers.value(1).len()), (2, 0));
            let pairs = headers.value(0);
            assert_eq!(pairs.as_struct().column(0).as_string::<i32>().value(1), "a");
            assert!(pairs.as_struct().column(1).is_null(1));
            assert_eq!(column("_topic").as_string::<i32>().value(0), world.topic);
            assert_eq!(column("_value").as_binary::<i32>().value(0), b"{\"id\": 1, \"x\": 2}");
            Ok(())
        })
        .case("text_and_bytes_know_their_columns", || async {
            let world = World::new(1, &[]).await?;
            world
                .kafka
                .produce(&world.topic, [New::to(0, "a\nb"), New { value: None, ..New::to(0, "") }, New::to(0, b"\xff")])
                .await?;
            for (format, rows, rejects) in [(Format::String, 2, 1), (Format::Bytes, 3, 0)] {
                let source = world.source(|config| {
                    (config.format, config.group_id) = (format, Some(format!("{}-{format:?}", world.group)));
                });
                let mut job = job(&["id int64!"]);
                job.dataset = std::sync::Arc::new(source.discover().await?.unwrap());
                let mut durable = Durable::default();
                drive::run(&source, &job, &mut durable, How::default()).await?;
                let found: usize = durable.landed.iter().map(|landed| landed.rows.num_rows()).sum();
                assert_eq!((found, durable.rejects.len()), (rows, rejects), "{format:?}");
            }
            Ok(())
        })
        .case("tombstones_are_deletes_of_their_keys", || async {
            let world = World::new(1, &[]).await?;
            let gone = |key: &str| New { value: None, partition: Some(0), ..New::keyed(key, "") };
            let kept = |key: &str, value: &str| New { partition: Some(0), ..New::keyed(key, value) };
            world
                .kafka
                .produce(
                    &world.topic,
                    [
                        kept("1", "{\"id\": 1, \"text\": \"a\"}"),
                        gone("1"),
                        kept("2", "broken"),
                        gone("x"),
                        kept("3", "{\"id\": 3}"),
                        gone("{\"id\": 3}"),
                        kept("4", "{\"id\": 4}"),
                    ],
                )
                .await?;
            let mut job = job(&["id int64!", "text string"]);
            job.dataset = std::sync::Arc::new(Dataset::clone(&job.dataset).with_key(["id"])?);
            job.cdc = Cdc::Upsert;
            let mut durable = Durable::default();
            drive::run(&world.source(|_| {}), &job, &mut durable, How::default()).await?;
            let ops = durable.landed.iter().flat_map(|landed| (0..landed.rows.num_rows()).map(|row| landed.ops.at(row)));
            let found: Vec<_> = durable.ids()?.into_iter().zip(ops).collect();
            assert_eq!(found, [(1, Op::Insert), (1, Op::Delete), (3, Op::Insert), (3, Op::Delete), (4, Op::Insert)]);
            let offsets: Vec<_> = durable.rejects.iter().map(|reject| reject.place.offset.unwrap()).collect();
            assert_eq!(offsets, [2, 3], "{:?}", durable.rejects);
            // Where rows are events, a record without a value is none.
            job.cdc = Cdc::Append;
            let mut durable = Durable::default();
            let source = world.source(|config| config.group_id = Some(format!("{}-append", world.group)));
            drive::run(&source, &job, &mut durable, How::default()).await?;
            assert_eq!((durable.ids()?, durable.rejects.len()), (vec![1, 3, 4], 4));
            Ok(())
        })
}
