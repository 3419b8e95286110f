//! Prints what is compiled in as JSON: connectors with their fields, metrics, the schema of a pipeline file. The reference pages
//! are made of it.
#![allow(clippy::print_stdout, reason = "that is all it does")]
use serde_json::{Value, json};
use thyme_connectors::core::config::{self, FieldInfo};
use thyme_connectors::core::connector::Metric;
use thyme_connectors::engine::{metrics, spec};

fn main() {
    let registry = thyme_connectors::registry();
    let connectors: Vec<_> = registry
        .connectors()
        .map(|connector| {
            let described = |schema| config::fields(&schema, connector.name).iter().map(field).collect::<Vec<_>>();
            json!({
                "name": connector.name,
                "summary": connector.summary,
                "schemes": connector.schemes,
                "delivery": connector.delivery,
                "source": connector.source.as_ref().map(|entry| described((entry.schema)())),
                "sink": connector.sink.as_ref().map(|entry| described((entry.schema)())),
            })
        })
        .collect();
    let metric = |metric: &Metric| json!({ "name": metric.name, "kind": metric.kind, "help": metric.help });
    let mut all: Vec<Metric> = metrics::ALL.to_vec();
    for own in registry.connectors().flat_map(|connector| connector.metrics) {
        // Connectors of one kind share theirs.
        if !all.contains(own) {
            all.push(*own);
        }
    }
    let metrics: Vec<_> = all.iter().map(metric).collect();
    let all = json!({ "connectors": connectors, "metrics": metrics, "pipeline": spec::json_schema(&registry) });
    println!("{all:#}");
}

fn field(field: &FieldInfo) -> Value {
    let FieldInfo { name, kind, required, default, env, secret, aliases, text } = field;
    json!({
        "name": name, "kind": kind, "required": required, "default": default, "env": env, "secret": secret,
        "aliases": aliases, "text": text,
    })
}
