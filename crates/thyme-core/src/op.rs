//! What happened to a row.
use std::sync::Arc;

/// What happened to a row. `Truncate` stands on a row of nulls and empties the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Op {
    /// The row is new.
    Insert,
    /// The row is the latest state of its key.
    Update,
    /// The key is gone; only key columns need to be set.
    Delete,
    /// Every row of the table is gone.
    Truncate,
}

impl Op {
    /// All of them, for sinks that write every kind of change.
    pub const ALL: &'static [Self] = &[Self::Insert, Self::Update, Self::Delete, Self::Truncate];

    /// Lower-case English: `insert`, `update`, `delete`, `truncate`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Truncate => "truncate",
        }
    }
}

/// The operation of each row: one value when all agree, else one a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ops {
    /// Every row has this operation.
    All(Op),
    /// As many operations as rows.
    Each(Arc<[Op]>),
}

impl Ops {
    /// The operation of `row`. A row past the end reads as the last one given, so that a malformed batch cannot panic.
    #[must_use]
    pub fn at(&self, row: usize) -> Op {
        match self {
            Self::All(op) => *op,
            Self::Each(ops) => ops.get(row).or(ops.last()).copied().unwrap_or(Op::Insert),
        }
    }

    /// The same with every insert as an update: each row is the latest state of its key.
    #[must_use]
    pub fn upserted(self) -> Self {
        let upserted = |op: Op| if op == Op::Insert { Op::Update } else { op };
        match self {
            Self::All(op) => Self::All(upserted(op)),
            Self::Each(ops) => Self::Each(ops.iter().map(|op| upserted(*op)).collect()),
        }
    }

    /// The operations of `len` rows from `offset` on.
    #[must_use]
    pub fn slice(&self, offset: usize, len: usize) -> Self {
        match self {
            Self::All(op) => Self::All(*op),
            Self::Each(ops) => Self::Each(ops.iter().skip(offset).take(len).copied().collect()),
        }
    }

    /// The operations of the rows where `keep` is true.
    #[must_use]
    pub fn filter(&self, keep: &arrow_array::BooleanArray) -> Self {
        match self {
            Self::All(op) => Self::All(*op),
            Self::Each(ops) => {
                Self::Each(ops.iter().zip(keep.values().iter()).filter(|(_, keep)| *keep).map(|(op, _)| *op).collect())
            }
        }
    }

    /// Whether any row has an operation that is not in `allowed`, and which.
    #[must_use]
    pub fn outside(&self, allowed: &[Op]) -> Option<Op> {
        match self {
            Self::All(op) => Some(*op).filter(|op| !allowed.contains(op)),
            Self::Each(ops) => ops.iter().copied().find(|op| !allowed.contains(op)),
        }
    }
}
