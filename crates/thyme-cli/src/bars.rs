//! What pipelines are doing, at the foot of a terminal.
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use thyme_engine::{Doing, Engine, Progress};

const EVERY: Duration = Duration::from_millis(200);

/// Draws a line for each pipeline of `engine` until it is dropped by whoever selects on it.
pub(crate) async fn draw(bars: Option<&MultiProgress>, engine: &Engine) {
    let Some(bars) = bars else { return std::future::pending().await };
    let mut drawn = Drawn { bars, lines: Vec::new() };
    loop {
        tokio::time::sleep(EVERY).await;
        let progress = engine.progress();
        drawn.grow(progress.len());
        for (line, progress) in drawn.lines.iter().zip(&progress) {
            line.set_message(text(progress, Instant::now()));
            line.tick();
        }
    }
}

struct Drawn<'a> {
    bars: &'a MultiProgress,
    lines: Vec<ProgressBar>,
}

impl Drawn<'_> {
    fn grow(&mut self, len: usize) {
        while self.lines.len() < len {
            let line = self.bars.add(ProgressBar::no_length());
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
                line.set_style(style);
            }
            self.lines.push(line);
        }
    }
}

impl Drop for Drawn<'_> {
    fn drop(&mut self) {
        self.lines.iter().for_each(ProgressBar::finish_and_clear);
    }
}

/// `orders: reading, 1,200 read, 200 staged, 1,000 committed, commit in 3 s`.
fn text(progress: &Progress, now: Instant) -> String {
    let doing = match progress.state {
        Doing::Opening => "opening",
        Doing::Reading => "reading",
        Doing::Waiting => "waiting",
        Doing::Retrying => "trying again",
        Doing::Ended => "ended",
    };
    let due = progress.next_commit.map(|at| at.saturating_duration_since(now).as_secs_f64().ceil());
    let due = due.map_or(String::new(), |seconds| format!(", commit in {seconds} s"));
    let [read, staged, committed] = [progress.read, progress.staged, progress.committed].map(grouped);
    format!("{}: {doing}, {read} read, {staged} staged, {committed} committed{due}", progress.pipeline)
}

fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_is_going_on() {
        let now = Instant::now();
        let progress = Progress {
            pipeline: "orders".into(),
            read: 1_234_567,
            staged: 567,
            committed: 1_234_000,
            next_commit: Some(now + Duration::from_millis(2500)),
            state: Doing::Reading,
        };
        assert_eq!(text(&progress, now), "orders: reading, 1,234,567 read, 567 staged, 1,234,000 committed, commit in 3 s");
        let waiting = Progress { next_commit: None, state: Doing::Waiting, staged: 0, ..progress };
        assert_eq!(text(&waiting, now), "orders: waiting, 1,234,567 read, 0 staged, 1,234,000 committed");
    }
}
