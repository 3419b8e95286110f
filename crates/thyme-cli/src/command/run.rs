//! `thyme run`.
use std::net::SocketAddr;

use clap::Args;
use thyme_core::duration;
use thyme_engine::{Engine, Outcome, Pipeline, metrics};

use crate::exit::Exit;
use crate::logs::Screen;
use crate::open::Chosen;
use crate::state::Place;
use crate::{bars, signals};

/// Runs pipelines.
#[derive(Debug, Args)]
pub(crate) struct Run {
    #[command(flatten)]
    chosen: Chosen,

    /// Read every source to the end of what is there now, then exit
    #[arg(long)]
    once: bool,

    #[command(flatten)]
    resources: Resources,

    /// Serve metrics for Prometheus at this address, under /metrics
    #[arg(long, value_name = "ADDR")]
    metrics_addr: Option<SocketAddr>,
}

/// What a run may use.
#[derive(Debug, Args)]
pub(crate) struct Resources {
    #[command(flatten)]
    state: Place,

    /// What rows on their way may hold, all pipelines together
    #[arg(long, value_name = "SIZE", default_value = "256MiB", value_parser = size)]
    memory: usize,

    /// Threads that read and decode; as many as there are cores without it
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,
}

fn size(text: &str) -> Result<usize, String> {
    let bytes = duration::parse_size(text).map_err(|e| e.to_string())?;
    usize::try_from(bytes).ok().filter(|bytes| *bytes >= 1 << 20).ok_or_else(|| "at least 1MiB is needed".to_owned())
}

impl Run {
    pub(crate) async fn run(self, screen: &Screen) -> Result<Exit, Exit> {
        let mut loaded = self.chosen.load(screen)?;
        if !self.chosen.named() {
            loaded.retain(|one| one.enabled);
        }
        if loaded.is_empty() {
            return Err(Exit::usage(screen, "no pipeline is enabled"));
        }
        if let Some(addr) = self.metrics_addr {
            metrics::serve(addr).map_err(|e| Exit::error(screen, &e))?;
            thyme_connectors::registry().connectors().for_each(|connector| metrics::describe(connector.metrics));
            tracing::info!("metrics at http://{addr}/metrics");
        }
        let pipelines = loaded.into_iter().map(|one| one.pipeline).collect();
        run(pipelines, self.once, &self.resources, screen).await
    }
}

/// Runs `pipelines` with bars, signals and a summary line each.
pub(crate) async fn run(pipelines: Vec<Pipeline>, once: bool, with: &Resources, screen: &Screen) -> Result<Exit, Exit> {
    let mut engine = Engine::builder().state(with.state.files(screen).await?).memory(with.memory).once(once);
    if let Some(threads) = with.threads {
        engine = engine.threads(usize::from(threads));
    }
    let engine = engine.build().map_err(|e| Exit::error(screen, &e))?;
    let stop = signals::stop(screen);
    let outcomes = tokio::select! {
        outcomes = engine.run(pipelines, stop) => outcomes,
        () = bars::draw(screen.bars(), &engine) => Vec::new(),
    };
    Ok(tell(&outcomes, screen))
}

/// One summary line a pipeline, and what ended those that failed.
fn tell(outcomes: &[Outcome], screen: &Screen) -> Exit {
    for Outcome { summary, error } in outcomes {
        screen.line(summary);
        if let Some(error) = error {
            screen.line(format_args!("error: {}: {error}", summary.pipeline));
            screen.line(format_args!("  help: {}", error.remedy()));
        }
    }
    if outcomes.iter().any(|outcome| outcome.error.is_some()) { Exit::Failed } else { Exit::Done }
}
