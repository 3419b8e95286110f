use std::time::Duration;

use thyme_core::{Kind, Op, Sink, Source as _};

use crate::config::{Acks, Delivery, Encoding, Mode};
use crate::{KafkaSink, KafkaSinkConfig, KafkaSource};

fn sink(change: impl FnOnce(&mut KafkaSinkConfig)) -> KafkaSink {
    let mut config = KafkaSink::builder().topic("orders").brokers("a:9092").config();
    change(&mut config);
    KafkaSink::new(config)
}

#[test]
fn what_contradicts_itself_is_refused() {
    let refused = |change: fn(&mut KafkaSinkConfig), what: &str| {
        let error = sink(change).validate().unwrap_err();
        assert!(error.kind() == Kind::Config && error.message().contains(what), "{error}");
    };
    refused(|config| config.topic.clear(), "`topic` is empty");
    refused(|config| config.topic = config.progress_topic.clone(), "the cursors themselves");
    refused(|config| config.acks = Acks::One, "at_least_once");
    refused(|config| (config.acks, config.delivery) = (Acks::Zero, Delivery::AtLeastOnce), "loses rows");
    refused(|config| config.transaction_timeout = Some(Duration::from_millis(10)), "at least a second");
    refused(|config| config.mode = Mode::Overwrite, "can't be replaced");
    refused(|config| config.mode = Mode::Upsert, "`encoding`");
    refused(|config| config.brokers = None, "THYME_KAFKA_BROKERS");
    assert!(sink(|_| {}).validate().is_ok());
    assert!(sink(|config| (config.acks, config.delivery) = (Acks::One, Delivery::AtLeastOnce)).validate().is_ok());
}

#[test]
fn what_is_declared_follows_from_the_choices() {
    let info = sink(|_| {}).info();
    assert_eq!(info.identity, "kafka://a:9092 orders");
    assert!(info.holds_cursor && !info.per_poll && info.ops == [Op::Insert, Op::Update, Op::Delete]);
    assert!(info.commit_within <= Duration::from_secs(30), "a commit must end within the transaction: {:?}", info.commit_within);
    assert!(!sink(|config| config.delivery = Delivery::AtLeastOnce).info().holds_cursor);
    assert_eq!(sink(|config| config.encoding = Some(Encoding::Append)).info().ops, [Op::Insert]);
}

/// A pipeline that reads its own topic never ends.
#[test]
fn its_place_is_what_a_source_of_the_same_topic_reads() {
    let place = sink(|_| {}).writes("p").unwrap();
    let source = |topic: &str, brokers: &str| KafkaSource::builder().topic([topic]).brokers(brokers).build();
    assert!(source("orders", "a:9092").reads(&place), "{place}");
    assert!(!source("others", "a:9092").reads(&place), "{place}");
}
