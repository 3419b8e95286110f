//! Who is at work in the database now and may still commit rows.
use std::collections::{BTreeMap, BTreeSet};

use thyme_core::Result;

use crate::client::Client;
use crate::error::from_pg;

/// The advisory lock that our reading sessions hold, so that other pipelines know that they never write.
const READER: (i32, i32) = (0x7479_6d65, 0x7265_6164);

/// What every session of a source says first: it reads, and whoever looks can see that.
pub(super) fn reads_only() -> String {
    format!("SET default_transaction_read_only = on; SELECT pg_catalog.pg_advisory_lock_shared({}, {})", READER.0, READER.1)
}

/// Transactions that are open, by id, each with who it is.
#[derive(Clone, Debug, Default)]
pub(super) struct Open {
    /// By virtual id, which a transaction has from its first moment, and which everybody may see.
    pub(super) running: BTreeMap<String, String>,
    /// By transaction id.
    pub(super) prepared: BTreeMap<String, String>,
}

impl Open {
    /// Asks the server. What ran before this was asked and runs after it was answered is in it: a transaction that is prepared
    /// meanwhile shows as prepared before it stops to show as running, and is asked for in that order.
    pub(super) async fn now(client: &Client) -> Result<Self> {
        let running = format!(
            "SELECT l.virtualxid, 'process ' || l.pid || coalesce(', user ' || a.usename, '') \
                || coalesce(', application ' || nullif(a.application_name, ''), '') || coalesce(', since ' || a.xact_start, '') \
             FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid \
             WHERE l.locktype = 'virtualxid' AND l.mode = 'ExclusiveLock' AND l.granted AND l.pid <> pg_catalog.pg_backend_pid() \
                AND (a.pid IS NULL OR a.usesysid IS NOT NULL AND (a.datid IS NULL OR a.datname = pg_catalog.current_database())) \
                AND NOT EXISTS (SELECT FROM pg_catalog.pg_locks r WHERE r.pid = l.pid AND r.locktype = 'advisory' \
                    AND r.classid = {} AND r.objid = {} AND r.objsubid = 2 AND r.mode = 'ShareLock')",
            READER.0, READER.1
        );
        const PREPARED: &str = "SELECT transaction::pg_catalog.text, 'prepared transaction ' || gid || ' of ' || owner || ' since ' \
            || prepared FROM pg_catalog.pg_prepared_xacts WHERE database = pg_catalog.current_database()";
        Ok(Self { running: pairs(client, &running).await?, prepared: pairs(client, PREPARED).await? })
    }
}

async fn pairs(client: &Client, sql: &str) -> Result<BTreeMap<String, String>> {
    let found = client.simple_query(sql).await.map_err(|e| from_pg(e, "look for open transactions"))?;
    let pairs = found.iter().filter_map(|message| match message {
        tokio_postgres::SimpleQueryMessage::Row(row) => Some((row.get(0)?.to_owned(), row.get(1).unwrap_or_default().to_owned())),
        _ => None,
    });
    Ok(pairs.collect())
}

/// The transactions that were open at one moment, as far as they still are.
#[derive(Clone, Debug)]
pub(super) struct Waits {
    running: BTreeSet<String>,
    prepared: BTreeSet<String>,
}

impl Waits {
    pub(super) fn new(open: &Open) -> Self {
        Self { running: open.running.keys().cloned().collect(), prepared: open.prepared.keys().cloned().collect() }
    }

    /// Forgets those that are over.
    pub(super) fn update(&mut self, now: &Open) {
        let before = self.running.len();
        self.running.retain(|id| now.running.contains_key(id));
        self.prepared.retain(|id| now.prepared.contains_key(id));
        if self.running.len() < before {
            // One that no longer runs may be prepared now, under a name that does not tell which one it was.
            self.prepared.extend(now.prepared.keys().cloned());
        }
    }

    pub(super) fn over(&self) -> bool {
        self.running.is_empty() && self.prepared.is_empty()
    }

    /// Who they are, five of them at most.
    pub(super) fn names(&self, now: &Open) -> String {
        let running = self.running.iter().filter_map(|id| now.running.get(id));
        let prepared = self.prepared.iter().filter_map(|id| now.prepared.get(id));
        let names = running.chain(prepared).take(5).cloned().collect::<Vec<_>>();
        let more = self.running.len() + self.prepared.len() - names.len();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("{}{more}", names.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(running: &[&str], prepared: &[&str]) -> Open {
        let map = |ids: &[&str]| ids.iter().map(|id| ((*id).to_owned(), format!("process {id}"))).collect();
        Open { running: map(running), prepared: map(prepared) }
    }

    #[test]
    fn only_those_that_were_open_then_count() {
        let mut waits = Waits::new(&open(&["1/1", "2/7"], &[]));
        waits.update(&open(&["2/7", "3/3"], &[]));
        assert!(!waits.over());
        waits.update(&open(&["2/8", "3/3"], &[]));
        assert!(waits.over());
    }

    #[test]
    fn a_transaction_that_is_prepared_is_not_over() {
        let mut waits = Waits::new(&open(&["1/1"], &[]));
        waits.update(&open(&[], &["700"]));
        assert!(!waits.over());
        waits.update(&open(&[], &["700", "701"]));
        waits.update(&open(&[], &["701"]));
        assert!(waits.over());
    }
}
