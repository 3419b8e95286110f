//! Opens a run: joins the group, looks at the topics, and finds where each partition begins.
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use rdkafka::ClientConfig;
use rdkafka::consumer::Consumer;
use thyme_core::{Batch, Cursor, Error, Job, Kind, Position, Reject, Result};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::block::{Block, Headers};
use super::decode::Decoder;
use super::group::Member;
use super::look::{Look, others};
use super::plan::KafkaPlan;
use super::start::{self, Begin};
use super::state::{At, Base, same, split};
use crate::client::{Client, Context, Partition, settings};
use crate::config::{Connection, GroupProtocol, IsolationLevel, KafkaSourceConfig};
use crate::error;
use crate::registry::Registry;

/// Bytes of a partition that are fetched at a time: not less, or fetching is all there is, and not more, or memory goes.
const FETCH: std::ops::RangeInclusive<usize> = (64 << 10)..=(1 << 20);

/// A number that no other process has.
fn random() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::collections::hash_map::RandomState::new().build_hasher().finish()
}

/// Whether what is said about the group fits together.
pub(super) fn settings_fit(config: &KafkaSourceConfig) -> Result<()> {
    let consumer = config.shared && config.group_protocol == GroupProtocol::Consumer;
    if consumer && (config.session_timeout_ms.is_some() || config.heartbeat_interval_ms.is_some()) {
        let text = "under `group_protocol = \"consumer\"` the broker says how often a sign of life is due: leave \
                    `session_timeout_ms` and `heartbeat_interval_ms` out";
        return Err(Error::new(Kind::Config, text));
    }
    if config.group_protocol == GroupProtocol::Consumer && !config.shared {
        return Err(Error::new(Kind::Config, "`group_protocol` is used under `shared = true` alone"));
    }
    Ok(())
}

/// What the one process that reads alone is called in its group: a later one of this name takes its place.
fn alone(group: &str) -> String {
    format!("thyme-alone-{group}")
}

/// Of the client that is in the group.
fn member_settings(config: &KafkaSourceConfig, connection: &Connection, group: &str) -> Result<ClientConfig> {
    let mut set = settings(connection)?;
    set.set("group.id", group).set("enable.auto.commit", "false").set("enable.auto.offset.store", "false");
    if config.shared && config.group_protocol == GroupProtocol::Consumer {
        set.set("group.protocol", "consumer");
    } else {
        set.set("partition.assignment.strategy", "cooperative-sticky");
        for (name, value) in
            [("session.timeout.ms", config.session_timeout_ms), ("heartbeat.interval.ms", config.heartbeat_interval_ms)]
        {
            if let Some(value) = value {
                set.set(name, value.to_string());
            }
        }
    }
    if !config.shared {
        set.set("group.instance.id", alone(group));
    }
    Ok(set)
}

/// Of the client that fetches.
fn fetch_settings(config: &KafkaSourceConfig, connection: &Connection, job: &Job, partitions: usize) -> Result<ClientConfig> {
    let Job { buffer, once, .. } = *job;
    let mut set = settings(connection)?;
    set.set("enable.auto.offset.store", "false");
    // A position that is gone is an error, never a jump.
    set.set("auto.offset.reset", "error").set("enable.partition.eof", "true");
    set.set(
        "isolation.level",
        match config.isolation_level {
            IsolationLevel::ReadCommitted => "read_committed",
            IsolationLevel::ReadUncommitted => "read_uncommitted",
        },
    );
    // A queue for each partition: half of the room for what waits in them, half for what is on its way; and librdkafka keeps
    // about as much beside a small record as the record is.
    let each = (buffer / 4 / partitions.max(1)).clamp(*FETCH.start(), 64 << 20);
    set.set("queued.max.messages.kbytes", (each >> 10).to_string());
    set.set("queued.min.messages", "100000");
    set.set("max.partition.fetch.bytes", each.clamp(*FETCH.start(), *FETCH.end()).to_string());
    set.set("fetch.max.bytes", (buffer / 2).clamp(1 << 20, 50 << 20).to_string());
    // A fetch that finds nothing keeps waiting for all the partitions it asked for, while one whose queue was full then has
    // room: it can't be long, and shorter still where a run waits for the end. A full queue is soon taken, and librdkafka would
    // look again after a second.
    let wait = if once { "10" } else { "50" };
    for (name, value) in [("fetch.wait.max.ms", wait), ("fetch.queue.backoff.ms", "5")] {
        if !connection.properties.contains_key(name) {
            set.set(name, value);
        }
    }
    Ok(set)
}

/// A run after `from`.
pub(super) async fn plan(config: &Arc<KafkaSourceConfig>, job: &Job, from: &Cursor) -> Result<KafkaPlan> {
    Decoder::new(config, job)?;
    let connection = config.connection()?;
    let group = config.group_id.clone().unwrap_or_else(|| job.task.pipeline.to_string());
    let (tell, events) = mpsc::unbounded_channel();
    let context = Context::new(&connection);
    let health = Arc::clone(&context.health);
    let name = connection.properties.get("client.id").cloned().unwrap_or_else(|| format!("thyme-{:016x}", random()));
    let member = {
        let mut set = member_settings(config, &connection, &group)?;
        set.set("client.id", &name);
        let (health, tell) = (Arc::clone(&health), tell.clone());
        let member = Member::new(context.clone(), config.shared, tell.clone());
        Client::with(&connection, &set, member, health, move |failed| Member::heard(&tell, failed))?
    };
    // How many partitions share the memory is known before the client is made that fetches them.
    let mut known = BTreeSet::new();
    for topic in &config.topic {
        known.extend(member.partitions(topic).await?.into_iter().map(|number| (topic.clone(), number)));
    }
    let fetcher = {
        let mut set = fetch_settings(config, &connection, job, known.len())?;
        set.set("client.id", &name);
        Client::with(&connection, &set, context, health, move |failed| Member::heard(&tell, failed))?
    };
    let ids = fetcher.topic_ids(&config.topic).await?;
    let mut plan = KafkaPlan {
        config: Arc::clone(config),
        job: job.clone(),
        look: Look::new(config, &group, alone(&group)),
        group,
        fetcher,
        member,
        registry: connection.registry.as_ref().map(Registry::new).transpose()?.map(Arc::new),
        events,
        ready: VecDeque::new(),
        running: BTreeMap::new(),
        assigned: BTreeSet::new(),
        known,
        ids,
        begin: BTreeMap::new(),
        base: None,
        ends: BTreeMap::new(),
        revoked: None,
        durable: BTreeMap::new(),
        committed: BTreeMap::new(),
        joined: false,
        broke: None,
        failed: None,
        since: Instant::now(),
    };
    plan.free().await?;
    if !config.shared {
        plan.first_look(from).await?;
    }
    let topics: Vec<&str> = plan.config.topic.iter().map(String::as_str).collect();
    let subscribed = plan.member.consumer()?.subscribe(&topics);
    subscribed.map_err(|e| error::from_kafka(e, "join the group").context("group", &plan.group))?;
    Ok(plan)
}

impl KafkaPlan {
    /// Sees that nobody of another mind is in the group.
    async fn free(&self) -> Result<()> {
        let (group, own) = (self.group.clone(), alone(&self.group));
        if self.config.shared {
            return Ok(());
        }
        let other = self.fetcher.call("look at the group", move |consumer, _| Ok(others(consumer, &group, &own))).await?;
        match other {
            None => Ok(()),
            Some(other) => Err(Error::new(
                Kind::Conflict,
                "the group has other members, and this process is to read all partitions alone: stop them, set `shared = true`, or \
                 set a `group_id` of its own; one that died is forgotten when its session has timed out",
            )
            .context("group", &self.group)
            .context("member", other)),
        }
    }

    /// Finds where every partition begins, once for all.
    async fn first_look(&mut self, from: &Cursor) -> Result<()> {
        let all: Vec<Partition> = self.known.iter().cloned().collect();
        self.ends = self.fetcher.watermarks(all.clone()).await?;
        let base = from.base.as_ref().map(Position::get::<Base>).transpose()?;
        for (topic, was) in base.iter().flat_map(|base| &base.topics) {
            same(topic, Some(was), self.ids.get(topic).map(String::as_str))?;
        }
        let own = |at: &Partition| from.splits.contains_key(&split(at));
        let unknown: Vec<Partition> = all.iter().filter(|at| !own(at)).cloned().collect();
        let begin: BTreeMap<Partition, Begin> = match &base {
            Some(base) => {
                // What is in neither came after the first look: all of it is new.
                let offset = |at: &Partition| base.begin.get(&split(at)).copied().unwrap_or(-2);
                unknown.iter().map(|at| (at.clone(), Begin { offset: offset(at), pin: false })).collect()
            }
            None => {
                let committed = self.member.committed(all.clone()).await?;
                start::begin(&self.fetcher, &self.config, &self.job, &self.ends, &committed, &unknown).await?
            }
        };
        let offsets = begin.iter().map(|(at, begin)| (split(at), begin.offset)).filter(|(_, offset)| *offset >= 0).collect();
        self.base = Some(Base { begin: base.map_or(offsets, |base| base.begin), topics: self.ids.clone() });
        // One batch that pins keeps the beginnings of all.
        let mut pinned = false;
        for (at, mut begin) in begin {
            (begin.pin, pinned) = (begin.pin && !pinned, pinned || begin.pin);
            self.begin.insert(at, begin);
        }
        self.ready = all.into();
        Ok(())
    }
}

/// Looks the schemas up that a block needs and the decoder does not know.
///
/// # Errors
/// As the registry, where trying again can help.
pub(super) async fn learn(decoder: &mut Decoder, registry: Option<&Registry>, block: &Block) -> Result<()> {
    for id in decoder.missing(block) {
        let Some(registry) = registry else { break };
        match registry.schema(id).await {
            Ok(known) => decoder.learn(id, Ok(&known))?,
            Err(error) => decoder.learn(id, Err(error))?,
        }
    }
    Ok(())
}

/// Decodes rejected records again.
pub(super) async fn again(config: &KafkaSourceConfig, job: &Job, records: &[Reject]) -> Result<Batch> {
    let mut decoder = Decoder::new(config, job)?;
    let registry = config.connection()?.registry.as_ref().map(Registry::new).transpose()?;
    let (mut batches, mut rejects) = (Vec::new(), Vec::new());
    let mut ops = Vec::new();
    for reject in records {
        let hint = reject.hint.clone().unwrap_or_default();
        let text = |name: &str| hint.get(name).and_then(serde_json::Value::as_str).map(str::to_owned);
        let number = |name: &str| hint.get(name).and_then(serde_json::Value::as_i64);
        let at = (text("topic").unwrap_or_default(), number("partition").and_then(|n| i32::try_from(n).ok()).unwrap_or_default());
        let mut block = Block::default();
        let (key, offset) = (text("key"), number("offset").unwrap_or_default());
        block.put(reject.payload.as_deref(), key.as_deref().map(str::as_bytes), offset, number("timestamp"), Headers::new());
        learn(&mut decoder, registry.as_ref(), &block).await?;
        let decoded = decoder.decode(&block, &at)?;
        if let Some(drift) = decoded.drift {
            return Err(Error::drift(drift));
        }
        for bad in decoded.bad {
            rejects.push(Reject { reason: bad.reason, row: None, ..reject.clone() });
        }
        ops.extend((0..decoded.rows.num_rows()).map(|row| decoded.ops.at(row)));
        batches.push(decoded.rows);
    }
    let rows = thyme_core::arrow::select::concat::concat_batches(decoder.schema(), &batches).map_err(super::decode::broken)?;
    let batch = Batch::insert(rows, Position::of(&At { offset: 0, topic: None }));
    Ok(Batch { ops: thyme_core::Ops::Each(ops.into()), rejects, ..batch })
}
