//! `true` and `false`.
use super::Fault;

/// A truth value: `true` or `false` in lower, upper or title case, `1` or `0`.
///
/// # Errors
/// Anything else; `t`, `yes` and `on` among it, because a column of such words is a text until someone says otherwise.
pub fn parse(text: &[u8]) -> Result<bool, Fault> {
    match text {
        b"true" | b"1" | b"True" | b"TRUE" => Ok(true),
        b"false" | b"0" | b"False" | b"FALSE" => Ok(false),
        _ => Err("not true, false, 1 or 0"),
    }
}
