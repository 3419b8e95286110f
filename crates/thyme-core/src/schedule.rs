//! When a polling source is polled.
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use crate::{Error, Kind, Result, duration};

/// When a polling source is polled. Polls of one pipeline never overlap: one that is due during another follows it at once.
#[derive(Clone, Debug)]
pub enum Schedule {
    /// This long after the start of the poll before.
    Every(Duration),
    /// As soon as there is something new, which the source says how often to look for.
    Auto,
    /// One poll, to the end of what is there.
    Once,
    /// By the clock of a time zone.
    Cron(Box<Cron>),
}

/// A five-field cron expression in a time zone.
#[derive(Clone, Debug)]
pub struct Cron {
    pattern: croner::Cron,
    zone: TimeZone,
}

impl Schedule {
    /// `@auto`, `@once`, or a five-field cron expression in `zone`, an IANA name (`None`: UTC).
    ///
    /// # Errors
    /// `Config` naming what was not understood.
    pub fn parse(text: &str, zone: Option<&str>) -> Result<Self> {
        match (text, zone) {
            ("@auto", None) => Ok(Self::Auto),
            ("@once", None) => Ok(Self::Once),
            ("@auto" | "@once", Some(_)) => Err(Error::new(Kind::Config, format!("`{text}` takes no time zone"))),
            _ => Ok(Self::Cron(Box::new(Cron::parse(text, zone)?))),
        }
    }

    /// An interval as `5s`.
    ///
    /// # Errors
    /// `Config` for what is not a duration, and for none at all.
    pub fn every(text: &str) -> Result<Self> {
        match duration::parse(text)? {
            Duration::ZERO => Err(Error::new(
                Kind::Config,
                format!("`{text}` is no interval; for as soon as possible use schedule = \"@auto\""),
            )),
            every => Ok(Self::Every(every)),
        }
    }

    /// When the poll after the one that started at `last` is due; `None` when there is none. `auto` is how often a source of
    /// this kind is looked at under `@auto`.
    #[must_use]
    pub fn next(&self, last: Timestamp, auto: Duration) -> Option<Timestamp> {
        match self {
            Self::Every(every) => last.checked_add(*every).ok(),
            Self::Auto => last.checked_add(auto).ok(),
            Self::Once => None,
            Self::Cron(cron) => cron.next(last),
        }
    }
}

impl Cron {
    fn parse(text: &str, zone: Option<&str>) -> Result<Self> {
        let wrong = |why: String| Error::new(Kind::Config, format!("`{text}` is not a schedule: {why}"));
        let fields = text.split_whitespace().count();
        if fields != 5 {
            let why =
                "expected @auto, @once or the five fields minute, hour, day of month, month, day of week, such as `0 */6 * * *`";
            return Err(wrong(format!("{why}; found {fields}")));
        }
        let zone = zone.unwrap_or("UTC");
        let zone = TimeZone::get(zone).map_err(|_| {
            Error::new(Kind::Config, format!("unknown time zone `{zone}`: expected an IANA name, such as `Europe/Berlin`"))
        })?;
        let pattern = croner::Cron::from_str(text).map_err(|e| wrong(e.to_string().to_lowercase()))?;
        let cron = Self { pattern, zone };
        let comes = cron.next(Timestamp::UNIX_EPOCH).is_some();
        if comes { Ok(cron) } else { Err(wrong("it never comes".into())) }
    }

    /// The first time after `last`. An hour that a change of clocks leaves out runs at the change; one that it repeats runs once
    /// for a fixed hour.
    fn next(&self, last: Timestamp) -> Option<Timestamp> {
        let last = Zoned::new(last, self.zone.clone());
        self.pattern.find_next_occurrence(&last, false).ok().map(|next| next.timestamp())
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Every(every) => write!(f, "every {}", duration::show(*every)),
            Self::Auto => f.write_str("@auto"),
            Self::Once => f.write_str("@once"),
            Self::Cron(cron) => write!(f, "{} {}", cron.pattern.as_str(), cron.zone.iana_name().unwrap_or("UTC")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(cron: &str, zone: &str, from: &str, n: usize) -> Vec<String> {
        let schedule = Schedule::parse(cron, Some(zone)).unwrap();
        let mut at: Timestamp = from.parse().unwrap();
        let mut next = || {
            at = schedule.next(at, Duration::ZERO).unwrap();
            at.to_string()
        };
        (0..n).map(|_| next()).collect()
    }

    #[test]
    fn a_left_out_hour_still_runs_and_a_repeated_one_runs_once() {
        // Europe/Berlin: 2026-03-29 02:00 → 03:00; 2026-10-25 03:00 → 02:00.
        let spring = times("30 2 * * *", "Europe/Berlin", "2026-03-28T00:00:00Z", 3);
        assert_eq!(spring, ["2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]);
        let autumn = times("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", 2);
        assert_eq!(autumn, ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]);
    }

    #[test]
    fn every_hour_is_every_hour_over_both_changes() {
        for from in ["2026-03-28T23:30:00Z", "2026-10-24T22:30:00Z"] {
            let got = times("0 * * * *", "Europe/Berlin", from, 5);
            let times: Vec<Timestamp> = got.iter().map(|t| t.parse().unwrap()).collect();
            assert!(times.windows(2).all(|w| w[1].as_second() - w[0].as_second() == 3600), "{got:?}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        for (text, zone, what) in [
            ("61 * * * *", None, "is not a schedule"),
            ("* * * *", None, "found 4"),
            ("0 0 30 2 *", None, "it never comes"),
            ("@daily", None, "expected @auto, @once or the five fields"),
            ("0 0 * * *", Some("Europe/Atlantis"), "unknown time zone"),
            ("@auto", Some("UTC"), "takes no time zone"),
        ] {
            let error = Schedule::parse(text, zone).unwrap_err();
            assert!(error.message().contains(what), "{text}: {error}");
        }
        assert!(Schedule::every("0s").unwrap_err().message().contains("@auto"));
    }
}
