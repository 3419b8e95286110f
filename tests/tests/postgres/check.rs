//! `thyme check` beside a real server.
use thyme_core::Result;
use thyme_testkit::Suite;

use crate::life::Place;

pub(crate) fn cases(suite: Suite) -> Suite {
    suite.case("check_tells_what_is_missing_and_what_to_do", check)
}

async fn check() -> Result<()> {
    let place = Place::new(|connection| {
        format!(
            "[[pipeline]]\nname = \"orders\"\nevery = \"1s\"\ncursor = \"updated_at\"\n\
             [pipeline.source]\ntype = \"postgres\"\ntable = \"orders\"\n{connection}\
             [pipeline.sink]\ntype = \"postgres\"\ntable = \"target\"\nauto_create = true\n{connection}"
        )
    })
    .await?;
    let (code, said) = place.answer("check");
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("orders: source: not_found: there is no table \"public\".\"orders\""), "{said}");
    assert!(said.contains("orders: sink: ok: "), "{said}");

    place.database.run("create table orders (id bigserial primary key, updated timestamptz not null default now())").await?;
    let (code, said) = place.answer("check");
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("source: not_found: there is no column `updated_at`; did you mean `updated`?\n  help: "), "{said}");

    place.database.run("alter table orders rename updated to updated_at").await?;
    let (code, said) = place.answer("check");
    // Nothing of it stands in the way.
    assert_eq!(code, Some(0), "{said}");
    let warning = "orders: source: warning: no index begins with `updated_at`: every poll looks at the whole table\n  \
                   help: CREATE INDEX ON \"public\".\"orders\" (\"updated_at\", \"id\")\n";
    assert!(said.contains("orders: source: ok: ") && said.contains(warning), "{said}");

    // A run says it as well, once.
    let mut run = place.start("state", None);
    let begun = std::time::Instant::now();
    while place.database.column("select count(*) from pg_class where relname = 'target'").await? != ["1"]
        || !run.log().contains("no index begins with")
    {
        assert!(begun.elapsed() < std::time::Duration::from_secs(20) && run.ended()?.is_none(), "{}", run.log());
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    tokio::time::sleep(std::time::Duration::from_millis(2500)).await;
    run.signal("TERM")?;
    assert!(run.end().await?.success(), "{}", run.log());
    assert_eq!(run.log().matches("no index begins with").count(), 1, "{}", run.log());

    place.database.run("create index on orders (updated_at, id)").await?;
    let (code, said) = place.answer("check");
    assert!(code == Some(0) && !said.contains("warning"), "{said}");
    Ok(())
}
