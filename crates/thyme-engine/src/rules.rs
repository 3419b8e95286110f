//! The rules of a pipeline that need no I/O.
use thyme_core::{Cdc, Error, Kind, Op, Schedule, SinkInfo, SourceInfo, nearest};

use crate::pipeline::PipelineBuilder;
use crate::{FromTimestamp, Late};

/// A rule that a pipeline breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The key of the pipeline file that is to blame.
    pub field: &'static str,
    /// What is wrong, lower-case, with the remedy where one is known.
    pub message: String,
    /// `Config`, or `Unsupported` where the connector can't do it.
    pub kind: Kind,
}

/// The schedule, and every mistake.
pub(crate) fn check(builder: &PipelineBuilder) -> (Option<Schedule>, Vec<Mistake>) {
    let mut found = Found(builder.mistakes.clone());
    found.name(&builder.name);
    let schedule = found.schedule(builder);
    match &builder.source {
        None => found.config("source", "a pipeline needs a source"),
        Some(source) => found.source(builder, &source.info(), schedule.as_ref()),
    }
    match &builder.sink {
        None => found.config("sink", "a pipeline needs a sink"),
        Some(sink) => found.sink(builder, &sink.info()),
    }
    if let (Some(source), Some(sink)) = (&builder.source, &builder.sink)
        && source.info().streaming
        && sink.info().per_poll
    {
        found.add(Kind::Unsupported, "sink", "a sink that replaces its target at the end of each poll can't take a stream");
    }
    if let (Some(source), Some(sink)) = (&builder.source, &builder.sink)
        && let Some(place) = sink.writes(&builder.name).filter(|place| source.reads(place))
    {
        let text = format!(
            "the source would read again what is written, as `{place}`; write to a folder that it does not read, or narrow what \
             it reads"
        );
        found.config("sink", text);
    }
    found.dataset(builder);
    let looked_at = builder.source.as_ref().is_some_and(|source| source.info().auto.is_some());
    let alone = builder.every.is_none() && builder.schedule.is_none();
    (schedule.or((looked_at && alone).then_some(Schedule::Auto)), found.0)
}

/// All mistakes as one error.
pub(crate) fn error(name: &str, mistakes: &[Mistake]) -> Error {
    let kind = mistakes.iter().map(|m| m.kind).find(|kind| *kind == Kind::Config);
    let kind = kind.or_else(|| mistakes.first().map(|m| m.kind)).unwrap_or(Kind::Config);
    let each: Vec<_> = mistakes.iter().map(|m| format!("{}: {}", m.field, m.message)).collect();
    Error::new(kind, format!("the pipeline `{name}` can't run: {}", each.join("; ")))
}

struct Found(Vec<Mistake>);

impl Found {
    fn add(&mut self, kind: Kind, field: &'static str, message: impl Into<String>) {
        self.0.push(Mistake { field, message: message.into(), kind });
    }

    fn config(&mut self, field: &'static str, message: impl Into<String>) {
        self.add(Kind::Config, field, message);
    }

    fn name(&mut self, name: &str) {
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')) {
            self.config("name", format!("`{name}` is no name: expected letters, digits, `_` and `-`"));
        }
    }

    fn schedule(&mut self, builder: &PipelineBuilder) -> Option<Schedule> {
        let zone = builder.timezone.as_deref();
        let parsed = match (&builder.every, &builder.schedule) {
            (Some(_), Some(_)) => {
                self.config("schedule", "give either `every` or `schedule`, not both");
                return None;
            }
            (Some(every), None) => {
                if zone.is_some() {
                    self.config("timezone", "only a cron expression takes a time zone");
                }
                Schedule::every(every).map_err(|e| ("every", e))
            }
            (None, Some(text)) => Schedule::parse(text, zone).map_err(|e| ("schedule", e)),
            (None, None) => {
                if zone.is_some() {
                    self.config("timezone", "only a cron expression takes a time zone");
                }
                return None;
            }
        };
        parsed.map_err(|(field, error)| self.config(field, error.to_string())).ok()
    }

    fn source(&mut self, builder: &PipelineBuilder, info: &SourceInfo, schedule: Option<&Schedule>) {
        let settings = &builder.settings;
        if info.streaming {
            let given = [
                ("cursor", settings.cursor.is_some()),
                ("every", builder.every.is_some()),
                ("schedule", builder.schedule.is_some()),
            ];
            for (field, _) in given.into_iter().filter(|(_, given)| *given) {
                self.config(field, format!("`{field}` is for sources that are polled; this one is a stream"));
            }
            return;
        }
        if settings.cdc == Cdc::Debezium {
            let text = "`debezium` reads the envelopes of a stream (Kafka), and this source is polled: use `append` or `upsert`";
            self.add(Kind::Unsupported, "cdc", text);
        }
        if builder.every.is_none() && builder.schedule.is_none() && info.auto.is_none() {
            self.config("every", "this source is polled: give `every` or `schedule` (@auto, @once or a cron expression)");
        }
        if info.needs_cursor && settings.cursor.is_none() && !matches!(schedule, Some(Schedule::Once)) {
            self.config("cursor", "a table needs a cursor column, unless schedule = \"@once\"");
        }
    }

    fn sink(&mut self, builder: &PipelineBuilder, info: &SinkInfo) {
        let needed: &[Op] = match builder.settings.cdc {
            Cdc::Append => &[Op::Insert],
            Cdc::Upsert => &[Op::Update],
            Cdc::Debezium => &[Op::Insert, Op::Update, Op::Delete],
        };
        for op in needed.iter().filter(|op| !info.ops.contains(op)) {
            let mode = builder.settings.cdc.name();
            let other = if builder.settings.cdc == Cdc::Append { "upsert" } else { "append" };
            let text = format!(
                "`{mode}` makes {} rows, which {} can't write; use a sink that writes them, or `cdc = \"{other}\"`",
                op.name(),
                info.identity
            );
            self.add(Kind::Unsupported, "cdc", text);
        }
    }

    fn dataset(&mut self, builder: &PipelineBuilder) {
        let settings = &builder.settings;
        if let Some(dataset) = &settings.dataset {
            if settings.cdc == Cdc::Upsert && dataset.key().is_empty() && settings.key.is_empty() {
                self.config("dataset.key", "`upsert` needs key fields");
            }
            let names = || dataset.schema().fields().iter().map(|field| field.name().as_str());
            let columns = settings.key.iter().map(|name| ("dataset.key", name));
            let columns = columns.chain(settings.timestamp.iter().map(|name| ("dataset.timestamp", name)));
            let columns: Vec<_> = columns.chain(settings.cursor.iter().map(|name| ("cursor", name))).collect();
            for (field, name) in columns {
                if dataset.field(name).is_none() {
                    let near = nearest(name, names()).map_or(String::new(), |near| format!("; did you mean `{near}`?"));
                    self.config(field, format!("`{name}` is not a column of the dataset{near}"));
                }
            }
        }
        let out = settings.maps.to.as_ref().or(settings.dataset.as_ref());
        let timestamp = out.and_then(|d| d.timestamp()).or(settings.timestamp.as_deref());
        if settings.max_lateness.is_some() && timestamp.is_none() && out.is_some() {
            self.config("max_lateness", "lateness needs a `timestamp` field in the dataset");
        }
        if settings.late == Late::DeadLetter && settings.max_lateness.is_none() {
            self.config("late", "nothing is late without `max_lateness`");
        }
        if let (Some(FromTimestamp::Column(column)), Some(timestamp)) = (&settings.from, timestamp)
            && column != timestamp
        {
            let text = format!("the column is `{column}`, but the dataset's timestamp is `{timestamp}`: they must be one");
            self.config("from_timestamp", text);
        }
    }
}
