//! Records that the topic does not take cost themselves alone.
use thyme_core::{Kind, Result, Retry};
use thyme_kafka::{Compression, CreateTopic, Delivery, KafkaSinkConfig};
use thyme_testkit::Suite;
use thyme_testkit::kafka::Kafka;

use crate::world::{At, World, ids, job};

pub(crate) fn cases(suite: Suite) -> Suite {
    suite
        .case("a_record_that_is_too_large_is_known_before", known_before)
        .case("a_record_that_the_broker_refuses_is_found", || found(Delivery::ExactlyOnce))
        .case("a_record_that_the_broker_refuses_is_found_without_transactions", || found(Delivery::AtLeastOnce))
        .case("a_compacted_topic_wants_keys", compacted)
        .case("a_topic_that_was_compacted_since_tells_which", compacted_since)
}

fn small() -> CreateTopic {
    let config = [("max.message.bytes".to_owned(), "10000".to_owned())].into();
    CreateTopic { partitions: Some(1), config, ..CreateTopic::default() }
}

/// Text that no compression makes smaller.
fn noise(bytes: usize) -> String {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(b' ' + (state % 94) as u8)
    };
    std::iter::repeat_with(next).map(|c| if matches!(c, '"' | '\\') { 'x' } else { c }).take(bytes).collect()
}

async fn known_before() -> Result<()> {
    let world = World::new()?;
    let sink = world.sink(|config| config.create_topic = Some(small()));
    let mut at = At::open(&sink, &job("p", "0")).await?;
    let (huge, fits) = ("x".repeat(20_000), "y".repeat(9_000));
    let staged = at.put(&[(1, "one"), (2, &huge), (3, &fits), (4, &huge), (5, "five")]).await?;
    let refused: Vec<_> = staged.rejects.iter().map(|reject| reject.row.unwrap()).collect();
    assert_eq!(refused, [1, 3]);
    assert!(staged.rejects[0].reason.contains("max.message.bytes"), "{}", staged.rejects[0].reason);
    assert_eq!(ids(&world.read(Kafka::shared()?).await?), [1, 3, 5]);
    Ok(())
}

/// The client thinks that it is compressed well enough: only the broker knows better.
async fn found(delivery: Delivery) -> Result<()> {
    let world = World::new()?;
    let sink = world.sink(|config: &mut KafkaSinkConfig| {
        (config.create_topic, config.delivery) = (Some(small()), delivery);
        config.compression_type = Compression::Zstd;
        config.properties.insert("message.max.bytes".into(), "2000000".into());
    });
    let (first, second) = (noise(50_000), noise(60_000));
    let texts: Vec<String> = (0..60).map(|id| format!("row {id}")).collect();
    let mut rows: Vec<(i64, &str)> = (0..).zip(texts.iter().map(String::as_str)).collect();
    (rows[17].1, rows[41].1) = (&first, &second);
    let (mut opened, mut refused) = (0, Vec::new());
    loop {
        opened += 1;
        assert!(opened < 8, "it goes on for ever");
        let mut at = At::open(&sink, &job("p", "0")).await?;
        match at.put(&rows).await {
            Ok(staged) => {
                refused.extend(staged.rejects);
                break;
            }
            Err(error) => {
                assert_eq!(error.kind(), Kind::Unavailable, "{error}");
                assert_eq!(error.retry_advice(), Retry::After(std::time::Duration::ZERO), "{error}");
            }
        }
    }
    let got: Vec<_> = refused.iter().map(|reject| reject.row.unwrap()).collect();
    assert_eq!(got, [17, 41], "{refused:?}");
    assert!(refused[0].reason.contains("refuses the record"), "{}", refused[0].reason);
    let mut ids = ids(&world.read(Kafka::shared()?).await?);
    if delivery == Delivery::AtLeastOnce {
        ids.dedup();
    }
    assert_eq!(ids, (0..60).filter(|id| ![17, 41].contains(id)).collect::<Vec<i64>>());
    Ok(())
}

async fn compacted() -> Result<()> {
    let world = World::new()?;
    let config = [("cleanup.policy".to_owned(), "compact".to_owned())].into();
    let wanted = CreateTopic { config, ..CreateTopic::default() };
    let sink = world.sink(|config| (config.create_topic, config.key_fields) = (Some(wanted), vec!["text".into()]));
    let mut at = At::open(&sink, &job("p", "0")).await?;
    let mut batch = crate::world::batch(&[(1, "one"), (2, "two")]);
    let mut columns = batch.rows.columns().to_vec();
    columns[1] = std::sync::Arc::new(thyme_core::arrow::array::StringArray::from(vec![None, Some("two")]));
    batch.rows = thyme_core::arrow::array::RecordBatch::try_new(batch.rows.schema(), columns).unwrap();
    let staged = at.writer.stage(&batch).await?;
    assert_eq!(staged.rejects.iter().map(|reject| reject.row).collect::<Vec<_>>(), [Some(0)]);
    at.commit().await?;
    assert_eq!(world.read(Kafka::shared()?).await?.len(), 1);
    // Without any key at all it is said at once.
    let mut keyless = job("q", "0");
    keyless.dataset = std::sync::Arc::new(thyme_core::Dataset::new("rows", keyless.dataset.columns().clone())?);
    let error = thyme_core::Sink::open(&world.sink(|_| {}), &keyless).await.unwrap_err();
    assert!(error.kind() == Kind::Schema && error.message().contains("compacted"), "{error}");
    Ok(())
}

/// The broker names the records that it means: the others of their batch are not suspected.
async fn compacted_since() -> Result<()> {
    let world = World::new()?;
    let sink = world.sink(|config| config.key_fields = vec!["text".into()]);
    let rows = |texts: Vec<Option<&str>>| {
        let ids: Vec<(i64, &str)> = (1..).zip(texts.iter().map(|_| "")).collect();
        let mut batch = crate::world::batch(&ids);
        let mut columns = batch.rows.columns().to_vec();
        columns[1] = std::sync::Arc::new(thyme_core::arrow::array::StringArray::from(texts));
        batch.rows = thyme_core::arrow::array::RecordBatch::try_new(batch.rows.schema(), columns).unwrap();
        batch
    };
    let mut at = At::open(&sink, &job("p", "0")).await?;
    at.writer.stage(&rows(vec![None, Some("a")])).await?;
    at.commit().await?;
    Kafka::shared()?.configure_topic(&world.topic, &[("cleanup.policy", "compact")]).await?;
    let batch = rows(vec![Some("b"), None, Some("c"), None, Some("d")]);
    let error = match at.writer.stage(&batch).await {
        Ok(_) => at.commit().await.unwrap_err(),
        Err(error) => error,
    };
    assert_eq!((error.kind(), error.retry_advice()), (Kind::Unavailable, Retry::After(std::time::Duration::ZERO)), "{error}");
    assert!(error.message().contains("refuses 2 of the records"), "{error}");
    let mut at = At::open(&sink, &job("p", "0")).await?;
    let staged = at.writer.stage(&batch).await?;
    assert_eq!(staged.rejects.iter().map(|reject| reject.row).collect::<Vec<_>>(), [Some(1), Some(3)]);
    at.commit().await?;
    assert_eq!(world.read(Kafka::shared()?).await?.len(), 5);
    Ok(())
}
