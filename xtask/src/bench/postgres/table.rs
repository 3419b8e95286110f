//! The rows: the same in every run, made by the server.
use super::server::Server;
use crate::Result;

/// The table, its key, and what there is of it without a key.
pub(super) const TABLE: &str = "events";
/// The same rows where nothing says what orders them.
pub(super) const UNORDERED: &str = "events_unordered";
/// What rows are written to.
pub(super) const TARGET: &str = "written";
/// What half of the rows are in before they are written once more.
const KEPT: &str = "half";

/// Ten mixed columns.
const COLUMNS: &str = "id bigint PRIMARY KEY, uid uuid, note text, kind text, score double precision, amount numeric(12,2), \
    qty integer, active boolean, moment timestamptz, meta jsonb";

/// Makes the table with `rows` rows, and a view of it.
pub(super) fn make(server: &Server, rows: u64) -> Result {
    server.run(&format!(
        "CREATE TABLE {TABLE} ({COLUMNS}); \
         INSERT INTO {TABLE} SELECT i, md5(i::text)::uuid, left(repeat(md5((i * 7)::text), 2), (20 + i % 41)::int), \
            (ARRAY['created','paid','packed','shipped','delivered','returned','refunded','cancelled'])[(1 + i % 8)::int], \
            sin(i::double precision) * 1000, ((i * 7919) % 10000000) / 100.0, (i % 1000)::int, i % 2 = 0, \
            timestamptz '2025-01-01 00:00:00Z' + make_interval(secs => ((i * 7.123457) % 34560000)::double precision), \
            jsonb_build_object('color', (ARRAY['river','copper','mint','ember'])[(1 + i % 4)::int], 'level', i % 10) \
         FROM generate_series(1::bigint, {rows}) AS i; \
         CREATE VIEW {UNORDERED} AS SELECT * FROM {TABLE}"
    ))?;
    server.run(&format!("VACUUM (FREEZE, ANALYZE) {TABLE}"))?;
    server.run("CHECKPOINT")
}

/// Makes the table that is written, and keeps the second half of the first `rows` rows as they are before they are updated.
pub(super) fn make_target(server: &Server, rows: u64) -> Result {
    server.run(&format!(
        "DROP TABLE IF EXISTS {TARGET}, {KEPT}; CREATE TABLE {TARGET} ({COLUMNS}); \
         CREATE TABLE {KEPT} AS SELECT id, uid, note, kind, score, amount, qty - 1 AS qty, \
            NOT active AS active, moment, meta FROM {TABLE} WHERE id > {0} AND id <= {rows}",
        rows / 2
    ))
}

/// Empties the target, and fills half of it where the other half is to be inserted and this one updated.
pub(super) fn reset(server: &Server, half: bool) -> Result {
    server.run(&format!("DROP TABLE IF EXISTS thyme_cursors; DROP TABLE IF EXISTS ingested; TRUNCATE {TARGET}"))?;
    if half {
        server.run(&format!("INSERT INTO {TARGET} SELECT * FROM {KEPT}"))?;
    }
    server.run(&format!("VACUUM ANALYZE {TARGET}"))?;
    server.run("CHECKPOINT")
}

/// Rows of a table, and a number made of all their cells.
pub(super) fn digest(server: &Server, table: &str) -> Result<String> {
    server.value(&format!("SELECT count(*) || ' ' || sum(hashtextextended(t::text, 0)) FROM {table} AS t"))
}
