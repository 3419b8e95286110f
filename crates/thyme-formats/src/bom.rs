//! The byte order mark that some programs put in front of UTF-8.

/// `bytes` without a leading UTF-8 byte order mark. For the start of a file or a message, nowhere else.
#[must_use]
pub fn strip_bom(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes)
}

#[cfg(test)]
mod tests {
    use super::strip_bom;

    #[test]
    fn one_mark_goes_and_all_else_stays() {
        assert_eq!(strip_bom(b"\xEF\xBB\xBFa"), b"a");
        assert_eq!(strip_bom(b"\xEF\xBBa"), b"\xEF\xBBa");
        assert_eq!(strip_bom(b"a\xEF\xBB\xBF"), b"a\xEF\xBB\xBF");
        assert_eq!(strip_bom(b""), b"");
    }
}
