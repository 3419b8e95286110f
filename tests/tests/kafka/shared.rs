//! Three processes that share the partitions of a topic: they join, leave and die at random while records come. Every record
//! lands once, and in order in its partition.
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use thyme_core::Result;
use thyme_testkit::Suite;
use thyme_testkit::kill::{Program, binary};

use crate::place::{Dice, Place};
use crate::stream::{self, ALONE, Target};

/// How processes agree, as the pipeline file says it.
const CLASSIC: &str = "shared = true\nsession_timeout_ms = 6000\nheartbeat_interval_ms = 500\n";
const KIP_848: &str = "shared = true\ngroup_protocol = \"consumer\"\n";

pub(crate) fn cases(suite: Suite) -> Suite {
    suite
        .case("three_share_a_topic_into_a_topic", || come_and_go(Target::Topic, CLASSIC, 20))
        .case("three_share_a_topic_into_a_table_848", || come_and_go(Target::Table, KIP_848, 20))
        .case("who_shares_from_now_on_moves_the_cursors_first", changed)
        .soak("three_share_a_topic_into_a_topic_for_five_minutes", || come_and_go(Target::Topic, CLASSIC, 300))
        .soak("three_share_a_topic_into_a_topic_for_five_minutes_848", || come_and_go(Target::Topic, KIP_848, 300))
        .soak("three_share_a_topic_into_a_table_for_five_minutes", || come_and_go(Target::Table, CLASSIC, 300))
        .soak("three_share_a_topic_into_a_table_for_five_minutes_848", || come_and_go(Target::Table, KIP_848, 300))
}

async fn come_and_go(target: Target, how: &'static str, seconds: u64) -> Result<()> {
    let (place, stream) = stream::new(target, how).await?;
    let mut lives: [Option<Program>; 3] = [const { None }; 3];
    let (mut dice, begun) = (Dice(23), Instant::now());
    let (mut joined, mut left, mut died) = (0, 0, 0);
    while begun.elapsed() < Duration::from_secs(seconds) {
        let at = (dice.roll() * 3.0) as usize;
        let others = lives.iter().enumerate().any(|(other, life)| other != at && life.is_some());
        match lives[at].take() {
            Some(mut life) if others && dice.roll() < 0.6 => {
                left += 1;
                life.signal("TERM")?;
                life.succeed().await?;
            }
            Some(life) if others => {
                died += 1;
                life.kill();
            }
            Some(life) => lives[at] = Some(life),
            None => {
                joined += 1;
                lives[at] = Some(place.start(&format!("state-{at}"), &[], None)?);
            }
        }
        tokio::time::sleep(Duration::from_secs_f64(0.5 + dice.roll() * 2.5)).await;
        well(&mut lives)?;
    }
    let each = stream.end().await?;
    rest(&place, target, &mut lives, each).await?;
    for mut life in lives.into_iter().flatten() {
        life.signal("TERM")?;
        life.succeed().await?;
    }
    assert!(joined >= 3 && left + died >= 2, "{joined} joined, {left} left, {died} died");
    println!("{target:?}: {joined} joined, {left} left, {died} died, {} records", stream::total(each));
    stream::compare(&place, target, each).await
}

/// Nobody ends by itself.
fn well(lives: &mut [Option<Program>; 3]) -> Result<()> {
    for life in lives.iter_mut().flatten() {
        assert!(life.ended()?.is_none(), "a process ended: {}", life.log());
    }
    Ok(())
}

/// Waits until all has landed, or for long enough: what is missing then is for the comparison to say.
async fn rest(place: &Place, target: Target, lives: &mut [Option<Program>; 3], each: i64) -> Result<()> {
    let begun = Instant::now();
    while stream::landed(place, target).await? < stream::total(each) && begun.elapsed() < Duration::from_secs(60) {
        well(lives)?;
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    Ok(())
}

/// One process reads alone, then it shares: refused, until each partition has its position as a task of its own.
async fn changed() -> Result<()> {
    let (place, stream) = stream::new(Target::Topic, ALONE).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    place.finish("state").await?;
    let each = stream.end().await?;
    let file = place.folder.path().join("pipeline.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace(ALONE, CLASSIC)).unwrap();
    let mut refused = place.start("state", &["--once"], None)?;
    assert_eq!(refused.end().await?.code(), Some(1), "{}", refused.log());
    assert!(refused.log().contains("thyme cursor set"), "{}", refused.log());
    let shown: Value = serde_json::from_str(&cursor(&place, &["show"])?).unwrap();
    let splits = shown["cursor"]["splits"].as_object().unwrap();
    assert!(!splits.is_empty(), "{shown}");
    for (split, position) in splits {
        let moved = json!({ "splits": { split: position } }).to_string();
        cursor(&place, &["set", "--task", split, "--json", &moved])?;
    }
    cursor(&place, &["set", "--task", "0", "--json", "{}"])?;
    // The group forgets the one that read alone when its session has timed out; until then it keeps a part of the partitions.
    tokio::time::sleep(Duration::from_secs(7)).await;
    place.finish("state").await?;
    stream::compare(&place, Target::Topic, each).await
}

/// What `thyme cursor` says.
fn cursor(place: &Place, args: &[&str]) -> Result<String> {
    let mut command = Command::new(binary()?);
    command.current_dir(place.folder.path()).arg("cursor").args(args).args(["pipeline.toml", "--pipeline", &place.topic]);
    let output = place.reach(command.args(["--state", "state"])).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout).unwrap())
}
