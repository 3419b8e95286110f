//! The time that schedules go by.
use std::time::Duration;

use jiff::Timestamp;
#[cfg(feature = "testing")]
use tokio::time::Instant;

/// The longest sleep before the wall clock is looked at again: it may be set, and machines are suspended.
const LOOK: Duration = Duration::from_secs(30);

/// The wall clock, or one that starts at a given time and goes with tokio's.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Clock {
    #[default]
    Wall,
    #[cfg(feature = "testing")]
    Tokio { start: Timestamp, at: Instant },
}

impl Clock {
    pub(crate) fn now(self) -> Timestamp {
        match self {
            Self::Wall => Timestamp::now(),
            #[cfg(feature = "testing")]
            Self::Tokio { start, at } => start.checked_add(at.elapsed()).unwrap_or(Timestamp::MAX),
        }
    }

    /// Returns when it is `at` or later.
    pub(crate) async fn until(self, at: Timestamp) {
        loop {
            let left = at.duration_since(self.now());
            let Ok(left) = Duration::try_from(left) else { return };
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left.min(LOOK)).await;
        }
    }
}
