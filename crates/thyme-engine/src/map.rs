//! Functions of the user between source and sink.
use std::fmt;
use std::sync::Arc;

use thyme_core::{Batch, Dataset, Error, Kind, Op, Ops, Record, Result};

type Function = Arc<dyn Fn(Batch) -> Result<Batch> + Send + Sync>;

/// What happens to each batch between source and sink, in order.
#[derive(Clone, Default)]
pub(crate) struct Maps {
    steps: Vec<Function>,
    /// The dataset after the last step that changes it.
    pub(crate) to: Option<Arc<Dataset>>,
}

impl Maps {
    /// Adds a step that keeps the columns, or whose columns `to` names.
    pub(crate) fn push(&mut self, step: Function, to: Option<Arc<Dataset>>) {
        self.steps.push(step);
        self.to = to.or_else(|| self.to.take());
    }

    /// Applies all steps. Rejects and the position are kept, whatever a step does with the rows.
    pub(crate) fn apply(&self, batch: Batch) -> Result<Batch> {
        if self.steps.is_empty() || batch.rows.num_rows() == 0 {
            return self.bare(batch);
        }
        let (rejects, position) = (batch.rejects.clone(), batch.position.clone());
        let mut batch = Batch { rejects: Vec::new(), ..batch };
        for step in &self.steps {
            batch = step(batch)?;
            whole(&batch)?;
        }
        Ok(Batch { rejects, position, ..batch })
    }

    /// A batch without rows gets the columns of the result.
    fn bare(&self, batch: Batch) -> Result<Batch> {
        match &self.to {
            Some(to) if !self.steps.is_empty() => {
                let moved = Batch::moved(Arc::clone(to.columns()), batch.position);
                Ok(Batch { rejects: batch.rejects, ..moved })
            }
            _ => Ok(batch),
        }
    }
}

/// A step must keep what lies beside the rows aligned with them.
fn whole(batch: &Batch) -> Result<()> {
    let rows = batch.rows.num_rows();
    let ops = matches!(&batch.ops, Ops::Each(ops) if ops.len() != rows);
    let before = batch.before.as_ref().is_some_and(|before| before.num_rows() != rows);
    let unset = batch.unset.iter().any(|(_, unset)| unset.len() != rows);
    if !(ops || before || unset) {
        return Ok(());
    }
    let text = "a function of `map` returned rows that operations, rows before or unset cells are not aligned with";
    Err(Error::new(Kind::Data, text).context("rows", rows))
}

impl fmt::Debug for Maps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} steps", self.steps.len())
    }
}

/// A function on typed rows as a step: each row becomes any number of rows, with the same operation.
pub(crate) fn typed<T: Record, U: Record, I: IntoIterator<Item = U>>(
    f: impl Fn(T) -> Result<I> + Send + Sync + 'static,
) -> Function {
    Arc::new(move |batch| {
        let ops = batch.ops.clone();
        if let Some(op) = ops.outside(&[Op::Insert, Op::Update]) {
            let text = format!("typed rows can't be made of a {}, which has its keys alone; use `map` on batches", op.name());
            return Err(Error::new(Kind::Unsupported, text));
        }
        let (mut rows, mut kept) = (Vec::new(), Vec::new());
        for (row, value) in batch.rows::<T>()?.into_iter().enumerate() {
            for value in f(value)? {
                rows.push(value);
                kept.push(ops.at(row));
            }
        }
        let mut mapped = Batch::from_rows(rows, batch.position)?;
        mapped.ops = match ops {
            Ops::All(op) => Ops::All(op),
            Ops::Each(_) => Ops::Each(kept.into()),
        };
        mapped.rejects = batch.rejects;
        Ok(mapped)
    })
}
