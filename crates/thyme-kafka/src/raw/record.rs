//! A record where librdkafka holds it.
use std::ffi::{CStr, c_char, c_void};

use rdkafka::bindings::{
    rd_kafka_header_get_all, rd_kafka_headers_t, rd_kafka_message_errstr, rd_kafka_message_headers, rd_kafka_message_t,
    rd_kafka_message_timestamp, rd_kafka_timestamp_type_t,
};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::types::RDKafkaRespErr;

/// A record, or what there is to say in its place.
#[derive(Clone, Copy)]
pub(crate) struct Record<'m> {
    message: &'m rd_kafka_message_t,
}

impl<'m> Record<'m> {
    pub(super) fn new(message: &'m rd_kafka_message_t) -> Self {
        Self { message }
    }

    /// What is wrong, when this is no record: the end of the partition among others.
    pub(crate) fn error(self) -> Option<RDKafkaErrorCode> {
        (self.message.err != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR).then(|| self.message.err.into())
    }

    /// The error in words.
    #[allow(unsafe_code, reason = "the text belongs to librdkafka")]
    pub(crate) fn reason(self) -> String {
        // SAFETY: the message is alive; the text lives as long as it and ends with a zero.
        let text = unsafe { rd_kafka_message_errstr(self.message) };
        if text.is_null() {
            return String::new();
        }
        // SAFETY: as above.
        unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
    }

    /// Its offset; at the end of a partition the one that comes next.
    pub(crate) fn offset(self) -> i64 {
        self.message.offset
    }

    /// The value; `None` for a tombstone.
    pub(crate) fn value(self) -> Option<&'m [u8]> {
        bytes(self.message.payload, self.message.len)
    }

    /// The key.
    pub(crate) fn key(self) -> Option<&'m [u8]> {
        bytes(self.message.key, self.message.key_len)
    }

    /// The time in ms since 1970, where the record has one.
    #[allow(unsafe_code, reason = "the time lies where only librdkafka finds it")]
    pub(crate) fn timestamp(self) -> Option<i64> {
        let mut kind = rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: the message is alive, and `kind` is written to.
        let time = unsafe { rd_kafka_message_timestamp(self.message, &mut kind) };
        (kind != rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE && time >= 0).then_some(time)
    }

    /// Names and values of its headers, in order.
    #[allow(unsafe_code, reason = "headers are parsed by librdkafka, on demand")]
    pub(crate) fn headers(self, mut each: impl FnMut(&[u8], Option<&[u8]>)) {
        let mut headers: *mut rd_kafka_headers_t = std::ptr::null_mut();
        // SAFETY: the message is alive; what is returned belongs to it.
        let found = unsafe { rd_kafka_message_headers(self.message, &mut headers) };
        if found != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR || headers.is_null() {
            return;
        }
        for index in 0.. {
            let (mut name, mut value, mut len): (*const c_char, *const c_void, usize) = (std::ptr::null(), std::ptr::null(), 0);
            // SAFETY: the headers are alive as long as the message; name and value belong to them.
            let more = unsafe { rd_kafka_header_get_all(headers, index, &mut name, &mut value, &mut len) };
            if more != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR || name.is_null() {
                return;
            }
            // SAFETY: a name ends with a zero.
            let name = unsafe { CStr::from_ptr(name) };
            each(name.to_bytes(), bytes(value, len));
        }
    }
}

/// `len` bytes from `start` on, of a message that lives as long as `'m`.
#[allow(unsafe_code, reason = "bytes of a message of C")]
fn bytes<'m>(start: *const c_void, len: usize) -> Option<&'m [u8]> {
    if start.is_null() {
        return None;
    }
    // SAFETY: librdkafka says that as many bytes are there, and they live as long as the message that is borrowed for `'m`.
    Some(unsafe { std::slice::from_raw_parts(start.cast::<u8>(), len) })
}
