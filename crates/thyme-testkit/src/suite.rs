//! Lists the cases that apply to a connector and runs them like tests.
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use thyme_core::{Error, Kind, Result, env};

use crate::harness::{Refused, SinkHarness, SourceHarness};

mod breakage;
mod check;
mod engine;
mod flaky;
mod sink;
mod sink_changes;
mod sink_fence;
mod sink_kill;
mod source;
mod source_changes;
mod source_splits;

/// The work of one case.
pub(crate) type Work = Pin<Box<dyn Future<Output = Result<()>> + Send>>;

/// One case of the suite.
pub(crate) struct Case {
    name: String,
    work: Box<dyn FnOnce() -> Work + Send>,
}

impl Case {
    pub(crate) fn new<F>(name: impl Into<String>, work: impl FnOnce() -> F + Send + 'static) -> Self
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        Self { name: name.into(), work: Box::new(move || Box::pin(work())) }
    }
}

/// The cases of one connector.
pub struct Suite {
    name: String,
    cases: Vec<Listed>,
    writer: Option<Arc<dyn SinkHarness>>,
    missing: Option<String>,
}

struct Listed {
    case: Case,
    missing: Option<String>,
    soak: bool,
}

impl Listed {
    fn new(case: Case, missing: Option<String>) -> Self {
        Self { case, missing, soak: false }
    }
}

impl Suite {
    /// A suite without cases. Its name stands before the name of each.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), cases: Vec::new(), writer: None, missing: None }
    }

    /// Every case that applies to this source by what it declares.
    #[must_use]
    pub fn source(mut self, harness: impl SourceHarness) -> Self {
        let harness: Arc<dyn SourceHarness> = Arc::new(harness);
        let missing = harness.missing();
        let declares = harness.declares();
        let cases = [source::cases, source_changes::cases, source_splits::cases, engine::source_cases];
        for case in cases.iter().flat_map(|cases| cases(&harness, &declares)).chain(golden(&harness)) {
            self.cases.push(Listed::new(case, missing.clone()));
        }
        match harness.refused() {
            Ok(refused) => self.refused("source", refused, &missing, |source| async move { source.check().await }),
            Err(error) => self.broken("source/refused", error),
        }
        match harness.secret() {
            Ok(Some((source, secret))) => self.hides("source", format!("{source:?} {:?}", source.info()), secret),
            Ok(None) => {}
            Err(error) => self.broken("source/debug_hides_secrets", error),
        }
        self
    }

    /// Every case that applies to this sink by what it declares.
    #[must_use]
    pub fn sink(mut self, harness: impl SinkHarness) -> Self {
        let harness: Arc<dyn SinkHarness> = Arc::new(harness);
        if matches!(sink_kill::asked(), Ok(Some(_))) {
            // It writes and dies: no case is run here, and no server is started to list them.
            self.writer = Some(harness);
            return self;
        }
        let missing = harness.missing();
        // What applies stands in `SinkInfo`, and that takes a sink.
        let info = match &missing {
            Some(_) => None,
            None => match block_on(async { harness.fixture().await?.sink().map(|sink| sink.info()) }) {
                Ok(info) => Some(info),
                Err(error) => {
                    self.broken("sink/fixture", error);
                    return self;
                }
            },
        };
        let cases = [sink::cases, sink_fence::cases, sink_changes::cases];
        let per_poll = info.as_ref().is_some_and(|info| info.per_poll);
        let others = engine::sink_cases(&harness).into_iter().chain(sink_kill::cases(&self.name, &harness, per_poll));
        for case in cases.iter().flat_map(|cases| cases(&harness, info.as_ref())).chain(others) {
            self.cases.push(Listed::new(case, missing.clone()));
        }
        match harness.refused() {
            Ok(refused) => self.refused("sink", refused, &missing, |sink| async move { sink.check().await }),
            Err(error) => self.broken("sink/refused", error),
        }
        match harness.secret() {
            Ok(Some((sink, secret))) => self.hides("sink", format!("{sink:?} {:?}", sink.info()), secret),
            Ok(None) => {}
            Err(error) => self.broken("sink/debug_hides_secrets", error),
        }
        self.writer = Some(harness);
        self
    }

    /// A case of the connector's own.
    #[must_use]
    pub fn case<F>(mut self, name: &str, work: impl FnOnce() -> F + Send + 'static) -> Self
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        self.cases.push(Listed::new(Case::new(name, work), self.missing.clone()));
        self
    }

    /// A case of the connector's own that takes too long for every change: it runs where ignored tests are asked for.
    #[must_use]
    pub fn soak<F>(mut self, name: &str, work: impl FnOnce() -> F + Send + 'static) -> Self
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        self.cases.push(Listed { soak: true, ..Listed::new(Case::new(name, work), self.missing.clone()) });
        self
    }

    /// What the connector's own cases that follow need is not there: they are ignored with this reason. `None`: it is.
    #[must_use]
    pub fn needs(self, missing: Option<String>) -> Self {
        Self { missing, ..self }
    }

    /// A deliberate breakage of the build with the feature `testing` is noticed: the cases of this suite (in a suite without
    /// any: of all suites), run once more with `switch` in `THYME_BREAK`, fail in the one whose name ends in the first of
    /// `cases`. They may fail in the others, which see what follows from it, and in none beside them.
    #[must_use]
    pub fn breakage(self, switch: &'static str, cases: &'static [&'static str]) -> Self {
        if matches!(env::var(breakage::SWITCH), Ok(None)) {
            let alone = self.cases.iter().any(|listed| !listed.case.name.starts_with("breakage/"));
            let filter = alone.then(|| format!("{}/", self.name));
            self.case(&format!("breakage/{switch}"), move || breakage::noticed(switch, cases, filter))
        } else {
            self
        }
    }

    /// Every example of a README parses: its code blocks of the languages `toml`, `yaml` and `json` go through `parse`.
    #[must_use]
    pub fn readme(mut self, text: &'static str, parse: impl Fn(&str, &str) -> Result<()> + Send + 'static) -> Self {
        let work = move || async move {
            let examples = crate::readme::examples(text, &["toml", "yaml", "json"]);
            if examples.is_empty() {
                return Err(crate::drive::breaks("the README shows no example of a configuration"));
            }
            for (language, example) in examples {
                parse(language, &example).map_err(|e| e.context("example", example))?;
            }
            Ok(())
        };
        self.cases.push(Listed::new(Case::new("readme_examples_parse", work), None));
        self
    }

    fn refused<T, F>(
        &mut self,
        side: &str,
        refused: Vec<Refused<T>>,
        missing: &Option<String>,
        check: impl Fn(Box<T>) -> F + Copy + Send + 'static,
    ) where
        T: ?Sized + Send + 'static,
        F: Future<Output = Result<()>> + Send + 'static,
    {
        for Refused { name, connector, kind } in refused {
            let work = move || async move {
                match check(connector).await {
                    Err(error) if error.kind() == kind => Ok(()),
                    Err(error) => Err(crate::drive::breaks(format!("expected {kind}, got {error:?}"))),
                    Ok(()) => Err(crate::drive::breaks(format!("expected {kind}, and the check passed"))),
                }
            };
            self.cases.push(Listed::new(Case::new(format!("{side}/{name}_is_{kind}"), work), missing.clone()));
        }
    }

    fn hides(&mut self, side: &str, shown: String, secret: String) {
        let work = move || async move {
            if secret.is_empty() || !shown.contains(&secret) {
                return check::that(!secret.is_empty(), || "the harness names no secret".into());
            }
            Err(crate::drive::breaks(format!("the secret shows in: {}", shown.replace(&secret, "<the secret>"))))
        };
        self.cases.push(Listed::new(Case::new(format!("{side}/debug_hides_secrets"), work), None));
    }

    fn broken(&mut self, name: &str, error: Error) {
        self.cases.push(Listed::new(Case::new(name, move || async move { Err(error) }), None));
    }
}

fn golden(harness: &Arc<dyn SourceHarness>) -> Vec<Case> {
    let cases = harness.golden().into_iter().map(|golden| {
        let harness = Arc::clone(harness);
        Case::new(format!("source/old_cursor_still_loads/{}", golden.name), move || source::golden(harness, golden))
    });
    cases.collect()
}

/// Runs the suites as a test binary does, with its arguments (`--list`, a filter, `--test-threads` …): for a test target with
/// `harness = false`. A case whose service is missing is ignored, with the reason; where `THYME_TEST_REQUIRED` is 1 it fails.
#[must_use]
pub fn main(suites: impl IntoIterator<Item = Suite>) -> ExitCode {
    let suites: Vec<Suite> = suites.into_iter().collect();
    match sink_kill::asked() {
        Ok(None) => {}
        Ok(Some((name, place))) => return write(&suites, &name, &place),
        Err(error) => return told(&error),
    }
    let mut args = Arguments::from_args();
    // Cases wait for their servers more than they work.
    args.test_threads.get_or_insert_with(|| std::thread::available_parallelism().map_or(2, |processors| 2 * processors.get()));
    let required = matches!(env::var("THYME_TEST_REQUIRED"), Ok(Some(value)) if value == "1");
    let trials = suites.into_iter().flat_map(|suite| {
        let name = suite.name;
        suite.cases.into_iter().map(move |listed| trial(&name, listed, required))
    });
    libtest_mimic::run(&args, trials.collect()).exit_code()
}

/// This process is the other one, which writes and may die.
fn write(suites: &[Suite], name: &str, place: &str) -> ExitCode {
    let harness = suites.iter().find(|suite| suite.name == name).and_then(|suite| suite.writer.as_ref());
    let written = harness.map(|harness| block_on(sink_kill::write(harness, place)));
    match written {
        Some(Ok(())) => ExitCode::SUCCESS,
        Some(Err(error)) => told(&error),
        None => told(&crate::drive::breaks(format!("there is no suite `{name}` with a sink"))),
    }
}

#[allow(clippy::print_stderr, reason = "what a test binary has to say")]
fn told(error: &Error) -> ExitCode {
    eprintln!("{error:?}");
    ExitCode::FAILURE
}

fn trial(suite: &str, listed: Listed, required: bool) -> Trial {
    let Listed { case, missing, soak } = listed;
    let trial = Trial::ignorable_test(format!("{suite}/{}", case.name), move || match missing {
        Some(reason) if required => Err(Failed::from(format!("THYME_TEST_REQUIRED is set, and {reason}"))),
        Some(reason) => Ok(Completion::ignored_with(reason)),
        None => {
            let limit = Duration::from_secs(if soak { 3600 } else { 300 });
            let work = async {
                let late = || Error::new(Kind::Unexpected, format!("the case took longer than {} s", limit.as_secs()));
                tokio::time::timeout(limit, (case.work)()).await.unwrap_or_else(|_| Err(late()))
            };
            block_on(work).map(|()| Completion::Completed).map_err(|error| Failed::from(format!("{error}")))
        }
    });
    // The kind is printed before the name: the only word about an ignored case that there is.
    if soak { trial.with_kind("soak").with_ignored_flag(true) } else { trial }
}

/// A runtime of its own for each case, so that none sees what another left running.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|e| Error::new(Kind::Unexpected, "the runtime of a case does not start").source(e))?;
    let done = runtime.block_on(work);
    runtime.shutdown_timeout(Duration::from_secs(5));
    done
}
