//! Reading a table: to Arrow, to Parquet, to lines of JSON.
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use super::table::{TABLE, UNORDERED};
use super::{Bench, Racer, equal, racer};
use crate::bench::report::Sample;
use crate::bench::{remove, text};
use crate::{Result, process};

/// The columns of our lines and of DuckDB's, which has the document as a text.
const LINES: &str = "id: 'BIGINT', uid: 'VARCHAR', note: 'VARCHAR', kind: 'VARCHAR', score: 'DOUBLE', amount: 'DECIMAL(12,2)', \
    qty: 'INTEGER', active: 'BOOLEAN', moment: 'TIMESTAMPTZ', meta: 'JSON'";

/// One connection, in whatever order the server has the rows.
pub(super) fn arrow(bench: &Bench) -> Result {
    bench.to_arrow("to Arrow, one connection, no order", &format!("table={UNORDERED}"), None, 1)
}

/// One connection, by the key.
pub(super) fn ordered(bench: &Bench) -> Result {
    bench.to_arrow("to Arrow, one connection, by a cursor column", &format!("table={TABLE}"), Some("id"), 1)
}

/// Two connections, a range each.
pub(super) fn ranges(bench: &Bench) -> Result {
    let query = format!("table={TABLE}&partition_column=id&num_partitions=2");
    bench.to_arrow("to Arrow, two ranges at once", &query, None, 2)
}

/// Files, with their commits.
pub(super) fn parquet(bench: &Bench) -> Result {
    bench.to_files("parquet", "compression = \"snappy\"\n", "FORMAT parquet, COMPRESSION snappy")
}

/// Lines of JSON, with their commits.
pub(super) fn jsonl(bench: &Bench) -> Result {
    bench.to_files("jsonl", "", "FORMAT json")
}

impl Bench {
    fn to_arrow(&self, title: &str, query: &str, cursor: Option<&str>, parts: usize) -> Result {
        let ours = || self.read(query, cursor);
        let copies = self.server.copies(|| ours().map(drop))?;
        if copies.len() != parts {
            return Err(format!("{} COPY statements where {parts} were to be seen: {copies:?}", copies.len()));
        }
        let select =
            if cursor.is_some() { format!("SELECT * FROM {TABLE} ORDER BY id") } else { format!("SELECT * FROM {TABLE}") };
        let duck = if cursor.is_some() { format!("FROM postgres_query('db', '{select}')") } else { format!("FROM db.{TABLE}") };
        let (rows, at_once, threads) = (self.options.rows, parts.to_string(), parts.to_string());
        let mut racers = vec![
            racer(
                format!("psql, {}", if parts == 1 { "the same COPY to nowhere" } else { "the same COPYs at once to nowhere" }),
                || self.nowhere(&copies),
            ),
            racer("thyme", ours),
            racer("DuckDB", || self.peer("duckdb_arrow", &[&threads, &duck], rows)),
            racer("connectorx", || self.peer("connectorx", &[&select, "id", &at_once], rows)),
        ];
        if parts == 1 {
            racers.push(racer("adbc", || self.peer("adbc", &[&select], rows)));
        }
        self.race(&format!("{rows} rows {title}"), &racers)?;
        println!("\nThe statements: `{}`", copies.join("`, `"));
        Ok(())
    }

    fn to_files(&self, format: &str, options: &str, duck: &str) -> Result {
        let rows = self.options.rows;
        let theirs = self.folder.join(format!("theirs.{format}"));
        let (out, json) = (self.folder.join("ours"), self.folder.join("row_to_json.jsonl"));
        let ours = || self.write(&out, format, options, rows, 1);
        let copies = self.server.copies(|| ours().map(drop))?;
        let duck = format!("COPY (FROM db.{TABLE}) TO '{}' ({duck})", text(&theirs)?);
        let threads = self.options.threads.to_string();
        let to_json = format!("\\copy (SELECT row_to_json(t) FROM {TABLE} AS t) TO '{}'", text(&json)?);
        let mut racers = vec![
            racer("psql, the same COPY to nowhere", || self.nowhere(&copies)),
            racer("thyme run", ours),
            racer("thyme run, two ranges at once", || self.write(&out, format, options, rows, 2)),
            racer("DuckDB", || {
                remove(&theirs)?;
                self.peer("duckdb_copy", &[&threads, &duck], rows)
            }),
        ];
        if format == "jsonl" {
            racers.push(racer("psql, COPY (row_to_json)", || self.copy(std::slice::from_ref(&to_json), rows)));
            if let Some(faucet) = &self.options.faucet {
                racers.push(self.faucet_racer(faucet, self.folder.join("faucet.jsonl")));
            }
        }
        if let (Some(rivet), "parquet") = (&self.options.rivet, format) {
            racers.push(self.rivet_racer(rivet, self.folder.join("rivet")));
        }
        self.race(&format!("{rows} rows to {format}"), &racers)?;
        // Ours are sixteen bytes in Parquet.
        let digits = "replace(uid::VARCHAR, '-', '')";
        let our_digits = if format == "parquet" { "lower(hex(uid))" } else { digits };
        let found = self.digest(format, &format!("{}/**/*.{format}", text(&out)?), our_digits)?;
        let digests = [found, self.digest(format, &text(&theirs)?, digits)?];
        println!("\nThe statement: `{}`", copies.join("`, `"));
        match &digests {
            [ours, theirs] if ours == theirs => println!("\nThyme and DuckDB wrote the same rows: {ours}."),
            [ours, theirs] => return Err(format!("thyme wrote other rows than DuckDB: {ours}, {theirs}")),
        }
        Ok(())
    }

    /// The limit: what the server sends, taken and dropped.
    fn nowhere(&self, copies: &[String]) -> Result<Sample> {
        let select = |copy: &String| {
            let select = copy.strip_prefix("COPY ").and_then(|rest| rest.rsplit_once(" TO STDOUT"));
            select.map(|(select, _)| format!("\\copy {select} TO '/dev/null' (FORMAT binary)"))
        };
        let commands = copies.iter().map(|copy| select(copy).ok_or_else(|| format!("no COPY to be repeated: {copy}")));
        let commands = commands.collect::<Result<Vec<_>>>()?;
        if commands.len() == 1 {
            return self.copy(&commands, self.options.rows);
        }
        // All at once, and none may fail.
        let mut shell = process::command("sh", Path::new("/"));
        let script = "psql=$1; url=$2; shift 2; for c in \"$@\"; do \"$psql\" -X \"$url\" -c \"$c\" & p=\"$p $!\"; done; \
                      for i in $p; do wait $i || exit 1; done";
        shell.args(["-c", script, "sh"]).arg(self.server.psql().get_program()).arg(self.server.url()).args(commands);
        let sample = self.measure(&shell)?;
        let log = self.python.log()?;
        let copied = log.lines().filter_map(|line| line.strip_prefix("COPY ")?.trim().parse::<u64>().ok()).sum();
        equal(copied, self.options.rows).map(|()| sample)
    }

    /// Our batches, dropped.
    fn read(&self, query: &str, cursor: Option<&str>) -> Result<Sample> {
        let mut command = process::command(&self.read, &self.folder);
        command.arg(format!("{}?{query}", self.server.url())).args(cursor);
        let sample = self.measure(&command)?;
        let log = self.python.log()?;
        let rows = log.split_whitespace().next().and_then(|rows| rows.parse().ok()).unwrap_or_default();
        equal(rows, self.options.rows).map(|()| sample)
    }

    /// Our files.
    fn write(&self, out: &Path, format: &str, options: &str, rows: u64, parts: u32) -> Result<Sample> {
        remove(out)?;
        let ranges = if parts > 1 { format!("partition_column = \"id\"\nnum_partitions = {parts}\n") } else { String::new() };
        let source = format!("type = \"postgres\"\nurl = {:?}\ntable = \"{TABLE}\"\n{ranges}", self.server.url());
        let sink = format!("type = \"file\"\npath = {:?}\nformat = \"{format}\"\n{options}", text(out)?);
        let sample = self.thyme("", &source, &sink)?;
        let found = match format {
            "jsonl" => lines(&files(out)?)?,
            _ => self.in_parquet(out)?,
        };
        equal(found, rows).map(|()| sample)
    }

    /// The rows of a folder of Parquet.
    fn in_parquet(&self, folder: &Path) -> Result<u64> {
        let count = self.duckdb_value(&format!("SELECT count(*) FROM '{}/**/*.parquet'", text(folder)?))?;
        count.parse().map_err(|e| format!("{count}: {e}"))
    }

    fn rivet_racer<'a>(&'a self, binary: &'a Path, out: PathBuf) -> Racer<'a> {
        racer("rivet", move || {
            remove(&out)?;
            let sample = self.rivet(binary, &out)?;
            equal(self.in_parquet(&out)?, self.options.rows).map(|()| sample)
        })
    }

    fn faucet_racer<'a>(&'a self, binary: &'a Path, out: PathBuf) -> Racer<'a> {
        racer("faucet", move || {
            remove(&out)?;
            let sample = self.faucet(binary, &out)?;
            equal(lines(std::slice::from_ref(&out))?, self.options.rows).map(|()| sample)
        })
    }

    /// All cells of all rows, whatever their order.
    fn digest(&self, format: &str, path: &str, uid: &str) -> Result<String> {
        let (table, meta) = match format {
            "parquet" => (format!("'{path}'"), "meta::VARCHAR"),
            _ => (format!("read_json('{path}', format = 'newline_delimited', columns = {{{LINES}}})"), "meta->>'$'"),
        };
        let cells = format!("id, {uid}, note, kind, score, amount, qty, active, moment, replace({meta}, ' ', '')");
        self.duckdb_value(&format!("SELECT count(*) || ' rows, ' || sum(hash({cells})::HUGEINT) FROM {table}"))
    }
}

/// Files below a folder.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let fail = |e: std::io::Error| format!("{}: {e}", folder.display());
    for entry in std::fs::read_dir(folder).map_err(fail)? {
        let path = entry.map_err(fail)?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "jsonl") {
            found.push(path);
        }
    }
    Ok(found)
}

fn lines(files: &[PathBuf]) -> Result<u64> {
    let mut lines = 0;
    for path in files {
        let fail = |e: std::io::Error| format!("{}: {e}", path.display());
        let mut reader = BufReader::with_capacity(1 << 20, File::open(path).map_err(fail)?);
        loop {
            let bytes = reader.fill_buf().map_err(fail)?;
            if bytes.is_empty() {
                break;
            }
            lines += bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
            let length = bytes.len();
            reader.consume(length);
        }
    }
    Ok(lines)
}
