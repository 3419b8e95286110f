//! What a row becomes.
use std::sync::Arc;

use thyme_core::arrow::array::{ArrayRef, BinaryArray, Int32Array, Int64Array, RecordBatch, StringArray};
use thyme_core::arrow::datatypes::Schema;
use thyme_core::{Batch, Dataset, Job, Kind, Op, Position, Result, Sink, Task, field_type};
use thyme_kafka::{Compression, CreateTopic, Encoding, Format, HeaderColumn};
use thyme_testkit::Suite;
use thyme_testkit::kafka::Kafka;

use crate::world::{At, World, changes, cursor, job, texts};

pub(crate) fn cases(suite: Suite) -> Suite {
    suite
        .case("keys_are_those_of_the_dataset_or_of_other_fields", keys)
        .case("values_have_every_format", formats)
        .case("a_delete_is_a_tombstone", tombstones)
        .case("the_pipeline_says_what_changes_become", by_cdc)
        .case("headers_say_what_happened_and_where", headers)
        .case("a_field_decides_the_partition", partitions)
        .case("every_compression_is_read_back", compressions)
        .case("a_topic_is_made_as_it_is_wanted", created)
        .case("a_topic_is_not_made_unasked", not_created)
        .case("one_key_keeps_its_order", ordered)
}

/// A dataset `id int64!` (the key), `shop string`, `part int32`, `body bytes`, and three rows of it.
fn shops() -> (Job, Batch) {
    let fields = [("id", "int64!"), ("shop", "string"), ("part", "int32"), ("body", "bytes")];
    let fields = fields.map(|(name, text)| field_type::parse(name, text).unwrap());
    let dataset = Dataset::new("shops", Arc::new(Schema::new(fields.to_vec()))).unwrap().with_key(["id"]).unwrap();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from(vec![1, 2, 3])),
        Arc::new(StringArray::from(vec![Some("north"), Some("süd \"7\""), None])),
        Arc::new(Int32Array::from(vec![Some(2), Some(0), None])),
        Arc::new(BinaryArray::from(vec![Some(&b"\x00\xff"[..]), Some(b""), None])),
    ];
    let rows = RecordBatch::try_new(Arc::clone(dataset.columns()), columns).unwrap();
    (Job::new(Task::alone("shops"), Arc::new(dataset)), Batch::insert(rows, Position::of(&["here"])))
}

async fn write(world: &World, sink: &thyme_kafka::KafkaSink) -> Result<Vec<thyme_testkit::kafka::Record>> {
    let (job, batch) = shops();
    let mut writer = sink.open(&job).await?.writer;
    let staged = writer.stage(&batch).await?;
    assert!(staged.rejects.is_empty(), "{:?}", staged.rejects);
    writer.commit(&cursor(1)).await?;
    let mut records = world.read(Kafka::shared()?).await?;
    records.sort_by_key(|record| record.offset);
    Ok(records)
}

/// The keys of the three rows by some fields.
async fn keyed(fields: &[&str], format: Format) -> Result<Vec<Option<Vec<u8>>>> {
    let world = World::new()?;
    let one = CreateTopic { partitions: Some(1), ..CreateTopic::default() };
    let sink = world.sink(|config| {
        config.key_fields = fields.iter().map(|field| (*field).to_owned()).collect();
        (config.key_format, config.create_topic) = (format, Some(one));
    });
    Ok(write(&world, &sink).await?.into_iter().map(|record| record.key).collect())
}

async fn keys() -> Result<()> {
    let texts = |texts: &[&str]| texts.iter().map(|text| Some(text.as_bytes().to_vec())).collect::<Vec<_>>();
    assert_eq!(keyed(&[], Format::String).await?, texts(&["1", "2", "3"]));
    assert_eq!(keyed(&[], Format::Json).await?, texts(&[r#"{"id":1}"#, r#"{"id":2}"#, r#"{"id":3}"#]));
    let mut shop = texts(&["north", "süd \"7\""]);
    shop.push(None);
    assert_eq!(keyed(&["shop"], Format::String).await?, shop);
    assert_eq!(keyed(&["body"], Format::Bytes).await?, [Some(vec![0, 255]), Some(vec![]), None]);
    let both = [r#"{"shop":"north","id":1}"#, r#"{"shop":"süd \"7\"","id":2}"#, r#"{"shop":null,"id":3}"#];
    assert_eq!(keyed(&["shop", "id"], Format::String).await?, texts(&both));
    let world = World::new()?;
    let sink = world.sink(|config| config.key_fields = vec!["shopp".into()]);
    let error = sink.open(&shops().0).await.unwrap_err();
    assert!(error.kind() == Kind::Schema && error.message().contains("`shopp`"), "{error}");
    Ok(())
}

async fn formats() -> Result<()> {
    let world = World::new()?;
    let one = CreateTopic { partitions: Some(1), ..CreateTopic::default() };
    let sink = world.sink(|config| (config.format, config.create_topic) = (Format::Csv, Some(one.clone())));
    assert_eq!(texts(&write(&world, &sink).await?), ["1,north,2,AP8=", "2,\"süd \"\"7\"\"\",0,\"\"", "3,,,"]);
    let world = World::new()?;
    let sink = world.sink(|config| {
        (config.format, config.create_topic) = (Format::Bytes, Some(one.clone()));
        config.key_fields = vec!["id".into(), "shop".into(), "part".into()];
    });
    let values: Vec<_> = write(&world, &sink).await?.into_iter().map(|record| record.value).collect();
    assert_eq!(values, [Some(vec![0, 255]), Some(vec![]), None]);
    let sink = World::new()?.sink(|config| config.format = Format::String);
    let error = sink.open(&shops().0).await.unwrap_err();
    assert!(error.kind() == Kind::Schema && error.message().contains("3 beside the key"), "{error}");
    Ok(())
}

async fn tombstones() -> Result<()> {
    let world = World::new()?;
    let wanted = CreateTopic { partitions: Some(5), ..CreateTopic::default() };
    let sink = world.sink(|config| (config.encoding, config.create_topic) = (Some(Encoding::Upsert), Some(wanted)));
    let mut at = At::open(&sink, &job("p", "0")).await?;
    at.stage(&[(1, "one"), (2, "two"), (3, "three")]).await?;
    at.writer.stage(&changes(Op::Update, &[(2, "other")])).await?;
    at.writer.stage(&changes(Op::Delete, &[(1, ""), (3, "")])).await?;
    at.commit().await?;
    let records = world.read(Kafka::shared()?).await?;
    for (id, want) in [("1", vec!["one", "-"]), ("2", vec!["two", "other"]), ("3", vec!["three", "-"])] {
        let of: Vec<_> = records.iter().filter(|record| record.key_text() == id).collect();
        assert!(of.iter().all(|record| record.partition == of[0].partition), "one key in two partitions: {of:?}");
        let want: Vec<_> = want.iter().map(|text| (*text != "-").then(|| format!(r#"{{"id":{id},"text":"{text}"}}"#))).collect();
        let got: Vec<_> = of.iter().map(|record| record.value.as_ref().map(|_| record.text())).collect();
        assert_eq!(got, want, "the records of {id}");
    }
    Ok(())
}

async fn by_cdc() -> Result<()> {
    let world = World::new()?;
    let sink = world.sink(|_| {});
    let mut of = job("p", "0");
    of.cdc = thyme_core::Cdc::Upsert;
    let mut at = At::open(&sink, &of).await?;
    at.writer.stage(&changes(Op::Delete, &[(1, "gone")])).await?;
    at.commit().await?;
    assert_eq!(texts(&world.read(Kafka::shared()?).await?), ["-"]);
    // Rows that are events have no end.
    let mut at = At::open(&sink, &job("q", "0")).await?;
    let error = at.writer.stage(&changes(Op::Delete, &[(1, "gone")])).await.unwrap_err();
    assert!(error.kind() == Kind::Unsupported && error.message().contains("delete"), "{error}");
    // Changes need a key.
    let mut keyless = job("r", "0");
    keyless.dataset = Arc::new(Dataset::new("rows", Arc::clone(of.dataset.columns()))?);
    keyless.cdc = thyme_core::Cdc::Upsert;
    let error = sink.open(&keyless).await.unwrap_err();
    assert!(error.kind() == Kind::Schema && error.message().contains("dataset.key"), "{error}");
    Ok(())
}

async fn headers() -> Result<()> {
    let world = World::new()?;
    let sink = world.sink(|config| config.headers = vec![HeaderColumn::Op, HeaderColumn::Position]);
    let records = write(&world, &sink).await?;
    for record in &records {
        let text = |value: &Option<Vec<u8>>| String::from_utf8(value.clone().unwrap()).unwrap();
        let got: Vec<_> = record.headers.iter().map(|(name, value)| (name.as_str(), text(value))).collect();
        assert_eq!(got, [("thyme.op", "insert".to_owned()), ("thyme.position", r#"["here"]"#.to_owned())]);
    }
    assert_eq!(records.len(), 3);
    let world = World::new()?;
    assert!(write(&world, &world.sink(|_| {})).await?.iter().all(|record| record.headers.is_empty()));
    Ok(())
}

async fn partitions() -> Result<()> {
    let three = CreateTopic { partitions: Some(3), ..CreateTopic::default() };
    let world = World::new()?;
    let by = |field: &str| {
        let (field, three) = (field.to_owned(), three.clone());
        move |config: &mut thyme_kafka::KafkaSinkConfig| {
            (config.partition_field, config.create_topic) = (Some(field), Some(three));
        }
    };
    let records = write(&world, &world.sink(by("part"))).await?;
    let of = |id: &str| records.iter().find(|record| record.key_text() == id).unwrap().partition;
    assert_eq!((of("1"), of("2")), (2, 0));
    // A number that the topic does not have is a bad row, and no other.
    let (job, mut batch) = shops();
    let mut columns = batch.rows.columns().to_vec();
    columns[2] = Arc::new(Int32Array::from(vec![3, 1, -1]));
    batch.rows = RecordBatch::try_new(batch.rows.schema(), columns).unwrap();
    let mut writer = world.sink(by("part")).open(&job).await?.writer;
    let rejects = writer.stage(&batch).await?.rejects;
    assert_eq!(rejects.iter().map(|reject| reject.row.unwrap()).collect::<Vec<_>>(), [0, 2]);
    assert!(rejects[0].reason.contains("no partition 3: the topic has 3"), "{}", rejects[0].reason);
    // Text is hashed as a key of the same text would be.
    let (hashed, keyed) = (World::new()?, World::new()?);
    let by_field = write(&hashed, &hashed.sink(by("shop"))).await?;
    let by_key = keyed.sink(|config| (config.key_fields, config.create_topic) = (vec!["shop".into()], Some(three.clone())));
    let by_key = write(&keyed, &by_key).await?;
    for id in [r#"{"id":1"#, r#"{"id":2"#] {
        let at = |records: &[thyme_testkit::kafka::Record]| {
            records.iter().find(|record| record.text().starts_with(id)).map(|record| record.partition)
        };
        assert_eq!(at(&by_field), at(&by_key), "{id}");
    }
    Ok(())
}

async fn compressions() -> Result<()> {
    use Compression::{Gzip, Lz4, Snappy, Zstd};
    for compression in [Compression::None, Gzip, Snappy, Lz4, Zstd] {
        let world = World::new()?;
        let sink = world.sink(|config| config.compression_type = compression);
        let records = write(&world, &sink).await?;
        assert_eq!(records.len(), 3, "{compression:?}");
        assert_eq!(records[0].text(), r#"{"id":1,"shop":"north","part":2,"body":"AP8="}"#, "{compression:?}");
    }
    Ok(())
}

async fn created() -> Result<()> {
    let world = World::new()?;
    let config = [("retention.ms".to_owned(), "3600000".to_owned())].into();
    let wanted = CreateTopic { partitions: Some(4), replication_factor: Some(1), config };
    let sink = world.sink(|config| config.create_topic = Some(wanted));
    sink.check().await?;
    At::open(&sink, &job("p", "0")).await?.put(&[(1, "one")]).await?;
    assert_eq!(Kafka::shared()?.offsets(&world.topic).await?.len(), 4);
    // One that is there is taken as it is.
    At::open(&world.sink(|_| {}), &job("p", "0")).await?.put(&[(2, "two")]).await?;
    sink.check().await?;
    assert_eq!(world.read(Kafka::shared()?).await?.len(), 2);
    let wrong = CreateTopic { config: [("no.such.setting".to_owned(), "1".to_owned())].into(), ..CreateTopic::default() };
    let error = World::new()?.sink(|config| config.create_topic = Some(wrong)).check().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Config, "{error}");
    Ok(())
}

async fn not_created() -> Result<()> {
    let world = World::new()?;
    let sink = world.sink(|config| config.create_topic = None);
    for error in [sink.check().await.unwrap_err(), sink.open(&job("p", "0")).await.unwrap_err()] {
        assert!(error.kind() == Kind::NotFound && error.message().contains("create_topic"), "{error}");
    }
    let cursors = sink.cursors("p").await?;
    assert!(cursors.is_empty(), "{cursors:?}");
    Ok(())
}

async fn ordered() -> Result<()> {
    let world = World::new()?;
    let wanted = CreateTopic { partitions: Some(3), ..CreateTopic::default() };
    let sink = world.sink(|config| config.create_topic = Some(wanted));
    let mut at = At::open(&sink, &job("p", "0")).await?;
    for turn in 0..5 {
        let texts: Vec<String> = (0..3000).map(|n| format!("{}", turn * 3000 + n)).collect();
        let rows: Vec<(i64, &str)> = texts.iter().enumerate().map(|(n, text)| (n as i64 % 50, text.as_str())).collect();
        at.put(&rows).await?;
    }
    let mut last = std::collections::BTreeMap::new();
    let records = world.read(Kafka::shared()?).await?;
    for record in &records {
        let value: serde_json::Value = serde_json::from_str(&record.text()).unwrap();
        let number: i64 = value["text"].as_str().unwrap().parse().unwrap();
        let before = last.insert(record.key_text(), number);
        assert!(before.is_none_or(|before| before < number), "{} came after {before:?}", number);
    }
    assert_eq!((records.len(), last.len()), (15_000, 50));
    Ok(())
}
