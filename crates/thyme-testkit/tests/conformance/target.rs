//! `Target`: a sink with a fence.
use thyme_core::arrow::array::cast::AsArray;
use thyme_core::arrow::array::{Array, RecordBatch, UInt64Array};
use thyme_core::arrow::select::take::take_record_batch;
use thyme_core::memory::Target;
use thyme_core::{Dataset, Op, Result, Sink, async_trait};
use thyme_testkit::harness::{SinkDeclares, SinkFixture, SinkHarness};

#[derive(Clone, Copy, Default)]
pub(crate) struct Harness {
    pub(crate) inserts: bool,
    pub(crate) per_poll: bool,
    pub(crate) no_cursor: bool,
    pub(crate) refuses: Option<&'static str>,
}

struct Fixture(Target);

#[async_trait]
impl SinkHarness for Harness {
    fn declares(&self) -> SinkDeclares {
        SinkDeclares { types: Some(&[]), refuses: self.refuses, ..SinkDeclares::default() }
    }

    async fn fixture(&self) -> Result<Box<dyn SinkFixture>> {
        let mut target = Target::new().declare(|info| {
            info.holds_cursor = !self.no_cursor;
            info.per_poll = self.per_poll;
            info.ops = if self.inserts { &[Op::Insert] } else { Op::ALL };
        });
        if let Some(poison) = self.refuses {
            target = target.refuse(move |rows, row| {
                let text = rows.column_by_name("text")?.as_string_opt::<i32>()?;
                (text.is_valid(row) && text.value(row) == poison).then(|| "this text is refused".into())
            });
        }
        Ok(Box::new(Fixture(target)))
    }
}

#[async_trait]
impl SinkFixture for Fixture {
    fn sink(&self) -> Result<Box<dyn Sink>> {
        Ok(Box::new(self.0.clone()))
    }

    /// The rows that are left when every change is applied in order.
    async fn dump(&self, dataset: &Dataset) -> Result<RecordBatch> {
        let rows = self.0.rows(dataset)?;
        let ids = rows.column_by_name("id").unwrap().as_primitive::<thyme_core::arrow::array::types::Int64Type>().clone();
        let ops = self.0.written().into_iter().flat_map(|w| (0..w.rows.num_rows()).map(move |row| w.ops.at(row)));
        let mut left = Vec::<u64>::new();
        for (row, op) in (0u64..).zip(ops) {
            let id = ids.value(row as usize);
            match op {
                Op::Insert => left.push(row),
                Op::Truncate => left.clear(),
                Op::Update | Op::Delete => {
                    left.retain(|old| ids.value(*old as usize) != id);
                    left.extend(Some(row).filter(|_| op == Op::Update));
                }
            }
        }
        Ok(take_record_batch(&rows, &UInt64Array::from(left)).unwrap())
    }
}
