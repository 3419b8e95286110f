//! The columns of a pipeline: declared, remembered, or discovered; and what becomes of new ones.
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thyme_core::arrow::datatypes::{FieldRef, Schema, TimeUnit};
use thyme_core::drift::Drift;
use thyme_core::{Cdc, Dataset, Error, Kind, Result, field_type, state};

use crate::run::Going;
use crate::work::Work;
use crate::{FromTimestamp, OnDrift};

/// `<state>/<pipeline>/dataset.json`: the columns a pipeline goes on with.
#[derive(Serialize, Deserialize)]
struct Kept {
    name: String,
    /// Name and type, as in the pipeline file.
    fields: Vec<(String, String)>,
    key: Vec<String>,
    timestamp: Option<String>,
    /// `s`, `ms`, `us` or `ns`.
    timestamp_unit: String,
}

const UNITS: [(TimeUnit, &str); 4] =
    [(TimeUnit::Second, "s"), (TimeUnit::Millisecond, "ms"), (TimeUnit::Microsecond, "us"), (TimeUnit::Nanosecond, "ns")];

/// The dataset of the source, with the user's key and event time.
pub(crate) async fn find(work: &Work) -> Result<Arc<Dataset>> {
    let settings = &work.pipeline.settings;
    let dataset = match &settings.dataset {
        Some(declared) => Dataset::clone(declared),
        None => match load(work).await? {
            Some(kept) => kept,
            None => discover(work).await?,
        },
    };
    let dataset = if settings.key.is_empty() { dataset } else { dataset.with_key(settings.key.clone())? };
    let column = match &settings.from {
        Some(FromTimestamp::Column(column)) if dataset.timestamp().is_none() => Some(column),
        _ => None,
    };
    let dataset = match settings.timestamp.as_ref().or(column) {
        Some(name) => dataset.with_timestamp(name)?,
        None => dataset,
    };
    let out = settings.maps.to.as_deref().unwrap_or(&dataset);
    if settings.cdc == Cdc::Upsert && out.key().is_empty() {
        return Err(Error::new(Kind::Config, "`upsert` needs key fields: the source names none, give `dataset.key`"));
    }
    if settings.max_lateness.is_some() && out.timestamp().is_none() {
        return Err(Error::new(Kind::Config, "`max_lateness` needs an event time: give `dataset.timestamp`"));
    }
    if settings.dataset.is_none() {
        save(work, &dataset).await?;
    }
    Ok(Arc::new(dataset))
}

async fn discover(work: &Work) -> Result<Dataset> {
    work.pipeline.source.discover().await?.ok_or_else(|| {
        Error::new(Kind::Schema, "the source does not know its columns: give `dataset.fields`")
            .context("source", &work.source.identity)
    })
}

/// Applies `on_drift`.
///
/// # Errors
/// `None`: the change itself is the error. Else why it can't be followed.
pub(crate) async fn drifted(work: &Work, going: &mut Going, drift: &Drift) -> Result<(), Option<Error>> {
    let Some(dataset) = &going.dataset else { return Err(None) };
    if !drift.removed.is_empty() || !drift.changed.is_empty() || drift.added.is_empty() {
        return Err(None);
    }
    match work.pipeline.settings.on_drift {
        OnDrift::Freeze => Err(None),
        OnDrift::Discard => {
            tracing::warn!(pipeline = &*work.pipeline.name, %drift, "left out");
            let repeated = !std::mem::replace(&mut going.report_drift, false);
            if repeated { Err(None) } else { Ok(()) }
        }
        OnDrift::Evolve => {
            let nullable = |field: &FieldRef| Arc::new(field.as_ref().clone().with_nullable(true));
            let added: Vec<FieldRef> = drift.added.iter().map(nullable).collect();
            let wider = dataset.with_added(&added).map_err(Some)?;
            tracing::info!(pipeline = &*work.pipeline.name, %drift, "the dataset is wider now");
            save(work, &wider).await.map_err(Some)?;
            going.dataset = Some(Arc::new(wider));
            Ok(())
        }
    }
}

/// What the columns are kept as.
pub(crate) fn file(pipeline: &str) -> String {
    format!("{pipeline}/dataset.json")
}

async fn load(work: &Work) -> Result<Option<Dataset>> {
    let name = file(&work.pipeline.name);
    let Some(stored) = work.files.read(&name).await? else { return Ok(None) };
    let read = || {
        let kept: Kept = serde_json::from_slice(&stored.bytes)
            .map_err(|e| Error::new(Kind::Schema, "the remembered columns do not parse").source(e))?;
        kept.dataset()
    };
    read().map(Some).map_err(|e: Error| e.context("file", work.files.place(&name)))
}

/// Remembers the columns, if the words of the pipeline file can say their types; else the source is asked each time.
async fn save(work: &Work, dataset: &Dataset) -> Result<()> {
    let kept = Kept::of(dataset);
    if !kept.dataset().is_ok_and(|read| read == *dataset) {
        tracing::debug!(pipeline = &*work.pipeline.name, "the columns have types without a word and are not remembered");
        return Ok(());
    }
    let json =
        serde_json::to_vec_pretty(&kept).map_err(|e| Error::new(Kind::Unexpected, "the columns have no JSON form").source(e))?;
    let name = file(&work.pipeline.name);
    let old = work.files.read(&name).await?;
    if old.is_some_and(|old| old.bytes == json) { Ok(()) } else { state::replace(work.files.as_ref(), &name, &json).await }
}

impl Kept {
    fn of(dataset: &Dataset) -> Self {
        let unit = UNITS.iter().find(|(unit, _)| *unit == dataset.timestamp_unit());
        let field = |field: &FieldRef| (field.name().clone(), field_type::name(field));
        Self {
            name: dataset.name().to_owned(),
            fields: dataset.schema().fields().iter().map(field).collect(),
            key: dataset.key().to_vec(),
            timestamp: dataset.timestamp().map(str::to_owned),
            timestamp_unit: unit.map_or("s", |(_, word)| word).to_owned(),
        }
    }

    fn dataset(&self) -> Result<Dataset> {
        let fields = self.fields.iter().map(|(name, text)| field_type::parse(name, text)).collect::<Result<Vec<_>>>()?;
        let dataset = Dataset::new(&self.name, Arc::new(Schema::new(fields)))?.with_key(self.key.clone())?;
        let unit = UNITS.iter().find(|(_, word)| *word == self.timestamp_unit).map_or(TimeUnit::Second, |(unit, _)| *unit);
        let dataset = dataset.with_timestamp_unit(unit);
        match &self.timestamp {
            Some(name) => dataset.with_timestamp(name),
            None => Ok(dataset),
        }
    }
}
