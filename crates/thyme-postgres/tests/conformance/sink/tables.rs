//! Tables that are made, widened, refused.
use thyme_core::{Kind, Result, Sink};
use thyme_postgres::Mode;
use thyme_testkit::Suite;

use super::world::{At, World, dataset, job, numbered, plain};

pub(super) fn cases(suite: Suite) -> Suite {
    suite
        .case("a_table_is_made_when_asked_for", made)
        .case("columns_are_added_when_asked_for", widened)
        .case("a_table_that_was_dropped_under_its_cursor_is_refused", dropped)
        .case("what_rows_cannot_do_without_is_named", left_out)
        .case("a_missing_privilege_is_named", privileges)
        .case("two_that_open_at_once_make_one_table", at_once)
}

async fn made() -> Result<()> {
    let world = World::new().await?;
    let refused = world.sink(|_| {}).open(&job(&plain())).await.unwrap_err();
    assert!(refused.kind() == Kind::NotFound && refused.message().contains("auto_create"), "{refused:?}");
    let sink = world.sink(|config| config.auto_create = true);
    sink.check().await?;
    assert_eq!(
        world
            .one(
                "select count(*) from pg_tables where tablename in ('t', 'thyme_cursors') \
        and schemaname = current_schema()"
            )
            .await,
        "0",
        "a check makes nothing"
    );
    At::open(&sink, &plain()).await?;
    let columns = "select attname, format_type(atttypid, atttypmod), attnotnull from pg_attribute \
        where attrelid = 't'::regclass and attnum > 0 order by attnum";
    assert_eq!(world.rows(columns).await, ["id bigint t", "n bigint f", "text text f"]);
    assert_eq!(world.one("select count(*) from pg_index where indrelid = 't'::regclass").await, "0", "rows of a key may repeat");
    world.run("drop table t, thyme_cursors").await;
    let sink = world.sink(|config| {
        config.auto_create = true;
        config.mode = Mode::Upsert;
    });
    At::open(&sink, &plain()).await?;
    let keys = "select pg_get_indexdef(indexrelid, 1, true) from pg_index where indrelid = 't'::regclass and indisprimary";
    assert_eq!(world.rows(keys).await, ["id"]);
    Ok(())
}

async fn widened() -> Result<()> {
    let world = World::new().await?;
    let sink = world.sink(|config| config.auto_create = true);
    At::open(&sink, &plain()).await?.put(numbered(0..2, 1)).await?;
    let fields = [("id", "int64!"), ("n", "int64"), ("text", "string"), ("price", "decimal(12,2)"), ("at", "timestamp")];
    let wider = dataset(&fields, &["id"]);
    let refused = sink.open(&job(&wider)).await.unwrap_err();
    assert!(refused.kind() == Kind::Schema && refused.message().contains("`price`, `at`"), "{refused:?}");
    assert!(refused.message().contains("auto_evolve"), "{refused:?}");
    let sink = world.sink(|config| config.auto_evolve = true);
    At::open(&sink, &wider).await?;
    let added = "select attname, format_type(atttypid, atttypmod), attnotnull from pg_attribute \
        where attrelid = 't'::regclass and attnum > 3 order by attnum";
    assert_eq!(world.rows(added).await, ["price numeric(12,2) f", "at timestamp with time zone f"]);
    assert_eq!(world.one("select count(*) from t where price is null").await, "2");
    Ok(())
}

async fn dropped() -> Result<()> {
    let world = World::new().await?;
    let sink = world.sink(|config| config.auto_create = true);
    At::open(&sink, &plain()).await?.put(numbered(0..2, 1)).await?;
    world.run("drop table t").await;
    let refused = sink.open(&job(&plain())).await.unwrap_err();
    assert!(refused.kind() == Kind::Conflict && refused.message().contains("delete those rows"), "{refused:?}");
    world.run("delete from thyme_cursors where target = 't'").await;
    At::open(&sink, &plain()).await?.put(numbered(0..2, 1)).await
}

async fn left_out() -> Result<()> {
    let world = World::new().await?;
    world.run("create table t (id bigint, n bigint, text text, must int not null, has int not null default 1)").await;
    let refused = world.sink(|_| {}).open(&job(&plain())).await.unwrap_err();
    assert!(refused.kind() == Kind::Schema && refused.message().contains("`must`"), "{refused:?}");
    world
        .run("alter table t drop must; alter table t drop n; alter table t add n bigint generated always as (id * 2) stored")
        .await;
    let refused = world.sink(|_| {}).open(&job(&plain())).await.unwrap_err();
    assert!(refused.kind() == Kind::Schema && refused.message().contains("`n`"), "{refused:?}");
    world.run("alter table t drop n; alter table t add n inet").await;
    let refused = world.sink(|_| {}).open(&job(&plain())).await.unwrap_err();
    assert!(refused.kind() == Kind::Schema && refused.to_string().contains('n'), "{refused:?}");
    Ok(())
}

async fn privileges() -> Result<()> {
    let world = World::new().await?;
    let schema = super::world::sql_name(&world.schema);
    let role = format!("writer_{}", world.schema.split_whitespace().next().unwrap());
    world
        .run(&format!("create role {role} login password 'w'; create table t (id bigint primary key, n bigint, text text)"))
        .await;
    let sink = |mode: Mode| {
        world.sink(|config| {
            config.mode = mode;
            config.user = Some(role.clone());
            config.password = Some(thyme_core::Secret::new("w"));
        })
    };
    let steps = [
        (Mode::Append, "permission denied", format!("grant usage on schema {schema} to {role}")),
        (Mode::Append, "GRANT INSERT", format!("grant insert on t to {role}")),
        (Mode::Append, "GRANT CREATE ON SCHEMA", format!("grant create on schema {schema} to {role}")),
        (Mode::Overwrite, "GRANT DELETE", format!("grant delete on t to {role}")),
        (Mode::Upsert, "GRANT SELECT", format!("grant select on t to {role}")),
        (Mode::Upsert, "GRANT UPDATE", format!("grant update on t to {role}")),
    ];
    for (mode, wanted, grant) in steps {
        let refused = sink(mode).check().await.unwrap_err();
        assert!(refused.kind() == Kind::Auth && refused.to_string().contains(wanted), "{wanted}: {refused:?}");
        world.run(&grant).await;
    }
    for mode in [Mode::Append, Mode::Overwrite, Mode::Upsert] {
        sink(mode).check().await?;
        At::open(&sink(mode), &plain()).await?.put(numbered(0..2, 1)).await?;
        world.run("truncate t").await;
    }
    world.run(&format!("revoke update on thyme_cursors from {role}; drop owned by {role}; drop role {role}")).await;
    Ok(())
}

async fn at_once() -> Result<()> {
    let world = World::new().await?;
    let mut opening = tokio::task::JoinSet::new();
    for number in 0..8 {
        let sink = world.sink(|config| config.auto_create = true);
        opening.spawn(async move {
            let job = job(&plain()).for_task(format!("{number}").into());
            sink.open(&job).await.map(|opened| drop(opened.writer))
        });
    }
    while let Some(opened) = opening.join_next().await {
        opened.unwrap()?;
    }
    assert_eq!(world.one("select count(*) from thyme_cursors").await, "8");
    Ok(())
}
