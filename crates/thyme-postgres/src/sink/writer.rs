//! One task's stream of rows into the table, a transaction a commit.
use futures::future::join;
use thyme_core::testing::{broken, point};
use thyme_core::{Batch, Cursor, Error, Kind, Op, Reject, Result, Staged, Task, Writer, async_trait};

use super::action::Action;
use super::cursors::{Cursors, refused};
use super::load::Load;
use super::merge::{Deletes, Merge};
use super::plan::{Plan, Write};
use super::target::Target;
use crate::client::Client;
use crate::copy::Refused;
use crate::error::{code, from_pg};

/// One task's stream of rows into the table.
pub(super) struct TableWriter {
    pub(super) client: Client,
    pub(super) commits: Commits,
    pub(super) table: Table,
    pub(super) state: State,
    /// False while a batch is on its way: what is left half done must not be committed.
    pub(super) whole: bool,
}

/// What a commit needs to know.
pub(super) struct Commits {
    pub(super) cursors: Cursors,
    pub(super) task: Task,
    pub(super) fence: i64,
}

/// How rows get into the table.
pub(super) struct Table {
    pub(super) target: Target,
    pub(super) action: Action,
    pub(super) ops: &'static [Op],
    pub(super) key: Vec<usize>,
    pub(super) way: Way,
    pub(super) deletes: Option<Deletes>,
    /// Each transaction begins by emptying the table.
    pub(super) replaces: bool,
    /// Rows that are sent at a time.
    pub(super) most: usize,
}

/// The way of rows.
pub(super) enum Way {
    /// Straight into the table.
    Straight(Load),
    /// By way of a temporary table.
    Merge(Merge),
}

/// Where the transaction stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// There is none.
    Idle,
    /// The rows behind the last savepoint are good.
    Good,
    /// What came after the last savepoint is to be taken back.
    Bad,
}

#[async_trait]
impl Writer for TableWriter {
    async fn stage(&mut self, batch: &Batch) -> Result<Staged> {
        self.takes(batch)?;
        if batch.rows.num_rows() == 0 {
            return Ok(Staged::default());
        }
        if !std::mem::replace(&mut self.whole, false) {
            return Err(Error::new(Kind::Unexpected, "the writer failed before, and was not opened again"));
        }
        let rejects = self.halve(batch).await.map_err(|e| e.context("task", &self.commits.task))?;
        self.whole = true;
        Ok(Staged { rejects, ..Staged::default() })
    }

    async fn commit(&mut self, cursor: &Cursor) -> Result<()> {
        if !std::mem::replace(&mut self.whole, false) {
            return Err(Error::new(Kind::Unexpected, "the writer failed before, and was not opened again"));
        }
        let Commits { cursors, task, fence } = &self.commits;
        let advance = cursors.advance(task, *fence, cursor)?;
        let begin = match self.state {
            State::Idle => self.table.begin(),
            State::Good => String::new(),
            State::Bad => "ROLLBACK TO SAVEPOINT thyme; ".into(),
        };
        let failed = |e| refused(e, task);
        if broken("cursor_apart") {
            self.client.batch_execute(&format!("{begin}COMMIT")).await.map_err(failed)?;
            point("postgres.before_commit");
            self.client.batch_execute(&advance).await.map_err(failed)?;
        } else {
            point("postgres.before_commit");
            self.client.batch_execute(&format!("{begin}{advance}; COMMIT")).await.map_err(failed)?;
        }
        point("postgres.after_commit");
        self.state = State::Idle;
        self.whole = true;
        Ok(())
    }
}

impl TableWriter {
    fn takes(&self, batch: &Batch) -> Result<()> {
        if let Some(op) = batch.ops.outside(self.table.ops).filter(|_| batch.rows.num_rows() > 0) {
            let remedy = match op {
                Op::Insert | Op::Update => "set `mode` to `upsert`",
                Op::Delete | Op::Truncate => "set `mode` to `upsert` and `delete` to true",
            };
            let text = format!("the table {} does not take a {}: {remedy}", self.table.target.sql, op.name());
            return Err(Error::new(Kind::Unsupported, text));
        }
        if self.table.action != Action::Update && batch.unset.iter().any(|(_, rows)| rows.count_set_bits() > 0) {
            let text = format!(
                "some cells are unknown, which the table {} takes by `on_conflict = \"update\"` alone",
                self.table.target.sql
            );
            return Err(Error::new(Kind::Unsupported, text));
        }
        Ok(())
    }

    /// Stages the batch; where the server refuses it, its halves, until the bad rows stand alone.
    async fn halve(&mut self, batch: &Batch) -> Result<Vec<Reject>> {
        let mut rejects = Vec::new();
        let mut todo = vec![(0, batch.rows.num_rows())];
        while let Some((offset, len)) = todo.pop() {
            let part = if todo.is_empty() && len == batch.rows.num_rows() { batch.clone() } else { batch.slice(offset, len) };
            match self.attempt(&part).await {
                Ok(refused) => {
                    let moved = |reject: Reject| Reject { row: reject.row.map(|row| row + offset), ..reject };
                    rejects.extend(refused.into_iter().map(moved));
                }
                Err(error) if !of_a_row(&error) => return Err(error),
                Err(error) if len == 1 => {
                    rejects.push(Reject { row: Some(offset), reason: error.to_string(), ..Reject::default() });
                }
                Err(_) => {
                    let half = len / 2;
                    todo.extend([(offset + half, len - half), (offset, half)]);
                }
            }
        }
        rejects.sort_by_key(|reject| reject.row);
        Ok(rejects)
    }

    /// Everything or nothing of `batch`, behind a savepoint. Another reason than its rows ends the transaction.
    async fn attempt(&mut self, batch: &Batch) -> Result<Vec<Reject>> {
        let prepare = match self.state {
            State::Idle => format!("{}SAVEPOINT thyme", self.table.begin()),
            State::Good => "RELEASE SAVEPOINT thyme; SAVEPOINT thyme".into(),
            State::Bad => "ROLLBACK TO SAVEPOINT thyme".into(),
        };
        self.state = State::Bad;
        // Both are on their way at once: the first is answered before the second is looked at.
        let (prepared, done) = join(self.client.batch_execute(&prepare), self.table.write(&self.client, batch)).await;
        prepared.map_err(|e| self.table.unprepared(e))?;
        let rejects = done?;
        self.state = State::Good;
        point("postgres.staged");
        Ok(rejects)
    }
}

impl Table {
    /// SQL that begins a transaction.
    fn begin(&self) -> String {
        let begin = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; ";
        if !self.replaces {
            return begin.into();
        }
        // DELETE, not TRUNCATE: who reads meanwhile sees the old rows, whenever its snapshot was taken, and waits for nobody.
        format!("{begin}LOCK TABLE {0} IN SHARE ROW EXCLUSIVE MODE; DELETE FROM {0}; ", self.target.sql)
    }

    async fn write(&mut self, client: &Client, batch: &Batch) -> Result<Vec<Reject>> {
        let plan = Plan::of(batch, &self.key, &self.action)?;
        let mut rejects = plan.rejects;
        if plan.truncate {
            let sql = format!("DELETE FROM {}", self.target.sql);
            client.batch_execute(&sql).await.map_err(|e| from_pg(e, format_args!("empty {}", self.target.sql)))?;
        }
        for round in plan.rounds {
            if let Some(write) = &round.deletes {
                let deletes = self.deletes.as_ref();
                let deletes = deletes.ok_or_else(|| Error::new(Kind::Unsupported, "deletes are not prepared for"))?;
                let refused = deletes.rows(client, &self.target, &write.rows, self.most).await?;
                rejects.extend(refused.into_iter().map(|refused| reject(write, refused)));
            }
            for write in round.writes.iter().filter(|write| write.rows.num_rows() > 0) {
                let refused = match &mut self.way {
                    Way::Straight(load) => load.rows(client, &write.rows, self.most).await?,
                    Way::Merge(merge) => merge.write(client, &self.target, &self.key, write, self.most).await?,
                };
                rejects.extend(refused.into_iter().map(|refused| reject(write, refused)));
            }
        }
        match rejects.first() {
            // An older row of the same key may be good, and was folded into it.
            Some(first) if self.action == Action::Update && batch.rows.num_rows() > 1 => {
                Err(Error::new(Kind::Data, first.reason.clone()))
            }
            _ => Ok(rejects),
        }
    }

    /// A transaction that does not begin is no row's fault.
    fn unprepared(&self, error: tokio_postgres::Error) -> Error {
        let error = from_pg(error, format_args!("begin to write {}", self.target.sql));
        if error.kind() != Kind::Data {
            return error;
        }
        Error::new(Kind::Unsupported, "rows of other tables refer to the rows that are to be replaced").source(error)
    }
}

fn reject(write: &Write, refused: Refused) -> Reject {
    Reject { row: Some(write.origin(refused.row)), reason: refused.reason, ..Reject::default() }
}

/// Whether a row is to blame, or two rows of one statement are: then halves may do.
fn of_a_row(error: &Error) -> bool {
    let code = code(error).map(|code| code.code());
    // Two rows of one key that the server alone takes for one; what a trigger says.
    error.kind() == Kind::Data || code.is_some_and(|code| code == "21000" || code.starts_with("P0"))
}
