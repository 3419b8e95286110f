//! Which topic a name stands for now.
use std::collections::BTreeMap;
use std::ffi::{CStr, CString, c_char};
use std::time::Duration;

use rdkafka::bindings as rd;
use rdkafka::client::{Client, ClientContext};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode as Code};
use rdkafka::types::RDKafkaRespErr;

use super::owned::Owned;

/// The ids of topics by name, as 32 hexadecimal digits. A topic of brokers that know none is left out, and one
/// that is not there.
///
/// # Errors
/// When nobody answers within `limit`, and as the brokers say.
#[allow(unsafe_code, reason = "the bindings describe no topics")]
pub(crate) fn topic_ids<C: ClientContext>(
    client: &Client<C>,
    topics: &[String],
    limit: Duration,
) -> KafkaResult<BTreeMap<String, String>> {
    let names: Vec<CString> =
        topics.iter().map(|name| CString::new(name.as_str())).collect::<Result<_, _>>().map_err(KafkaError::Nul)?;
    let mut pointers: Vec<*const c_char> = names.iter().map(|name| name.as_ptr()).collect();
    let rk = client.native_ptr();
    let millis = i32::try_from(limit.as_millis()).unwrap_or(i32::MAX);
    // SAFETY: the client lives as long as it is borrowed, and so do the names, which are copied; each thing that is made is given
    // back by its own call when it is dropped, the event before the queue that it came from.
    unsafe {
        let names = Owned::new(
            rd::rd_kafka_TopicCollection_of_topic_names(pointers.as_mut_ptr(), pointers.len()),
            rd::rd_kafka_TopicCollection_destroy,
        )?;
        let kind = rd::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS;
        let options = Owned::new(rd::rd_kafka_AdminOptions_new(rk, kind), rd::rd_kafka_AdminOptions_destroy)?;
        rd::rd_kafka_AdminOptions_set_request_timeout(options.get(), millis, std::ptr::null_mut(), 0);
        let queue = Owned::new(rd::rd_kafka_queue_new(rk), rd::rd_kafka_queue_destroy)?;
        rd::rd_kafka_DescribeTopics(rk, names.get(), options.get(), queue.get());
        let event = rd::rd_kafka_queue_poll(queue.get(), millis);
        let event =
            Owned::new(event, rd::rd_kafka_event_destroy).map_err(|_| KafkaError::MetadataFetch(Code::OperationTimedOut))?;
        match rd::rd_kafka_event_error(event.get()) {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR => {}
            code => return Err(KafkaError::MetadataFetch(code.into())),
        }
        let result = rd::rd_kafka_event_DescribeTopics_result(event.get());
        let mut count = 0;
        let found =
            if result.is_null() { std::ptr::null_mut() } else { rd::rd_kafka_DescribeTopics_result_topics(result, &mut count) };
        let found = if found.is_null() { &[][..] } else { std::slice::from_raw_parts(found, count) };
        Ok(found.iter().filter_map(|topic| id(*topic)).collect())
    }
}

/// Name and id of a topic.
///
/// # Safety
/// It is of a result that is alive.
#[allow(unsafe_code, reason = "things of C")]
unsafe fn id(topic: *const rd::rd_kafka_TopicDescription_t) -> Option<(String, String)> {
    // SAFETY: the description is alive, and so is what it returns; the name ends with a zero.
    unsafe {
        let (name, id) = (rd::rd_kafka_TopicDescription_name(topic), rd::rd_kafka_TopicDescription_topic_id(topic));
        if name.is_null() || id.is_null() {
            return None;
        }
        let bits = (rd::rd_kafka_Uuid_most_significant_bits(id), rd::rd_kafka_Uuid_least_significant_bits(id));
        let name = CStr::from_ptr(name).to_string_lossy().into_owned();
        (bits != (0, 0)).then(|| (name, format!("{:016x}{:016x}", bits.0, bits.1)))
    }
}
