//! More new files than a cursor can remember.
use std::sync::Mutex;
use std::time::Duration;

use thyme_core::arrow::datatypes::Schema;
use thyme_core::{Dataset, Job, Task};
use thyme_formats::csv::CsvOptions;

use super::super::options::{ReadFormat, ReadOptions};
use super::super::source::Noted;
use super::super::state::{At, End};
use super::*;
use crate::storage::Opened;

const SECOND: i64 = 1_000_000;

/// Objects whose bytes nobody asks for, and a clock that is set.
#[derive(Clone, Debug)]
struct Listed {
    entries: Arc<Vec<Entry>>,
    now: Arc<Mutex<i64>>,
}

#[async_trait]
impl Storage for Listed {
    async fn list(&self, after: Option<&str>, limit: usize) -> Result<Vec<Entry>> {
        let from = self.entries.partition_point(|entry| after.is_some_and(|after| entry.key.as_str() <= after));
        Ok(self.entries[from..].iter().take(limit).cloned().collect())
    }
    async fn stat(&self, keys: Vec<String>) -> Result<Vec<Option<Entry>>> {
        Ok(vec![None; keys.len()])
    }
    async fn beside(&self, _: &str) -> Result<Vec<Entry>> {
        Ok(Vec::new())
    }
    fn open(&self, _: &str) -> Result<Option<Opened>> {
        Ok(None)
    }
    async fn check(&self) -> Result<()> {
        Ok(())
    }
    fn location(&self, key: &str) -> String {
        key.to_owned()
    }
    fn grows(&self) -> bool {
        false
    }
    fn now(&self) -> i64 {
        *self.now.lock().unwrap()
    }
    fn lag(&self, slow: bool) -> i64 {
        if slow { 86_400 * SECOND } else { 1_200 * SECOND }
    }
}

#[tokio::test]
async fn what_there_is_no_room_for_comes_later_and_once() {
    // Old ones among 100,000 of the last minutes.
    let entry = |n: i64| {
        let (key, changed) = (format!("in/{n:08}"), if n % 3 == 0 { n } else { 1_000_000 * SECOND + n * 1_000 });
        Entry { id: key.clone(), key, size: 1, modified: changed, changed, created: None, version: "v".into(), slow: false }
    };
    let entries: Vec<_> = (0..150_000).map(entry).collect();
    let storage = Listed { entries: Arc::new(entries), now: Arc::new(Mutex::new(1_000_200 * SECOND)) };
    let (format, csv) = (Some(ReadFormat::Jsonl), CsvOptions::default());
    let options = ReadOptions { format, compression: None, changed: Changed::Ignore, csv, metadata: Vec::new() };
    let shared = Arc::new(Shared { storage: storage.clone(), options, noted: Noted::default() });
    let mut job = Job::new(Task::alone("p"), Arc::new(Dataset::new("t", Arc::new(Schema::empty())).unwrap()));
    job.once = true;
    let (mut cursor, mut given, mut polls) = (Cursor::start("test"), HashSet::new(), 0);
    loop {
        let base = cursor.base.as_ref().map(|base| base.get().unwrap()).unwrap_or_default();
        let mut plan = FilesPlan::new(Arc::clone(&shared), job.clone(), base);
        while let Some(split) = plan.next().await.unwrap() {
            let number: u64 = split.parse().unwrap();
            let read = |work: &Work| Seen { at: At { offset: 1, end: End::Whole, ..At::default() }, ..work.seen.clone() };
            let files: Vec<_> = plan.issued[&number].iter().map(read).collect();
            for seen in &files {
                assert!(given.insert(seen.key.clone()), "{} came twice", seen.key);
            }
            cursor.splits.insert(split, Position::of(&GroupAt { files, over: true }));
            if number.is_multiple_of(40) {
                plan.fold(&mut cursor);
                plan.ack(&cursor, &[]).await.unwrap();
                assert!(cursor.to_json().unwrap().len() <= Cursor::MAX_BYTES);
            }
        }
        plan.fold(&mut cursor);
        assert!(cursor.to_json().unwrap().len() <= Cursor::MAX_BYTES);
        polls += 1;
        let Some(wait) = plan.later() else { break };
        assert!(polls < 20 && wait <= Duration::from_secs(1_800), "{wait:?}");
        *storage.now.lock().unwrap() += wait.as_micros() as i64;
    }
    assert_eq!(given.len(), 150_000);
    assert!(polls > 1, "all were read at once, and can't have been remembered");
}
