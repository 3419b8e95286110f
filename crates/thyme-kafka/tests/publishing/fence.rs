//! One writer a task, and a time-out that is none.
use std::time::Duration;

use thyme_core::{Kind, Result, Retry};
use thyme_testkit::Suite;
use thyme_testkit::kafka::Kafka;

use crate::world::{At, World, ids, job};

pub(crate) fn cases(suite: Suite) -> Suite {
    suite
        .case("the_older_of_two_copies_stays_down", copies)
        .case("a_transaction_that_was_open_too_long_is_made_again", timed_out)
        .case("a_copy_that_slept_over_its_time_out_stays_down", zombie)
        .case("a_failed_writer_leaves_no_transaction_open", given_up)
}

const TIMEOUT: Duration = Duration::from_secs(2);

/// The broker looks for overdue transactions every second, or every ten where it is not told to hurry.
const OVERDUE: Duration = Duration::from_secs(13);

async fn copies() -> Result<()> {
    let world = World::new()?;
    let (one, two) = (world.sink(|_| {}), world.sink(|_| {}));
    let mut first = At::open(&one, &job("p", "0")).await?;
    first.put(&[(1, "one")]).await?;
    let mut second = At::open(&two, &job("p", "0")).await?;
    assert_eq!(second.seq, 1);
    second.put(&[(2, "two")]).await?;
    let error = match first.stage(&[(2, "two")]).await {
        Ok(_) => first.commit().await.unwrap_err(),
        Err(error) => error,
    };
    assert_eq!((error.kind(), error.retry_advice()), (Kind::Conflict, Retry::No), "{error}");
    assert!(error.message().contains("another process has opened this task"), "{error}");
    second.put(&[(3, "three")]).await?;
    assert_eq!(ids(&world.read(Kafka::shared()?).await?), [1, 2, 3]);
    Ok(())
}

async fn timed_out() -> Result<()> {
    let world = World::new()?;
    let sink = world.sink(|config| config.transaction_timeout = Some(TIMEOUT));
    let mut at = At::open(&sink, &job("p", "0")).await?;
    at.put(&[(1, "one")]).await?;
    at.stage(&[(2, "two")]).await?;
    tokio::time::sleep(OVERDUE).await;
    let error = match at.stage(&[(3, "three")]).await {
        Ok(_) => at.commit().await.unwrap_err(),
        Err(error) => error,
    };
    assert_eq!(error.kind(), Kind::Unavailable, "{error}");
    assert!(error.message().contains("open for more than 2s"), "{error}");
    let mut at = At::open(&sink, &job("p", "0")).await?;
    assert_eq!(at.seq, 1);
    at.put(&[(2, "two"), (3, "three")]).await?;
    assert_eq!(ids(&world.read(Kafka::shared()?).await?), [1, 2, 3]);
    Ok(())
}

async fn zombie() -> Result<()> {
    let world = World::new()?;
    let sink = || world.sink(|config| config.transaction_timeout = Some(TIMEOUT));
    let (one, two) = (sink(), sink());
    let mut first = At::open(&one, &job("p", "0")).await?;
    first.stage(&[(1, "one")]).await?;
    let mut second = At::open(&two, &job("p", "0")).await?;
    second.put(&[(1, "one")]).await?;
    tokio::time::sleep(TIMEOUT + Duration::from_millis(500)).await;
    let error = match first.stage(&[(2, "two")]).await {
        Ok(_) => first.commit().await.unwrap_err(),
        Err(error) => error,
    };
    assert_eq!(error.kind(), Kind::Conflict, "{error}");
    second.put(&[(2, "two")]).await?;
    assert_eq!(ids(&world.read(Kafka::shared()?).await?), [1, 2]);
    Ok(())
}

/// A reader of the topic would wait for the end of the transaction for as long as its time-out is.
async fn given_up() -> Result<()> {
    let world = World::new()?;
    let sink = world.sink(|_| {});
    let mut at = At::open(&sink, &job("p", "0")).await?;
    at.stage(&[(1, "one")]).await?;
    drop(at);
    let mut other = At::open(&sink, &job("q", "0")).await?;
    other.put(&[(2, "two")]).await?;
    assert_eq!(ids(&world.read(Kafka::shared()?).await?), [2]);
    Ok(())
}
