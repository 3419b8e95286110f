//! `thyme cursor`.

use clap::{Args, Subcommand};
use serde_json::json;
use thyme_core::Cursor;
use thyme_engine::State;

use crate::exit::Exit;
use crate::logs::Screen;
use crate::open::{Chosen, One};
use crate::state::Place;
use crate::{say, table};

/// Where pipelines stand. Reading works beside a running pipeline; moving asks for a stopped one.
#[derive(Debug, Subcommand)]
pub(crate) enum Action {
    /// One line a task: commits, watermark, source
    List(Of),
    /// The whole cursors, a JSON object a line
    Show(Of),
    /// Let the next run begin with the start of the source
    Reset(Of),
    /// Let the next run go on from another place
    Set(Set),
}

/// Pipelines and their state.
#[derive(Debug, Args)]
pub(crate) struct Of {
    #[command(flatten)]
    chosen: Chosen,

    #[command(flatten)]
    state: Place,
}

/// A cursor to set.
#[derive(Debug, Args)]
pub(crate) struct Set {
    #[command(flatten)]
    one: One,

    /// Whose cursor: `0`, or a split that is a task of its own
    #[arg(long, value_name = "TASK", default_value = "0")]
    task: String,

    /// The cursor, as `thyme cursor show` prints it; its `seq` counts for nothing
    #[arg(long, value_name = "CURSOR")]
    json: String,

    #[command(flatten)]
    state: Place,
}

impl Action {
    pub(crate) async fn run(self, screen: &Screen) -> Result<Exit, Exit> {
        match self {
            Self::List(of) => of.list(screen).await,
            Self::Show(of) => of.show(screen).await,
            Self::Reset(of) => of.reset(screen).await,
            Self::Set(set) => set.run(screen).await,
        }
    }
}

impl Of {
    async fn list(&self, screen: &Screen) -> Result<Exit, Exit> {
        let mut rows = Vec::new();
        for (pipeline, task, cursor) in self.all(screen).await? {
            let watermark = cursor.watermark.and_then(|micros| jiff::Timestamp::from_microsecond(micros).ok());
            let watermark = watermark.map(|at| at.to_string()).unwrap_or_default();
            let state = if cursor.finished { "finished" } else { "" };
            rows.push(vec![pipeline, task, cursor.seq.to_string(), watermark, state.to_owned(), cursor.source]);
        }
        table::lines(&["PIPELINE", "TASK", "COMMITS", "WATERMARK", "", "SOURCE"], &rows, false).iter().for_each(say::line);
        Ok(Exit::Done)
    }

    async fn show(&self, screen: &Screen) -> Result<Exit, Exit> {
        for (pipeline, task, cursor) in self.all(screen).await? {
            say::line(json!({ "pipeline": pipeline, "task": task, "cursor": cursor }));
        }
        Ok(Exit::Done)
    }

    async fn reset(&self, screen: &Screen) -> Result<Exit, Exit> {
        let state = State::at(self.state.files(screen).await?);
        for one in self.chosen.load(screen)? {
            let tasks = state.reset(&one.pipeline).await.map_err(|e| Exit::error(screen, &e))?;
            let name = one.pipeline.name();
            match tasks {
                0 => say::line(format_args!("{name}: nothing to reset, it has not committed yet")),
                _ => say::line(format_args!("{name}: the next run begins with the start of the source")),
            }
        }
        Ok(Exit::Done)
    }

    async fn all(&self, screen: &Screen) -> Result<Vec<(String, String, Cursor)>, Exit> {
        let state = State::at(self.state.files(screen).await?);
        let mut all = Vec::new();
        for one in self.chosen.load(screen)? {
            let cursors = state.cursors(&one.pipeline).await.map_err(|e| Exit::error(screen, &e))?;
            let name = one.pipeline.name();
            all.extend(cursors.into_iter().map(|(task, cursor)| (name.to_owned(), task.to_string(), cursor)));
        }
        Ok(all)
    }
}

impl Set {
    async fn run(&self, screen: &Screen) -> Result<Exit, Exit> {
        let pipeline = self.one.load(screen)?;
        let cursor = read(&self.json).map_err(|e| Exit::usage(screen, format!("--json is no cursor: {e}")))?;
        let set = State::at(self.state.files(screen).await?).set(&pipeline, &self.task, cursor).await;
        let set = set.map_err(|e| Exit::error(screen, &e))?;
        say::line(json!({ "pipeline": pipeline.name(), "task": self.task, "cursor": set }));
        Ok(Exit::Done)
    }
}

/// A cursor, or the line of `thyme cursor show` that holds it. `seq` may be left out: it goes on anyway.
fn read(text: &str) -> Result<Cursor, serde_json::Error> {
    let mut value: serde_json::Value = serde_json::from_str(text)?;
    if let Some(inner) = value.get_mut("cursor") {
        value = inner.take();
    }
    if let Some(table) = value.as_object_mut() {
        table.entry("seq").or_insert_with(|| 0.into());
        table.entry("source").or_insert_with(|| "".into());
    }
    serde_json::from_value(value)
}
