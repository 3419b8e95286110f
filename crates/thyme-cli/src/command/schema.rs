//! `thyme schema`.
use clap::{Args, ValueEnum};
use thyme_core::config::{self, FieldInfo};
use thyme_engine::spec;

use crate::exit::Exit;
use crate::logs::Screen;
use crate::{say, table};

/// Shows fields, with their environment variables and defaults.
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// A connector's type, or `pipeline` for the keys of a pipeline
    #[arg(value_name = "TYPE")]
    name: String,

    /// Only what reads, or only what writes
    side: Option<Side>,

    /// As JSON schema; of `pipeline`, that of a whole pipeline file, for editors
    #[arg(long)]
    json: bool,
}

/// One side of a connector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Side {
    /// What reads.
    Source,
    /// What writes.
    Sink,
}

impl Show {
    pub(crate) fn run(self, screen: &Screen) -> Result<Exit, Exit> {
        let registry = thyme_connectors::registry();
        if self.name == "pipeline" {
            if self.json {
                say::line(format_args!("{:#}", spec::json_schema(&registry)));
            } else {
                tell(&spec::keys());
            }
            return Ok(Exit::Done);
        }
        let connector = registry.find(&self.name, "TYPE").map_err(|problem| Exit::usage(screen, problem))?;
        let sides = [
            (Side::Source, "source", connector.source.as_ref().map(|entry| (entry.schema)())),
            (Side::Sink, "sink", connector.sink.as_ref().map(|entry| (entry.schema)())),
        ];
        let wanted: Vec<_> = sides
            .into_iter()
            .filter(|(side, ..)| self.side.is_none_or(|only| only == *side))
            .filter_map(|(_, name, schema)| Some((name, schema?)))
            .collect();
        if wanted.is_empty() {
            return Err(Exit::usage(screen, format!("`{}` has no such side", connector.name)));
        }
        if self.json {
            let both: serde_json::Map<_, _> =
                wanted.iter().map(|(name, schema)| ((*name).to_owned(), schema.as_value().clone())).collect();
            let one = if both.len() == 1 { both.into_iter().next().map(|(_, one)| one) } else { Some(both.into()) };
            say::line(format_args!("{:#}", one.unwrap_or_default()));
            return Ok(Exit::Done);
        }
        for (i, (name, schema)) in wanted.iter().enumerate() {
            if i > 0 {
                say::line("");
            }
            say::line(format_args!("{} {name}", connector.name));
            tell(&config::fields(schema, connector.name));
        }
        Ok(Exit::Done)
    }
}

fn tell(fields: &[FieldInfo]) {
    let row = |field: &FieldInfo| {
        let default = match &field.default {
            _ if field.required => "required".to_owned(),
            Some(default) => default.to_string(),
            None => String::new(),
        };
        let mut text = field.text.split_whitespace().collect::<Vec<_>>().join(" ");
        if field.secret {
            text.push_str(" A secret.");
        }
        if !field.aliases.is_empty() {
            text.push_str(&format!(" Also {}.", field.aliases.join(", ")));
        }
        vec![field.name.clone(), field.kind.clone(), default, field.env.clone().unwrap_or_default(), text]
    };
    let rows: Vec<_> = fields.iter().map(row).collect();
    table::lines(&["FIELD", "KIND", "DEFAULT", "ENVIRONMENT", ""], &rows, false).iter().for_each(say::line);
}
