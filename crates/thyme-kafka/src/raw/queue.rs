//! The records of one partition, taken many at a time.
use std::ffi::{CString, c_void};
use std::sync::Arc;

use rdkafka::bindings as rd;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::types::RDKafka;
use tokio::sync::Notify;

use super::Record;
use super::owned::Owned;

/// Records taken at a time.
const BATCH: usize = 1024;

/// The queue of one partition, apart from the consumer's own.
///
/// Taking records one at a time, as the bindings do, costs an event and an atomic count for each: a third of the time of a thread
/// that decodes them too.
pub(crate) struct Queue<C: ConsumerContext + 'static> {
    queue: Owned<rd::rd_kafka_queue_t>,
    /// What it fetches by itself.
    fetched: Option<(Owned<rd::rd_kafka_topic_t>, i32)>,
    wake: Arc<Notify>,
    taken: Vec<*mut rd::rd_kafka_message_t>,
    /// Outlives the queue.
    _consumer: Arc<BaseConsumer<C>>,
}

#[allow(unsafe_code, reason = "librdkafka's queues may be used from any thread")]
// SAFETY: librdkafka locks its queues and topics; `taken` is empty between two calls, which take `&mut self`.
unsafe impl<C: ConsumerContext + 'static> Send for Queue<C> {}

impl<C: ConsumerContext + 'static> Queue<C> {
    /// Fetches a partition from `offset` on, as long as the queue lives, by a client in no group: the bindings fetch by a member
    /// alone. Such a client asks no coordinator, and is closed without waiting for one.
    ///
    /// # Errors
    /// For a topic of no possible name, an offset below 0 that stands for no place, and a consumer in a group.
    #[allow(unsafe_code, reason = "the bindings fetch by a member of a group alone")]
    pub(crate) fn fetch(
        consumer: &Arc<BaseConsumer<C>>,
        topic: &str,
        partition: i32,
        offset: i64,
        wake: Arc<Notify>,
    ) -> KafkaResult<Self> {
        let mut this = Self::of(consumer, topic, partition, wake)?;
        let name = CString::new(topic).map_err(KafkaError::Nul)?;
        // SAFETY: the client lives as long as `consumer`, the name is copied, and the error is what this thread's last call left.
        unsafe {
            let topic = rd::rd_kafka_topic_new(consumer.client().native_ptr(), name.as_ptr(), std::ptr::null_mut());
            let topic = Owned::new(topic, rd::rd_kafka_topic_destroy)?;
            if rd::rd_kafka_consume_start(topic.get(), partition, offset) != 0 {
                return Err(KafkaError::MessageConsumption(rd::rd_kafka_last_error().into()));
            }
            this.fetched = Some((topic, partition));
        }
        Ok(this)
    }

    /// The queue of a partition that is assigned later. `wake` hears when there is something after there was nothing.
    ///
    /// # Errors
    /// For a topic of no possible name.
    #[allow(unsafe_code, reason = "the bindings' own partition queue gives one record at a time")]
    pub(crate) fn of(consumer: &Arc<BaseConsumer<C>>, topic: &str, partition: i32, wake: Arc<Notify>) -> KafkaResult<Self> {
        let name = CString::new(topic).map_err(KafkaError::Nul)?;
        // SAFETY: the client lives as long as `consumer`, and the name is copied. Forwarded to nowhere the queue keeps what is
        // fetched. The callback gets a pointer to what `wake` holds, which lives until `drop` has taken the callback away under the
        // queue's lock, the one it is called under.
        let queue = unsafe {
            let queue = rd::rd_kafka_queue_get_partition(consumer.client().native_ptr(), name.as_ptr(), partition);
            let queue = Owned::new(queue, rd::rd_kafka_queue_destroy)?;
            rd::rd_kafka_queue_forward(queue.get(), std::ptr::null_mut());
            rd::rd_kafka_queue_cb_event_enable(queue.get(), Some(woken), Arc::as_ptr(&wake) as *mut c_void);
            queue
        };
        let taken = vec![std::ptr::null_mut(); BATCH];
        Ok(Self { queue, fetched: None, wake, taken, _consumer: Arc::clone(consumer) })
    }

    /// Gives what is there to `each`, at most `most` records, without waiting. Returns how many there were.
    #[allow(unsafe_code, reason = "the bindings have no word for taking a batch")]
    pub(crate) fn take(&mut self, most: usize, mut each: impl FnMut(Record<'_>)) -> usize {
        let room = self.taken.len().min(most);
        // SAFETY: the queue is alive, and `taken` has room for as many pointers as are asked for.
        let count = unsafe { rd::rd_kafka_consume_batch_queue(self.queue.get(), 0, self.taken.as_mut_ptr(), room) };
        let count = usize::try_from(count).unwrap_or(0).min(room);
        for message in self.taken.iter_mut().take(count) {
            let message = std::mem::replace(message, std::ptr::null_mut());
            // SAFETY: librdkafka gave us this message; it lives until it is destroyed, which is after the borrow ends.
            unsafe {
                each(Record::new(&*message));
                rd::rd_kafka_message_destroy(message);
            }
        }
        count
    }
}

impl<C: ConsumerContext + 'static> Drop for Queue<C> {
    #[allow(unsafe_code, reason = "what was begun by hand is ended by hand")]
    fn drop(&mut self) {
        // SAFETY: queue and topic are alive until this is over, and the consumer outlives them. The callback is taken away under
        // the queue's lock, so that nothing points to `wake` any more when it goes.
        unsafe {
            if let Some((topic, partition)) = &self.fetched {
                rd::rd_kafka_consume_stop(topic.get(), *partition);
            }
            rd::rd_kafka_queue_cb_event_enable(self.queue.get(), None, std::ptr::null_mut());
        }
        self.wake.notify_one();
    }
}

/// Called by librdkafka's threads.
#[allow(unsafe_code, reason = "a callback of C")]
unsafe extern "C" fn woken(_: *mut RDKafka, wake: *mut c_void) {
    // SAFETY: `wake` points to the `Notify` that `Queue` keeps alive as long as this can be called.
    let wake = unsafe { &*wake.cast::<Notify>() };
    wake.notify_one();
}
