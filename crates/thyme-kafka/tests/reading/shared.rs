//! Processes that share the partitions of a topic, and come and go.
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use thyme_core::{Batch, Cursor, Error, Job, Kind, Result, Source, SplitId};
use thyme_kafka::{GroupProtocol, KafkaSource};
use thyme_testkit::Suite;
use thyme_testkit::kafka::{New, missing};
use thyme_testkit::rows;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::world::{World, job, json};

/// A sink with a fence for each partition, as processes see it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Target(Arc<Mutex<BTreeMap<SplitId, Slot>>>);

#[derive(Debug, Default)]
struct Slot {
    fence: u64,
    cursor: Option<Cursor>,
    ids: Vec<i64>,
}

impl Target {
    fn open(&self, split: &SplitId) -> (u64, Option<Cursor>) {
        let mut slots = self.0.lock().unwrap();
        let slot = slots.entry(SplitId::clone(split)).or_default();
        slot.fence += 1;
        (slot.fence, slot.cursor.clone())
    }

    fn commit(&self, split: &SplitId, fence: u64, cursor: &Cursor, ids: Vec<i64>) -> Result<()> {
        let mut slots = self.0.lock().unwrap();
        let slot = slots.get_mut(split).unwrap();
        if slot.fence != fence {
            return Err(Error::new(Kind::Conflict, "fenced"));
        }
        slot.cursor = Some(cursor.clone());
        slot.ids.extend(ids);
        Ok(())
    }

    fn count(&self) -> usize {
        self.0.lock().unwrap().values().map(|slot| slot.ids.len()).sum()
    }

    /// Waits until there are as many, for a while: what is missing then is for the test to say.
    pub(crate) async fn holds(&self, count: usize) {
        let begun = Instant::now();
        while self.count() < count && begun.elapsed() < Duration::from_secs(20) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// All that was committed, partition by partition.
    pub(crate) fn ids(&self) -> Vec<i64> {
        self.0.lock().unwrap().values().flat_map(|slot| slot.ids.clone()).collect()
    }
}

/// One process: reads what it is given, commits each batch, hands over what it is asked for, until it is told to stop.
pub(crate) async fn process(source: KafkaSource, target: Target, mut stop: watch::Receiver<bool>) -> Result<()> {
    let job = Job { once: false, ..job(&["id int64!"]) };
    let mut plan = source.plan(&job, &Cursor::start("shared")).await?;
    let (send, mut receive) = mpsc::channel::<(SplitId, Result<Option<Batch>>)>(4);
    let mut readers = JoinSet::new();
    let mut lanes: BTreeMap<SplitId, (u64, Cursor)> = BTreeMap::new();
    loop {
        tokio::select! {
            biased;
            () = async { drop(stop.wait_for(|stop| *stop).await) } => break,
            split = plan.next() => {
                let split = split?.expect("a run that goes on");
                let (fence, cursor) = target.open(&split);
                let cursor = cursor.unwrap_or_else(|| Cursor::start("shared"));
                let mut reader = plan.reader(&split, cursor.splits.get(&split)).await?;
                lanes.insert(SplitId::clone(&split), (fence, cursor));
                let send = send.clone();
                readers.spawn(async move {
                    loop {
                        let next = reader.next().await;
                        let last = !matches!(next, Ok(Some(_)));
                        if send.send((SplitId::clone(&split), next)).await.is_err() || last {
                            return;
                        }
                    }
                });
            }
            Some((split, batch)) = receive.recv() => {
                let (fence, cursor) = lanes.get_mut(&split).unwrap();
                match batch? {
                    Some(batch) => {
                        cursor.seq += 1;
                        cursor.splits.insert(SplitId::clone(&split), batch.position.clone());
                        target.commit(&split, *fence, cursor, rows::ids(&batch.rows)?)?;
                        plan.ack(cursor, &[]).await?;
                    }
                    None => {
                        let (_, cursor) = lanes.remove(&split).unwrap();
                        plan.ack(&cursor, &[split]).await?;
                    }
                }
            }
        }
    }
    readers.abort_all();
    Ok(())
}

/// Three processes join and leave at random while records flow for `seconds`: every record once, in order in its partition.
async fn come_and_go(protocol: GroupProtocol, seconds: u64) -> Result<()> {
    const PARTITIONS: i64 = 6;
    let world = World::new(PARTITIONS as i32, &[]).await?;
    let target = Target::default();
    let source = || {
        world.source(|config| {
            config.shared = true;
            config.group_protocol = protocol;
            config.session_timeout_ms = (protocol == GroupProtocol::Classic).then_some(6000);
        })
    };
    let begun = Instant::now();
    let mut running: Vec<Option<(watch::Sender<bool>, tokio::task::JoinHandle<()>)>> = (0..3).map(|_| None).collect();
    let (mut written, mut joins, mut turn) = (0_i64, 0, 0_u64);
    while begun.elapsed() < Duration::from_secs(seconds) {
        let records = (written..written + 300).map(|id| New::to((id % PARTITIONS) as i32, json(id)));
        world.kafka.produce(&world.topic, records).await?;
        written += 300;
        turn = turn.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(begun.elapsed().as_nanos() as u64 | 1);
        let at = (turn >> 33) as usize % 3;
        let others = running.iter().enumerate().any(|(other, process)| other != at && process.is_some());
        match running[at].take() {
            Some((stop, task)) if others => {
                stop.send_replace(true);
                task.await.unwrap();
            }
            Some(process) => running[at] = Some(process),
            None => {
                let (stop, told) = watch::channel(false);
                let (source, target) = (source(), target.clone());
                joins += 1;
                let task = tokio::spawn(async move {
                    // As the engine does: what another process has by now is left to it, and the group is joined again.
                    while let Err(error) = process(source.clone(), target.clone(), told.clone()).await {
                        assert!(matches!(error.kind(), Kind::Unavailable | Kind::Conflict), "{error}");
                        tokio::time::sleep(Duration::from_millis(200)).await;
                    }
                });
                running[at] = Some((stop, task));
            }
        }
        tokio::time::sleep(Duration::from_millis(400 + (turn >> 40) % 800)).await;
    }
    let last = Instant::now();
    while target.count() < written as usize && last.elapsed() < Duration::from_secs(60) {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    for (stop, task) in running.into_iter().flatten() {
        stop.send_replace(true);
        task.await.unwrap();
    }
    assert!(joins >= 3, "{joins} processes joined");
    let slots = target.0.lock().unwrap();
    for partition in 0..PARTITIONS {
        let split = SplitId::from(format!("{}-{partition}", world.topic));
        let want: Vec<i64> = (0..written).filter(|id| id % PARTITIONS == partition).collect();
        let got = &slots.get(&split).unwrap().ids;
        assert!(*got == want, "partition {partition}: {} of {} records, or out of order", got.len(), want.len());
    }
    Ok(())
}

pub(crate) fn suite() -> Suite {
    Suite::new("shared")
        .needs(missing())
        .case("processes_come_and_go", || come_and_go(GroupProtocol::Classic, 20))
        .case("processes_come_and_go_848", || come_and_go(GroupProtocol::Consumer, 15))
        .soak("processes_come_and_go_for_five_minutes", || come_and_go(GroupProtocol::Classic, 300))
        .soak("processes_come_and_go_for_five_minutes_848", || come_and_go(GroupProtocol::Consumer, 300))
        .case("a_new_partition_is_read_from_its_start_whoever_gets_it", || async {
            let world = World::new(1, &[]).await?;
            world.add(0..5).await?;
            let source = world.source(|config| {
                (config.shared, config.auto_offset_reset) = (true, thyme_kafka::AutoOffsetReset::Latest);
            });
            let mut durable = thyme_testkit::drive::Durable::default();
            world.read(&source, &mut durable).await?;
            assert!(durable.ids()?.is_empty());
            world.kafka.add_partitions(&world.topic, 2).await?;
            world.kafka.produce(&world.topic, [New::to(1, json(7)), New::to(0, json(8))]).await?;
            world.read(&source, &mut durable).await?;
            let mut ids = durable.ids()?;
            ids.sort_unstable();
            assert_eq!(ids, [7, 8]);
            Ok(())
        })
}
