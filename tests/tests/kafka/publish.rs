//! A table into a topic while pgbench writes: `kill -9` at random moments and at every named point, then the truth.
use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use thyme_core::Result;
use thyme_testkit::Suite;

use crate::place::{Dice, Place};
use crate::truth::{Wrong, compare};

/// Where the program can be told to die on its way from the table to the topic.
const POINTS: &[&str] = &["engine.before_commit", "engine.after_commit", "engine.after_ack"];

pub(crate) fn cases(suite: Suite) -> Suite {
    suite
        .case("table_to_topic", || random(10, 400))
        .case("table_to_topic_at_every_point", || points(2))
        .case("at_least_once_repeats", repeats)
        .soak("table_to_topic_100_kills", || random(100, 400))
        .soak("table_to_topic_at_every_point_ten_times", || points(10))
}

fn pipeline(topic: &str, more: &str) -> String {
    format!(
        "[[pipeline]]\nname = \"{topic}\"\ncursor = \"ts\"\nevery = \"100ms\"\ncommit = {{ every = \"100ms\" }}\n\
         [pipeline.dataset]\nkey = [\"user_id\"]\ntimestamp = \"ts\"\n\
         [pipeline.source]\ntype = \"postgres\"\ntable = \"transactions\"\nbatch_size = 50\n\
         [pipeline.sink]\ntype = \"kafka\"\ntopic = \"{topic}\"\ncreate_topic = {{ partitions = 3 }}\n{more}"
    )
}

/// Each life publishes something of its own and dies a random while later.
async fn random(kills: usize, rate: u32) -> Result<()> {
    let place = Place::new(|topic| pipeline(topic, "")).await?;
    let writers = place.writers(rate);
    let mut dice = Dice(7);
    for _ in 0..kills {
        let before = place.grown().await;
        let mut life = place.start("state", &[], None)?;
        place.wait_beyond(before, &mut life).await?;
        tokio::time::sleep(Duration::from_secs_f64(dice.roll() * 0.5)).await;
        life.kill();
    }
    writers.stop();
    place.finish("state").await?;
    let (rows, wrong) = compare(&place).await?;
    println!("{kills} kills, {rows} rows");
    assert_eq!(wrong, Wrong::default(), "of {rows} rows");
    Ok(())
}

/// Dies at each point, the first time it is passed, the second, and so on.
async fn points(times: usize) -> Result<()> {
    let place = Place::new(|topic| pipeline(topic, "")).await?;
    let writers = place.writers(200);
    for point in POINTS {
        for nth in 1..=times {
            let mut life = place.start("state", &[], Some(&format!("{point}:{nth}")))?;
            let status = life.end().await?;
            assert!(status.signal().is_some(), "{point}:{nth} is not passed: {}", life.log());
        }
    }
    writers.stop();
    place.finish("state").await?;
    let (rows, wrong) = compare(&place).await?;
    assert_eq!(wrong, Wrong::default(), "of {rows} rows");
    Ok(())
}

/// Without transactions the same deaths are seen: this is what the comparison is worth.
async fn repeats() -> Result<()> {
    let place = Place::new(|topic| pipeline(topic, "delivery = \"at_least_once\"\n")).await?;
    let writers = place.writers(200);
    for nth in 1..=3 {
        let mut life = place.start("state", &[], Some(&format!("engine.after_commit:{nth}")))?;
        assert!(life.end().await?.signal().is_some(), "{}", life.log());
    }
    writers.stop();
    place.finish("state").await?;
    let (rows, wrong) = compare(&place).await?;
    assert!(wrong.repeated > 0 && wrong.lost == 0, "{wrong:?} of {rows} rows");
    Ok(())
}
