//! Names are names, whatever stands in them.
use std::sync::Arc;

use thyme_core::arrow::array::{ArrayRef, Int64Array, RecordBatch};
use thyme_core::{Batch, Cursor, Job, Op, Ops, Position, Result, Sink, Task};
use thyme_postgres::Mode;
use thyme_testkit::Suite;

use super::world::{World, dataset, insert, sql_name};

pub(super) fn cases(suite: Suite) -> Suite {
    suite.case("hostile_names_run_nothing", hostile)
}

const HOSTILE: &[&str] = &[
    "a\"; drop table victim; --",
    "'; drop table victim; --",
    "\\'; drop table victim; --",
    "x) from stdin; drop table victim; --",
    "$$; drop table victim; $$",
    "select",
    "ü 🌿 \u{202e}",
    " ",
    "%s %n",
    "thyme_row",
];

async fn hostile() -> Result<()> {
    let world = World::new().await?;
    world.run("create table victim (id int)").await;
    for name in HOSTILE {
        for mode in [Mode::Append, Mode::Upsert, Mode::Overwrite] {
            let other = format!("{name}2");
            let data = dataset(&[(name, "int64!"), (&other, "int64")], &[name]);
            let sink = world.sink(|config| {
                config.table = format!("{name}.{mode:?}");
                config.mode = mode;
                config.auto_create = true;
                config.auto_evolve = true;
                config.delete = mode == Mode::Upsert;
            });
            // The names of a pipeline are checked elsewhere, those of splits come from outside.
            let job = Job::new(Task { pipeline: (*name).into(), task: (*name).into() }, Arc::new(data.clone()));
            let columns: Vec<ArrayRef> = vec![Arc::new(Int64Array::from(vec![1, 2])), Arc::new(Int64Array::from(vec![3, 4]))];
            let rows = RecordBatch::try_new(Arc::clone(data.columns()), columns).unwrap();
            let mut writer = sink.open(&job).await?.writer;
            writer.stage(&insert(rows.clone())).await?;
            if mode == Mode::Upsert {
                let unset = vec![(1, vec![true, true].into())];
                let update = Batch { unset, ops: Ops::All(Op::Update), ..insert(rows.clone()) };
                assert_eq!(writer.stage(&update).await?.rejects, []);
                let delete = Batch { ops: Ops::All(Op::Delete), ..Batch::insert(rows.slice(0, 1), Position::of(&0)) };
                assert_eq!(writer.stage(&delete).await?.rejects, []);
            }
            let cursor = Cursor { seq: 1, base: Some(Position::of(name)), ..Cursor::start(*name) };
            writer.commit(&cursor).await?;
            assert_eq!(sink.cursors(name).await?.get(*name), Some(&cursor), "{name}");
            sink.check().await?;
            let count = format!("select count(*), max({}) from {}", sql_name(&other), sql_name(&format!("{name}.{mode:?}")));
            let left = if mode == Mode::Upsert { "1 4" } else { "2 4" };
            assert_eq!(world.rows(&count).await, [left], "{name}");
        }
    }
    assert_eq!(world.rows("select count(*) from victim").await, ["0"]);
    Ok(())
}
