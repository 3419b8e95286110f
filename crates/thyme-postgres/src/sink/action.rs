//! What becomes of a row whose key is there.
use thyme_core::{Error, Kind, Op, Result};

use crate::config::{Mode, PostgresSinkConfig};

/// What becomes of a row whose key is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// It is refused, if the table says so by a constraint.
    Insert,
    /// It takes the place of the old one, cell by cell.
    Update,
    /// It is left out.
    Ignore,
    /// What the user wrote after `ON CONFLICT`.
    Raw(String),
}

impl Action {
    /// The action that `config` asks for.
    ///
    /// # Errors
    /// `Config` for an empty text.
    pub(super) fn of(config: &PostgresSinkConfig) -> Result<Self> {
        let usual = if config.mode == Mode::Upsert { "update" } else { "error" };
        match config.on_conflict.as_deref().map_or(usual, str::trim) {
            "update" => Ok(Self::Update),
            "ignore" => Ok(Self::Ignore),
            "error" => Ok(Self::Insert),
            "" => Err(Error::new(
                Kind::Config,
                "`on_conflict` is empty: write `update`, `ignore`, `error` or what follows ON CONFLICT",
            )),
            raw => Ok(Self::Raw(strip(raw).to_owned())),
        }
    }

    /// Rows go by way of a temporary table.
    pub(super) fn merges(&self) -> bool {
        *self != Self::Insert
    }
}

/// The action without the words `ON CONFLICT` before it, which some write and some don't.
fn strip(raw: &str) -> &str {
    let words = ["on", "conflict"];
    let mut rest = raw;
    for word in words {
        let begins = rest.get(..word.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(word));
        let after = rest.get(word.len()..).filter(|after| begins && after.starts_with(|c: char| c.is_whitespace() || c == '('));
        let Some(after) = after else { return raw };
        rest = after.trim_start();
    }
    rest
}

/// The operations that `config` writes.
pub(super) fn ops(config: &PostgresSinkConfig) -> &'static [Op] {
    match (config.mode, config.delete) {
        (Mode::Upsert, true) => Op::ALL,
        (Mode::Upsert, false) => &[Op::Insert, Op::Update],
        _ => &[Op::Insert],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_before_an_action_are_optional() {
        for text in
            ["(id) DO NOTHING", "on conflict (id) DO NOTHING", "ON  CONFLICT(id) DO NOTHING", "On\nConflict (id) DO NOTHING"]
        {
            assert_eq!(strip(text), "(id) DO NOTHING", "{text}");
        }
        for text in ["one conflict", "on", "DO NOTHING", "ünd"] {
            assert_eq!(strip(text), text);
        }
    }
}
