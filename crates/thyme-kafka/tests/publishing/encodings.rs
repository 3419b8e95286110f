//! Avro through a registry, and Debezium's envelopes.
use thyme_core::arrow::array::RecordBatch;
use thyme_core::{Batch, Kind, Op, Ops, Result, Sink};
use thyme_formats::avro::{AvroDecoder, AvroOptions};
use thyme_formats::debezium::{Decoder, Message, Options};
use thyme_formats::scan::Pushed;
use thyme_kafka::{CreateTopic, Encoding, Format};
use thyme_testkit::Suite;
use thyme_testkit::kafka::{Kafka, Registry, RegistryVersion, missing};

use crate::world::{At, World, batch, changes, cursor, job, rows};

pub(crate) fn cases(suite: Suite) -> Suite {
    suite
        .case("changes_are_envelopes_that_are_read_back", envelopes)
        .case("a_truncation_is_an_envelope_without_a_key", truncation)
        .case("envelopes_are_json_of_the_datasets_key", || async { refused() })
        .needs(missing().or(RegistryVersion::V2.missing()))
        .case("avro_registers_its_schemas", avro)
}

fn one(config: &mut thyme_kafka::KafkaSinkConfig) {
    config.create_topic = Some(CreateTopic { partitions: Some(1), ..CreateTopic::default() });
}

async fn envelopes() -> Result<()> {
    let world = World::new()?;
    let sink = world.sink(|config| {
        one(config);
        config.encoding = Some(Encoding::Debezium);
    });
    let info = sink.info();
    assert!(info.before && info.partial && info.ops == Op::ALL);
    let mut at = At::open(&sink, &job("p", "0")).await?;
    at.stage(&[(1, "one"), (2, "two")]).await?;
    let update = Batch { before: Some(rows(&[(1, "one")])), ..changes(Op::Update, &[(1, "eins")]) };
    at.writer.stage(&update).await?;
    at.writer.stage(&changes(Op::Delete, &[(2, "two")])).await?;
    at.commit().await?;
    let records = world.read(Kafka::shared()?).await?;
    // The delete is followed by a tombstone, which lets a compacted topic forget the key.
    assert_eq!(records.len(), 5);
    assert!(records[4].value.is_none() && records[4].key == records[3].key, "{:?}", records[4]);
    let dataset = &job("p", "0").dataset;
    let mut decoder = Decoder::json(dataset, Options { before: true, ..Options::default() })?;
    for (n, record) in records.iter().enumerate() {
        let message = Message { key: record.key.as_deref(), value: record.value.as_deref(), op: None };
        let pushed = decoder.push(message);
        let expected = if n == 4 { matches!(pushed, Pushed::Skipped(_)) } else { matches!(pushed, Pushed::Row) };
        assert!(expected, "{n}: {pushed:?} of {}", record.text());
    }
    let changes = decoder.finish()?;
    let ops: Vec<Op> = (0..4).map(|row| changes.ops.at(row)).collect();
    assert_eq!(ops, [Op::Insert, Op::Insert, Op::Update, Op::Delete]);
    let texts = |rows: &RecordBatch| format!("{:?}", rows.column_by_name("text").unwrap());
    assert_eq!(texts(&changes.rows.slice(0, 3)), texts(&rows(&[(1, "one"), (2, "two"), (1, "eins")]).slice(0, 3)));
    let before = changes.before.unwrap();
    assert_eq!(texts(&before.slice(2, 1)), texts(&rows(&[(1, "one")])));
    Ok(())
}

async fn truncation() -> Result<()> {
    let world = World::new()?;
    let sink = world.sink(|config| {
        one(config);
        config.encoding = Some(Encoding::Debezium);
    });
    let mut at = At::open(&sink, &job("p", "0")).await?;
    let columns = batch(&[]).rows.schema();
    let nulls = columns.fields().iter().map(|field| thyme_core::arrow::array::new_null_array(field.data_type(), 1)).collect();
    let mut truncate = batch(&[]);
    truncate.rows = RecordBatch::try_new(columns, nulls).unwrap();
    truncate.ops = Ops::All(Op::Truncate);
    let staged = at.writer.stage(&truncate).await?;
    assert!(staged.rejects.is_empty(), "{:?}", staged.rejects);
    at.commit().await?;
    let records = world.read(Kafka::shared()?).await?;
    let value: serde_json::Value = serde_json::from_str(&records[0].text()).unwrap();
    assert!(records.len() == 1 && records[0].key.is_none() && value["payload"]["op"] == "t", "{records:?}");
    Ok(())
}

fn refused() -> Result<()> {
    let changes: [fn(&mut thyme_kafka::KafkaSinkConfig); 2] =
        [|config| config.format = Format::Csv, |config| config.key_fields = vec!["text".into()]];
    for change in changes {
        let world = World { brokers: "a:1".into(), topic: "t".into(), progress: "p".into() };
        let sink = world.sink(|config| {
            config.encoding = Some(Encoding::Debezium);
            change(config);
        });
        let error = sink.validate().unwrap_err();
        assert!(error.kind() == Kind::Config && error.message().contains("debezium"), "{error}");
    }
    Ok(())
}

async fn avro() -> Result<()> {
    let registry = tokio::task::spawn_blocking(|| Registry::start(RegistryVersion::V2)).await.unwrap()?;
    let world = World::new()?;
    let sink = world.sink(|config| {
        one(config);
        (config.format, config.key_format) = (Format::Avro, Format::Avro);
        config.schema_registry_url = Some(registry.url());
    });
    At::open(&sink, &job("p", "0")).await?.put(&[(1, "one"), (2, "zwei ü")]).await?;
    // Another process finds the same schema there; a wider one follows it.
    At::open(&sink, &job("p", "0")).await?.put(&[(3, "three")]).await?;
    let ask = async |path: &str| -> String {
        let answer = reqwest::get(format!("{}{path}", registry.url())).await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.text().await.unwrap()
    };
    assert_eq!(ask(&format!("/subjects/{}-value/versions", world.topic)).await, "[1]");
    assert_eq!(ask(&format!("/subjects/{}-key/versions", world.topic)).await, "[1]");
    let records = world.read(Kafka::shared()?).await?;
    let read = async |dataset: &thyme_core::Dataset, of: fn(&thyme_testkit::kafka::Record) -> Option<&[u8]>| {
        let mut decoder = AvroDecoder::new(dataset.columns(), AvroOptions::default()).unwrap();
        for record in &records {
            let message = of(record).unwrap();
            while let Pushed::NeedsSchema(id) = decoder.push(message) {
                let answer: serde_json::Value = serde_json::from_str(&ask(&format!("/schemas/ids/{id}")).await).unwrap();
                decoder.add_schema(id, answer["schema"].as_str().unwrap(), &[]).unwrap();
            }
        }
        decoder.finish().unwrap()
    };
    let dataset = &job("p", "0").dataset;
    let got = read(dataset, |record| record.value.as_deref()).await;
    assert_eq!(format!("{got:?}"), format!("{:?}", rows(&[(1, "one"), (2, "zwei ü"), (3, "three")])));
    let keys = thyme_core::Dataset::new("keys", std::sync::Arc::new(dataset.columns().project(&[0]).unwrap()))?;
    let got = read(&keys, |record| record.key.as_deref()).await;
    assert_eq!(thyme_testkit::rows::ids(&got)?, [1, 2, 3]);
    // Without a registry it is said before anything is reached.
    let error = world.sink(|config| config.format = Format::Avro).validate().unwrap_err();
    assert!(error.kind() == Kind::Config && error.message().contains("schema_registry_url"), "{error}");
    let mut writer = sink.open(&job("p", "0")).await?.writer;
    writer.stage(&batch(&[(4, "four")])).await?;
    writer.commit(&cursor(3)).await
}
