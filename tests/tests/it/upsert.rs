//! `cdc = "upsert"` on files: each row is the latest state of its key, and comes to the sink as an update.
use std::collections::BTreeMap;

use thyme_connectors::file::{FileSink, FileSource};
use thyme_core::arrow::array::cast::AsArray;
use thyme_core::arrow::array::types::Int64Type;
use thyme_core::memory::Target;
use thyme_core::{Cdc, Kind, Op, Ops};
use thyme_engine::{Engine, Pipeline, PipelineBuilder};
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn the_rows_of_files_update_their_keys() {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("a.jsonl");
    let target = Target::new();
    let from = |cdc| {
        let source = FileSource::builder().path(input.to_str().unwrap()).build();
        Pipeline::dynamic("p").source(source).sink(target.clone()).schedule("@auto").cdc(cdc).key(["id"])
    };
    let mut text = "{\"id\":1,\"v\":10}\n{\"id\":2,\"v\":20}\n{\"id\":1,\"v\":11}\n".to_owned();
    std::fs::write(&input, &text).unwrap();
    once(folder.path(), from(Cdc::Upsert)).await;
    text += "{\"id\":2,\"v\":21}\n";
    std::fs::write(&input, &text).unwrap();
    once(folder.path(), from(Cdc::Upsert)).await;

    let mut latest = BTreeMap::new();
    for written in target.written() {
        assert_eq!(written.ops, Ops::All(Op::Update));
        let column = |name| written.rows.column_by_name(name).unwrap().as_primitive::<Int64Type>();
        latest.extend(column("id").values().iter().copied().zip(column("v").values().iter().copied()));
    }
    assert_eq!(latest, BTreeMap::from([(1, 11), (2, 21)]));

    text += "{\"id\":3,\"v\":30}\n";
    std::fs::write(&input, &text).unwrap();
    once(folder.path(), from(Cdc::Append)).await;
    assert_eq!(target.written().pop().unwrap().ops, Ops::All(Op::Insert));
}

async fn once(folder: &std::path::Path, pipeline: PipelineBuilder) {
    let engine = Engine::builder().state(folder.join("state")).once(true).build().unwrap();
    let outcome = engine.run(vec![pipeline.build().unwrap()], CancellationToken::new()).await.pop().unwrap();
    assert!(outcome.error.is_none(), "{:?}", outcome.error);
}

#[test]
fn a_sink_that_writes_no_updates_is_refused_with_the_remedy() {
    let source = FileSource::builder().path("in").build();
    let pipeline = Pipeline::dynamic("p").source(source).sink(FileSink::builder().path("out").build()).schedule("@once");
    let error = pipeline.cdc(Cdc::Upsert).key(["id"]).build().unwrap_err();
    assert_eq!(error.kind(), Kind::Unsupported);
    let text = error.to_string();
    assert!(text.contains("cdc: `upsert` makes update rows") && text.contains("or `cdc = \"append\"`"), "{text}");
}
