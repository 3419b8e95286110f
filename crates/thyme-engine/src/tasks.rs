//! Whose cursors there are: that of a process which reads alone, or those of splits that processes share.
use std::sync::Arc;

use thyme_core::{CursorStore, Error, Kind, Result, Task};

use crate::work::Work;

/// Sees that no positions are left from when the source was read the other way: whoever went on without them would read much
/// again, or pass over it.
///
/// # Errors
/// `Conflict` naming the task whose positions are to be moved; as [`Sink::cursors`](thyme_core::Sink::cursors).
pub(crate) async fn moved(work: &Work) -> Result<()> {
    if !work.source.streaming {
        return Ok(());
    }
    let name = &work.pipeline.name;
    let cursors = if work.sink.holds_cursor { work.pipeline.sink.cursors(name).await? } else { work.store.list(name).await? };
    let (shared, alone) = (work.source.shared, Task::alone(Arc::clone(name)).task);
    let left = cursors.iter().find(|(task, cursor)| {
        let holds = cursor.base.is_some() || !cursor.splits.is_empty();
        holds && (**task == alone) == shared
    });
    let Some((task, _)) = left else { return Ok(()) };
    let (text, remedy) = if shared {
        (
            "processes share the splits of the source now, and where they stand is still in the cursor of the one that read alone",
            "`thyme cursor show` tells the position of each split: give each to its own task, `thyme cursor set --task SPLIT`, and \
             take them from the old one, `thyme cursor set --task 0 --json '{}'`; or begin anew with `thyme cursor reset`",
        )
    } else {
        (
            "one process reads the source alone now, and where its splits stand is still in the cursors of those that shared it",
            "`thyme cursor show` tells the position of each split: give them all to the task 0, `thyme cursor set --task 0`, and \
             take them from the old ones, `thyme cursor set --task SPLIT --json '{}'`; or begin anew with `thyme cursor reset`",
        )
    };
    Err(Error::new(Kind::Conflict, text).context("task", task).context("remedy", remedy))
}
