//! Real Kafka of a test's own: one broker or a cluster, its data, its ports on 127.0.0.1, its certificates; gone when it is
//! dropped, and when the process that started it dies in whatever way.
//!
//! The programs come from `cargo xtask services up kafka` and need Java 17. A broker starts in two to four seconds: its
//! storage was formatted and its classes were loaded once, and are copied.
mod admin;
mod connect;
mod install;
pub mod issuer;
mod listener;
mod node;
mod ports;
mod properties;
mod records;
mod registry;
mod side;
mod template;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use thyme_core::{Error, Kind, Result};

pub use crate::certs::{Certs, Identity};
use crate::drive::breaks;
pub use crate::guarded::Stop;
use crate::program::broke;
use crate::proxy::Proxy;
pub use admin::Offsets;
pub use connect::{Connect, Shape};
pub use issuer::Issuer;
pub use listener::Listener;
use node::Node;
pub use properties::Settings;
pub use records::{New, Record};
pub use registry::{Registry, RegistryVersion};
use template::Template;

/// The user that SASL listeners know, by PLAIN and by SCRAM.
pub const USER: &str = "alice";

/// The user's password.
pub const PASSWORD: &str = "alice-has-a-secret";

/// Why there is no Kafka here; `None` when there is.
#[must_use]
pub fn missing() -> Option<String> {
    let java = || std::process::Command::new("java").arg("-version").output().is_ok_and(|output| output.status.success());
    match install::jars() {
        Err(error) => Some(error.to_string()),
        Ok(_) if !java() => Some("there is no `java`: Kafka needs Java 17 or newer".to_owned()),
        Ok(_) => None,
    }
}

/// A running Kafka of one broker or of several.
#[derive(Debug)]
pub struct Kafka {
    root: PathBuf,
    nodes: Vec<Node>,
    certs: Option<Certs>,
    proxies: Vec<Proxy>,
}

impl Kafka {
    /// Starts it on fresh storage and waits until every broker answers. Blocks for some seconds.
    ///
    /// # Errors
    /// `NotFound` when it is not installed, with the remedy; `Unavailable` when it does not come up, with its log.
    pub fn start(settings: &Settings) -> Result<Self> {
        let template = Template::ready()?;
        again(|| Self::launch(&template, settings, ports::free(settings.ports())?, Vec::new()))
    }

    /// As [`Kafka::start`], with a [`Proxy`] before each broker's [`Listener::Plain`]: that is the address which the broker
    /// itself tells its clients. Needs a runtime.
    ///
    /// # Errors
    /// As [`Kafka::start`].
    pub async fn start_behind_proxies(settings: &Settings) -> Result<Self> {
        let template = Template::ready()?;
        let mut error = breaks("Kafka was not started");
        for _ in 0..3 {
            let ports = ports::free(settings.ports())?;
            let mut proxies = Vec::new();
            for node in 0..settings.nodes {
                proxies.push(Proxy::start((Ipv4Addr::LOCALHOST, settings.port(&ports, node, Listener::Plain)).into()).await?);
            }
            match Self::launch(&template, settings, ports, proxies) {
                Ok(kafka) => return Ok(kafka),
                Err(failed) => error = failed,
            }
        }
        Err(error)
    }

    /// The one broker of this test process, started when it is first asked for.
    ///
    /// # Errors
    /// As [`Kafka::start`].
    pub fn shared() -> Result<&'static Self> {
        static SHARED: OnceLock<std::result::Result<Kafka, String>> = OnceLock::new();
        let kafka = SHARED.get_or_init(|| Self::start(&Settings::default()).map_err(|error| error.to_string()));
        kafka.as_ref().map_err(|error| Error::new(Kind::Unavailable, error.clone()))
    }

    fn launch(template: &Template, settings: &Settings, ports: Vec<u16>, proxies: Vec<Proxy>) -> Result<Self> {
        let new = tempfile::Builder::new().prefix("thyme-kafka-").tempdir();
        let root = new.map_err(|e| broke("there is no room for a broker", &std::env::temp_dir(), e))?.keep();
        let mut kafka = Self { root, nodes: Vec::new(), certs: None, proxies };
        let root = kafka.root.as_path();
        if settings.listeners.iter().any(|listener| listener.is_encrypted()) {
            let certs = Certs::write(root, &["localhost", "127.0.0.1"], |_| Ok(()))?;
            properties::keystore(root)?;
            kafka.certs = Some(certs);
        }
        let proxied: Vec<u16> = kafka.proxies.iter().map(|proxy| proxy.address().port()).collect();
        kafka.nodes = Node::prepare(template, settings, root, &ports, &proxied)?;
        for node in &kafka.nodes {
            node.begin()?;
        }
        for node in &kafka.nodes {
            node.ready()?;
        }
        Ok(kafka)
    }

    /// The number of its brokers. They are called 1, 2, 3.
    #[must_use]
    pub fn nodes(&self) -> usize {
        self.nodes.len()
    }

    /// What clients begin with: the addresses of all brokers at a listener, separated by commas.
    #[must_use]
    pub fn brokers(&self, listener: Listener) -> String {
        let addresses = self.nodes.iter().filter_map(|node| node.advertised(listener));
        addresses.map(|port| format!("127.0.0.1:{port}")).collect::<Vec<_>>().join(",")
    }

    /// Where a broker itself listens, also where it is behind a proxy.
    ///
    /// # Errors
    /// `NotFound` for a broker or a listener that is not there.
    pub fn address(&self, node: usize, listener: Listener) -> Result<SocketAddr> {
        let port = self.node(node)?.port(listener);
        let port =
            port.ok_or_else(|| Error::new(Kind::NotFound, "the broker has no such listener").context("listener", listener))?;
        Ok((Ipv4Addr::LOCALHOST, port).into())
    }

    /// The proxy before a broker.
    ///
    /// # Errors
    /// `NotFound` unless it was started by [`Kafka::start_behind_proxies`].
    pub fn proxy(&self, node: usize) -> Result<&Proxy> {
        self.proxies.get(node.wrapping_sub(1)).ok_or_else(|| Error::new(Kind::NotFound, "there is no proxy before the broker"))
    }

    /// Its authority and its certificates, where a listener is encrypted.
    #[must_use]
    pub fn certs(&self) -> Option<&Certs> {
        self.certs.as_ref()
    }

    /// The folder with everything it has; each broker's log is `NODE/log`.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.root
    }

    /// Everything a broker logged so far.
    ///
    /// # Errors
    /// `NotFound` for a broker that is not there.
    pub fn log(&self, node: usize) -> Result<String> {
        self.node(node)?.log()
    }

    /// A broker's process, for a signal or its memory; `None` while it is down.
    ///
    /// # Errors
    /// `NotFound` for a broker that is not there.
    pub fn pid(&self, node: usize) -> Result<Option<u32>> {
        Ok(self.node(node)?.pid())
    }

    /// Takes a broker down. Nothing happens when it is down already.
    ///
    /// # Errors
    /// `NotFound` for a broker that is not there, `Unavailable` when it does not go.
    pub fn stop(&self, node: usize, how: Stop) -> Result<()> {
        self.node(node)?.stop(how)
    }

    /// Brings a broker up again, on the same ports with the same data, and waits until it answers. Nothing happens when it
    /// is up. After a kill the others, and it itself, must first give up on its older life.
    ///
    /// # Errors
    /// As [`Kafka::start`].
    pub fn up(&self, node: usize) -> Result<()> {
        let node = self.node(node)?;
        node.begin()?;
        node.ready()
    }

    fn node(&self, node: usize) -> Result<&Node> {
        let found = self.nodes.get(node.wrapping_sub(1));
        found.ok_or_else(|| Error::new(Kind::NotFound, "there is no such broker").context("broker", node))
    }
}

impl Drop for Kafka {
    fn drop(&mut self) {
        for node in &self.nodes {
            let _ = node.stop(Stop::Kill);
        }
        let _ = std::fs::remove_dir_all(&self.root);
    }
}

/// Between our look for free ports and the server's bind somebody else may take them.
fn again<T>(start: impl Fn() -> Result<T>) -> Result<T> {
    let mut error = breaks("nothing was started");
    for _ in 0..3 {
        match start() {
            Ok(started) => return Ok(started),
            Err(failed) => error = failed,
        }
    }
    Err(error)
}
