//! Programs that run in turn.
use super::report::{self, Row, Sample};
use crate::Result;

/// A program in a race. Each run checks what it read or wrote.
pub(super) struct Racer<'a> {
    name: String,
    run: Box<dyn Fn() -> Result<Sample> + 'a>,
}

pub(super) fn racer<'a>(name: impl Into<String>, run: impl Fn() -> Result<Sample> + 'a) -> Racer<'a> {
    Racer { name: name.into(), run: Box::new(run) }
}

/// Runs all in turn, so many times, and prints how they did. The first is what the others are compared with.
pub(super) fn race(title: &str, runs: usize, racers: &[Racer<'_>]) -> Result {
    let mut rows: Vec<_> = racers.iter().map(|racer| Row { name: racer.name.clone(), samples: Vec::new() }).collect();
    for _ in 0..runs {
        for (racer, row) in racers.iter().zip(&mut rows) {
            row.samples.push((racer.run)().map_err(|e| format!("{}: {e}", racer.name))?);
        }
    }
    report::print(&format!("{title}, {runs} runs"), &rows);
    Ok(())
}

/// An error where rows are missing or too many.
pub(super) fn equal(found: u64, rows: u64) -> Result {
    if found == rows { Ok(()) } else { Err(format!("{found} rows instead of {rows}")) }
}
