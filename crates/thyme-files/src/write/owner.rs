//! Whose a target is.
use serde::{Deserialize, Serialize};
use thyme_core::{Error, Kind, Result};

use super::log::OWN;
use super::options::Mode;
use super::target::Target;
use crate::names;

/// What a replaced folder says about itself. A folder that is added to never has it.
pub(super) const MARK: &str = "_thyme.json";

#[derive(Serialize, Deserialize)]
struct Owner {
    pipeline: String,
}

/// Sees that `pipeline` may write to `target` in this way.
pub(super) async fn claim(target: &dyn Target, pipeline: &str, mode: Mode) -> Result<()> {
    match mode {
        Mode::Overwrite => return target.replaceable(pipeline).await,
        _ if target.exists(MARK).await? => {
            let text =
                "the target was written by `mode = \"overwrite\"`, and rows of it would come twice; empty it or choose another";
            return Err(refused(target, text));
        }
        Mode::Append => return Ok(()),
        Mode::ErrorIfExists => {}
    }
    let owner = format!("{OWN}/owner.json");
    let mine = Owner { pipeline: pipeline.to_owned() };
    let json = serde_json::to_vec(&mine).map_err(|e| Error::new(Kind::Unexpected, "a name has no JSON form").source(e))?;
    loop {
        if let Some(json) = target.read(&owner).await? {
            let Owner { pipeline: owner } = serde_json::from_slice(&json)
                .map_err(|e| Error::new(Kind::CursorLost, "the name of the target's owner does not parse").source(e))?;
            if owner == pipeline {
                return Ok(());
            }
            return Err(refused(target, &format!("the target belongs to the pipeline `{owner}`")));
        }
        let pipelines = target.list(OWN).await?;
        let known = names::escape(pipeline);
        if let Some(other) = pipelines.iter().find(|name| **name != known && !name.ends_with(".new")) {
            if other == "owner.json" {
                continue;
            }
            let text = format!("the pipeline `{}` writes to the target as well", names::unescape(other));
            return Err(refused(target, &text));
        }
        if !pipelines.contains(&known)
            && let Some(other) = target.list("").await?.into_iter().find(|name| name != OWN)
        {
            return Err(refused(target, "the target has content that this pipeline did not write").context("first", other));
        }
        if target.create(&owner, &json).await? {
            return Ok(());
        }
    }
}

fn refused(target: &dyn Target, text: &str) -> Error {
    Error::new(Kind::Conflict, text).context("target", target.identity())
}
