//! Things of librdkafka's that are given back when they are dropped.
use std::ptr::NonNull;

use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode as Code};

/// One such thing.
pub(super) struct Owned<T> {
    at: NonNull<T>,
    back: unsafe extern "C" fn(*mut T),
}

impl<T> Owned<T> {
    pub(super) fn new(at: *mut T, back: unsafe extern "C" fn(*mut T)) -> KafkaResult<Self> {
        let failed = KafkaError::MetadataFetch(Code::CriticalSystemResource);
        NonNull::new(at).map(|at| Self { at, back }).ok_or(failed)
    }

    pub(super) fn get(&self) -> *mut T {
        self.at.as_ptr()
    }
}

impl<T> Drop for Owned<T> {
    #[allow(unsafe_code, reason = "what was made by hand is given back by hand")]
    fn drop(&mut self) {
        // SAFETY: it was made by the call that belongs to `back`, and is given back once.
        unsafe { (self.back)(self.at.as_ptr()) }
    }
}
