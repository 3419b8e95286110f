//! What a connector brings to the suite.
use thyme_core::arrow::array::RecordBatch;
use thyme_core::arrow::datatypes::FieldRef;
use thyme_core::{Dataset, Job, Kind, Op, Result, Sink, Source, async_trait};

use crate::rows::Row;

/// What a source declares beside its [`SourceInfo`](thyme_core::SourceInfo).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceDeclares {
    /// How many rows the suite adds where it cuts runs short: so many that they come in four batches or more.
    pub rows: i64,
    /// Within a split rows come in the order in which they were added.
    pub ordered: bool,
    /// Rows whose ids leave the same remainder by this number come in the order in which they were added, across splits.
    pub keyed: Option<i64>,
    /// A poll reads what was there when it began, and keeps to that when it is cut short.
    pub bounded: bool,
    /// What happens to rows without a tick. `None`: there are no cursor columns here.
    pub null_ticks: Option<NullTicks>,
    /// Splits come and go: the fixture knows [`Change::Resplit`].
    pub resplits: bool,
    /// Processes share the splits: the fixture knows [`SourceFixture::join`] and, if it can be forced, [`Change::HandOver`].
    pub hands_over: bool,
    /// Columns can change: the fixture knows [`Change::AddColumn`].
    pub drifts: bool,
    /// Columns can go and change their type: the fixture knows [`Change::DropColumn`] and [`Change::Retype`].
    pub retypes: bool,
    /// The operations it emits. With more than inserts, the fixture knows [`Change::Emit`].
    pub ops: &'static [Op],
    /// Reads only the columns that the dataset asks for.
    pub projects: bool,
    /// Columns of the [type table](crate::types::table) that it can't carry. `None`: it has no types of its own.
    pub types: Option<&'static [&'static str]>,
}

impl Default for SourceDeclares {
    /// The least: inserts, in order within a split.
    fn default() -> Self {
        Self {
            rows: 60,
            ordered: true,
            keyed: None,
            bounded: false,
            null_ticks: None,
            resplits: false,
            hands_over: false,
            drifts: false,
            retypes: false,
            ops: &[Op::Insert],
            projects: true,
            types: None,
        }
    }
}

/// What happens to rows whose cursor is NULL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NullTicks {
    /// The table is refused before anything is read.
    Fail,
    /// They are left out.
    Exclude,
    /// They are read, once.
    Include,
}

/// A source as the suite meets it.
#[async_trait]
pub trait SourceHarness: Send + Sync + 'static {
    /// What it declares; decides which cases are listed.
    fn declares(&self) -> SourceDeclares {
        SourceDeclares::default()
    }

    /// Why it can't run here (no server answers). Its cases are then ignored with this reason.
    fn missing(&self) -> Option<String> {
        None
    }

    /// An empty table, topic or folder of its own, gone with the fixture.
    ///
    /// # Errors
    /// Any: the case fails.
    async fn fixture(&self) -> Result<Box<dyn SourceFixture>>;

    /// Cursors that earlier releases stored, and what must be read from there.
    fn golden(&self) -> Vec<Golden> {
        Vec::new()
    }

    /// Sources that [`check`](Source::check) must refuse.
    ///
    /// # Errors
    /// Any: the case fails.
    fn refused(&self) -> Result<Vec<Refused<dyn Source>>> {
        Ok(Vec::new())
    }

    /// A source whose configuration holds this secret.
    ///
    /// # Errors
    /// Any: the case fails.
    fn secret(&self) -> Result<Option<(Box<dyn Source>, String)>> {
        Ok(None)
    }
}

/// One table, topic or folder.
#[async_trait]
pub trait SourceFixture: Send + Sync {
    /// A source that reads it, made anew as another process would make it. It gives at least four
    /// batches for [`SourceDeclares::rows`] rows.
    ///
    /// # Errors
    /// Any: the case fails.
    fn source(&self) -> Result<Box<dyn Source>>;

    /// The columns to read; one of them is `id`, an int64.
    ///
    /// # Errors
    /// Any: the case fails.
    fn dataset(&self) -> Result<Dataset>;

    /// Changes the job that the suite made: names the cursor column.
    fn job(&self, job: Job) -> Job {
        job
    }

    /// Makes the rows readable, after all that are there.
    ///
    /// # Errors
    /// Any: the case fails.
    async fn add(&self, rows: &[Row]) -> Result<()>;

    /// Another process that takes part beside those that run, and gets its share of the splits.
    ///
    /// # Errors
    /// Any: the case fails.
    fn join(&self) -> Result<Box<dyn Source>> {
        self.source()
    }

    /// Changes something else; only what the harness declares is asked for.
    ///
    /// # Errors
    /// Any: the case fails.
    async fn change(&self, change: Change) -> Result<()> {
        Err(crate::drive::breaks(format!("the fixture does not know {change:?}")))
    }
}

/// What a fixture may be asked to change.
#[derive(Clone, Debug)]
pub enum Change {
    /// Splits end and others take their place; rows that are added next go to the new ones.
    Resplit,
    /// The source gets a column `extra`; rows that are added next have the value of `id` there.
    AddColumn(FieldRef),
    /// The column `text` goes.
    DropColumn,
    /// The column `text` becomes an int64.
    Retype,
    /// A row with an operation: its id says whose. A truncate comes with the id that is the last so far.
    Emit(Op, Row),
    /// The rows of the type table, read back by the dataset of `rows`.
    Types(RecordBatch),
    /// One of the splits, told by any number, goes to another of the processes that joined. May do nothing where a split
    /// can't be moved from outside.
    HandOver(usize),
}

/// A cursor as an earlier release stored it.
#[derive(Clone, Debug)]
pub struct Golden {
    /// The release, or the state it shows.
    pub name: &'static str,
    /// Its JSON, from a file that is never changed again.
    pub cursor: &'static str,
    /// The ids of the rows to add before, from 0.
    pub rows: i64,
    /// The ids that must be read from there.
    pub rest: Vec<i64>,
}

/// Something that must be refused, and how.
pub struct Refused<T: ?Sized> {
    /// The name of the case: `wrong_password`, `closed_port`.
    pub name: &'static str,
    /// The connector, configured to fail.
    pub connector: Box<T>,
    /// The kind of the error.
    pub kind: Kind,
}

/// What a sink declares beside its [`SinkInfo`](thyme_core::SinkInfo).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SinkDeclares {
    /// Takes a wider dataset after an `open`.
    pub widens: bool,
    /// Keeps the rows of a task in the order in which they were staged.
    pub ordered: bool,
    /// Columns of the [type table](crate::types::table) that it can't carry. `None`: it has no types of its own.
    pub types: Option<&'static [&'static str]>,
    /// A text that it refuses in the column `text`, where it refuses single rows.
    pub refuses: Option<&'static str>,
    /// Rows may be seen before their commit: it delivers at least once and keeps nothing back.
    pub early: bool,
}

impl Default for SinkDeclares {
    fn default() -> Self {
        Self { widens: true, ordered: true, types: None, refuses: None, early: false }
    }
}

/// A sink as the suite meets it.
#[async_trait]
pub trait SinkHarness: Send + Sync + 'static {
    /// What it declares; decides which cases are listed.
    fn declares(&self) -> SinkDeclares {
        SinkDeclares::default()
    }

    /// Why it can't run here (no server answers). Its cases are then ignored with this reason.
    fn missing(&self) -> Option<String> {
        None
    }

    /// An empty target of its own, gone with the fixture.
    ///
    /// # Errors
    /// Any: the case fails.
    async fn fixture(&self) -> Result<Box<dyn SinkFixture>>;

    /// Points of [`thyme_core::testing`] that a commit of this sink passes: another process writes, dies there, and is started
    /// again. Needs [`SinkHarness::again`], [`SinkFixture::place`] and the feature `testing`.
    fn points(&self) -> &'static [&'static str] {
        &[]
    }

    /// The fixture at a [`SinkFixture::place`], for another process; it takes nothing away when it is dropped.
    ///
    /// # Errors
    /// Any: the case fails.
    fn again(&self, place: &str) -> Result<Box<dyn SinkFixture>> {
        Err(crate::drive::breaks(format!("the harness can't go back to {place}")))
    }

    /// Sinks that [`check`](Sink::check) must refuse.
    ///
    /// # Errors
    /// Any: the case fails.
    fn refused(&self) -> Result<Vec<Refused<dyn Sink>>> {
        Ok(Vec::new())
    }

    /// A sink whose configuration holds this secret.
    ///
    /// # Errors
    /// Any: the case fails.
    fn secret(&self) -> Result<Option<(Box<dyn Sink>, String)>> {
        Ok(None)
    }
}

/// One target.
#[async_trait]
pub trait SinkFixture: Send + Sync {
    /// A sink that writes it, made anew as another process would make it.
    ///
    /// # Errors
    /// Any: the case fails.
    fn sink(&self) -> Result<Box<dyn Sink>>;

    /// Where it is, in words that [`SinkHarness::again`] understands in another process.
    fn place(&self) -> Option<String> {
        None
    }

    /// What somebody who reads the target sees now, as columns of `dataset`: rows in the order in which they were committed;
    /// where the sink applies changes, the rows that are left.
    ///
    /// # Errors
    /// Any: the case fails.
    async fn dump(&self, dataset: &Dataset) -> Result<RecordBatch>;
}
