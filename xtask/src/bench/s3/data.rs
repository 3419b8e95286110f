//! The objects that are read, and what is known of them.
use std::path::Path;

use super::{Bench, Case, remove, text};
use crate::bench::file::case::{Format, LINES};
use crate::bench::file::data::{self, Random};
use crate::bench::s3::server::BUCKET;
use crate::{Result, process};

/// Objects in the bucket.
pub(super) struct Objects {
    /// The folder that they are in.
    name: &'static str,
    format: Format,
    /// How many, and their bytes in all.
    pub(super) count: u64,
    pub(super) bytes: u64,
    /// The number of rows, and the sum of their hashes.
    pub(super) digest: Vec<String>,
}

impl Objects {
    /// Makes them as files, sums these up, and puts them into the bucket. The files are gone then.
    pub(super) fn make(bench: &Bench, case: &Case) -> Result<Self> {
        let folder = bench.folder.join("objects");
        remove(&folder)?;
        std::fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        let scaled = |n: u64| (n * bench.options.percent / 100).max(1);
        let format = case.job.input;
        let (count, bytes) = match (case.count, format) {
            (1, Format::Parquet) => (1, rows(bench, &folder, scaled(case.bytes))?),
            (1, _) => (1, data::generate(&LINES, &folder.join(file_name(0, format)), scaled(case.bytes))?),
            (count, _) => (scaled(count), many(&folder, scaled(count), case.bytes)?),
        };
        let files = format!("{}/*.{}", text(&folder)?, format.name());
        let digest = bench.digest(&case.job.digest_of(format, &files))?;
        let mut copy = bench.server.s5cmd(&bench.s5cmd);
        copy.args(["--log", "error", "cp", "--raw"]).arg(format!("{}/", text(&folder)?));
        process::run(copy.arg(format!("s3://{BUCKET}/{}/", case.name)))?;
        remove(&folder)?;
        Ok(Self { name: case.name, format, count, bytes, digest })
    }

    /// What their keys begin with.
    pub(super) fn folder(&self) -> String {
        format!("{}/", self.name)
    }

    /// The URI of each.
    pub(super) fn uris(&self) -> impl Iterator<Item = String> {
        (0..self.count).map(|number| format!("s3://{BUCKET}/{}/{}", self.name, file_name(number, self.format)))
    }

    /// All of them.
    pub(super) fn pattern(&self) -> String {
        format!("s3://{BUCKET}/{}/*.{}", self.name, self.format.name())
    }

    pub(super) fn rows(&self) -> &str {
        self.digest.first().map_or("", String::as_str)
    }

    /// Makes room for others.
    pub(super) fn remove(self, bench: &Bench) -> Result {
        let mut rm = bench.server.s5cmd(&bench.s5cmd);
        process::run(rm.args(["--log", "error", "rm", &self.pattern()]))
    }
}

/// Files of lines, each a little larger than `bytes`; the bytes of all.
fn many(folder: &Path, count: u64, bytes: u64) -> Result<u64> {
    let (mut random, mut lines, mut id, mut all) = (Random::default(), String::new(), 0, 0);
    for number in 0..count {
        lines.clear();
        while (lines.len() as u64) < bytes {
            (LINES.row)(&mut lines, &mut random, id);
            lines.push('\n');
            id += 1;
        }
        all += lines.len() as u64;
        let file = folder.join(file_name(number, Format::Jsonl));
        std::fs::write(&file, &lines).map_err(|e| format!("{}: {e}", file.display()))?;
    }
    Ok(all)
}

/// One file of about `bytes`, in row groups as DuckDB makes them; its bytes.
fn rows(bench: &Bench, folder: &Path, bytes: u64) -> Result<u64> {
    let file = folder.join(file_name(0, Format::Parquet));
    let word =
        |n: u32| format!("(['river', 'copper', 'mint', 'harbour', 'cinder', 'café', '日本'])[1 + (hash(i, {n}) % 7)::INT]");
    let statement = format!(
        "COPY (SELECT i AS id, md5(i::VARCHAR) AS uid, \
         CASE WHEN hash(i, 1) % 20 > 0 THEN {} || ' ' || {} || ' ' || {} || hash(i, 5) % 1000000 END AS note, {} AS kind, \
         (hash(i, 6) % 1000000000)::DOUBLE / 1e6 AS score, ((hash(i, 7) % 10000000)::DECIMAL(18, 0) / 100)::DECIMAL(12, 2) AS amount, \
         (hash(i, 8) % 1000)::INTEGER AS qty, hash(i, 9) % 2 = 0 AS active, \
         TIMESTAMPTZ '2025-01-01' + to_microseconds((hash(i, 10) % 34560000000000)::BIGINT) AS at, \
         '{{\"color\":\"' || {} || '\",\"level\":' || hash(i, 11) % 10 || '}}' AS meta FROM range({}) t(i)) \
         TO '{}' (FORMAT parquet, COMPRESSION snappy)",
        word(1),
        word(2),
        word(3),
        word(4),
        word(5),
        bytes / ROW_BYTES,
        text(&file)?
    );
    bench.digest(&statement)?;
    file.metadata().map(|meta| meta.len()).map_err(|e| format!("{}: {e}", file.display()))
}

/// What a row takes in Parquet.
const ROW_BYTES: u64 = 100;

fn file_name(number: u64, format: Format) -> String {
    format!("{number:06}.{}", format.name())
}
