//! `from_timestamp`: an instant or a column.
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::FromTimestamp;

/// What `text` says, or why it says nothing. Instants without a zone are UTC.
pub(super) fn parse(text: &str) -> Result<FromTimestamp, String> {
    let text = text.trim();
    let utc = |civil: DateTime| civil.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp());
    if let Some(at) = text.parse::<Timestamp>().ok().or_else(|| utc(text.parse().ok()?).ok()) {
        return Ok(FromTimestamp::At(at));
    }
    let call = ["toDateTime64(", "toDateTime(", "todatetime("].iter().find_map(|call| text.strip_prefix(call)?.strip_suffix(')'));
    let column = call.map_or(text, |inside| inside.split(',').next().unwrap_or(inside).trim());
    let named = column.starts_with(|c: char| c.is_alphabetic() || c == '_') && !column.contains(['(', ')', ',']);
    if named { Ok(FromTimestamp::Column(column.to_owned())) } else { Err(format!("{text:?} is neither an instant nor a column")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_and_columns() {
        let at = |text: &str| match parse(text) {
            Ok(FromTimestamp::At(at)) => at.to_string(),
            Ok(FromTimestamp::Column(column)) => format!("column {column}"),
            Err(message) => message,
        };
        assert_eq!(at("2024-05-01"), "2024-05-01T00:00:00Z");
        assert_eq!(at("2024-05-01 10:00:00"), "2024-05-01T10:00:00Z");
        assert_eq!(at("2024-05-01T10:00:00+02:00"), "2024-05-01T08:00:00Z");
        assert_eq!(at("toDateTime(created_at)"), "column created_at");
        assert_eq!(at("created_at"), "column created_at");
        assert_eq!(at("2024-13-01"), "\"2024-13-01\" is neither an instant nor a column");
    }
}
