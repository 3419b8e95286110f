//! `thyme check`.
use std::sync::Arc;

use clap::Args;
use thyme_core::arrow::datatypes::FieldRef;
use thyme_core::{Advice, Cursor, Dataset, Error, Job, nearest};
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
    let read = match looked(pipeline).await {
        Ok(found) => {
            say::line(format_args!("{name}: source: ok: {}", source.info().identity));
            found.advice.iter().for_each(|advice| warn(name, advice));
            columns(pipeline, found.columns).await
        }
        Err(error) => tell(name, "source", &error),
    };
    match sink.check().await {
        Ok(()) => say::line(format_args!("{name}: sink: ok: {}", sink.info().identity)),
        Err(error) => return tell(name, "sink", &error),
    }
    read
}

/// What is known of a source that was reached.
struct Found {
    columns: Option<Dataset>,
    advice: Vec<Advice>,
}

async fn looked(pipeline: &Pipeline) -> Result<Found, Error> {
    let source = pipeline.source();
    source.check().await?;
    let columns = source.discover().await?;
    let dataset = pipeline.dataset().cloned().or_else(|| columns.clone().map(Arc::new));
    let advice = match dataset {
        Some(dataset) => source.advise(&pipeline.job(dataset)).await?,
        None => Vec::new(),
    };
    Ok(Found { columns, advice })
}

/// An error, said. It is not well.
fn tell(pipeline: &str, what: &str, error: &Error) -> bool {
    say::line(format_args!("{pipeline}: {what}: {}: {error}", error.kind()));
    say::line(format_args!("  help: {}", error.remedy()));
    false
}

fn warn(pipeline: &str, Advice { message, remedy }: &Advice) {
    say::line(format_args!("{pipeline}: source: warning: {message}"));
    say::line(format_args!("  help: {remedy}"));
}

/// Whether the declared columns and those of the source fit together. Says how they do not.
async fn columns(pipeline: &Pipeline, found: Option<Dataset>) -> bool {
    let name = pipeline.name();
    let findings = match (pipeline.dataset(), found) {
        (Some(declared), found) => match unfit(pipeline, declared, found).await {
            Ok(findings) => findings,
            Err(error) => return tell(name, "columns", &error),
        },
        (None, Some(_)) => Vec::new(),
        (None, None) => {
            vec!["the source does not know its columns; declare them in `dataset.fields`, `thyme inspect` may help".into()]
        }
    };
    findings.iter().for_each(|finding| say::line(format_args!("{name}: columns: {finding}")));
    findings.is_empty()
}

async fn unfit(pipeline: &Pipeline, declared: &Arc<Dataset>, found: Option<Dataset>) -> Result<Vec<String>, Error> {
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
    let job = Job { once: true, ..pipeline.job(Arc::clone(declared)) };
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
