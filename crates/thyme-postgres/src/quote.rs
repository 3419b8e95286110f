//! Names and texts as SQL, so that nothing in them can be read as SQL.

/// `name` as an identifier: `"na""me"`.
pub fn ident(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// `schema.name`, both quoted.
pub fn qualified(schema: &str, name: &str) -> String {
    format!("{}.{}", ident(schema), ident(name))
}

/// `text` as a literal that means the same whatever `standard_conforming_strings` says.
pub fn literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if quoted.contains('\\') { format!(" E'{}'", quoted.replace('\\', "\\\\")) } else { format!("'{quoted}'") }
}

/// `names` as identifiers, with commas between them.
pub fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().map(ident).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_doubled() {
        assert_eq!(ident("a\"; drop table x; --"), "\"a\"\"; drop table x; --\"");
        assert_eq!(qualified("S p", "ü"), "\"S p\".\"ü\"");
        assert_eq!(literal("it's"), "'it''s'");
        assert_eq!(literal("\\'; x"), " E'\\\\''; x'");
        assert_eq!(list(["a", "B\""]), "\"a\", \"B\"\"\"");
    }
}
