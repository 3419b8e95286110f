//! The plan of a source whose splits are known at once: all that a small connector needs.
use std::collections::VecDeque;

use async_trait::async_trait;

use crate::{Plan, Position, Reader, Result, SplitId};

/// `splits` in order; `open` makes the reader of one, from after a position.
pub fn plan<F, R>(splits: impl IntoIterator<Item = impl Into<SplitId>>, open: F) -> Box<dyn Plan>
where
    F: FnMut(&SplitId, Option<&Position>) -> Result<R> + Send + 'static,
    R: Reader + 'static,
{
    Box::new(Fixed { splits: splits.into_iter().map(Into::into).collect(), open })
}

struct Fixed<F> {
    splits: VecDeque<SplitId>,
    open: F,
}

#[async_trait]
impl<F, R> Plan for Fixed<F>
where
    F: FnMut(&SplitId, Option<&Position>) -> Result<R> + Send,
    R: Reader + 'static,
{
    async fn next(&mut self) -> Result<Option<SplitId>> {
        Ok(self.splits.pop_front())
    }

    async fn reader(&mut self, split: &SplitId, from: Option<&Position>) -> Result<Box<dyn Reader>> {
        Ok(Box::new((self.open)(split, from)?))
    }
}
