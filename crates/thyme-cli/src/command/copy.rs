//! `thyme copy`.
use clap::Args;
use serde_json::Map;
use thyme_core::{Cdc, Error, Kind, nearest};
use thyme_engine::{Pipeline, PipelineBuilder};

use super::run::{self, Resources};
use crate::exit::Exit;
use crate::logs::Screen;

/// Copies what is there now, and when run again what is new since.
#[derive(Debug, Args)]
pub(crate) struct Copy {
    /// What to read: a connection string, or a path
    #[arg(value_name = "SRC")]
    source: String,

    /// What to write: a connection string, a path, or - for stdout
    #[arg(value_name = "DST")]
    sink: String,

    /// The cursor column of a table
    #[arg(long, value_name = "COLUMN")]
    cursor: Option<String>,

    /// What the rows mean
    #[arg(long, value_name = "MODE", value_parser = cdc, default_value = "append")]
    cdc: Cdc,

    /// A key field, for `--cdc upsert`; may be given several times
    #[arg(long, value_name = "FIELD")]
    key: Vec<String>,

    /// The name its state is kept under; made of SRC and DST without it
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    #[command(flatten)]
    resources: Resources,
}

fn cdc(text: &str) -> Result<Cdc, String> {
    let all = [Cdc::Append, Cdc::Upsert, Cdc::Debezium];
    let near = nearest(text, all.map(Cdc::name)).map_or(String::new(), |near| format!("; did you mean `{near}`?"));
    all.into_iter().find(|cdc| cdc.name() == text).ok_or_else(|| format!("unknown mode{near}"))
}

impl Copy {
    pub(crate) async fn run(self, screen: &Screen) -> Result<Exit, Exit> {
        let registry = thyme_connectors::registry();
        let wrong = |e: Error| Exit::error(screen, &e);
        let source = registry.create_source(&self.source, Map::new()).map_err(wrong)?;
        let sink = registry.create_sink(&self.sink, Map::new()).map_err(wrong)?;
        if source.info().streaming {
            let text = "a stream has no end to copy to; write a pipeline file and run it";
            return Err(wrong(Error::new(Kind::Unsupported, text)));
        }
        let name = self.name.unwrap_or_else(|| named(&source.info().identity, &sink.info().identity));
        let builder = Pipeline::dynamic(name).source(source).sink(sink).schedule("@auto").cdc(self.cdc).key(self.key);
        let pipeline = self.cursor.into_iter().fold(builder, PipelineBuilder::cursor).build().map_err(wrong)?;
        run::run(vec![pipeline], true, &self.resources, screen).await
    }
}

/// The same for the same source and sink, so that a second copy goes on where the first ended: FNV-1a of both.
fn named(source: &str, sink: &str) -> String {
    let fold = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let bytes = source.bytes().chain([0]).chain(sink.bytes());
    format!("copy-{:016x}", bytes.fold(0xcbf2_9ce4_8422_2325, fold))
}
