//! Which connector a configured value is of.
use thyme_connectors::core::memory;
use thyme_connectors::core::{Sink, Source};
use thyme_connectors::engine::Pipeline;
use thyme_connectors::file::{FileSink, FileSource, StdoutSink};
use thyme_connectors::{SinkGuards, SourceGuards, registry};

#[test]
fn a_value_is_what_it_was_made_as() {
    let source = FileSource::builder().path("in").build();
    let pipeline = Pipeline::dynamic("a").schedule("@once").source(source).sink(FileSink::builder().path("out").build());
    let pipeline = pipeline.build().unwrap();
    assert!(pipeline.source().is_file() && pipeline.sink().is_file() && !pipeline.sink().is_stdout());
    assert_eq!(pipeline.source().as_file().unwrap().info().identity, "file:in");
    assert!(pipeline.sink().as_file().unwrap().info().identity.ends_with("/out parquet"));
    assert!(pipeline.sink().as_stdout().is_none());

    let stdout = registry().create_sink("-", Default::default()).unwrap();
    assert!(stdout.is_stdout() && !stdout.is_file());
    let same: Option<&StdoutSink> = stdout.as_stdout();
    assert_eq!(same.unwrap().info(), stdout.info());
}

#[test]
fn a_stranger_is_none_of_them() {
    let target = memory::Target::new();
    let target: &dyn Sink = &target;
    assert!(!target.is_file() && !target.is_stdout() && target.as_file().is_none());
}
