//! A real schema registry: Apicurio, which speaks Confluent's protocol too.
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::process::Command;
use std::time::Duration;

use thyme_core::Result;

use super::install::{java, service};
use super::side::Side;

/// A version of the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegistryVersion {
    /// 2.6.13.
    V2,
    /// 3.0.9.
    V3,
}

impl RegistryVersion {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::V2, Self::V3];

    fn place(self) -> (&'static str, &'static str) {
        match self {
            Self::V2 => ("apicurio-2", "apicurio-registry-app-2.6.13.Final-runner.jar"),
            Self::V3 => ("apicurio-3", "apicurio-registry-app-3.0.9-runner.jar"),
        }
    }

    /// Why it is not here; `None` when it is.
    #[must_use]
    pub fn missing(self) -> Option<String> {
        service(self.place().0).err().map(|error| error.to_string())
    }
}

/// A running registry that keeps its schemas in memory.
#[derive(Debug)]
pub struct Registry {
    side: Side,
}

impl Registry {
    /// Starts an empty one. Blocks for some seconds.
    ///
    /// # Errors
    /// `NotFound` when it is not installed, with the remedy; `Unavailable` when it does not come up, with its log.
    pub fn start(version: RegistryVersion) -> Result<Self> {
        let (folder, jar) = version.place();
        let home = service(folder)?;
        let command = |_: &std::path::Path, port: u16| {
            let mut java: Command = java(320);
            java.arg("-Dquarkus.http.host=127.0.0.1").arg(format!("-Dquarkus.http.port={port}")).arg("-jar").arg(home.join(jar));
            java.current_dir(&home);
            Ok(java)
        };
        let side = Side::start("registry", command, |_, port| Ok(status(port, "/apis/ccompat/v7/subjects") == Some(200)))?;
        Ok(Self { side })
    }

    /// What a client of Confluent's registry calls its URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/apis/ccompat/v7", self.side.port())
    }

    /// The root of all its interfaces.
    #[must_use]
    pub fn root(&self) -> String {
        format!("http://127.0.0.1:{}", self.side.port())
    }
}

/// The status of an answer to GET; `None` while nobody answers.
pub(super) fn status(port: u16, path: &str) -> Option<u16> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
    let patience = Some(Duration::from_secs(5));
    stream.set_read_timeout(patience).and_then(|()| stream.set_write_timeout(patience)).ok()?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.take(64).read_to_string(&mut answer).ok()?;
    answer.split_whitespace().nth(1)?.parse().ok()
}
