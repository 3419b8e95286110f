//! Durations and sizes as people write them: `500ms`, `5s`, `1h`; `64KiB`, `256MiB`, `1GB`.
use std::time::Duration;

use crate::{Error, Kind, Result};

/// A duration: an integer and one unit out of `ms`, `s`, `m`, `h`, `d`.
///
/// # Errors
/// `Config` saying what was expected.
pub fn parse(text: &str) -> Result<Duration> {
    const UNITS: [(&str, u64); 5] = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
    let millis = scaled(text, &UNITS);
    millis.map(Duration::from_millis).ok_or_else(|| {
        Error::new(
            Kind::Config,
            format!("`{text}` is not a duration: expected an integer and a unit out of ms, s, m, h, d, such as `5s`"),
        )
    })
}

/// A number of bytes: an integer, with one of `B`, `kB`, `MB`, `GB`, `KiB`, `MiB`, `GiB` or bare.
///
/// # Errors
/// `Config` saying what was expected.
pub fn parse_size(text: &str) -> Result<u64> {
    const UNITS: [(&str, u64); 8] = [
        ("", 1),
        ("B", 1),
        ("kB", 1000),
        ("MB", 1_000_000),
        ("GB", 1_000_000_000),
        ("KiB", 1 << 10),
        ("MiB", 1 << 20),
        ("GiB", 1 << 30),
    ];
    scaled(text, &UNITS).ok_or_else(|| {
        Error::new(
            Kind::Config,
            format!(
                "`{text}` is not a size: expected an integer and a unit out of B, kB, MB, GB, KiB, MiB, GiB, such as `256MiB`"
            ),
        )
    })
}

fn scaled(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit.trim_start())?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

/// A duration in words of the pipeline file, as short as it can be said exactly.
#[must_use]
pub fn show(duration: Duration) -> String {
    let millis = duration.as_millis();
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s")];
    let whole = units.iter().find(|(size, _)| millis >= *size && millis.is_multiple_of(*size));
    whole.map_or_else(|| format!("{millis}ms"), |(size, unit)| format!("{}{unit}", millis / size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes() {
        for (text, millis) in [("500ms", 500), ("5s", 5000), ("2 m", 120_000), ("1h", 3_600_000), ("7d", 604_800_000), ("0s", 0)]
        {
            assert_eq!(parse(text).unwrap(), Duration::from_millis(millis), "{text}");
        }
        for text in ["", "5", "s", "1.5h", "-1s", "5 weeks", "99999999999999999d", "5s "] {
            assert_eq!(parse(text).unwrap_err().kind(), Kind::Config, "{text}");
        }
        for (text, bytes) in [("17", 17), ("1kB", 1000), ("256MiB", 256 << 20), ("2 GiB", 2 << 30)] {
            assert_eq!(parse_size(text).unwrap(), bytes, "{text}");
        }
        assert!(parse_size("1 mib").unwrap_err().message().contains("such as `256MiB`"));
        for text in ["500ms", "90s", "1h", "3d"] {
            assert_eq!(show(parse(text).unwrap()), text);
        }
    }
}
