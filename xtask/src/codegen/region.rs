//! A generated part of a file that is otherwise written by hand: between `codegen: NAME` and `codegen: end`.
use crate::Result;

/// `text` with the lines of region `name` replaced by `body`.
pub(super) fn replace(text: &str, name: &str, body: &str) -> Result<String> {
    let marks = |line: &str, what: &str| {
        let line = line.trim();
        let inner = line.strip_prefix("<!--").and_then(|rest| rest.strip_suffix("-->")).or_else(|| line.strip_prefix('#'));
        inner.is_some_and(|inner| inner.trim() == format!("codegen: {what}"))
    };
    let (mut out, mut inside, mut found) = (String::new(), false, false);
    for line in text.split_inclusive('\n') {
        if inside && marks(line, "end") {
            inside = false;
        }
        if !inside {
            out.push_str(line);
        }
        if marks(line, name) {
            (inside, found) = (true, true);
            out.push_str(body);
        }
    }
    match (found, inside) {
        (true, false) => Ok(out),
        (true, true) => Err(format!("the region `{name}` has no end")),
        (false, _) => Err(format!("there is no region `{name}`")),
    }
}

#[cfg(test)]
mod tests {
    use super::replace;

    #[test]
    fn only_the_region_changes() {
        let text = "a\n<!-- codegen: x -->\nold\n<!-- codegen: end -->\nb\n";
        let want = "a\n<!-- codegen: x -->\nnew\n<!-- codegen: end -->\nb\n";
        assert_eq!(replace(text, "x", "new\n").unwrap(), want);
        assert_eq!(replace(want, "x", "new\n").unwrap(), want);
        assert_eq!(replace("# codegen: y\n# codegen: end\n", "y", "z\n").unwrap(), "# codegen: y\nz\n# codegen: end\n");
    }

    #[test]
    fn a_missing_mark_is_an_error() {
        assert!(replace("a\n", "x", "").is_err());
        assert!(replace("# codegen: x\n", "x", "").is_err());
    }
}
