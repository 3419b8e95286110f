//! The registry that Avro schemas are kept in: any that speaks Confluent's API.
//!
//! Schemas are looked up by their id and never change, so each is fetched once. A URL may be a list with commas: the next one is
//! asked when one cannot be reached. With user name and password we log in by these, with a password alone it is a bearer token.
mod answer;
mod client;
mod subject;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use reqwest::Method;
use serde::{Deserialize, Serialize};
use thyme_core::{Error, Kind, Result};

use crate::config::SchemaRegistry;
use client::Client;
pub use subject::{Strategy, subject};

/// How many schemas may refer to one another.
const REFERENCES: usize = 256;

/// A schema as it is registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// Its id.
    pub id: u32,
    /// Its text.
    pub schema: String,
    /// The texts of the schemas it refers to, each after those it needs itself.
    pub references: Vec<String>,
}

/// A version of a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// Its number, from 1.
    pub version: u32,
    /// Its schema.
    pub schema: Arc<Registered>,
}

/// A name in a schema, and where the type of that name is registered.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Reference {
    /// The full name of the type.
    pub name: String,
    /// The subject it is registered under.
    pub subject: String,
    /// Which version of it.
    pub version: u32,
}

/// Whether a schema may follow the latest of a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compatibility {
    /// It may.
    pub compatible: bool,
    /// What is against it, if the registry says.
    pub messages: Vec<String>,
}

/// A client of a schema registry.
#[derive(Debug)]
pub struct Registry {
    client: Client,
    by_id: Mutex<HashMap<u32, Arc<Registered>>>,
    registered: Mutex<HashMap<(String, String), u32>>,
}

impl Registry {
    /// A client; nothing is asked yet.
    ///
    /// # Errors
    /// `Config` for a URL or certificates that are none, or a secret that is not there.
    pub fn new(config: &SchemaRegistry) -> Result<Self> {
        Ok(Self { client: Client::new(config)?, by_id: Mutex::default(), registered: Mutex::default() })
    }

    /// The schema with an id, and those it refers to.
    ///
    /// # Errors
    /// `NotFound` when there is none; `Unsupported` when it is not Avro; else as every call: `Auth` when we may not ask,
    /// `Unavailable` when the registry cannot be reached or fails, after some tries.
    pub async fn schema(&self, id: u32) -> Result<Arc<Registered>> {
        if let Some(known) = self.by_id.lock().ok().and_then(|known| known.get(&id).cloned()) {
            return Ok(known);
        }
        let id_text = id.to_string();
        let answer: answer::Schema = self.client.ask(Method::GET, &["schemas", "ids", &id_text], None).await?;
        self.whole(id, answer).await
    }

    /// The latest version of a subject.
    ///
    /// # Errors
    /// `NotFound` when the subject has none; else as [`schema`](Self::schema).
    pub async fn latest(&self, subject: &str) -> Result<Version> {
        self.version(subject, "latest").await
    }

    async fn version(&self, subject: &str, version: &str) -> Result<Version> {
        let answer: answer::Version = self.client.ask(Method::GET, &["subjects", subject, "versions", version], None).await?;
        let schema = self.whole(answer.id, answer.schema).await?;
        Ok(Version { version: answer.version, schema })
    }

    /// The numbers of the versions of a subject, in order.
    ///
    /// # Errors
    /// As [`latest`](Self::latest).
    pub async fn versions(&self, subject: &str) -> Result<Vec<u32>> {
        let mut versions: Vec<u32> = self.client.ask(Method::GET, &["subjects", subject, "versions"], None).await?;
        versions.sort_unstable();
        Ok(versions)
    }

    /// All subjects.
    ///
    /// # Errors
    /// As [`schema`](Self::schema).
    pub async fn subjects(&self) -> Result<Vec<String>> {
        self.client.ask(Method::GET, &["subjects"], None).await
    }

    /// Registers a schema under a subject, unless it is there already; its id.
    ///
    /// # Errors
    /// `Schema` with what the registry says when it is no schema or may not follow the latest; else as
    /// [`schema`](Self::schema).
    pub async fn register(&self, subject: &str, schema: &str, references: &[Reference]) -> Result<u32> {
        let key = (subject.to_owned(), schema.to_owned());
        if let Some(known) = self.registered.lock().ok().and_then(|known| known.get(&key).copied()) {
            return Ok(known);
        }
        let body = answer::body(schema, references)?;
        let answer: answer::Id = self.client.ask(Method::POST, &["subjects", subject, "versions"], Some(&body)).await?;
        if let Ok(mut known) = self.registered.lock() {
            known.insert(key, answer.id);
        }
        Ok(answer.id)
    }

    /// Whether a schema may follow the latest of a subject. It may where there is none yet.
    ///
    /// # Errors
    /// `Schema` when it is no schema; else as [`schema`](Self::schema).
    pub async fn compatible(&self, subject: &str, schema: &str, references: &[Reference]) -> Result<Compatibility> {
        let body = answer::body(schema, references)?;
        let path = ["compatibility", "subjects", subject, "versions", "latest", "?verbose=true"];
        let answer: Result<answer::Compatible> = self.client.ask(Method::POST, &path, Some(&body)).await;
        match answer {
            Ok(answer) => Ok(Compatibility { compatible: answer.is_compatible, messages: answer.messages }),
            Err(error) if error.kind() == Kind::NotFound => Ok(Compatibility { compatible: true, messages: Vec::new() }),
            Err(error) => Err(error),
        }
    }

    /// The compatibility that a subject asks for, `BACKWARD` …, its own or that of all.
    ///
    /// # Errors
    /// As [`schema`](Self::schema).
    pub async fn compatibility_level(&self, subject: &str) -> Result<String> {
        let own: Result<answer::Level> = self.client.ask(Method::GET, &["config", subject], None).await;
        match own {
            Ok(own) => Ok(own.level),
            Err(error) if error.kind() == Kind::NotFound => {
                let all: answer::Level = self.client.ask(Method::GET, &["config"], None).await?;
                Ok(all.level)
            }
            Err(error) => Err(error),
        }
    }

    /// Sets the compatibility that a subject asks for.
    ///
    /// # Errors
    /// As [`schema`](Self::schema).
    pub async fn set_compatibility_level(&self, subject: &str, level: &str) -> Result<()> {
        let body = serde_json::json!({ "compatibility": level });
        let _: serde_json::Value = self.client.ask(Method::PUT, &["config", subject], Some(&body)).await?;
        Ok(())
    }

    /// The schema with the texts it refers to, remembered.
    async fn whole(&self, id: u32, answer: answer::Schema) -> Result<Arc<Registered>> {
        if let Some(other) = answer.kind.filter(|kind| kind != "AVRO") {
            return Err(
                Error::new(Kind::Unsupported, format!("a schema of type {other}: only AVRO can be read")).context("id", id)
            );
        }
        let mut texts: Vec<(Reference, String)> = Vec::new();
        // Depth first: what a schema needs comes before it. The second time a reference is met, its own are done.
        let mut open: Vec<(Reference, Option<String>)> = answer.references.into_iter().rev().map(|r| (r, None)).collect();
        let mut steps = 0;
        while let Some((reference, text)) = open.pop() {
            steps += 1;
            if steps > REFERENCES * 2 {
                return Err(
                    Error::new(Kind::Schema, format!("more than {REFERENCES} schemas refer to one another")).context("id", id)
                );
            }
            if texts.iter().any(|(done, _)| *done == reference) {
                continue;
            }
            if let Some(text) = text {
                texts.push((reference, text));
                continue;
            }
            let number = reference.version.to_string();
            let path = ["subjects", &reference.subject, "versions", &number];
            let answer: answer::Version = self.client.ask(Method::GET, &path, None).await?;
            open.push((reference, Some(answer.schema.schema)));
            open.extend(answer.schema.references.into_iter().rev().map(|r| (r, None)));
        }
        let references = texts.into_iter().map(|(_, text)| text).collect();
        let whole = Arc::new(Registered { id, schema: answer.schema, references });
        if let Ok(mut known) = self.by_id.lock() {
            known.insert(id, Arc::clone(&whole));
        }
        Ok(whole)
    }
}
