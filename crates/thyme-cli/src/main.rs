//! The command line of Thyme: `thyme run pipeline.toml`.
mod bars;
mod command;
mod exit;
mod logs;
mod memory;
mod open;
mod say;
mod signals;
mod state;
mod table;

use std::process::ExitCode;

use clap::Parser;

use command::Command;
use exit::Exit;
use logs::{LogFormat, Screen};

/// Runs pipelines that lose nothing and repeat nothing.
#[derive(Debug, Parser)]
#[command(name = "thyme", version, propagate_version = true, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,

    /// How logs are written to stderr; RUST_LOG says which
    #[arg(long, global = true, value_name = "FORMAT", default_value = "human")]
    log_format: LogFormat,
}

fn main() -> ExitCode {
    memory::set_up();
    let cli = Cli::parse();
    let screen = Screen::new(cli.log_format);
    logs::start(&screen);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => return Exit::failed(&screen, format!("no threads: {e}")).code(),
    };
    let exit = runtime.block_on(Box::pin(cli.command.run(&screen)));
    // A reader that still decodes is not waited for.
    runtime.shutdown_background();
    exit.code()
}
