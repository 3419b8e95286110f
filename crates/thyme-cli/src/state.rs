//! Where the state is: a folder, or a place that a connector reaches.
use std::path::Path;
use std::sync::Arc;

use clap::Args;
use thyme_core::state::IntoStateFiles;
use thyme_core::{Error, Kind, Result, StateFiles};

use crate::exit::Exit;
use crate::logs::Screen;

/// Where the state is.
#[derive(Debug, Args)]
pub(crate) struct Place {
    /// Where cursors and dead letters are kept: a folder, or `s3://bucket/prefix` and `gs://bucket/prefix`
    #[arg(long, value_name = "PLACE", default_value = ".thyme")]
    state: String,
}

impl Place {
    /// The files; an object store is reached as the sinks of its kind are, by `THYME_S3_...` or what the string's query says.
    pub(crate) async fn files(&self, screen: &Screen) -> Result<Arc<dyn StateFiles>, Exit> {
        open(&self.state).await.map_err(|e| Exit::error(screen, &e))
    }
}

async fn open(place: &str) -> Result<Arc<dyn StateFiles>> {
    if !place.contains("://") {
        return Ok(Path::new(place).into_state_files());
    }
    let sink = thyme_connectors::registry().create_sink(place, serde_json::Map::new())?;
    sink.state_files().await?.ok_or_else(|| {
        let text = "the state can't be kept there; a folder, `s3://bucket/prefix` or `gs://bucket/prefix` is a place for it";
        Error::new(Kind::Config, text).context("state", place)
    })
}
