//! What stands in documents is found.
use thyme_testkit::readme::examples;

#[test]
fn code_blocks_are_found_by_language() {
    let text =
        "a\n```toml\nx = 1\n```\nb\n```rust,no_run\nfn f() {}\n```\n```\nplain\n```\n```json title\n{}\n```\n```toml\nopen";
    assert_eq!(examples(text, &["toml"]), [("toml", "x = 1\n".to_owned())]);
    assert_eq!(examples(text, &["rust", "json"]), [("rust", "fn f() {}\n".to_owned()), ("json", "{}\n".to_owned())]);
}
