//! The start of a poll: goes on with the one under way, or fixes the bound and the ranges of the next.
use std::collections::VecDeque;
use std::sync::Arc;

use thyme_core::{Cdc, Cursor, Error, Job, Kind, Op, Plan, Result, Start};

use super::guard::Question;
use super::key::{Key, Order};
use super::place::{Base, Poll, Range};
use super::plan::{Idle, PollPlan, latest, nothing};
use super::relation::{Relation, name, named, orders, value};
use super::{PostgresSource, columns, examine, lookback, parts, print, session};
use crate::catalog::Column;
use crate::client::Client;
use crate::config::NullCursor;
use crate::types::PgType;

/// What a poll is about.
struct Scene<'a> {
    client: &'a Client,
    relation: &'a Relation,
    order: &'a Order,
    job: &'a Job,
}

impl PostgresSource {
    pub(super) async fn begin(&self, job: &Job, from: &Cursor) -> Result<Box<dyn Plan>> {
        let connection = self.connection()?;
        let client = session::reading(&connection).await?;
        let mut relation = Relation::find(&client, &self.config, &connection).await?;
        let known = Base::known(from)?;
        let found = columns::schema(&relation, &self.config.columns, self.config.numeric);
        if let Some(drift) = columns::drift(&relation, &job.dataset, &found, &known, job.report_drift) {
            return Err(Error::drift(drift));
        }
        let (cursor, order) = self.order(&mut relation, job)?;
        let types = columns::types(&found, &job.dataset);
        let base = Base { types, ..Base::of(from, &order.names())? };
        let scene = Scene { client: &client, relation: &relation, order: &order, job };
        let first = from.base.is_none();
        let (base, poll) = match (base.poll.clone(), &cursor) {
            (Some(poll), _) => (base, Some(poll)),
            (None, Some(cursor)) => self.polled(&scene, cursor, base, first).await?,
            (None, None) if base.whole => (base, None),
            (None, None) => {
                let poll = Poll { ranges: self.ranges(&scene).await?, ..Poll::default() };
                (base, Some(poll))
            }
        };
        let Some(poll) = poll else { return Ok(Box::new(Idle)) };
        let part = parts::wanted(&relation, self.config.partition_column.as_deref(), self.config.num_partitions)?;
        let plan = PollPlan {
            part: part.map(|(column, _)| column.clone()),
            path: name(&self.config, &connection),
            connection: Arc::new(connection),
            dataset: Arc::clone(&job.dataset),
            order,
            cursor,
            pins: first && job.start == Some(Start::Latest),
            resumes: base.poll.is_some(),
            base: Base { poll: None, ..base },
            poll,
            ready: VecDeque::new(),
            splits: Vec::new(),
            holder: None,
            snapshot: None,
            batch_rows: self.config.batch_size.max(1),
            op: if job.cdc == Cdc::Upsert { Op::Update } else { Op::Insert },
            nothing: nothing(),
            relation,
        };
        Ok(Box::new(plan.open(client, from).await?))
    }

    /// The cursor column and what puts the rows in order.
    pub(super) fn order(&self, relation: &mut Relation, job: &Job) -> Result<(Option<Column>, Order)> {
        let ties = relation.tie_breaker(&self.config.tie_breaker)?;
        let Some(name) = &job.cursor else {
            if !job.once {
                let text = "a table that is read again and again needs a `cursor` column";
                return Err(Error::new(Kind::Config, text).context("remedy", "name one, or say `schedule = \"@once\"`"));
            }
            return Ok((None, Order::new(None, ties)));
        };
        let cursor = relation.column(name)?.clone();
        orders(&cursor, "the cursor")?;
        let ties = match (ties.is_empty(), &self.config.lookback) {
            (false, _) => ties,
            (true, Some(_)) => relation.with_hashes(name),
            (true, None) => return Err(columns::no_order(relation)),
        };
        Ok((Some(cursor.clone()), Order::new(Some(cursor), ties)))
    }

    /// The next poll of a cursor column; `None` when there is nothing to read.
    async fn polled(&self, scene: &Scene<'_>, cursor: &Column, mut base: Base, first: bool) -> Result<(Base, Option<Poll>)> {
        let Scene { client, relation, order, job } = *scene;
        let distance = self.config.lookback.as_ref().map(|text| lookback::distance(cursor, text)).transpose()?;
        examine::can_tell(client, relation, distance.is_some()).await?;
        self.no_nulls(scene, cursor).await?;
        if base.after.is_none() {
            base.after = start(&self.config.initial_value, cursor, job);
        }
        let name = named(&cursor.name);
        let mut conditions: Vec<String> = base.after.iter().map(|after| order.after(after)).collect();
        conditions.extend(self.config.end_value.iter().map(|end| format!("{name} < {}", value(cursor, end))));
        let limit = self.config.late_commit_wait;
        let bound = self.guard.lock().await.bound(Question { client, relation, order, conditions, limit, job }).await?;
        let bound = match (bound, &base.after) {
            (Some(bound), Some(after)) if !self.beyond(scene, &bound, after).await? => None,
            (bound, _) => bound,
        };
        if first && job.start == Some(Start::Latest) {
            return Ok((Base { after: bound.clone(), ..base }, Some(latest(bound))));
        }
        let nulls = first && !cursor.not_null && self.config.null_cursor == NullCursor::Include;
        let mut ranges = if nulls { vec![Range::NoCursor] } else { Vec::new() };
        let new = bound.is_some();
        if new && first {
            ranges.extend(self.ranges(scene).await?);
        } else if new || (distance.is_some() && base.after.is_some()) {
            ranges.push(Range::Rows);
        }
        if ranges.is_empty() {
            return Ok((base, None));
        }
        let bound = bound.or_else(|| base.after.clone());
        let again = match (&distance, bound.as_ref().and_then(|bound| bound.0.first())) {
            (Some(distance), Some(bound)) => {
                let after = base.after.as_ref().and_then(|after| after.0.first()).filter(|_| !first);
                Some(lookback::windows(client, cursor, distance, after.map(String::as_str), bound).await?)
            }
            _ => None,
        };
        Ok((base, Some(Poll { bound, again, ranges })))
    }

    /// The ranges of a first read.
    async fn ranges(&self, scene: &Scene<'_>) -> Result<Vec<Range>> {
        let wanted = parts::wanted(scene.relation, self.config.partition_column.as_deref(), self.config.num_partitions)?;
        match wanted {
            Some((column, parts)) if !scene.order.columns.is_empty() => {
                parts::cut(scene.client, scene.relation, column, parts).await
            }
            _ => Ok(vec![Range::Rows]),
        }
    }

    /// Rows that have no place in the order are found before one is passed over.
    async fn no_nulls(&self, scene: &Scene<'_>, cursor: &Column) -> Result<()> {
        for column in scene.order.columns.iter().filter(|column| !column.not_null) {
            let is_cursor = column.name == cursor.name;
            if (is_cursor && self.config.null_cursor != NullCursor::Fail)
                || !scene.relation.any_null(scene.client, column).await?
            {
                continue;
            }
            return Err(if is_cursor {
                Error::new(Kind::Data, format!("rows have no value in the cursor column `{}`", column.name))
                    .context("remedy", "set `null_cursor` to `include` or `exclude`")
            } else {
                Error::new(Kind::Data, format!("rows have no value in `{}`, which tells rows apart", column.name))
                    .context("remedy", "set `tie_breaker` to columns that are never NULL")
            });
        }
        Ok(())
    }

    /// Whether `bound` lies after what was read: rows that were deleted may have held an earlier one.
    async fn beyond(&self, scene: &Scene<'_>, bound: &Key, after: &Key) -> Result<bool> {
        let pairs = || scene.order.columns.iter().zip(bound.0.iter().zip(&after.0));
        let bounds = pairs().map(|(column, (bound, _))| value(column, bound)).collect::<Vec<_>>().join(", ");
        let afters = pairs().map(|(column, (_, after))| value(column, after)).collect::<Vec<_>>().join(", ");
        let sql = format!("SELECT (({bounds}) > ({afters}))::pg_catalog.text");
        Ok(session::one(scene.client, &sql, "compare two places").await?.as_deref() == Some("true"))
    }
}

/// Where a first read begins: after this cursor value.
fn start(initial: &Option<String>, cursor: &Column, job: &Job) -> Option<Key> {
    if let Some(initial) = initial {
        return Some(Key(vec![initial.clone()]));
    }
    match (job.start, &cursor.ty) {
        (Some(Start::At(micros)), PgType::Timestamp | PgType::TimestampTz) => {
            Some(Key(vec![print::timestamp(micros.saturating_sub(1), cursor.ty == PgType::TimestampTz)]))
        }
        _ => None,
    }
}
