//! Where a partition begins that no cursor knows.
use std::collections::BTreeMap;
use std::time::Duration;

use thyme_core::{Error, Job, Kind, Result, Start};

use crate::client::{Client, Committed, Partition};
use crate::config::{AutoOffsetReset, KafkaSourceConfig};

/// How long an end that lies before a position may take to come up: after a change of leaders it lags.
const CATCH_UP: Duration = Duration::from_secs(5);

/// The first offset that is there, and the one after the last that may be read.
pub(super) type Ends = BTreeMap<Partition, (i64, i64)>;

/// Where to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Begin {
    pub(super) offset: i64,
    /// The place would be another one tomorrow: it is to be kept at once.
    pub(super) pin: bool,
}

/// What to begin by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    Earliest,
    Latest,
    /// ms since 1970.
    Time(i64),
    None,
}

/// The rule, and whether the group's own offset counts before it.
fn rule(config: &KafkaSourceConfig, start: Option<Start>) -> Result<(Rule, bool)> {
    Ok(match start {
        // A lost cursor is not to be found again in what the group kept of it.
        Some(Start::Earliest) => (Rule::Earliest, false),
        Some(Start::Latest) => (Rule::Latest, false),
        Some(Start::At(micros)) => (Rule::Time(micros.div_euclid(1000)), true),
        None => match config.auto_offset_reset {
            AutoOffsetReset::Earliest => (Rule::Earliest, true),
            AutoOffsetReset::Latest => (Rule::Latest, true),
            AutoOffsetReset::Timestamp => (Rule::Time(start_timestamp(config)?), true),
            AutoOffsetReset::None => (Rule::None, true),
        },
    })
}

/// `start_timestamp` in ms since 1970.
///
/// # Errors
/// `Config` where it is missing or no instant.
pub(super) fn start_timestamp(config: &KafkaSourceConfig) -> Result<i64> {
    let text = config.start_timestamp.as_deref().ok_or_else(|| {
        Error::new(Kind::Config, "`auto_offset_reset = \"timestamp\"` needs `start_timestamp`: `2026-01-31T12:00:00Z`")
    })?;
    let at: jiff::Timestamp =
        text.parse().map_err(|e| Error::new(Kind::Config, format!("`start_timestamp` is no instant: `{text}`")).source(e))?;
    Ok(at.as_millisecond())
}

/// Where each of `of` begins. `ends` has all of them.
///
/// # Errors
/// `CursorLost` under the rule `none`, and as [`Client::call`].
pub(super) async fn begin(
    client: &Client,
    config: &KafkaSourceConfig,
    job: &Job,
    ends: &Ends,
    committed: &Committed,
    of: &[Partition],
) -> Result<BTreeMap<Partition, Begin>> {
    let (rule, group) = rule(config, job.start)?;
    let kept = |at: &Partition| committed.get(at).filter(|_| group).map(|(offset, _)| *offset);
    let others: Vec<_> = of.iter().filter(|at| kept(at).is_none()).cloned().collect();
    let times = match rule {
        Rule::Time(time) if !others.is_empty() => client.at_time(others.clone(), time).await?,
        _ => BTreeMap::new(),
    };
    if rule == Rule::None
        && let Some(first) = others.first()
    {
        let text = "neither the cursor nor the group has a position, and `auto_offset_reset` is `none`";
        return Err(Error::new(Kind::CursorLost, text).context("partition", super::state::split(first)));
    }
    let place = |at: &Partition| {
        let (low, high) = ends.get(at).copied().unwrap_or_default();
        let (offset, pin) = match (kept(at), rule) {
            (Some(offset), _) => (offset, false),
            (None, Rule::Latest) => (high, true),
            (None, Rule::Time(_)) => (times.get(at).copied().unwrap_or(high), true),
            (None, Rule::Earliest | Rule::None) => (low, false),
        };
        (at.clone(), Begin { offset, pin })
    };
    let begin: BTreeMap<_, _> = of.iter().map(place).collect();
    if job.once && rule == Rule::Latest && group && !others.is_empty() && others.len() == of.len() {
        let topics = config.topic.join(", ");
        tracing::warn!(
            pipeline = &*job.task.pipeline,
            topics,
            "the first run begins at the end of the topic and reads nothing: set `auto_offset_reset = \"earliest\"` to read what \
             is there; the next run reads what comes from now on"
        );
    }
    Ok(begin)
}

/// Sees that the log still has what comes after `offset`, looking again while its end comes up.
///
/// # Errors
/// `CursorLost` saying what became of it.
pub(super) async fn holds(client: &Client, at: &Partition, offset: i64, ends: &mut Ends) -> Result<()> {
    let begun = std::time::Instant::now();
    loop {
        let (low, high) = ends.get(at).copied().unwrap_or_default();
        if (low..=high).contains(&offset) {
            return Ok(());
        }
        if offset < low {
            let text = format!("records from {offset} on were to be read, and the oldest left is {low}: retention removed them");
            return Err(Error::new(Kind::CursorLost, text).context("partition", super::state::split(at)));
        }
        if begun.elapsed() > CATCH_UP {
            let text = format!(
                "the next record was to be {offset}, and the log ends at {high}: the topic was deleted and made anew, or lost records"
            );
            return Err(Error::new(Kind::CursorLost, text).context("partition", super::state::split(at)));
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
        ends.extend(client.watermarks(vec![at.clone()]).await?);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(reset: AutoOffsetReset) -> KafkaSourceConfig {
        KafkaSourceConfig::builder().topic(["t"]).auto_offset_reset(reset).config()
    }

    #[test]
    fn what_is_begun_by() {
        let earliest = config(AutoOffsetReset::Earliest);
        assert_eq!(rule(&earliest, None).unwrap(), (Rule::Earliest, true));
        assert_eq!(rule(&earliest, Some(Start::Latest)).unwrap(), (Rule::Latest, false));
        assert_eq!(rule(&earliest, Some(Start::At(1_500))).unwrap(), (Rule::Time(1), true));
        let timed =
            KafkaSourceConfig { start_timestamp: Some("1970-01-01T00:00:02Z".into()), ..config(AutoOffsetReset::Timestamp) };
        assert_eq!(rule(&timed, None).unwrap(), (Rule::Time(2000), true));
        assert_eq!(rule(&config(AutoOffsetReset::Timestamp), None).unwrap_err().kind(), Kind::Config);
        let wrong = KafkaSourceConfig { start_timestamp: Some("soon".into()), ..timed };
        assert_eq!(rule(&wrong, None).unwrap_err().kind(), Kind::Config);
    }
}
