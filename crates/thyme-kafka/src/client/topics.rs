//! Topics, partitions and offsets, asked off the runtime.
use std::collections::BTreeMap;

use rdkafka::consumer::{Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{Offset, TopicPartitionList};
use thyme_core::{Result, ResultExt};

use super::Client;
use crate::raw;

/// A partition of a topic.
pub(crate) type Partition = (String, i32);

/// An offset of some partitions.
pub(crate) type Offsets = BTreeMap<Partition, i64>;

/// The ids of topics by their names.
pub(crate) type TopicIds = BTreeMap<String, String>;

/// What a group committed for some partitions, with the note beside it.
pub(crate) type Committed = BTreeMap<Partition, (i64, String)>;

impl<C: ConsumerContext + 'static> Client<C> {
    /// The partitions of a topic, ascending.
    ///
    /// # Errors
    /// `NotFound` when there is no such topic; as [`Client::call`].
    pub(crate) async fn partitions(&self, topic: &str) -> Result<Vec<i32>> {
        let name = topic.to_owned();
        let found = self.call("look for the topic", move |consumer, limit| {
            let metadata = consumer.fetch_metadata(Some(&name), limit)?;
            let unknown = RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
            let topic = metadata.topics().iter().find(|topic| topic.name() == name);
            match topic.map(|topic| (topic.error(), topic)) {
                None => Err(KafkaError::MetadataFetch(unknown.into())),
                Some((Some(error), _)) => Err(KafkaError::MetadataFetch(error.into())),
                Some((None, topic)) => Ok(topic.partitions().iter().map(|partition| partition.id()).collect::<Vec<_>>()),
            }
        });
        let mut found = found.await.context("topic", || topic.to_owned())?;
        found.sort_unstable();
        Ok(found)
    }

    /// The ids of topics: one that was deleted and made anew has another. Brokers before 3.0 have none.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub(crate) async fn topic_ids(&self, of: &[String]) -> Result<TopicIds> {
        let of = of.to_vec();
        self.call("look for the ids of the topics", move |consumer, limit| raw::topic_ids(consumer.client(), &of, limit)).await
    }

    /// The first offset that is there and the one after the last: under read_committed that of the first open transaction.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub(crate) async fn watermarks(&self, of: Vec<Partition>) -> Result<BTreeMap<Partition, (i64, i64)>> {
        self.call("look for the end of a partition", move |consumer, limit| {
            of.iter().map(|at| Ok((at.clone(), consumer.fetch_watermarks(&at.0, at.1, limit)?))).collect()
        })
        .await
    }

    /// The first offset at or after a time in ms since 1970; a partition without one is left out.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub(crate) async fn at_time(&self, of: Vec<Partition>, time: i64) -> Result<Offsets> {
        self.call("look for the offset of a time", move |consumer, limit| {
            let found = consumer.offsets_for_times(list(&of, Offset::Offset(time))?, limit)?;
            offsets(&found)
        })
        .await
    }

    /// What the group has committed; a partition without a commit is left out.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub(crate) async fn committed(&self, of: Vec<Partition>) -> Result<Committed> {
        self.call("look for the offsets of the group", move |consumer, limit| {
            let found = consumer.committed_offsets(list(&of, Offset::Invalid)?, limit)?;
            let notes: BTreeMap<_, _> = found
                .elements()
                .iter()
                .map(|one| ((one.topic().to_owned(), one.partition()), one.metadata().to_owned()))
                .collect();
            let with = |(at, offset)| {
                let note = notes.get(&at).cloned().unwrap_or_default();
                (at, (offset, note))
            };
            Ok(offsets(&found)?.into_iter().map(with).collect())
        })
        .await
    }
}

/// `of` with one offset for all.
fn list(of: &[Partition], offset: Offset) -> Result<TopicPartitionList, KafkaError> {
    let mut list = TopicPartitionList::with_capacity(of.len());
    for (topic, partition) in of {
        list.add_partition_offset(topic, *partition, offset)?;
    }
    Ok(list)
}

/// Those of `found` that are offsets and not mere places (end, stored …).
fn offsets(found: &TopicPartitionList) -> Result<Offsets, KafkaError> {
    let mut offsets = Offsets::new();
    for element in found.elements() {
        element.error().or_else(|error| match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::NoOffset) => Ok(()),
            _ => Err(error),
        })?;
        if let Offset::Offset(offset) = element.offset() {
            offsets.insert((element.topic().to_owned(), element.partition()), offset);
        }
    }
    Ok(offsets)
}
