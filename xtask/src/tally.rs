//! Counts what test binaries report, so that one line can say how it went.
use std::fmt;

/// What passed, failed and was left out.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Tests and checks that passed.
    pub(crate) passed: u64,
    /// Tests and checks that failed.
    pub(crate) failed: u64,
    /// Left out here, with the reason of each.
    pub(crate) skipped: Vec<String>,
    /// Not meant to run here: the soak lane's.
    pub(crate) soak: u64,
    /// What failed, by name.
    pub(crate) failures: Vec<String>,
    /// Ignored tests seen since the last `test result` line.
    pending: Vec<(String, Option<String>)>,
}

impl Tally {
    /// One check of our own.
    pub(crate) fn check(&mut self, name: &str, result: crate::Result) {
        match result {
            Ok(()) => {
                println!("check {name} ... ok");
                self.passed += 1;
            }
            Err(error) => {
                println!("check {name} ... FAILED\n{error}");
                self.failed += 1;
                self.failures.push(format!("{name}: {}", error.lines().next().unwrap_or_default()));
            }
        }
    }

    /// One line of a test binary's output: `test NAME ... ignored, REASON`, `test NAME ... FAILED` or `test result: …`.
    pub(crate) fn line(&mut self, line: &str) {
        let Some(rest) = line.strip_prefix("test ") else { return };
        if let Some(result) = rest.strip_prefix("result: ") {
            return self.result(result);
        }
        let Some((name, outcome)) = rest.rsplit_once(" ... ") else { return };
        if outcome.starts_with("FAILED") {
            self.failures.push(name.to_owned());
        } else if let Some(reason) = outcome.strip_prefix("ignored") {
            let reason = reason.trim_start_matches([',', ' ']).trim();
            self.pending.push((name.to_owned(), (!reason.is_empty()).then(|| reason.to_owned())));
        }
    }

    /// `ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s`.
    fn result(&mut self, result: &str) {
        let count = |word: &str| {
            let parts = result.split([';', '.']).map(str::trim);
            parts.filter_map(|part| part.strip_suffix(word)).find_map(|number| number.trim().parse::<u64>().ok()).unwrap_or(0)
        };
        self.passed += count(" passed");
        self.failed += count(" failed");
        let (ignored, pending) = (count(" ignored"), std::mem::take(&mut self.pending));
        let unseen = ignored.saturating_sub(pending.len() as u64);
        for (name, reason) in pending {
            match reason {
                _ if name.starts_with("[soak] ") => self.soak += 1,
                Some(reason) if reason.starts_with("soak") => self.soak += 1,
                Some(reason) => self.skipped.push(format!("{name}: {reason}")),
                None => self.skipped.push(format!("{name}: no reason given")),
            }
        }
        for _ in 0..unseen {
            self.skipped.push("a test whose line was not seen: no reason given".to_owned());
        }
    }

    /// Something broke off without naming a test.
    pub(crate) fn broke(&mut self, what: String) {
        self.failed += 1;
        self.failures.push(what);
    }

    /// Prints all but the counts; an error when something failed or nothing ran.
    pub(crate) fn close(&self) -> crate::Result {
        for failure in &self.failures {
            println!("failed: {failure}");
        }
        for skipped in &self.skipped {
            println!("skipped: {skipped}");
        }
        if self.soak > 0 {
            println!("left to soak: {} (`cargo xtask soak` runs them)", self.soak);
        }
        match (self.failed, self.passed) {
            (0, 0) => Err("nothing ran".to_owned()),
            (0, _) => Ok(()),
            _ => Err("something failed".to_owned()),
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped.len())
    }
}

#[cfg(test)]
mod tests;
