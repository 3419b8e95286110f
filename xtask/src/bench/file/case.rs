//! What is measured: columns, input and output of each case.
use super::data::{self, Writer};

/// One job that both programs do.
#[derive(Clone, Copy)]
pub(in crate::bench) struct Case {
    pub(in crate::bench) name: &'static str,
    pub(in crate::bench) input: Format,
    pub(in crate::bench) output: Format,
    pub(super) columns: fn() -> Vec<Column>,
    /// Writes one row.
    pub(in crate::bench) row: Writer,
    /// Some lines are broken: they are left out, and counted as such.
    pub(super) broken: bool,
}

/// A file format.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::bench) enum Format {
    Jsonl,
    Csv,
    Parquet,
}

/// A column by its name and its type in either program.
pub(super) struct Column {
    pub(super) name: String,
    pub(super) thyme: &'static str,
    pub(super) duck: &'static str,
}

impl Format {
    pub(in crate::bench) fn name(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Csv => "csv",
            Self::Parquet => "parquet",
        }
    }
}

/// All cases, in the order they are run.
pub(super) const CASES: &[Case] = &[
    case("jsonl-parquet", Format::Jsonl, Format::Parquet, flat, data::flat_json, false),
    case("jsonl-broken", Format::Jsonl, Format::Parquet, flat, data::broken_json, true),
    case("jsonl-nested", Format::Jsonl, Format::Parquet, nested, data::nested_json, false),
    case("jsonl-wide", Format::Jsonl, Format::Parquet, wide, data::wide_json, false),
    case("csv-parquet", Format::Csv, Format::Parquet, flat, data::flat_csv, false),
    case("csv-jsonl", Format::Csv, Format::Jsonl, flat, data::flat_csv, false),
];

/// Lines as most services write them, to be made Parquet.
pub(in crate::bench) const LINES: Case = case("jsonl", Format::Jsonl, Format::Parquet, flat, data::flat_json, false);

/// The same rows, in Parquet on both sides.
pub(in crate::bench) const ROWS: Case = case("parquet", Format::Parquet, Format::Parquet, flat, data::flat_json, false);

const fn case(
    name: &'static str,
    input: Format,
    output: Format,
    columns: fn() -> Vec<Column>,
    row: Writer,
    broken: bool,
) -> Case {
    Case { name, input, output, columns, row, broken }
}

impl Case {
    /// The pipeline file: from a source, which is all of its table but the format, to a file.
    pub(in crate::bench) fn pipeline(&self, source: &str, output: &str) -> String {
        let fields: Vec<String> = (self.columns)().iter().map(|c| format!("    {} = {:?}\n", c.name, c.thyme)).collect();
        let on_error = if self.broken { "on_error = \"skip\"\n" } else { "" };
        let compression = if self.output == Format::Parquet { "compression = \"snappy\"\n" } else { "" };
        format!(
            "[[pipeline]]\nname = \"bench\"\nschedule = \"@once\"\n{on_error}\n\
             [pipeline.dataset]\n[pipeline.dataset.fields]\n{}\n\
             [pipeline.source]\n{source}format = {:?}\n\n\
             [pipeline.sink]\ntype = \"file\"\npath = {output:?}\nformat = {:?}\n{compression}",
            fields.concat(),
            self.input.name(),
            self.output.name(),
        )
    }

    /// The same job for DuckDB.
    pub(in crate::bench) fn copy(&self, input: &str, output: &str) -> String {
        let options = match self.output {
            Format::Parquet => "FORMAT parquet, COMPRESSION snappy",
            Format::Jsonl => "FORMAT json",
            Format::Csv => "FORMAT csv",
        };
        format!("COPY (SELECT * FROM {}) TO '{output}' ({options})", self.read(self.input, input))
    }

    /// The table function that reads a file of `format` with our columns.
    pub(super) fn read(&self, format: Format, path: &str) -> String {
        let columns: Vec<String> = (self.columns)().iter().map(|c| format!("'{}': '{}'", c.name, c.duck)).collect();
        let columns = columns.join(", ");
        let broken = if self.broken { ", ignore_errors = true" } else { "" };
        match format {
            Format::Parquet => format!("read_parquet('{path}')"),
            Format::Jsonl => {
                format!("read_json('{path}', format = 'newline_delimited', columns = {{{columns}}}{broken})")
            }
            Format::Csv => {
                format!("read_csv('{path}', header = true, delim = ',', quote = '\"', escape = '\"', columns = {{{columns}}})")
            }
        }
    }

    /// A statement that sums up all rows of an output, whatever their order: their number and the sum of their hashes.
    /// DuckDB makes a row of nulls of a broken line; these don't count.
    pub(in crate::bench) fn digest(&self, path: &str) -> String {
        self.digest_of(self.output, path)
    }

    /// The same of files in `format`.
    pub(in crate::bench) fn digest_of(&self, format: Format, path: &str) -> String {
        let cells: Vec<String> = (self.columns)().iter().map(|c| format!("CAST(\"{}\" AS {})", c.name, c.canonical())).collect();
        let (table, cells) = (self.read(format, path), cells.join(", "));
        let whole = if self.broken { " WHERE id IS NOT NULL" } else { "" };
        format!("SELECT count(*), sum(hash({cells})::HUGEINT) FROM {table}{whole}")
    }
}

impl Column {
    /// The type in which the outputs of both programs are compared.
    fn canonical(&self) -> &'static str {
        if self.duck == "JSON" { "VARCHAR" } else { self.duck }
    }
}

fn column(name: &str, thyme: &'static str, duck: &'static str) -> Column {
    Column { name: name.to_owned(), thyme, duck }
}

fn flat() -> Vec<Column> {
    vec![
        column("id", "int64", "BIGINT"),
        column("uid", "string", "VARCHAR"),
        column("note", "string", "VARCHAR"),
        column("kind", "string", "VARCHAR"),
        column("score", "float64", "DOUBLE"),
        column("amount", "decimal(12,2)", "DECIMAL(12,2)"),
        column("qty", "int32", "INTEGER"),
        column("active", "bool", "BOOLEAN"),
        column("at", "timestamp", "TIMESTAMPTZ"),
        column("meta", "json", "JSON"),
    ]
}

fn nested() -> Vec<Column> {
    vec![
        column("id", "int64", "BIGINT"),
        column("at", "timestamp", "TIMESTAMPTZ"),
        column("customer", "struct<id:int64,name:string,tags:list<string>>", "STRUCT(id BIGINT, name VARCHAR, tags VARCHAR[])"),
        column("items", "list<struct<sku:string,qty:int32,price:float64>>", "STRUCT(sku VARCHAR, qty INTEGER, price DOUBLE)[]"),
        column("attributes", "map<string,string>", "MAP(VARCHAR, VARCHAR)"),
        column("place", "struct<lat:float64,lon:float64>", "STRUCT(lat DOUBLE, lon DOUBLE)"),
    ]
}

fn wide() -> Vec<Column> {
    let types = [("int64", "BIGINT"), ("float64", "DOUBLE"), ("string", "VARCHAR"), ("bool", "BOOLEAN")];
    (0..data::WIDE).map(|i| column(&format!("c{i:03}"), types[i % 4].0, types[i % 4].1)).collect()
}
