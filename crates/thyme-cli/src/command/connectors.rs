//! `thyme connectors`.
use clap::Args;

use crate::exit::Exit;
use crate::{say, table};

/// Lists what is compiled in.
#[derive(Debug, Args)]
pub(crate) struct Connectors {}

impl Connectors {
    pub(crate) fn run(self) -> Exit {
        let registry = thyme_connectors::registry();
        let does = |there: bool| if there { "yes" } else { "" }.to_owned();
        let rows: Vec<_> = registry
            .connectors()
            .map(|connector| {
                let (source, sink) = (does(connector.source.is_some()), does(connector.sink.is_some()));
                vec![connector.name.to_owned(), source, sink, connector.delivery.to_owned(), connector.summary.to_owned()]
            })
            .collect();
        table::lines(&["TYPE", "SOURCE", "SINK", "DELIVERY", ""], &rows, false).iter().for_each(say::line);
        Exit::Done
    }
}
