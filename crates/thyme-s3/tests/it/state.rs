//! The engine's own files in a bucket.
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use thyme_core::state::{Locked, replace};
use thyme_core::{Cursor, CursorFiles, CursorStore, Kind, Result, Sink, StateFiles, Task};
use thyme_testkit::Suite;

use crate::world::Folder;

pub(crate) fn cases(suite: Suite) -> Suite {
    suite
        .case("of_two_that_save_a_cursor_one_is_fenced", fenced)
        .case("files_of_the_state_are_listed_replaced_and_removed", files)
        .case("the_lock_of_a_dead_process_is_free_at_once", dead)
        .case("a_lock_that_stands_still_is_taken_and_its_holder_writes_nothing_more", stale)
}

async fn state(folder: &Folder) -> Arc<dyn StateFiles> {
    folder.sink("state", json!({})).state_files().await.unwrap().unwrap()
}

fn cursor(seq: u64) -> Cursor {
    Cursor { seq, ..Cursor::start("test") }
}

async fn fenced() -> Result<()> {
    let folder = Folder::new()?;
    let (one, other) = (CursorFiles::new(state(&folder).await), CursorFiles::new(state(&folder).await));
    let task = Task { pipeline: "p".into(), task: "topic/0 é".into() };
    assert_eq!(one.load(&task).await?, None);
    for seq in 1..=20 {
        let (a, b) = (cursor(seq), Cursor { finished: true, ..cursor(seq) });
        let (won, lost) = match futures::future::join(one.save(&task, &a), other.save(&task, &b)).await {
            (Ok(()), Err(lost)) => (a, lost),
            (Err(lost), Ok(())) => (b, lost),
            both => panic!("{both:?}"),
        };
        assert_eq!(lost.kind(), Kind::Conflict, "{lost}");
        assert_eq!(one.list("p").await?.into_iter().collect::<Vec<_>>(), [(Arc::clone(&task.task), won)]);
    }
    one.put(&task, None).await?;
    assert_eq!(other.load(&task).await?, None);
    Ok(())
}

async fn files() -> Result<()> {
    let folder = Folder::new()?;
    let state = state(&folder).await;
    assert_eq!(state.list("p/dlq").await?, [] as [&str; 0]);
    let large = vec![b'l'; 20 << 20];
    for (name, bytes) in [("p/dlq/0-1.jsonl", b"one".as_slice()), ("p/dlq/0-2.jsonl", &large), ("p/dataset.json", b"{}")] {
        replace(state.as_ref(), name, b"old").await?;
        replace(state.as_ref(), name, bytes).await?;
        assert_eq!(state.read(name).await?.map(|stored| stored.bytes), Some(bytes.to_vec()), "{name}");
    }
    assert_eq!(state.list("p/dlq").await?, ["0-1.jsonl", "0-2.jsonl"]);
    state.remove("p/dlq/0-1.jsonl").await?;
    state.remove("p/dlq/0-1.jsonl").await?;
    assert_eq!(state.list("p/dlq").await?, ["0-2.jsonl"]);
    Ok(())
}

fn holder(pid: u32, host: &str) -> String {
    json!({"pid": pid, "host": host}).to_string()
}

async fn dead() -> Result<()> {
    let folder = Folder::new()?;
    let mut child = std::process::Command::new("true").spawn().unwrap();
    child.wait().unwrap();
    let body = json!({"pid": child.id(), "host": "here", "session": "old", "beat": 3}).to_string();
    folder.put("state/p/lock", body).await;
    let begun = Instant::now();
    let taken = state(&folder).await.lock("p/lock", &holder(std::process::id(), "here")).await?;
    assert!(matches!(taken, Locked::Taken(_)) && begun.elapsed() < Duration::from_secs(5), "{taken:?}");
    Ok(())
}

async fn stale() -> Result<()> {
    let folder = Folder::new()?;
    let slept = state(&folder).await;
    let Locked::Taken(lock) = slept.lock("p/lock", &holder(1, "a")).await? else { panic!("nobody held it") };
    replace(slept.as_ref(), "p/dlq/0-1.jsonl", b"mine").await?;
    // Somebody took it meanwhile, and is gone since.
    let body = json!({"pid": 1, "host": "b", "session": "theirs", "beat": 3}).to_string();
    folder.put("state/p/lock", body).await;
    let (begun, awake) = (Instant::now(), state(&folder).await);
    let me = holder(1, "c");
    let taken = awake.lock("p/lock", &me);
    let lost = async {
        tokio::time::sleep(Duration::from_secs(6)).await;
        replace(slept.as_ref(), "p/dlq/0-1.jsonl", b"late").await.unwrap_err()
    };
    let (taken, lost) = futures::future::join(taken, lost).await;
    let Locked::Taken(other) = taken? else { panic!("it stands still") };
    assert!(begun.elapsed() >= Duration::from_secs(14), "{:?}", begun.elapsed());
    assert_eq!(lost.kind(), Kind::Conflict, "{lost}");
    lock.release().await;
    replace(awake.as_ref(), "p/dlq/0-2.jsonl", b"theirs").await?;
    let Locked::Held(held) = state(&folder).await.lock("p/lock", &holder(1, "a")).await? else { panic!("taken twice") };
    assert!(held.unwrap().contains("\"c\""));
    other.release().await;
    Ok(())
}
