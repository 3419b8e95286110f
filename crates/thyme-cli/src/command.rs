//! The commands, one file each.
mod check;
mod connectors;
mod copy;
mod cursor;
mod dlq;
mod inspect;
mod run;
mod schema;
mod validate;

use clap::Subcommand;

use crate::exit::Exit;
use crate::logs::Screen;

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run pipelines until they end, or until SIGINT or SIGTERM
    Run(run::Run),
    /// Name every mistake of pipeline files, without reaching anything
    Validate(validate::Validate),
    /// Reach every source and sink, authenticate, compare columns
    Check(check::Check),
    /// Copy from one connection string to another; again, it takes only what is new
    Copy(copy::Copy),
    /// Show the columns of a source, a dataset block for a pipeline file, and its first rows
    Inspect(inspect::Inspect),
    /// Show where pipelines stand, or move them
    #[command(subcommand)]
    Cursor(cursor::Action),
    /// Show dead letters, or put them in again
    #[command(subcommand)]
    Dlq(dlq::Action),
    /// List the connectors that are compiled in
    Connectors(connectors::Connectors),
    /// Show the fields of a connector, or of a pipeline
    Schema(schema::Show),
}

impl Command {
    pub(crate) async fn run(self, screen: &Screen) -> Exit {
        let done = match self {
            Self::Run(command) => command.run(screen).await,
            Self::Validate(command) => command.run(screen),
            Self::Check(command) => command.run(screen).await,
            Self::Copy(command) => command.run(screen).await,
            Self::Inspect(command) => command.run(screen).await,
            Self::Cursor(action) => action.run(screen).await,
            Self::Dlq(action) => action.run(screen).await,
            Self::Connectors(command) => Ok(command.run()),
            Self::Schema(command) => command.run(screen),
        };
        done.unwrap_or_else(|exit| exit)
    }
}
