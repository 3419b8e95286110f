//! Event time: how far a pipeline is sure to have seen it.
use std::collections::HashMap;
use std::time::Duration;

use thyme_core::SplitId;
use thyme_core::arrow::array::{Array, ArrayRef, cast::AsArray, types};
use thyme_core::arrow::datatypes::{DataType, TimeUnit};
use tokio::time::Instant;

/// A split that said nothing for this long no longer holds the watermark back.
pub(crate) const IDLE: Duration = Duration::from_secs(60);

/// The event times of the splits of one task.
#[derive(Debug)]
pub(crate) struct Watermark {
    streaming: bool,
    /// What late events are judged by, and the cursor keeps.
    current: Option<i64>,
    splits: HashMap<SplitId, Split>,
    /// Of the poll under way.
    newest: Option<i64>,
}

#[derive(Clone, Copy, Debug)]
struct Split {
    newest: Option<i64>,
    heard: Instant,
}

impl Watermark {
    /// Goes on from what the cursor kept.
    pub(crate) fn new(streaming: bool, current: Option<i64>) -> Self {
        Self { streaming, current, splits: HashMap::new(), newest: None }
    }

    /// In µs since 1970.
    pub(crate) fn current(&self) -> Option<i64> {
        self.current
    }

    /// A split is being read: it holds the watermark back until it speaks or is idle.
    pub(crate) fn open(&mut self, split: &SplitId) {
        self.splits.insert(SplitId::clone(split), Split { newest: None, heard: Instant::now() });
    }

    /// A split is read no more.
    pub(crate) fn close(&mut self, split: &SplitId) {
        self.splits.remove(split);
        self.advance();
    }

    /// Rows of `split` were read; `newest` is their highest event time.
    pub(crate) fn see(&mut self, split: &SplitId, newest: Option<i64>) {
        let at = self.splits.entry(SplitId::clone(split)).or_insert(Split { newest: None, heard: Instant::now() });
        *at = Split { newest: at.newest.max(newest), heard: Instant::now() };
        self.newest = self.newest.max(newest);
        self.advance();
    }

    /// The lowest over the active splits; never back. A polling source moves only when a poll is finished.
    pub(crate) fn advance(&mut self) {
        if !self.streaming {
            return;
        }
        let active = self.splits.values().filter(|split| split.heard.elapsed() < IDLE);
        // `None` sorts first: a split that has not spoken yet holds back.
        if let Some(lowest) = active.map(|split| split.newest).min() {
            self.current = self.current.max(lowest);
        }
    }

    /// The poll has read all there was: everything up to the newest is done.
    pub(crate) fn finish_poll(&mut self) {
        if !self.streaming {
            self.current = self.current.max(self.newest.take());
            self.splits.clear();
        }
    }
}

/// The event times of a column, in µs since 1970; nulls are `None`. `None` for a column that holds no times.
pub(crate) fn event_times(column: &ArrayRef) -> Option<Vec<Option<i64>>> {
    const DAY: i64 = 86_400_000_000;
    macro_rules! times {
        ($type:ty, $to:expr) => {
            column.as_primitive::<$type>().iter().map(|time| time.map($to)).collect()
        };
    }
    Some(match column.data_type() {
        DataType::Timestamp(TimeUnit::Second, _) => times!(types::TimestampSecondType, |t| t.saturating_mul(1_000_000)),
        DataType::Timestamp(TimeUnit::Millisecond, _) => times!(types::TimestampMillisecondType, |t| t.saturating_mul(1000)),
        DataType::Timestamp(TimeUnit::Microsecond, _) => times!(types::TimestampMicrosecondType, |t| t),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => times!(types::TimestampNanosecondType, |t| t.div_euclid(1000)),
        DataType::Date32 => times!(types::Date32Type, |t| i64::from(t).saturating_mul(DAY)),
        DataType::Date64 => times!(types::Date64Type, |t| t.saturating_mul(1000)),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(name: &str) -> SplitId {
        name.into()
    }

    #[tokio::test(start_paused = true)]
    async fn the_slowest_split_counts_until_it_is_idle() {
        let (a, b) = (split("a"), split("b"));
        let mut mark = Watermark::new(true, Some(5));
        mark.open(&a);
        mark.open(&b);
        mark.see(&a, Some(100));
        assert_eq!(mark.current(), Some(5), "b has not spoken");
        mark.see(&b, Some(40));
        assert_eq!(mark.current(), Some(40));
        mark.see(&b, Some(30));
        assert_eq!(mark.current(), Some(40), "never back");
        tokio::time::advance(IDLE).await;
        mark.see(&a, Some(120));
        assert_eq!(mark.current(), Some(120), "b is idle");
        mark.close(&a);
        assert_eq!(mark.current(), Some(120));
    }

    #[tokio::test]
    async fn a_poll_counts_when_it_is_finished() {
        let mut mark = Watermark::new(false, None);
        mark.see(&split("a"), Some(100));
        mark.see(&split("b"), Some(40));
        assert_eq!(mark.current(), None);
        mark.finish_poll();
        assert_eq!(mark.current(), Some(100));
        mark.finish_poll();
        assert_eq!(mark.current(), Some(100), "an empty poll changes nothing");
    }
}
