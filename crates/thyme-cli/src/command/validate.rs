//! `thyme validate`.
use clap::Args;

use crate::exit::Exit;
use crate::logs::Screen;
use crate::open::Files;
use crate::say;

/// Names every mistake at once.
#[derive(Debug, Args)]
pub(crate) struct Validate {
    #[command(flatten)]
    files: Files,
}

impl Validate {
    pub(crate) fn run(self, screen: &Screen) -> Result<Exit, Exit> {
        let loaded = self.files.load(screen)?;
        for one in &loaded {
            let disabled = if one.enabled { "" } else { " (not enabled)" };
            let (source, sink) = (one.pipeline.source().info().identity, one.pipeline.sink().info().identity);
            say::line(format_args!("{}: {source} -> {sink}{disabled}", one.pipeline.name()));
        }
        Ok(Exit::Done)
    }
}
