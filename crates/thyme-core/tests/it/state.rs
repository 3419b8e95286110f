//! Files of the engine on a disk.
use thyme_core::state::Locked;
use thyme_core::{StateFiles, state};

#[tokio::test]
async fn what_a_process_that_died_left_unfinished_goes_with_the_next_lock() {
    let folder = tempfile::tempdir().unwrap();
    let files = state::DiskFiles::new(folder.path());
    for name in ["p/dlq/0-3.jsonl", "p/cursors/0.json", "q/dlq/0-3.jsonl"] {
        state::replace(&files, name, b"whole").await.unwrap();
        // Never finished: as after a kill.
        drop(files.begin(name).await.unwrap());
        assert!(folder.path().join(format!("{name}.new")).exists());
    }
    let Locked::Taken(lock) = files.lock("p/lock", "{}").await.unwrap() else { panic!("nobody held it") };
    for (name, left) in [("p/dlq/0-3.jsonl", false), ("p/cursors/0.json", false), ("q/dlq/0-3.jsonl", true)] {
        assert_eq!(folder.path().join(format!("{name}.new")).exists(), left, "{name}");
        assert_eq!(files.read(name).await.unwrap().unwrap().bytes, b"whole");
    }
    lock.release().await;
}
