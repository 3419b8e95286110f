//! A folder of a bucket replaced as a whole, as far as a bucket knows wholes.
//!
//! There is no step that changes several objects. What was there when the intent was made is named in it, removed, and only
//! then the new objects become visible: who lists meanwhile may find too little, but never a row twice. A writer that is late
//! removes what its own intent names, which is gone already, and nothing of those after it.
use serde::{Deserialize, Serialize};
use thyme_core::{Error, Kind, Result, testing};

use super::ObjectTarget;
use crate::names;
use crate::write::log::OWN;
use crate::write::owner::MARK;
use crate::write::target::{Generation, Target};

/// Names end like this where they hold what we could have written.
const ENDS: &[&str] = &[".parquet", ".jsonl", ".csv", ".avro", ".arrow", ".gz", ".zst"];

#[derive(Serialize, Deserialize)]
struct Mark {
    pipeline: String,
}

/// Whether `owner` may replace what is there: nothing, its own, or objects that look like data and are nobody's.
pub(super) async fn allowed(target: &ObjectTarget, owner: &str) -> Result<()> {
    let refused = |text: String, name: &str| Err(Error::new(Kind::Conflict, text).context("at", target.place(name)));
    if let Some(mark) = mark(target).await? {
        if mark.pipeline == owner {
            return Ok(());
        }
        return refused(format!("the target belongs to the pipeline `{}`", mark.pipeline), "");
    }
    let known = names::escape(owner);
    if let Some(other) = target.list(OWN).await?.into_iter().find(|name| *name != known) {
        return refused("another pipeline adds to the target that is to be replaced".to_owned(), &format!("{OWN}/{other}"));
    }
    let odd = |name: &&String| {
        let file = name.rsplit('/').next().unwrap_or_default();
        let folders = name.rsplit_once('/').map_or("", |(folders, _)| folders);
        let plain = !folders.is_empty() && folders.split('/').any(|folder| !folder.contains('='));
        plain || !(ENDS.iter().any(|end| file.ends_with(end)) || file.starts_with(['_', '.']))
    };
    match target.visible().await?.iter().find(odd) {
        Some(name) => {
            refused("the target has something that is no data file, and won't be replaced; move it away".to_owned(), name)
        }
        None => Ok(()),
    }
}

/// Makes the files of `generation` all there is.
pub(super) async fn replace(target: &ObjectTarget, generation: &Generation) -> Result<()> {
    let mine = serde_json::to_vec(&Mark { pipeline: generation.owner.clone() })
        .map_err(|e| Error::new(Kind::Unexpected, "a name has no JSON form").source(e))?;
    if !target.create(MARK, &mine).await? {
        return Err(Error::new(Kind::Conflict, "the target belongs to another pipeline").context("at", target.place("")));
    }
    for old in &generation.old {
        if generation.files.iter().all(|(_, to)| to != old) {
            target.remove(old).await?;
            testing::point("file.after_move");
        }
    }
    for (from, to) in &generation.files {
        target.publish(from, to).await?;
        testing::point("file.after_rename");
    }
    Ok(())
}

async fn mark(target: &ObjectTarget) -> Result<Option<Mark>> {
    let Some(json) = target.read(MARK).await? else { return Ok(None) };
    serde_json::from_slice(&json).map(Some).map_err(|e| {
        Error::new(Kind::CursorLost, "what the target says about itself does not parse")
            .context("at", target.place(MARK))
            .source(e)
    })
}
