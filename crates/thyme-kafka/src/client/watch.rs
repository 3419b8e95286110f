//! A client that is polled as long as it lives, and whose calls end when the brokers refuse us.
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult};
use thyme_core::{Error, Kind, Result};

use super::{Context, Health, settings};
use crate::config::Connection;
use crate::error;

/// How long a look for events waits for more.
const MOMENT: Duration = Duration::from_millis(1);

/// The longest time between two looks: a sign may be missed, and a member that does not look is put out of its group.
const TURN: Duration = Duration::from_millis(500);

/// How long leaving may hold up whoever drops a client.
const FAREWELL: Duration = Duration::from_secs(2);

/// A consumer, or a mere client for questions, with a thread that serves its events. Dropped, it leaves its group.
pub(crate) struct Client<C: ConsumerContext + 'static = Context> {
    consumer: Option<Arc<BaseConsumer<C>>>,
    health: Arc<Health>,
    limit: Duration,
    stop: Arc<AtomicBool>,
    wake: mpsc::SyncSender<()>,
    gone: Mutex<mpsc::Receiver<()>>,
}

impl<C: ConsumerContext + 'static> fmt::Debug for Client<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("health", &self.health).finish_non_exhaustive()
    }
}

impl Client {
    /// A client for questions alone: it joins nothing and reads nothing.
    ///
    /// # Errors
    /// `Config` for settings that librdkafka refuses.
    pub(crate) fn new(connection: &Connection) -> Result<Self> {
        let context = Context::new(connection);
        let health = Arc::clone(&context.health);
        Self::with(connection, &settings(connection)?, context, health, |_| {})
    }
}

impl<C: ConsumerContext + 'static> Client<C> {
    /// A consumer with `config`, whose errors beside its calls come to `heard`.
    ///
    /// # Errors
    /// `Config` for settings that librdkafka refuses.
    pub(crate) fn with(
        connection: &Connection,
        config: &ClientConfig,
        context: C,
        health: Arc<Health>,
        mut heard: impl FnMut(KafkaError) + Send + 'static,
    ) -> Result<Self> {
        let consumer = BaseConsumer::from_config_and_context(config, context);
        let mut consumer = consumer.map_err(|e| error::from_kafka(e, "make a client"))?;
        let (wake, woken) = mpsc::sync_channel(1);
        let ring = wake.clone();
        consumer.set_nonempty_callback(move || {
            let _ = ring.try_send(());
        });
        let consumer = Arc::new(consumer);
        let (stop, polled) = (Arc::new(AtomicBool::new(false)), Arc::clone(&consumer));
        let (done, gone) = mpsc::sync_channel(1);
        let told = Arc::clone(&stop);
        let serve = move || {
            while !told.load(Ordering::Acquire) {
                events(&polled, &mut heard);
                let _ = woken.recv_timeout(TURN);
            }
            // Whoever has it still is about to let go; the last to go destroys it, which takes its time.
            while Arc::strong_count(&polled) > 1 {
                std::thread::sleep(MOMENT);
            }
            drop(polled);
            let _ = done.send(());
        };
        let thread = std::thread::Builder::new().name("thyme-kafka".into()).spawn(serve);
        thread.map_err(|e| Error::new(Kind::Unexpected, "cannot start a thread").source(e))?;
        Ok(Self { consumer: Some(consumer), health, limit: connection.connect_timeout, stop, wake, gone: Mutex::new(gone) })
    }

    /// The consumer itself. Whoever keeps it keeps the client alive.
    pub(crate) fn consumer(&self) -> Result<&Arc<BaseConsumer<C>>> {
        self.consumer.as_ref().ok_or_else(|| Error::new(Kind::Unexpected, "the client is closed"))
    }

    /// What it was told beside its calls.
    pub(crate) fn health(&self) -> &Arc<Health> {
        &self.health
    }

    /// Runs a call that blocks, off the runtime; `ask` is told how long it may take, and is asked again while that can help.
    /// `what` is what can't be done when it fails: `"look for the topic"`.
    ///
    /// # Errors
    /// `Auth` as soon as the brokers refuse us, `Unavailable` when none answers in time, else by the code of the answer.
    pub(crate) async fn call<T, F>(&self, what: &'static str, ask: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&BaseConsumer<C>, Duration) -> KafkaResult<T> + Send + 'static,
    {
        let (consumer, health, limit) = (Arc::clone(self.consumer()?), Arc::clone(&self.health), self.limit);
        let asked = tokio::task::spawn_blocking(move || patiently(&consumer, &health, limit, what, ask));
        tokio::select! {
            biased;
            refused = self.health.refused() => Err(refused),
            asked = asked => asked.map_err(|e| Error::new(Kind::Unexpected, "a call was cut short").source(e))?,
        }
    }
}

/// Serves the events that are there.
fn events<C: ConsumerContext>(consumer: &BaseConsumer<C>, heard: &mut impl FnMut(KafkaError)) {
    loop {
        let at = Instant::now();
        match consumer.poll(MOMENT) {
            Some(Err(error)) => heard(error),
            None if at.elapsed() >= MOMENT => return,
            // An event that the consumer kept to itself.
            Some(Ok(_)) | None => {}
        }
    }
}

/// Asks until there is an answer, no sense in asking, or no time left; in slices, so that a refusal is heard in between.
fn patiently<C: ConsumerContext, T>(
    consumer: &BaseConsumer<C>,
    health: &Health,
    limit: Duration,
    what: &'static str,
    ask: impl Fn(&BaseConsumer<C>, Duration) -> KafkaResult<T>,
) -> Result<T> {
    let (begun, mut slice) = (Instant::now(), Duration::from_secs(1));
    loop {
        let left = limit.saturating_sub(begun.elapsed()).max(Duration::from_millis(100));
        let at = Instant::now();
        let failed = match ask(consumer, slice.min(left)) {
            Ok(answer) => {
                health.answered();
                return Ok(answer);
            }
            Err(failed) => failed,
        };
        if let Some(refusal) = health.refusal() {
            return Err(refusal);
        }
        let code = failed.rdkafka_error_code();
        let error = error::from_kafka(failed, what);
        if error.kind() != Kind::Unavailable {
            return Err(error);
        }
        if begun.elapsed() >= limit {
            let silent = code.is_none_or(error::silent);
            return Err(if silent { health.unavailable(limit) } else { error });
        }
        std::thread::sleep(Duration::from_millis(100).saturating_sub(at.elapsed()));
        slice *= 2;
    }
}

impl<C: ConsumerContext + 'static> Drop for Client<C> {
    fn drop(&mut self) {
        drop(self.consumer.take());
        self.stop.store(true, Ordering::Release);
        let _ = self.wake.try_send(());
        // Leaving the group is worth a moment: others wait for what we had.
        let gone = self.gone.get_mut().unwrap_or_else(PoisonError::into_inner);
        let _ = gone.recv_timeout(FAREWELL);
    }
}
