//! Every broken rule is named at once.
use thyme_core::{Cdc, Kind};
use thyme_engine::{Late, Pipeline};

use crate::kit::{Feed, Tank, pipeline};

fn fields(builder: &thyme_engine::PipelineBuilder) -> Vec<&'static str> {
    builder.mistakes().into_iter().map(|mistake| mistake.field).collect()
}

#[test]
fn a_stream_has_no_cursor_no_interval_and_no_schedule() {
    let stream = Feed::new(Vec::new()).streaming();
    let builder = pipeline(&stream, &Tank::new()).cursor("id").every("5s");
    assert_eq!(fields(&builder), ["cursor", "every"]);
    assert_eq!(fields(&pipeline(&stream, &Tank::new()).schedule("@auto")), ["schedule"]);
    let mut tank = Tank::new();
    tank.info.per_poll = true;
    assert_eq!(pipeline(&stream, &tank).mistakes()[0].kind, Kind::Unsupported);
    assert!(pipeline(&stream, &Tank::new()).build().is_ok());
}

#[test]
fn a_polled_source_needs_an_interval_and_a_table_its_cursor() {
    let mut feed = Feed::new(Vec::new());
    feed.info.needs_cursor = true;
    let bare = Pipeline::dynamic("p").source(feed).sink(Tank::new());
    assert_eq!(fields(&bare), ["every", "cursor"]);
    assert_eq!(fields(&bare.clone().schedule("@once")), [""; 0]);
    assert_eq!(fields(&bare.clone().every("5s").schedule("@auto").cursor("id")), ["schedule"]);
    assert_eq!(fields(&bare.cursor("id").every("5 parsecs")), ["every"]);
}

#[test]
fn all_mistakes_are_one_error() {
    let mut tank = Tank::new();
    tank.info.ops = &[thyme_core::Op::Insert];
    let builder = Pipeline::dynamic("two words").source(Feed::new(Vec::new())).sink(tank).schedule("61 * * * *");
    let builder =
        builder.dataset(crate::kit::dataset()).key(["idd"]).cdc(Cdc::Upsert).late(Late::DeadLetter).max_lateness("soon");
    let error = builder.build().unwrap_err();
    let expected = [
        "two words",
        "61 * * * *",
        "`upsert` makes update rows",
        "did you mean `id`?",
        "`soon` is not a duration",
        "without `max_lateness`",
    ];
    for what in expected {
        assert!(error.to_string().contains(what), "{what} in {error}");
    }
    assert_eq!(error.kind(), Kind::Config);
    let debezium = pipeline(&Feed::new(Vec::new()), &Tank::new()).cdc(Cdc::Debezium).build().unwrap_err();
    assert_eq!(debezium.kind(), Kind::Unsupported);
    assert!(debezium.to_string().contains("reads the envelopes of a stream"));
    pipeline(&Feed::new(Vec::new()).streaming(), &Tank::new()).cdc(Cdc::Debezium).build().unwrap();
}
