//! A table into a topic, from end to end.
use std::cell::Cell;
use std::path::Path;

use serde_json::json;

use super::broker::Broker;
use super::{Bench, racer};
use crate::bench::postgres::server::Server;
use crate::bench::remove;
use crate::bench::report::Sample;
use crate::{Result, process, repo};

const COLUMNS: &str = "id bigint PRIMARY KEY, small int, amount numeric(12,2), score double precision, name text, active boolean, \
    created timestamptz, payload jsonb";

/// Exactly once, beside Debezium's snapshot and Bento.
pub(super) fn table(bench: &Bench) -> Result {
    let (server, rows) = (Server::start(&bench.postgres, &[("wal_level", "logical")])?, bench.options.rows);
    server.run(&format!(
        "CREATE TABLE bench ({COLUMNS}); INSERT INTO bench SELECT i, (i % 1000)::int, ((i * 7919) % 10000000) / 100.0, \
            sin(i::double precision) * 1000, 'customer number ' || i, i % 2 = 0, \
            timestamptz '2025-01-01 00:00:00Z' + make_interval(secs => (i % 34560000)::double precision), \
            jsonb_build_object('color', (ARRAY['river','copper','mint','ember'])[(1 + i % 4)::int], 'level', i % 10) \
         FROM generate_series(1::bigint, {rows}) AS i"
    ))?;
    server.run("VACUUM (FREEZE, ANALYZE) bench")?;
    server.run("CHECKPOINT")?;
    let broker = Broker::start(bench, true)?;
    let race = Race { bench, server, broker, runs: Cell::new(0) };
    let tuned = [
        ("snapshot.fetch.size", "50000"),
        ("max.batch.size", "16384"),
        ("max.queue.size", "65536"),
        ("producer.override.linger.ms", "20"),
        ("producer.override.batch.size", "524288"),
    ];
    let mut racers = vec![
        racer("thyme run, exactly once", || race.thyme()),
        racer("Debezium's snapshot, as shipped", || race.debezium(&[])),
        racer("Debezium's snapshot, tuned", || race.debezium(&tuned)),
    ];
    if let Some(bento) = &bench.bento {
        racers.push(racer("Bento, at least once", || race.bento(Path::new(bento))));
    }
    bench.race(&format!("{rows} rows of a table into a topic"), &racers)
}

struct Race<'a> {
    bench: &'a Bench,
    server: Server,
    broker: Broker,
    runs: Cell<usize>,
}

impl Race<'_> {
    fn thyme(&self) -> Result<Sample> {
        let (bench, topic) = (self.bench, self.broker.topic(self.bench)?);
        let (state, file) = (bench.folder.join("state"), bench.folder.join("pipeline.toml"));
        remove(&state)?;
        let text = format!(
            "[[pipeline]]\nname = \"{topic}\"\nschedule = \"@once\"\n\n[pipeline.dataset]\nkey = [\"id\"]\n\n\
             [pipeline.source]\ntype = \"postgres\"\nurl = {:?}\ntable = \"bench\"\n\n\
             [pipeline.sink]\ntype = \"kafka\"\nbrokers = \"{}\"\ntopic = \"{topic}\"\n",
            self.server.url(),
            self.broker.brokers
        );
        repo::write(&file, &text)?;
        let mut command = process::command(&bench.thyme, &bench.folder);
        command.arg("run").arg(&file).arg("--once").arg("--state").arg(&state).args(["--memory", &bench.options.memory]);
        let sample = bench.measure(&command)?;
        bench.peer(&["visible", &self.broker.brokers, &topic], bench.options.rows)?;
        Ok(sample)
    }

    fn debezium(&self, more: &[(&str, &str)]) -> Result<Sample> {
        let (url, pid) = self.broker.connect.as_ref().ok_or("there is no Connect")?;
        self.runs.set(self.runs.get() + 1);
        let prefix = format!("dbz{}", self.runs.get());
        let mut config = json!({
            "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
            "plugin.name": "pgoutput",
            "database.hostname": "127.0.0.1",
            "database.port": self.server.port().to_string(),
            "database.user": "postgres",
            "database.password": "",
            "database.dbname": "bench",
            "topic.prefix": prefix,
            "slot.name": prefix,
            "slot.drop.on.stop": "true",
            "publication.name": prefix,
            "publication.autocreate.mode": "filtered",
            "snapshot.mode": "initial_only",
            "table.include.list": "public.bench",
            "topic.creation.default.replication.factor": "1",
            "topic.creation.default.partitions": "4",
            "key.converter": "org.apache.kafka.connect.json.JsonConverter",
            "value.converter": "org.apache.kafka.connect.json.JsonConverter",
            "key.converter.schemas.enable": "false",
            "value.converter.schemas.enable": "false",
        });
        for (name, value) in more {
            config[*name] = json!(value);
        }
        let (topic, rows) = (format!("{prefix}.public.bench"), self.bench.options.rows.to_string());
        let args = ["debezium", &self.broker.brokers, url, &pid.to_string(), &topic, &rows, &config.to_string()];
        let (mut sample, value) = self.bench.peer(&args, self.bench.options.rows)?;
        // The work is Connect's, not the script's.
        sample.cpu = value["cpu"].as_f64().unwrap_or(f64::NAN);
        sample.rss = value["rss"].as_f64().unwrap_or(f64::NAN);
        Ok(sample)
    }

    fn bento(&self, binary: &Path) -> Result<Sample> {
        let (bench, topic) = (self.bench, self.broker.topic(self.bench)?);
        let file = bench.folder.join("bento.yaml");
        let columns = r#"[id, small, "amount::text as amount", score, name, active, created, "payload::text as payload"]"#;
        let text = format!(
            "http: {{enabled: false}}\nlogger: {{level: WARN}}\nmetrics: {{none: {{}}}}\n\
             input:\n  sql_select:\n    driver: postgres\n    dsn: \"{}?sslmode=disable\"\n    table: bench\n    columns: {columns}\n\
             output:\n  kafka_franz:\n    seed_brokers: [\"{}\"]\n    topic: \"{topic}\"\n    key: ${{! json(\"id\") }}\n    \
             max_in_flight: 64\n    batching: {{count: 1000, period: 20ms}}\n",
            self.server.url(),
            self.broker.brokers
        );
        repo::write(&file, &text)?;
        let mut command = process::command(binary, &bench.folder);
        command.arg("-c").arg(&file);
        let sample = bench.measure(&command)?;
        bench.peer(&["visible", &self.broker.brokers, &topic], bench.options.rows)?;
        Ok(sample)
    }
}
