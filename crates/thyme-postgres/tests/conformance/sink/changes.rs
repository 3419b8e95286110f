//! Updates, deletes, truncates, and cells that are unknown.
use thyme_core::arrow::buffer::BooleanBuffer;
use thyme_core::{Batch, Op, Result};
use thyme_postgres::{Mode, PostgresSink};
use thyme_testkit::Suite;

use super::world::{At, World, changes, dataset, insert, numbered, plain, rows};

pub(super) fn cases(suite: Suite) -> Suite {
    suite
        .case("a_key_is_written_once_a_batch", once_a_batch)
        .case("unknown_cells_stay_as_they_are", unknown_cells)
        .case("unknown_cells_take_the_value_of_the_row_before", within_a_batch)
        .case("an_unknown_cell_of_a_row_that_is_not_there_is_refused", not_there)
        .case("deletes_and_truncates_take_their_turn", deletes)
        .case("columns_of_others_are_left_alone", left_alone)
        .case("keys_that_only_the_server_takes_for_one", one_for_the_server)
        .case("an_identity_column_is_written_as_it_is", identity)
}

fn upsert(world: &World) -> PostgresSink {
    world.sink(|config| {
        config.mode = Mode::Upsert;
        config.delete = true;
        config.auto_create = true;
    })
}

const SHOW: &str = "select id, n, text from t order by id";

async fn once_a_batch() -> Result<()> {
    let world = World::new().await?;
    world
        .run(
            "create table t (id bigint primary key, n bigint, text text, writes int default 0);
             create function count_it() returns trigger language plpgsql as
             $$ begin new.writes := coalesce(old.writes, 0) + 1; return new; end $$;
             create trigger counting before insert or update on t for each row execute function count_it()",
        )
        .await;
    let mut at = At::open(&upsert(&world), &plain()).await?;
    let many = (0..3000).map(|n| (n % 10, Some(n), None)).collect::<Vec<_>>();
    at.put(rows(&many)).await?;
    at.put(rows(&many[..20])).await?;
    assert_eq!(world.rows("select distinct writes from t").await, ["2"]);
    assert_eq!(world.rows("select id, n from t order by id limit 2").await, ["0 10", "1 11"]);
    Ok(())
}

/// `batch` with `text` unknown in the rows where `unset` says so.
fn unset(batch: Batch, unset: &[bool]) -> Batch {
    Batch { unset: vec![(2, BooleanBuffer::from(unset.to_vec()))], ..batch }
}

async fn unknown_cells() -> Result<()> {
    let world = World::new().await?;
    let mut at = At::open(&upsert(&world), &plain()).await?;
    at.put(rows(&[(1, Some(1), Some("big")), (2, Some(1), Some("large")), (3, Some(1), None)])).await?;
    let update = changes(rows(&[(1, Some(2), None), (2, Some(2), None), (3, Some(2), Some("now"))]), &[Op::Update; 3]);
    let staged = at.stage(unset(update, &[true, false, false])).await?;
    assert_eq!(staged.rejects, []);
    at.commit().await?;
    assert_eq!(world.rows(SHOW).await, ["1 2 big", "2 2 -", "3 2 now"]);
    Ok(())
}

async fn within_a_batch() -> Result<()> {
    let world = World::new().await?;
    let mut at = At::open(&upsert(&world), &plain()).await?;
    at.put(rows(&[(9, Some(0), Some("nine"))])).await?;
    let list = rows(&[
        (1, Some(1), Some("first")),
        (2, Some(1), Some("second")),
        (1, Some(2), None),
        (9, Some(1), None),
        (2, Some(3), Some("other")),
        (1, Some(4), None),
        (9, Some(2), None),
    ]);
    let ops = [Op::Insert, Op::Insert, Op::Update, Op::Update, Op::Update, Op::Update, Op::Update];
    let staged = at.stage(unset(changes(list, &ops), &[false, false, true, true, false, true, true])).await?;
    assert_eq!(staged.rejects, []);
    at.commit().await?;
    assert_eq!(world.rows(SHOW).await, ["1 4 first", "2 3 other", "9 2 nine"]);
    Ok(())
}

async fn not_there() -> Result<()> {
    let world = World::new().await?;
    let mut at = At::open(&upsert(&world), &plain()).await?;
    at.put(rows(&[(1, Some(1), Some("big")), (4, Some(1), Some("four"))])).await?;
    let list = rows(&[(1, Some(2), None), (2, Some(2), None), (3, Some(2), Some("three")), (4, None, None), (4, Some(5), None)]);
    let ops = [Op::Update, Op::Update, Op::Update, Op::Delete, Op::Update];
    let staged = at.stage(unset(changes(list, &ops), &[true, true, false, false, true])).await?;
    // 4 was deleted before: what its text was is gone.
    assert_eq!(staged.rejects.iter().map(|reject| reject.row.unwrap()).collect::<Vec<_>>(), [1, 4]);
    assert!(staged.rejects.iter().all(|reject| reject.reason.contains("`text` is unknown")), "{:?}", staged.rejects);
    at.commit().await?;
    assert_eq!(world.rows(SHOW).await, ["1 2 big", "3 2 three"]);
    Ok(())
}

async fn deletes() -> Result<()> {
    let world = World::new().await?;
    let mut at = At::open(&upsert(&world), &plain()).await?;
    at.put(numbered(0..6, 0)).await?;
    let some = |id: i64, n: i64| (id, Some(n), Some("new"));
    let list = rows(&[some(1, 1), (1, None, None), some(2, 1), (2, None, None), some(2, 2), (3, None, None), (77, None, None)]);
    let ops = [Op::Update, Op::Delete, Op::Update, Op::Delete, Op::Insert, Op::Delete, Op::Delete];
    assert_eq!(at.stage(changes(list, &ops)).await?.rejects, []);
    at.commit().await?;
    assert_eq!(world.rows("select id, n from t order by id").await, ["0 0", "2 2", "4 0", "5 0"]);
    let list = rows(&[some(8, 1), (0, None, None), some(9, 1)]);
    assert_eq!(at.stage(changes(list, &[Op::Insert, Op::Truncate, Op::Insert])).await?.rejects, []);
    at.commit().await?;
    assert_eq!(world.rows("select id, n from t").await, ["9 1"]);
    // The same where rows of a key are not folded into one.
    for action in ["ignore", "error", "(id) DO UPDATE SET n = t.n + EXCLUDED.n"] {
        world.run("truncate t; insert into t values (1, 100)").await;
        let sink = world.sink(|config| {
            config.mode = Mode::Upsert;
            config.delete = true;
            config.on_conflict = Some(action.into());
        });
        let mut at = At::open(&sink, &plain()).await?;
        let list = rows(&[(1, None, None), some(1, 1), some(2, 2), (2, None, None), (2, None, None), some(2, 5)]);
        let ops = [Op::Delete, Op::Insert, Op::Insert, Op::Delete, Op::Delete, Op::Insert];
        assert_eq!(at.stage(changes(list, &ops)).await?.rejects, [], "{action}");
        at.commit().await?;
        assert_eq!(world.rows("select id, n from t order by id").await, ["1 1", "2 5"], "{action}");
    }
    Ok(())
}

async fn left_alone() -> Result<()> {
    let world = World::new().await?;
    world.run("create table t (id bigint primary key, note text default 'default', n bigint, text text)").await;
    let mut at = At::open(&upsert(&world), &plain()).await?;
    at.put(numbered(0..2, 0)).await?;
    world.run("update t set note = 'mine' where id = 1").await;
    at.put(numbered(0..2, 1)).await?;
    assert_eq!(world.rows("select id, n, note from t order by id").await, ["0 1 default", "1 1 mine"]);
    Ok(())
}

async fn one_for_the_server() -> Result<()> {
    let world = World::new().await?;
    world.run("create table t (id char(5) primary key, n bigint)").await;
    let data = dataset(&[("id", "string!"), ("n", "int64")], &["id"]);
    let ids = ["a", "b", "a  ", "c", "b "];
    let columns: Vec<thyme_core::arrow::array::ArrayRef> = vec![
        std::sync::Arc::new(thyme_core::arrow::array::StringArray::from(ids.to_vec())),
        std::sync::Arc::new(thyme_core::arrow::array::Int64Array::from_iter_values(0..5)),
    ];
    let list = thyme_core::arrow::array::RecordBatch::try_new(std::sync::Arc::clone(data.columns()), columns).unwrap();
    let mut at = At::open(&upsert(&world), &data).await?;
    assert_eq!(at.stage(insert(list)).await?.rejects, []);
    at.commit().await?;
    assert_eq!(world.rows("select trim(id), n from t order by id").await, ["a 2", "b 4", "c 3"]);
    Ok(())
}

async fn identity() -> Result<()> {
    let world = World::new().await?;
    world.run("create table t (id bigint generated always as identity primary key, n bigint, text text)").await;
    for (mode, id) in [(Mode::Upsert, 70), (Mode::Append, 80)] {
        let sink = world.sink(|config| config.mode = mode);
        At::open(&sink, &plain()).await?.put(numbered(id..id + 2, 0)).await?;
    }
    assert_eq!(world.rows("select id from t order by id").await, ["70", "71", "80", "81"]);
    Ok(())
}
