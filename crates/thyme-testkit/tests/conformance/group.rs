//! `Group` and `Member`: partitions that processes share.
use std::sync::Mutex;

use thyme_core::memory::Group;
use thyme_core::{Dataset, Error, Kind, Result, Source, async_trait};
use thyme_testkit::harness::{Change, SourceDeclares, SourceFixture, SourceHarness};
use thyme_testkit::rows::{self, Row};

const PARTITIONS: usize = 3;

pub(crate) struct Harness;

struct Fixture {
    group: Group,
    joined: Mutex<Vec<usize>>,
}

#[async_trait]
impl SourceHarness for Harness {
    fn declares(&self) -> SourceDeclares {
        SourceDeclares { keyed: Some(PARTITIONS as i64), hands_over: true, ..SourceDeclares::default() }
    }

    async fn fixture(&self) -> Result<Box<dyn SourceFixture>> {
        Ok(Box::new(Fixture { group: Group::new(rows::dataset("suite")?, PARTITIONS), joined: Mutex::default() }))
    }
}

#[async_trait]
impl SourceFixture for Fixture {
    fn source(&self) -> Result<Box<dyn Source>> {
        Ok(Box::new(self.group.member()))
    }

    fn join(&self) -> Result<Box<dyn Source>> {
        let member = self.group.member();
        self.joined.lock().unwrap().push(member.id());
        Ok(Box::new(member))
    }

    fn dataset(&self) -> Result<Dataset> {
        rows::dataset("suite")
    }

    async fn add(&self, rows: &[Row]) -> Result<()> {
        let partition = |row: &Row| usize::try_from(row.id).unwrap() % PARTITIONS;
        rows.iter().try_for_each(|row| self.group.append(partition(row), &rows::batch(std::slice::from_ref(row))?))
    }

    async fn change(&self, change: Change) -> Result<()> {
        let Change::HandOver(turn) = change else { return Err(Error::new(Kind::Unsupported, format!("{change:?}"))) };
        let joined = self.joined.lock().unwrap();
        self.group.assign(turn % PARTITIONS, joined[(turn / PARTITIONS + turn) % joined.len()])
    }
}
