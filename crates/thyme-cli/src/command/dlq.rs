//! `thyme dlq`.

use clap::{Args, Subcommand};
use serde_json::json;
use thyme_engine::{Letter, Pipeline, State};

use crate::exit::Exit;
use crate::logs::Screen;
use crate::open::Chosen;
use crate::state::Place;
use crate::{say, table};

/// Dead letters. Reading works beside a running pipeline; replaying asks for a stopped one.
#[derive(Debug, Subcommand)]
pub(crate) enum Action {
    /// One line a letter: id, stage, place, reason
    List(Of),
    /// The whole letters, a JSON object a line
    Show(Picked),
    /// Put letters in again, exactly once; those that fail again stay
    Replay(Picked),
}

/// Pipelines and their state.
#[derive(Debug, Args)]
pub(crate) struct Of {
    #[command(flatten)]
    chosen: Chosen,

    #[command(flatten)]
    state: Place,
}

/// Letters of pipelines.
#[derive(Debug, Args)]
pub(crate) struct Picked {
    #[command(flatten)]
    of: Of,

    /// Only the letter with this id; may be given several times
    #[arg(long = "id", value_name = "ID")]
    ids: Vec<String>,
}

impl Action {
    pub(crate) async fn run(self, screen: &Screen) -> Result<Exit, Exit> {
        match self {
            Self::List(of) => of.list(screen).await,
            Self::Show(picked) => picked.show(screen).await,
            Self::Replay(picked) => picked.replay(screen).await,
        }
    }
}

impl Of {
    async fn list(&self, screen: &Screen) -> Result<Exit, Exit> {
        let mut rows = Vec::new();
        for (pipeline, letters) in self.letters(screen).await? {
            for letter in letters {
                let (id, stage) = (letter.id(), letter.stage.name().to_owned());
                rows.push(vec![pipeline.name().to_owned(), id, stage, letter.place.to_string(), letter.reason]);
            }
        }
        table::lines(&["PIPELINE", "ID", "STAGE", "PLACE", "REASON"], &rows, false).iter().for_each(say::line);
        Ok(Exit::Done)
    }

    async fn letters(&self, screen: &Screen) -> Result<Vec<(Pipeline, Vec<Letter>)>, Exit> {
        let state = State::at(self.state.files(screen).await?);
        let mut all = Vec::new();
        for one in self.chosen.load(screen)? {
            let letters = state.letters(&one.pipeline).await.map_err(|e| Exit::error(screen, &e))?;
            all.push((one.pipeline, letters));
        }
        Ok(all)
    }
}

impl Picked {
    fn picks(&self, letter: &Letter) -> bool {
        self.ids.is_empty() || self.ids.contains(&letter.id())
    }

    /// The letters by pipeline; every id that was given is one of them.
    async fn letters(&self, screen: &Screen) -> Result<Vec<(Pipeline, Vec<Letter>)>, Exit> {
        let mut all = self.of.letters(screen).await?;
        let known = |id: &&String| !all.iter().any(|(_, letters)| letters.iter().any(|letter| letter.id() == **id));
        if let Some(id) = self.ids.iter().find(known) {
            return Err(Exit::usage(screen, format!("there is no dead letter `{id}`; `thyme dlq list` shows them")));
        }
        all.iter_mut().for_each(|(_, letters)| letters.retain(|letter| self.picks(letter)));
        Ok(all)
    }

    async fn show(&self, screen: &Screen) -> Result<Exit, Exit> {
        for letter in self.letters(screen).await?.into_iter().flat_map(|(_, letters)| letters) {
            let id = letter.id();
            let mut line = json!(letter);
            if let Some(table) = line.as_object_mut() {
                table.insert("id".into(), id.into());
            }
            say::line(line);
        }
        Ok(Exit::Done)
    }

    async fn replay(&self, screen: &Screen) -> Result<Exit, Exit> {
        let state = State::at(self.of.state.files(screen).await?);
        let mut failed = 0;
        for (pipeline, letters) in self.letters(screen).await? {
            let name = pipeline.name();
            if letters.is_empty() {
                say::line(format_args!("{name}: no dead letters"));
                continue;
            }
            let done = state.replay(&pipeline, |letter| self.picks(letter)).await.map_err(|e| Exit::error(screen, &e))?;
            say::line(format_args!("{name}: {} replayed, {} failed again", done.replayed, done.failed.len()));
            for (letter, reason) in &done.failed {
                screen.line(format_args!("{name}: {}: {}: {reason}", letter.id(), letter.place));
            }
            failed += done.failed.len();
        }
        Ok(if failed == 0 { Exit::Done } else { Exit::Failed })
    }
}
