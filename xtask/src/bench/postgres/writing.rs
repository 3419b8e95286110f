//! Writing a table: rows added, and rows by key of which the second half is there.
use super::table::{self, TABLE, TARGET};
use super::{Bench, racer};
use crate::Result;
use crate::bench::report::Sample;
use crate::bench::{remove, text};

const NAMES: &str = "id, uid, note, kind, score, amount, qty, active, moment, meta";

/// What the columns are in the file that is written from.
const DATASET: &str = "[pipeline.dataset]\nkey = [\"id\"]\n\n[pipeline.dataset.fields]\nid = \"int64\"\nuid = \"string\"\n\
    note = \"string\"\nkind = \"string\"\nscore = \"float64\"\namount = \"decimal(12,2)\"\nqty = \"int32\"\nactive = \"bool\"\n\
    moment = \"timestamp\"\nmeta = \"json\"\n\n";

/// Into an empty table with a primary key.
pub(super) fn append(bench: &Bench) -> Result {
    bench.write_rows(false)
}

/// By key.
pub(super) fn upsert(bench: &Bench) -> Result {
    bench.write_rows(true)
}

impl Bench {
    fn write_rows(&self, upsert: bool) -> Result {
        let rows = self.options.rows / 2;
        let taken = format!("SELECT {NAMES} FROM {TABLE} WHERE id <= {rows} ORDER BY id");
        let (binary, parquet) = (text(&self.folder.join("rows.copy"))?, text(&self.folder.join("rows.parquet"))?);
        self.copy(&[format!("\\copy ({taken}) TO '{binary}' (FORMAT binary)")], rows)?;
        remove(parquet.as_ref())?;
        let cells = NAMES.replace("uid", "uid::VARCHAR AS uid").replace("meta", "meta::VARCHAR AS meta");
        let statement = format!("COPY (SELECT {cells} FROM postgres_query('db', '{taken}')) TO '{parquet}' (FORMAT parquet)");
        self.peer("duckdb_copy", &["2", &statement], rows)?;
        table::make_target(&self.server, rows)?;
        let truth = self.server.value(&format!(
            "SELECT count(*) || ' ' || sum(hashtextextended(t::text, 0)) FROM {TABLE} AS t WHERE id <= {rows}"
        ))?;

        let checked = |run: &dyn Fn() -> Result<Sample>| {
            table::reset(&self.server, upsert)?;
            let sample = run()?;
            let found = table::digest(&self.server, TARGET)?;
            if found == truth { Ok(sample) } else { Err(format!("{found} is written instead of {truth}")) }
        };
        let mode = if upsert { "upsert" } else { "append" };
        let source = format!("type = \"file\"\npath = {parquet:?}\nformat = \"parquet\"\n");
        let sink = format!("type = \"postgres\"\nurl = {:?}\ntable = \"{TARGET}\"\nmode = \"{mode}\"\n", self.server.url());
        let copy = if upsert { by_key(&binary) } else { vec![format!("\\copy {TARGET} FROM '{binary}' (FORMAT binary)")] };
        let key = if upsert { "id" } else { "" };
        let racers = vec![
            racer(if upsert { "psql, \\copy and INSERT … ON CONFLICT" } else { "psql \\copy" }, || {
                checked(&|| self.copy(&copy, rows))
            }),
            racer("thyme run", || checked(&|| self.thyme(DATASET, &source, &sink))),
            racer("adbc ingest", || {
                table::reset(&self.server, upsert)?;
                self.peer("adbc_ingest", &[&parquet, key], rows)
            }),
        ];
        let what = if upsert { "by key, the second half updates" } else { "added to an empty table" };
        self.race(&format!("{rows} rows {what}"), &racers)?;
        println!(
            "\nAll rows and cells were compared after each run of psql and thyme. adbc adds to a table that it makes itself."
        );
        Ok(())
    }
}

/// The quickest way by hand.
fn by_key(file: &str) -> Vec<String> {
    let sets = NAMES.split(", ").filter(|name| *name != "id").map(|name| format!("{name} = EXCLUDED.{name}"));
    vec![
        "BEGIN".to_owned(),
        format!("CREATE TEMPORARY TABLE stage ON COMMIT DROP AS SELECT * FROM {TARGET} WITH NO DATA"),
        format!("\\copy stage FROM '{file}' (FORMAT binary)"),
        format!(
            "INSERT INTO {TARGET} SELECT * FROM stage ON CONFLICT (id) DO UPDATE SET {}",
            sets.collect::<Vec<_>>().join(", ")
        ),
        "COMMIT".to_owned(),
    ]
}
