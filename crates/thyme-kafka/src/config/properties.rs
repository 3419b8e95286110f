//! Properties of librdkafka that are ours to set.
use std::collections::BTreeMap;

use thyme_core::{Error, Kind, Result};

/// Refuses what has a field of its own, or what the guarantees stand on.
pub(super) fn check(properties: &BTreeMap<String, String>) -> Result<()> {
    for name in properties.keys() {
        if let Some(instead) = owned(name) {
            return Err(Error::new(Kind::Config, format!("`properties` can't set `{name}`: {instead}")));
        }
    }
    Ok(())
}

/// What to do in place of setting `name`; `None` where it is free.
fn owned(name: &str) -> Option<String> {
    let field = match name {
        "bootstrap.servers" | "metadata.broker.list" => "brokers",
        "security.protocol" => "security_protocol",
        "sasl.mechanism" | "sasl.mechanisms" => "sasl_mechanism",
        "sasl.username" => "sasl_username",
        "sasl.password" => "sasl_password",
        "sasl.oauthbearer.token.endpoint.url" => "sasl_token_url",
        "sasl.oauthbearer.scope" => "sasl_token_scope",
        "sasl.oauthbearer.client.id" => "sasl_username",
        "sasl.oauthbearer.client.secret" => "sasl_password",
        "ssl.ca.pem" => "ssl_ca_pem",
        "ssl.ca.location" => "ssl_ca_pem_file",
        "ssl.certificate.pem" => "ssl_certificate_pem",
        "ssl.certificate.location" => "ssl_certificate_pem_file",
        "ssl.key.pem" => "ssl_key_pem",
        "ssl.key.location" => "ssl_key_pem_file",
        "ssl.key.password" => "ssl_key_password",
        "group.id" => "group_id",
        "group.protocol" => "group_protocol",
        "auto.offset.reset" => "auto_offset_reset",
        "isolation.level" => "isolation_level",
        "session.timeout.ms" => "session_timeout_ms",
        "heartbeat.interval.ms" => "heartbeat_interval_ms",
        "transactional.id" => "transactional_id",
        "transaction.timeout.ms" => "transaction_timeout",
        "enable.idempotence" => "delivery",
        "acks" | "request.required.acks" => "acks",
        "retries" | "message.send.max.retries" => "retries",
        "linger.ms" | "queue.buffering.max.ms" => "linger_ms",
        "batch.size" => "batch_size",
        "compression.type" | "compression.codec" => "compression_type",
        _ => return why(name).map(str::to_owned),
    };
    Some(format!("use the field `{field}`"))
}

fn why(name: &str) -> Option<&'static str> {
    Some(match name {
        "enable.auto.commit" | "enable.auto.offset.store" | "auto.commit.interval.ms" | "auto.commit.enable" => {
            "positions belong to the cursor, and are committed to the group when their rows are durable"
        }
        "group.instance.id" => "one process alone holds the group under a name of its own",
        "partition.assignment.strategy" => "`shared` and `group_protocol` say how partitions are shared out",
        "enable.partition.eof" => "it is always on: a run that ends stands on it",
        "queued.max.messages.kbytes"
        | "queued.min.messages"
        | "queue.buffering.max.kbytes"
        | "fetch.max.bytes"
        | "max.partition.fetch.bytes"
        | "fetch.message.max.bytes" => "the memory of a run is bounded by `--memory`",
        "enable.gapless.guarantee" | "dr_cb" | "dr_msg_cb" | "log.queue" | "log_cb" | "error_cb" | "stats_cb" | "opaque" => {
            "it is set here"
        }
        _ if name.starts_with("sasl.oauthbearer.") || name == "enable.sasl.oauthbearer.unsecure.jwt" => {
            "tokens come by `sasl_token_url`"
        }
        _ => return None,
    })
}
