//! Columns of text under their names.

/// The widest a cell gets; what is longer ends in `…`.
const WIDEST: usize = 40;

/// The lines of a table; cells are shortened where `short` is set.
pub(crate) fn lines(names: &[&str], rows: &[Vec<String>], short: bool) -> Vec<String> {
    let cell = |text: &str| -> String {
        let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        if short && plain.chars().count() > WIDEST {
            let kept: String = plain.chars().take(WIDEST - 1).collect();
            format!("{kept}…")
        } else {
            plain
        }
    };
    let head: Vec<String> = names.iter().map(|name| cell(name)).collect();
    let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(|text| cell(text)).collect()).collect();
    let all = || std::iter::once(&head).chain(&rows);
    let width = |column: usize| all().filter_map(|row| row.get(column)).map(|text| text.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let line = |row: &Vec<String>| {
        let padded = row.iter().zip(&widths).map(|(text, width)| format!("{text:width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    all().map(line).collect()
}
