//! How a broker is set up.
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::hash::{BuildHasher, Hasher};
use std::path::Path;

use thyme_core::Result;

use super::{Listener, PASSWORD, USER};
use crate::program::broke;

/// How Kafka is set up.
#[derive(Clone, Debug)]
pub struct Settings {
    /// One broker, or three. Of three, each topic has three replicas and a write needs two.
    pub nodes: usize,
    /// Ways in, beside [`Listener::Plain`].
    pub listeners: Vec<Listener>,
    /// Who issues the tokens that OAUTHBEARER takes: its base URL, as `http://127.0.0.1:9000`. It must be up before the
    /// broker, serve its keys at `/jwks` and issue for the audience `kafka`.
    pub issuer: Option<String>,
    /// Settings of `server.properties`, after ours.
    pub options: Vec<(String, String)>,
    /// What the virtual machine may take for its heap, in MiB.
    pub heap_mb: u32,
    /// Options of the virtual machine, after ours, which are made for a fast start.
    pub java: Vec<String>,
}

impl Default for Settings {
    /// One broker that lets everybody in.
    fn default() -> Self {
        Self { nodes: 1, listeners: Vec::new(), issuer: None, options: Vec::new(), heap_mb: 384, java: Vec::new() }
    }
}

impl Settings {
    /// Sets a property of the broker, as `server.properties` names it.
    #[must_use]
    pub fn option(mut self, name: &str, value: impl ToString) -> Self {
        self.options.push((name.to_owned(), value.to_string()));
        self
    }

    /// Adds a way in.
    #[must_use]
    pub fn listener(mut self, listener: Listener) -> Self {
        self.listeners.push(listener);
        self
    }

    /// All ways in, each once.
    fn ways(&self) -> Vec<Listener> {
        Listener::ALL.iter().copied().filter(|way| *way == Listener::Plain || self.listeners.contains(way)).collect()
    }

    /// How many ports it takes: two of each broker are for other brokers.
    pub(super) fn ports(&self) -> usize {
        self.nodes * (2 + self.ways().len())
    }

    /// The port of one listener of the broker at `node`, counted from 0.
    pub(super) fn port(&self, ports: &[u16], node: usize, listener: Listener) -> u16 {
        let ports = self.assign(ports, node, None);
        ports.listeners.iter().find(|(known, ..)| *known == listener).map_or(0, |(_, port, _)| *port)
    }

    /// The share of the broker at `node` in all ports.
    pub(super) fn assign(&self, ports: &[u16], node: usize, proxied: Option<u16>) -> Ports {
        let each = 2 + self.ways().len();
        let mut mine = ports.iter().copied().skip(node * each).take(each);
        let (controller, internal) = (mine.next().unwrap_or_default(), mine.next().unwrap_or_default());
        let listeners = self.ways().into_iter().zip(mine).map(|(way, port)| match proxied {
            Some(proxied) if way == Listener::Plain => (way, port, proxied),
            _ => (way, port, port),
        });
        Ports { controller, internal, listeners: listeners.collect() }
    }
}

/// The ports of one broker.
#[derive(Clone, Debug)]
pub(super) struct Ports {
    pub(super) controller: u16,
    /// Where brokers meet, which no proxy is before.
    pub(super) internal: u16,
    /// Each listener with the port it has and the port it tells its clients.
    pub(super) listeners: Vec<(Listener, u16, u16)>,
}

/// What the tests need and no production broker would do: everything small, and nobody waits for others to come.
const OPTIONS: &[(&str, &str)] = &[
    ("process.roles", "broker,controller"),
    ("controller.listener.names", "CONTROLLER"),
    ("inter.broker.listener.name", "INTERNAL"),
    ("auto.create.topics.enable", "false"),
    ("offsets.topic.num.partitions", "4"),
    ("transaction.state.log.num.partitions", "4"),
    ("share.coordinator.state.topic.num.partitions", "1"),
    ("num.partitions", "1"),
    ("group.initial.rebalance.delay.ms", "0"),
    ("group.min.session.timeout.ms", "1000"),
    ("group.consumer.min.session.timeout.ms", "1000"),
    ("group.consumer.min.heartbeat.interval.ms", "200"),
    ("group.consumer.session.timeout.ms", "6000"),
    ("group.consumer.heartbeat.interval.ms", "500"),
    // The registration of a broker that was killed has to expire before it comes again.
    ("broker.session.timeout.ms", "2000"),
    ("broker.heartbeat.interval.ms", "300"),
    ("controller.quorum.election.timeout.ms", "1000"),
    ("controller.quorum.fetch.timeout.ms", "2000"),
    ("num.network.threads", "2"),
    ("num.io.threads", "4"),
    ("num.replica.fetchers", "1"),
    ("background.threads", "2"),
    ("log.cleaner.dedupe.buffer.size", "16777216"),
    ("log.cleaner.backoff.ms", "500"),
    ("log.initial.task.delay.ms", "500"),
    ("log.retention.check.interval.ms", "1000"),
    ("log.segment.delete.delay.ms", "500"),
    ("transaction.abort.timed.out.transaction.cleanup.interval.ms", "1000"),
];

/// `server.properties` of one broker of `all`.
pub(super) fn text(settings: &Settings, root: &Path, data: &Path, id: u16, ports: &Ports, all: &[Ports]) -> String {
    let mut set: BTreeMap<String, String> =
        OPTIONS.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let mut put = |name: &str, value: String| set.insert(name.to_owned(), value);
    put("node.id", id.to_string());
    put("log.dirs", data.display().to_string());
    let voters = all.iter().enumerate().map(|(index, ports)| format!("{}@127.0.0.1:{}", index + 1, ports.controller));
    put("controller.quorum.voters", voters.collect::<Vec<_>>().join(","));
    let replicas = if settings.nodes >= 3 { 3 } else { 1 };
    let needed = if replicas == 3 { 2 } else { 1 };
    for topic in ["offsets.topic", "transaction.state.log", "share.coordinator.state.topic"] {
        put(&format!("{topic}.replication.factor"), replicas.to_string());
    }
    put("default.replication.factor", replicas.to_string());
    put("min.insync.replicas", needed.to_string());
    put("transaction.state.log.min.isr", needed.to_string());
    put("share.coordinator.state.topic.min.isr", needed.to_string());
    let mut listen = format!("CONTROLLER://127.0.0.1:{},INTERNAL://127.0.0.1:{}", ports.controller, ports.internal);
    let mut tell = format!("INTERNAL://127.0.0.1:{}", ports.internal);
    let mut protocols = String::from("CONTROLLER:PLAINTEXT,INTERNAL:PLAINTEXT");
    for (way, port, advertised) in &ports.listeners {
        let _ = write!(listen, ",{way}://127.0.0.1:{port}");
        let _ = write!(tell, ",{way}://127.0.0.1:{advertised}");
        let _ = write!(protocols, ",{way}:{}", way.protocol());
        ways(*way, settings.issuer.as_deref(), root, |name, value| {
            put(&format!("listener.name.{}.{name}", way.name().to_lowercase()), value);
        });
    }
    put("listeners", listen);
    put("advertised.listeners", tell);
    put("listener.security.protocol.map", protocols);
    set.extend(settings.options.iter().cloned());
    set.iter().map(|(name, value)| format!("{name}={value}\n")).collect()
}

/// What one listener is told.
fn ways(way: Listener, issuer: Option<&str>, root: &Path, mut put: impl FnMut(&str, String)) {
    let file = |name: &str| root.join(name).display().to_string();
    if way.is_encrypted() {
        put("ssl.keystore.type", "PEM".to_owned());
        put("ssl.keystore.location", file("server.pem"));
    }
    if way == Listener::Mtls {
        put("ssl.truststore.type", "PEM".to_owned());
        put("ssl.truststore.location", file("ca.crt"));
        put("ssl.client.auth", "required".to_owned());
    }
    if !way.has_users() {
        return;
    }
    let module = "org.apache.kafka.common.security";
    let mut mechanisms = String::from("PLAIN,SCRAM-SHA-256,SCRAM-SHA-512");
    put("plain.sasl.jaas.config", format!("{module}.plain.PlainLoginModule required user_{USER}=\"{PASSWORD}\";"));
    for scram in ["scram-sha-256", "scram-sha-512"] {
        put(&format!("{scram}.sasl.jaas.config"), format!("{module}.scram.ScramLoginModule required;"));
    }
    if let Some(issuer) = issuer {
        mechanisms.push_str(",OAUTHBEARER");
        let bearer = format!("{module}.oauthbearer.OAuthBearer");
        put("oauthbearer.sasl.jaas.config", format!("{bearer}LoginModule required;"));
        put("oauthbearer.sasl.server.callback.handler.class", format!("{bearer}ValidatorCallbackHandler"));
        put("oauthbearer.sasl.oauthbearer.jwks.endpoint.url", format!("{issuer}/jwks"));
        put("oauthbearer.sasl.oauthbearer.expected.issuer", issuer.to_owned());
        put("oauthbearer.sasl.oauthbearer.expected.audience", "kafka".to_owned());
    }
    put("sasl.enabled.mechanisms", mechanisms);
}

/// The server's key and certificate in one file, as the broker wants them.
pub(super) fn keystore(root: &Path) -> Result<()> {
    let path = root.join("server.pem");
    let read = |name: &str| fs::read_to_string(root.join(name)).map_err(|e| broke("no certificate", &path, e));
    let both = read("server.key")? + &read("server.crt")?;
    fs::write(&path, both).map_err(|e| broke("a certificate can't be written", &path, e))
}

/// A new id of a cluster or a folder: 16 random bytes as the broker writes them, in 22 characters of Base64 for URLs.
pub(super) fn id() -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let random = || std::collections::hash_map::RandomState::new().build_hasher().finish();
    let mut bits = (u128::from(random()) << 64) | u128::from(random());
    // A leading `-` would be an option of the tools; the last letter holds two bits.
    bits &= u128::MAX >> 1;
    let mut text = String::with_capacity(22);
    for letter in 0..22 {
        let six = if letter == 21 { (bits & 3) << 4 } else { bits >> (122 - 6 * letter) & 63 };
        text.push(LETTERS.get(usize::try_from(six).unwrap_or_default()).map_or('A', |letter| char::from(*letter)));
    }
    text
}
