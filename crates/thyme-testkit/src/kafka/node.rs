//! One broker: its folder, its ports, its lives.
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use thyme_core::{Error, Kind, Result};

use super::Listener;
use super::install::{class_path, java};
use super::properties::{self, Ports, Settings};
use super::template::{STARTED, Template};
use crate::guarded::{self, Guarded, Stop};
use crate::program::broke;

/// No broker takes that long to come; recovery after a kill included.
const PATIENCE: Duration = Duration::from_secs(90);

/// One broker of a cluster.
#[derive(Debug)]
pub(super) struct Node {
    ports: Ports,
    root: PathBuf,
    folder: PathBuf,
    command: Command,
    life: Mutex<Option<Guarded>>,
}

impl Node {
    /// Formats the storage of all brokers and writes what each is told.
    pub(super) fn prepare(
        template: &Template,
        settings: &Settings,
        root: &Path,
        ports: &[u16],
        proxied: &[u16],
    ) -> Result<Vec<Self>> {
        let cluster = properties::id();
        let all: Vec<Ports> = (0..settings.nodes).map(|node| settings.assign(ports, node, proxied.get(node).copied())).collect();
        let mut nodes = Vec::new();
        for (index, ports) in all.iter().enumerate() {
            let id = u16::try_from(index + 1).map_err(|_| Error::new(Kind::Config, "that many brokers are too many"))?;
            let folder = root.join(id.to_string());
            template.storage(&folder.join("data"), &cluster, id, &properties::id())?;
            let file = folder.join("server.properties");
            let text = properties::text(settings, root, &folder.join("data"), id, ports, &all);
            fs::write(&file, text).map_err(|e| broke("settings can't be written", &file, e))?;
            let mut command = java(settings.heap_mb);
            command.args(template.options()).args(&settings.java).current_dir(&folder);
            if let Some(issuer) = &settings.issuer {
                command.arg(format!("-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls={issuer}/jwks"));
            }
            command.arg("-cp").arg(class_path(&template.jars)).arg("kafka.Kafka").arg(&file);
            let ports = ports.clone();
            nodes.push(Self { ports, root: root.to_path_buf(), folder, command, life: Mutex::new(None) });
        }
        Ok(nodes)
    }

    /// Starts it, without waiting. Nothing happens when it is up.
    pub(super) fn begin(&self) -> Result<()> {
        let mut life = self.life.lock().unwrap_or_else(PoisonError::into_inner);
        if life.is_none() {
            *life = Some(Guarded::begin(&self.command, &self.root, &self.log_file())?);
        }
        Ok(())
    }

    /// Waits until it says that it has started, which it does once the controller lets it serve.
    pub(super) fn ready(&self) -> Result<()> {
        let life = self.life.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(life) = life.as_ref() else { return Err(Error::new(Kind::Unavailable, "the broker is down")) };
        let deadline = Instant::now() + PATIENCE;
        loop {
            if life.said()?.contains(STARTED) {
                return Ok(());
            }
            life.lives()?;
            if Instant::now() > deadline {
                return Err(life.failed("Kafka does not come up"));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub(super) fn stop(&self, how: Stop) -> Result<()> {
        match self.life.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(life) => life.end(how),
            None => Ok(()),
        }
    }

    pub(super) fn pid(&self) -> Option<u32> {
        self.life.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(Guarded::pid)
    }

    pub(super) fn log(&self) -> Result<String> {
        guarded::read(&self.log_file())
    }

    pub(super) fn port(&self, listener: Listener) -> Option<u16> {
        self.ports.listeners.iter().find(|(known, ..)| *known == listener).map(|(_, port, _)| *port)
    }

    pub(super) fn advertised(&self, listener: Listener) -> Option<u16> {
        self.ports.listeners.iter().find(|(known, ..)| *known == listener).map(|(.., advertised)| *advertised)
    }

    fn log_file(&self) -> PathBuf {
        self.folder.join("log")
    }
}
