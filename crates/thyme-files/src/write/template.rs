//! What files are called.
use std::str::FromStr;

use jiff::Timestamp;
use thyme_core::{Error, Kind, Task, nearest};

use crate::names;

const TOKENS: &[&str] = &["pipeline", "task", "seq", "part", "dataset", "date", "time"];

/// A file name with tokens: `{pipeline}-{task}-{seq}-{part}` unless said otherwise.
///
/// `{seq}` counts commits, `{part}` the files of one. `{dataset}`, `{date}` and `{time}` (UTC, of the commit) stand beside
/// these. Of the first four, those that a template leaves out are added at its end, so that no two files have one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Token(&'static str),
}

impl Default for Template {
    fn default() -> Self {
        let token = |name: &&'static str| [Piece::Token(name), Piece::Text("-".to_owned())];
        let mut pieces: Vec<_> = TOKENS.iter().take(4).flat_map(token).collect();
        pieces.pop();
        Self(pieces)
    }
}

impl FromStr for Template {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = |what: String| Error::new(Kind::Config, what).context("file_template", text);
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (token, tail) = after.split_once('}').ok_or_else(|| wrong("a `{` is never closed".to_owned()))?;
            let known = TOKENS.iter().find(|known| **known == token).ok_or_else(|| {
                let near = nearest(token, TOKENS.iter().copied());
                let near = near.map_or_else(|| TOKENS.join(" "), |near| format!("did you mean `{{{near}}}`?"));
                wrong(format!("unknown token `{{{token}}}`: {near}"))
            })?;
            pieces.extend([Piece::Text(before.to_owned()), Piece::Token(known)]);
            rest = tail;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        let odd = |c: char| c == '/' || c == '\\' || c == '}' || c.is_control();
        if pieces.iter().any(|piece| matches!(piece, Piece::Text(text) if text.contains(odd))) {
            return Err(wrong(
                "a file name has no `/`, `\\`, `}` or control characters; folders are made by `partition_by`".to_owned(),
            ));
        }
        if text.is_empty() || text.starts_with('.') {
            return Err(wrong("a file name is not empty and begins with no dot".to_owned()));
        }
        for token in TOKENS.iter().take(4).filter(|token| !pieces.contains(&Piece::Token(token))).collect::<Vec<_>>() {
            pieces.extend([Piece::Text("-".to_owned()), Piece::Token(token)]);
        }
        Ok(Self(pieces))
    }
}

/// What the tokens stand for in one commit.
#[derive(Debug)]
pub(super) struct Values<'a> {
    pub(super) task: &'a Task,
    pub(super) dataset: &'a str,
    pub(super) seq: u64,
    pub(super) now: Timestamp,
}

impl Template {
    /// The name of the commit's file number `part`, without its suffix.
    pub(super) fn name(&self, values: &Values<'_>, part: usize) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Token("pipeline") => names::escape(&values.task.pipeline),
            // Without `-`: `a` with the task `1-0` is not `a-1` with the task `0`.
            Piece::Token("task") => names::escape_but(&values.task.task, "_"),
            Piece::Token("dataset") => names::escape(values.dataset),
            Piece::Token("date") => values.now.strftime("%Y-%m-%d").to_string(),
            Piece::Token("time") => values.now.strftime("%H%M%S").to_string(),
            Piece::Token("seq") => format!("{:08}", values.seq),
            Piece::Token(_) => format!("{part:03}"),
        };
        self.0.iter().map(piece).collect()
    }
}
