//! `thyme check`.
use std::sync::Arc;

use clap::Args;
use thyme_core::arrow::datatypes::FieldRef;
use thyme_core::{Cursor, Dataset, Error, Job, Task, nearest};
use thyme_engine::Pipeline;

use crate::exit::Exit;
use crate::logs::Screen;
use crate::open::Chosen;
use crate::say;

/// Reaches every source and sink.
#[derive(Debug, Args)]
pub(crate) struct Check {
    #[command(flatten)]
    chosen: Chosen,
}

impl Check {
    pub(crate) async fn run(self, screen: &Screen) -> Result<Exit, Exit> {
        let mut failed = false;
        for one in self.chosen.load(screen)? {
            failed |= !pipeline(&one.pipeline).await;
        }
        Ok(if failed { Exit::Failed } else { Exit::Done })
    }
}

/// Whether all is well with it.
async fn pipeline(pipeline: &Pipeline) -> bool {
    let name = pipeline.name();
    let (source, sink) = (pipeline.source(), pipeline.sink());
    let reached = tell(name, "source", &source.info().identity, source.check().await);
    let written = tell(name, "sink", &sink.info().identity, sink.check().await);
    let columns = if reached { columns(pipeline).await } else { Ok(Vec::new()) };
    let columns = match columns {
        Ok(findings) => {
            findings.iter().for_each(|finding| say::line(format_args!("{name}: columns: {finding}")));
            findings.is_empty()
        }
        Err(error) => tell(name, "columns", "of the source", Err(error)),
    };
    reached && written && columns
}

fn tell(pipeline: &str, what: &str, identity: &str, result: Result<(), Error>) -> bool {
    match result {
        Ok(()) => say::line(format_args!("{pipeline}: {what}: ok: {identity}")),
        Err(error) => {
            say::line(format_args!("{pipeline}: {what}: {}: {error}", error.kind()));
            say::line(format_args!("  help: {}", error.remedy()));
            return false;
        }
    }
    true
}

/// How the declared columns and those of the source do not fit together.
async fn columns(pipeline: &Pipeline) -> Result<Vec<String>, Error> {
    let found = pipeline.source().discover().await?;
    let Some(declared) = pipeline.dataset() else {
        let help = "the source does not know its columns; declare them in `dataset.fields`, `thyme inspect` may help";
        return Ok(if found.is_none() { vec![help.into()] } else { Vec::new() });
    };
    let mut findings = found.map(|found| missing(declared, &found)).unwrap_or_default();
    let info = pipeline.source().info();
    if !info.streaming && !info.needs_cursor {
        findings.extend(first_rows(pipeline, declared).await?);
    }
    Ok(findings)
}

fn missing(declared: &Dataset, found: &Dataset) -> Vec<String> {
    let names = || found.columns().fields().iter().map(|field| field.name().as_str());
    let absent = declared.columns().fields().iter().filter(|field| found.field(field.name()).is_none());
    let tell = |field: &FieldRef| match nearest(field.name(), names()) {
        Some(near) => format!("the source has no `{}`; did you mean `{near}`?", field.name()),
        None => format!("the source has no `{}`; it has {}", field.name(), names().collect::<Vec<_>>().join(", ")),
    };
    absent.map(tell).collect()
}

/// Reads the first batch as declared: what types mean only the values tell.
async fn first_rows(pipeline: &Pipeline, declared: &Arc<Dataset>) -> Result<Vec<String>, Error> {
    let source = pipeline.source();
    let job = Job { once: true, ..Job::new(Task::alone(pipeline.name()), Arc::clone(declared)) };
    let mut plan = source.plan(&job, &Cursor::start(source.info().identity)).await?;
    let Some(split) = plan.next().await? else { return Ok(Vec::new()) };
    let Some(batch) = plan.reader(&split, None).await?.next().await? else { return Ok(Vec::new()) };
    let Some(first) = batch.rejects.first() else { return Ok(Vec::new()) };
    let (bad, all) = (batch.rejects.len(), batch.rejects.len() + batch.rows.num_rows());
    Ok(vec![format!(
        "{bad} of the first {all} records do not fit, first {}: {}; change `fields`, or set `on_error`",
        first.place, first.reason
    )])
}
