//! The same pipeline started twice, with different state folders.
use std::time::{Duration, Instant};

use thyme_core::Result;
use thyme_testkit::Suite;

use crate::place::Place;
use crate::truth::{Wrong, compare};

pub(crate) fn cases(suite: Suite) -> Suite {
    suite.case("of_two_publishers_one_is_fenced_and_stays_down", two_publishers)
}

async fn two_publishers() -> Result<()> {
    let place = Place::new(|topic| {
        format!(
            "[[pipeline]]\nname = \"{topic}\"\nevery = \"50ms\"\ncursor = \"ts\"\ncommit = {{ every = \"100ms\" }}\n\
             [pipeline.dataset]\nkey = [\"user_id\"]\ntimestamp = \"ts\"\n\
             [pipeline.source]\ntype = \"postgres\"\ntable = \"transactions\"\n\
             [pipeline.sink]\ntype = \"kafka\"\ntopic = \"{topic}\"\ncreate_topic = {{ partitions = 3 }}\n"
        )
    })
    .await?;
    let writers = place.writers(200);
    let mut copies = [place.start("one", &[], None)?, place.start("other", &[], None)?];
    let begun = Instant::now();
    let down = loop {
        if let Some(at) = copies.iter_mut().position(|copy| copy.ended().is_ok_and(|status| status.is_some())) {
            break at;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "both run: {}\n{}", copies[0].log(), copies[1].log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let status = copies[down].ended()?.unwrap();
    let log = copies[down].log();
    assert_eq!(status.code(), Some(1), "{log}");
    assert!(log.contains("another process"), "{log}");
    // The other goes on.
    let before = place.grown().await;
    place.wait_beyond(before, &mut copies[1 - down]).await?;
    writers.stop();
    copies[1 - down].signal("TERM")?;
    copies[1 - down].succeed().await?;
    place.finish(["one", "other"][1 - down]).await?;
    let (rows, wrong) = compare(&place).await?;
    assert_eq!(wrong, Wrong::default(), "of {rows} rows");
    Ok(())
}
