//! Text as a part of a file name.

/// A name that any file system can hold, and that can't leave its folder: what is not a letter, a digit, `_` or `-` is written
/// `%XX`.
#[must_use]
pub fn escape(name: &str) -> String {
    escape_but(name, "_-")
}

/// The same with other `plain` ASCII characters beside letters and digits.
#[must_use]
pub fn escape_but(name: &str, plain: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || plain.as_bytes().contains(&b);
    let one = |b: u8| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") };
    name.bytes().map(one).collect()
}

/// What [`escape`] was given.
#[must_use]
pub fn unescape(name: &str) -> String {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let hex = tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok()).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match hex.filter(|_| first == b'%') {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
