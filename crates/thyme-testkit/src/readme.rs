//! The code blocks of a document.

/// The code blocks of `text` in one of `languages`, with their language.
#[must_use]
pub fn examples<'a>(text: &'a str, languages: &[&str]) -> Vec<(&'a str, String)> {
    let (mut found, mut open) = (Vec::new(), None::<(&str, String)>);
    for line in text.lines() {
        match (&mut open, line.trim_end().strip_prefix("```")) {
            (None, Some(info)) => {
                let language = info.split([',', ' ']).next().unwrap_or_default();
                open = Some((language, String::new()));
            }
            (Some(_), Some("")) => found.extend(open.take().filter(|(language, _)| languages.contains(language))),
            (Some((_, code)), _) => {
                code.push_str(line);
                code.push('\n');
            }
            (None, None) => {}
        }
    }
    found
}
