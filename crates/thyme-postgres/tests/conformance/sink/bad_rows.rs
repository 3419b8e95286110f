//! One bad row costs one row.
use thyme_core::{Kind, Result};
use thyme_postgres::Mode;
use thyme_testkit::Suite;

use super::world::{At, World, insert, numbered, plain, rows};

pub(super) fn cases(suite: Suite) -> Suite {
    suite
        .case("each_bad_row_is_refused_with_its_reason", each_bad_row)
        .case("rows_that_refer_to_nothing_are_refused", foreign_keys)
        .case("a_batch_of_bad_rows_still_moves_the_cursor", all_bad)
        .case("batches_before_and_behind_a_bad_one_are_kept", between_good_ones)
        .case("a_constraint_that_is_checked_at_the_end_stops_the_task", deferred)
}

const TABLE: &str = "create table t (id bigint primary key, n bigint check (n <> 13), text varchar(40));
    create function no_elephants() returns trigger language plpgsql as
    $$ begin if new.text = 'elephant' then raise exception 'no elephants here'; end if; return new; end $$;
    create trigger doorman before insert or update on t for each row execute function no_elephants()";

async fn each_bad_row() -> Result<()> {
    let world = World::new().await?;
    for mode in [Mode::Append, Mode::Upsert, Mode::Overwrite] {
        world.run("drop table if exists t, thyme_cursors; drop function if exists no_elephants").await;
        world.run(TABLE).await;
        let sink = world.sink(|config| config.mode = mode);
        let mut at = At::open(&sink, &plain()).await?;
        let long = "x".repeat(41);
        let bad = [(777, "\0"), (3_000, "elephant"), (3_001, long.as_str()), (9_998, "thirteen"), (9_999, "elephant")];
        let list = (0..10_000).map(|id| {
            let text = bad.iter().find(|(bad, _)| *bad == id).map(|(_, text)| *text);
            (id, Some(if text == Some("thirteen") { 13 } else { 1 }), text)
        });
        let staged = at.stage(insert(rows(&list.collect::<Vec<_>>()))).await?;
        let refused = staged.rejects.iter().map(|reject| i64::try_from(reject.row.unwrap()).unwrap()).collect::<Vec<_>>();
        assert_eq!(refused, bad.map(|(id, _)| id), "{mode:?}");
        let reasons = staged.rejects.iter().map(|reject| reject.reason.as_str()).collect::<Vec<_>>();
        for (reason, part) in reasons.iter().zip(["", "no elephants here", "character varying(40)", "t_n_check", "no elephants"])
        {
            assert!(!reason.is_empty() && reason.contains(part), "{reason}");
        }
        at.commit().await?;
        assert_eq!(world.one("select count(*) from t").await, "9995", "{mode:?}");
    }
    Ok(())
}

async fn foreign_keys() -> Result<()> {
    let world = World::new().await?;
    world
        .run(
            "create table parent (id bigint primary key); insert into parent select generate_series(0, 99);
             create table t (id bigint primary key, n bigint references parent, text text)",
        )
        .await;
    for mode in [Mode::Append, Mode::Upsert] {
        world.run("truncate t").await;
        let mut at = At::open(&world.sink(|config| config.mode = mode), &plain()).await?;
        let list = (0..500).map(|id| (id, Some(if id % 100 == 50 { 1000 } else { id % 100 }), None)).collect::<Vec<_>>();
        let staged = at.stage(insert(rows(&list))).await?;
        assert_eq!(staged.rejects.iter().filter_map(|reject| reject.row).collect::<Vec<_>>(), [50, 150, 250, 350, 450]);
        assert!(staged.rejects.iter().all(|reject| reject.reason.contains("foreign key")), "{:?}", staged.rejects);
        at.commit().await?;
        assert_eq!(world.one("select count(*) from t").await, "495");
    }
    Ok(())
}

async fn all_bad() -> Result<()> {
    let world = World::new().await?;
    world.run(TABLE).await;
    let mut at = At::open(&world.sink(|_| {}), &plain()).await?;
    let staged = at.stage(insert(numbered(0..200, 13))).await?;
    assert_eq!(staged.rejects.len(), 200);
    at.commit().await?;
    assert_eq!(world.rows("select count(*), (select seq from thyme_cursors) from t").await, ["0 1"]);
    Ok(())
}

async fn between_good_ones() -> Result<()> {
    let world = World::new().await?;
    world.run(TABLE).await;
    let mut at = At::open(&world.sink(|config| config.batch_size = 7), &plain()).await?;
    for (begin, refused) in [(0, 0), (100, 1), (200, 0), (300, 1), (400, 1)] {
        let mut list = (begin..begin + 100).map(|id| (id, Some(1), Some("fine"))).collect::<Vec<_>>();
        if refused > 0 {
            list[42].1 = Some(13);
        }
        assert_eq!(at.stage(insert(rows(&list))).await?.rejects.len(), refused);
    }
    at.commit().await?;
    assert_eq!(world.one("select count(*) from t").await, "497");
    Ok(())
}

/// What only shows at the end of the transaction is nobody's row any more.
async fn deferred() -> Result<()> {
    let world = World::new().await?;
    world
        .run(
            "create table parent (id bigint primary key);
             create table t (id bigint, n bigint references parent deferrable initially deferred, text text)",
        )
        .await;
    let sink = world.sink(|_| {});
    let mut at = At::open(&sink, &plain()).await?;
    assert_eq!(at.stage(insert(numbered(0..3, 7))).await?.rejects, []);
    let refused = at.commit().await.unwrap_err();
    assert!(refused.kind() == Kind::Data && refused.to_string().contains("foreign key"), "{refused:?}");
    let mut at = At::open(&sink, &plain()).await?;
    assert_eq!(at.seq, 0, "nothing of it was committed");
    world.run("insert into parent values (7)").await;
    at.put(numbered(0..3, 7)).await
}
