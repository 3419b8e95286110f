//! The records of one partition, taken many at a time.
use std::ffi::{CString, c_void};
use std::ptr::NonNull;
use std::sync::Arc;

use rdkafka::bindings::{
    rd_kafka_consume_batch_queue, rd_kafka_message_destroy, rd_kafka_message_t, rd_kafka_queue_cb_event_enable,
    rd_kafka_queue_destroy, rd_kafka_queue_forward, rd_kafka_queue_get_partition, rd_kafka_queue_t,
};
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::types::RDKafka;
use thyme_core::{Error, Kind, Result};
use tokio::sync::Notify;

use super::Record;

/// Records taken at a time.
const BATCH: usize = 1024;

/// The queue of one partition, apart from the consumer's own. To be made before the partition is assigned.
///
/// Taking records one at a time, as the bindings do, costs an event and an atomic count for each: a third of the time of a thread
/// that decodes them too.
pub(crate) struct Queue<C: ConsumerContext + 'static> {
    queue: NonNull<rd_kafka_queue_t>,
    wake: Arc<Notify>,
    taken: Vec<*mut rd_kafka_message_t>,
    /// Outlives the queue.
    _consumer: Arc<BaseConsumer<C>>,
}

#[allow(unsafe_code, reason = "librdkafka's queues may be used from any thread")]
// SAFETY: librdkafka locks its queues; `taken` is empty between two calls, which take `&mut self`.
unsafe impl<C: ConsumerContext + 'static> Send for Queue<C> {}

impl<C: ConsumerContext + 'static> Queue<C> {
    /// That of a partition. `wake` hears when it has something after it had nothing.
    ///
    /// # Errors
    /// `Config` for a topic with a zero byte in its name, `Unexpected` when librdkafka makes no queue.
    #[allow(unsafe_code, reason = "the bindings' own partition queue gives one record at a time")]
    pub(crate) fn new(consumer: &Arc<BaseConsumer<C>>, topic: &str, partition: i32, wake: Arc<Notify>) -> Result<Self> {
        let name = CString::new(topic).map_err(|_| Error::new(Kind::Config, "the name of a topic holds a zero byte"))?;
        // SAFETY: the client lives as long as `consumer`, the name is copied; the queue that is returned is ours to destroy.
        let queue = unsafe { rd_kafka_queue_get_partition(consumer.client().native_ptr(), name.as_ptr(), partition) };
        let queue = NonNull::new(queue).ok_or_else(|| Error::new(Kind::Unexpected, "librdkafka has no queue for a partition"))?;
        // SAFETY: the queue is alive. Forwarded to nowhere it keeps what is fetched. The callback gets a pointer to what `wake`
        // holds, which lives until `drop` has taken the callback away under the queue's lock, the one it is called under.
        unsafe {
            rd_kafka_queue_forward(queue.as_ptr(), std::ptr::null_mut());
            rd_kafka_queue_cb_event_enable(queue.as_ptr(), Some(woken), Arc::as_ptr(&wake) as *mut c_void);
        }
        Ok(Self { queue, wake, taken: vec![std::ptr::null_mut(); BATCH], _consumer: Arc::clone(consumer) })
    }

    /// Gives what is there to `each`, at most `most` records, without waiting. Returns how many there were.
    #[allow(unsafe_code, reason = "the bindings have no word for taking a batch")]
    pub(crate) fn take(&mut self, most: usize, mut each: impl FnMut(Record<'_>)) -> usize {
        let room = self.taken.len().min(most);
        // SAFETY: the queue is alive, and `taken` has room for as many pointers as are asked for.
        let count = unsafe { rd_kafka_consume_batch_queue(self.queue.as_ptr(), 0, self.taken.as_mut_ptr(), room) };
        let count = usize::try_from(count).unwrap_or(0).min(room);
        for message in self.taken.iter_mut().take(count) {
            let message = std::mem::replace(message, std::ptr::null_mut());
            // SAFETY: librdkafka gave us this message; it lives until it is destroyed, which is after the borrow ends.
            unsafe {
                each(Record::new(&*message));
                rd_kafka_message_destroy(message);
            }
        }
        count
    }
}

impl<C: ConsumerContext + 'static> Drop for Queue<C> {
    #[allow(unsafe_code, reason = "what was made by hand is given back by hand")]
    fn drop(&mut self) {
        // SAFETY: the queue is alive until it is destroyed here, and the consumer outlives it. The callback is taken away under
        // the queue's lock, so that nothing points to `wake` any more when it goes.
        unsafe {
            rd_kafka_queue_cb_event_enable(self.queue.as_ptr(), None, std::ptr::null_mut());
            rd_kafka_queue_destroy(self.queue.as_ptr());
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
