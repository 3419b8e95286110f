//! Dead letters: records that could not be decoded or written, one file of JSON lines for each commit that passed them.
//!
//! A file is whole and synced before the commit whose number it bears. The next attempt at that number replaces it, and while
//! the cursor stands below that number it is void.
use serde::{Deserialize, Serialize};
use thyme_core::bytes::Bytes;
use thyme_core::{Op, Place, Position, Reject};
use thyme_formats::text::base64;

pub(crate) mod intent;
pub(crate) mod pen;
pub(crate) mod replay;
pub(crate) mod shelf;

/// Where a record was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The source could not decode it: the payload is what stood there.
    Source,
    /// It breaks the dataset, or the sink refused it: the payload is the row as JSON.
    Sink,
    /// It came too late: the payload is the row as JSON.
    Late,
}

impl Stage {
    /// The word in the file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Sink => "sink",
            Self::Late => "late",
        }
    }
}

/// A dead letter, as one line of JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Letter {
    /// The pipeline.
    pub pipeline: String,
    /// Whose commit passed it.
    pub task: String,
    /// The commit that passed it.
    pub seq: u64,
    /// Its number in that commit, from 0.
    pub index: u64,
    /// What was read, without secrets.
    pub source: String,
    /// The split it came from.
    pub split: String,
    /// Where the split stood after the batch it was in.
    pub position: Position,
    /// When it was refused.
    pub time: jiff::Timestamp,
    /// By whom it was refused.
    pub stage: Stage,
    /// What is wrong with it.
    pub reason: String,
    /// Where it was found.
    #[serde(default)]
    pub place: Place,
    /// What the row meant, where it was one: `insert`, `update`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub op: Option<String>,
    /// The record, where it is text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<String>,
    /// The record, where it is not text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload_base64: Option<String>,
    /// What the source needs to decode it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<serde_json::Value>,
}

impl Letter {
    /// The record's bytes, if there is a record.
    #[must_use]
    pub fn bytes(&self) -> Option<Bytes> {
        if let Some(text) = &self.payload {
            return Some(Bytes::copy_from_slice(text.as_bytes()));
        }
        let mut bytes = Vec::new();
        base64::decode(self.payload_base64.as_ref()?.as_bytes(), &mut bytes).ok()?;
        Some(bytes.into())
    }

    /// What [`Source::decode`](thyme_core::Source::decode) is given.
    #[must_use]
    pub fn reject(&self) -> Reject {
        Reject {
            row: None,
            payload: self.bytes(),
            reason: self.reason.clone(),
            place: self.place.clone(),
            hint: self.hint.clone(),
        }
    }

    /// What the row meant.
    #[must_use]
    pub fn op(&self) -> Op {
        let named = |op: &&Op| self.op.as_deref() == Some(op.name());
        Op::ALL.iter().find(named).copied().unwrap_or(Op::Insert)
    }

    /// Which one it is, for [`Stage`]-blind lists: commit and number.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}-{}.{}", self.task, self.seq, self.index)
    }

    /// The payload as it is written: as text, or as base64 where it is none.
    pub(crate) fn with_payload(mut self, payload: Option<&Bytes>) -> Self {
        match payload.map(|bytes| (bytes, std::str::from_utf8(bytes))) {
            None => {}
            Some((_, Ok(text))) => self.payload = Some(text.to_owned()),
            Some((bytes, Err(_))) => {
                let mut text = Vec::new();
                base64::encode(bytes, &mut text);
                self.payload_base64 = Some(String::from_utf8_lossy(&text).into_owned());
            }
        }
        self
    }
}
