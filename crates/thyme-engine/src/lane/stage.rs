//! Hands a batch to a writer; one that it refuses whole is halved until the bad rows stand alone.
use thyme_core::{Batch, Kind, Reject, Result, Staged, Writer};

/// Stages `batch`. With `bisect`, a row that the writer can't take costs that row alone.
///
/// # Errors
/// Any but `Data` ends the writer; without `bisect` that too.
pub(crate) async fn stage(writer: &mut dyn Writer, batch: &Batch, bisect: bool) -> Result<Staged> {
    let rows = batch.rows.num_rows();
    match writer.stage(batch).await {
        Err(error) if error.kind() == Kind::Data && bisect && rows > 0 => {}
        other => return other,
    }
    let mut all = Staged::default();
    let mut todo = halves(0, rows);
    if todo.is_empty() {
        todo.push((0, rows));
    }
    while let Some((offset, len)) = todo.pop() {
        match writer.stage(&batch.slice(offset, len)).await {
            Ok(staged) => {
                let moved = |reject: Reject| Reject { row: Some(offset + reject.row.unwrap_or_default()), ..reject };
                all.rejects.extend(staged.rejects.into_iter().map(moved));
                all.buffered = staged.buffered;
                all.full |= staged.full;
            }
            Err(error) if error.kind() == Kind::Data && len == 1 => {
                all.rejects.push(Reject { row: Some(offset), reason: error.to_string(), ..Reject::default() });
            }
            Err(error) if error.kind() == Kind::Data => todo.extend(halves(offset, len)),
            Err(error) => return Err(error),
        }
    }
    Ok(all)
}

/// Both halves, the first one last, to be taken from the end.
fn halves(offset: usize, len: usize) -> Vec<(usize, usize)> {
    if len < 2 {
        return Vec::new();
    }
    let half = len / 2;
    vec![(offset + half, len - half), (offset, half)]
}
