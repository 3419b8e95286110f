//! `thyme inspect`.
use clap::Args;
use futures::StreamExt;
use serde_json::{Map, Value};
use thyme_core::arrow::array::RecordBatch;
use thyme_core::{Dataset, Error, Kind, Reject, Source, SourceExt, field_type};
use thyme_formats::json_out::{JsonEncoder, JsonWriteOptions};

use crate::exit::Exit;
use crate::logs::Screen;
use crate::{say, table};

/// Shows the columns and first rows of a source.
#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// What to look at: a connection string, or a path
    #[arg(value_name = "URL|FILE")]
    url: String,

    /// How many rows to show
    #[arg(long, value_name = "N", default_value_t = 10)]
    rows: usize,
}

impl Inspect {
    pub(crate) async fn run(self, screen: &Screen) -> Result<Exit, Exit> {
        self.show(screen).await.map_err(|e| Exit::error(screen, &e))?;
        Ok(Exit::Done)
    }

    async fn show(&self, screen: &Screen) -> Result<(), Error> {
        let source = thyme_connectors::registry().create_source(&self.url, Map::new())?;
        source.check().await?;
        let found = source.discover().await?;
        let unknown =
            || Error::new(Kind::Schema, "the source does not know its columns: only a pipeline file can say what they are");
        let dataset = found.ok_or_else(unknown)?;
        say::line(source.info().identity);
        say::line("");
        block(&dataset).iter().for_each(say::line);
        if self.rows > 0 {
            let (rows, rejects) = self.first(&*source).await?;
            say::line("");
            let names: Vec<_> = dataset.columns().fields().iter().map(|field| field.name().as_str()).collect();
            table::lines(&names, &rows, true).iter().for_each(say::line);
            for reject in rejects.iter().take(10) {
                screen.line(format_args!("a record was left out: {}: {}", reject.place, reject.reason));
            }
        }
        Ok(())
    }

    /// The first rows as text, and the records among them that can't be decoded.
    async fn first(&self, source: &dyn Source) -> Result<(Vec<Vec<String>>, Vec<Reject>), Error> {
        if source.info().streaming {
            return Ok((Vec::new(), Vec::new()));
        }
        let (mut rows, mut rejects) = (Vec::new(), Vec::new());
        let mut batches = source.read().await?;
        while rows.len() < self.rows {
            let Some(batch) = batches.next().await else { break };
            let batch = batch?;
            let wanted = batch.rows.num_rows().min(self.rows - rows.len());
            rows.extend(cells(&batch.rows.slice(0, wanted))?);
            rejects.extend(batch.rejects);
        }
        Ok((rows, rejects))
    }
}

/// The dataset as it stands in a pipeline file.
fn block(dataset: &Dataset) -> Vec<String> {
    let mut lines = vec!["[pipeline.dataset]".to_owned()];
    let quoted = |text: &str| toml::Value::from(text).to_string();
    if !dataset.key().is_empty() {
        let key: Vec<_> = dataset.key().iter().map(|name| quoted(name)).collect();
        lines.push(format!("key = [{}]", key.join(", ")));
    }
    lines.extend(dataset.timestamp().map(|name| format!("timestamp = {}", quoted(name))));
    lines.push("[pipeline.dataset.fields]".to_owned());
    let bare = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    for field in dataset.schema().fields() {
        let name = if bare(field.name()) { field.name().clone() } else { quoted(field.name()) };
        lines.push(format!("{name} = {}", quoted(&field_type::name(field))));
    }
    lines
}

/// Each row's values as text.
fn cells(rows: &RecordBatch) -> Result<Vec<Vec<String>>, Error> {
    let mut out = Vec::new();
    let bad = JsonEncoder::new(rows.schema_ref(), JsonWriteOptions::default())?.encode(rows, &mut out, None)?;
    if let Some(bad) = bad.first() {
        return Err(Error::new(Kind::Data, bad.reason.clone()));
    }
    let text = String::from_utf8_lossy(&out);
    let row = |line: &str| {
        let values: Map<String, Value> = serde_json::from_str(line).unwrap_or_default();
        rows.schema_ref().fields().iter().map(|field| cell(values.get(field.name()))).collect()
    };
    Ok(text.lines().map(row).collect())
}

fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}
