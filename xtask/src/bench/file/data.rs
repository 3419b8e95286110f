//! Made-up rows that are the same on every machine: mixed types, escapes, nulls, keys out of order.
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use super::case::{Case, Format};
use crate::Result;

/// Appends row `id` to a buffer.
pub(in crate::bench) type Writer = fn(&mut String, &mut Random, u64);

/// Columns of the wide case.
pub(super) const WIDE: usize = 200;

const WORDS: &[&str] =
    &["river", "copper", "mint", "harbour", "cinder", "meadow", "quartz", "saffron", "willow", "ember", "café", "straße", "日本"];
const KINDS: &[&str] = &["created", "paid", "packed", "shipped", "delivered", "returned", "refunded", "cancelled"];

/// Writes rows until `bytes` are reached. A file of that size that is already there is kept.
pub(in crate::bench) fn generate(case: &Case, path: &Path, bytes: u64) -> Result<u64> {
    if let Ok(meta) = path.metadata()
        && meta.len() >= bytes
    {
        return Ok(meta.len());
    }
    let fail = |e: std::io::Error| format!("{}: {e}", path.display());
    let part = path.with_extension("part");
    let mut file = BufWriter::with_capacity(1 << 20, File::create(&part).map_err(fail)?);
    let (mut random, mut line, mut written) = (Random::default(), String::new(), 0);
    if case.input == Format::Csv {
        let names: Vec<String> = (case.columns)().into_iter().map(|column| column.name).collect();
        line = names.join(",") + "\n";
    }
    for id in 0.. {
        (case.row)(&mut line, &mut random, id);
        line.push('\n');
        written += line.len() as u64;
        file.write_all(line.as_bytes()).map_err(fail)?;
        line.clear();
        if written >= bytes {
            break;
        }
    }
    file.flush().map_err(fail)?;
    std::fs::rename(&part, path).map_err(fail)?;
    Ok(written)
}

/// SplitMix64: small, and the same everywhere.
pub(in crate::bench) struct Random(u64);

impl Default for Random {
    fn default() -> Self {
        Self(0x7468_796d_6531)
    }
}

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len() as u64) as usize]
    }

    fn float(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64 * 1000.0
    }
}

/// The values of one flat row as text, `note` unescaped.
struct Flat {
    uid: String,
    note: Option<String>,
    kind: &'static str,
    score: f64,
    amount: String,
    qty: u64,
    active: bool,
    at: String,
    color: &'static str,
    level: u64,
}

fn flat(random: &mut Random) -> Flat {
    let (high, low) = (random.next(), random.next());
    let uid = format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff
    );
    let long = 20 + random.below(41) as usize;
    let mut note = String::new();
    while note.len() < long {
        note.push_str(random.pick(WORDS));
        note.push(' ');
    }
    if random.one_in(20) {
        note.push_str("\"quoted\"");
    }
    if random.one_in(100) {
        note.push_str("\nnext line");
    }
    let cents = random.below(10_000_000);
    let micros = random.below(400 * 86_400 * 1_000_000);
    Flat {
        uid,
        note: (!random.one_in(20)).then_some(note),
        kind: random.pick(KINDS),
        score: random.float(),
        amount: format!("{}.{:02}", cents / 100, cents % 100),
        qty: random.below(1000),
        active: random.one_in(2),
        at: timestamp(micros),
        color: random.pick(WORDS),
        level: random.below(10),
    }
}

/// Microseconds since the start of 2025 as RFC 3339.
fn timestamp(micros: u64) -> String {
    let (mut day, in_day) = (micros / 86_400_000_000, micros % 86_400_000_000);
    let year = 2025 + day / 365;
    day %= 365;
    let mut month = 1;
    for length in [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if day < length {
            break;
        }
        day -= length;
        month += 1;
    }
    let (second, fraction) = (in_day / 1_000_000, in_day % 1_000_000);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year}-{month:02}-{:02}T{hour:02}:{minute:02}:{second:02}.{fraction:06}Z", day + 1)
}

fn json_string(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

pub(super) fn flat_json(out: &mut String, random: &mut Random, id: u64) {
    let row = flat(random);
    let note = row.note.as_deref().map_or_else(|| "null".to_owned(), json_string);
    let mut members = [
        format!("\"id\":{id}"),
        format!("\"uid\":\"{}\"", row.uid),
        format!("\"note\":{note}"),
        format!("\"kind\":\"{}\"", row.kind),
        format!("\"score\":{}", row.score),
        format!("\"amount\":{}", row.amount),
        format!("\"qty\":{}", row.qty),
        format!("\"active\":{}", row.active),
        format!("\"at\":\"{}\"", row.at),
        format!("\"meta\":{{\"color\":\"{}\",\"level\":{}}}", row.color, row.level),
    ];
    if random.one_in(20) {
        let (a, b) = (random.below(10) as usize, random.below(10) as usize);
        members.swap(a, b);
    }
    out.push('{');
    out.push_str(&members.join(","));
    if random.one_in(100) {
        out.push_str(",\"unasked\":true");
    }
    out.push('}');
}

/// One line in a hundred is cut off.
pub(super) fn broken_json(out: &mut String, random: &mut Random, id: u64) {
    let start = out.len();
    flat_json(out, random, id);
    if random.one_in(100) {
        let mut cut = start + (out.len() - start) / 2;
        while !out.is_char_boundary(cut) {
            cut += 1;
        }
        out.truncate(cut);
    }
}

pub(super) fn flat_csv(out: &mut String, random: &mut Random, id: u64) {
    let row = flat(random);
    let note = row.note.as_deref().unwrap_or_default();
    let note = if note.contains(['"', '\n']) { format!("\"{}\"", note.replace('"', "\"\"")) } else { note.to_owned() };
    let cells = format!(
        "{id},{},{note},{},{},{},{},{},{},\"{{\"\"color\"\":\"\"{}\"\",\"\"level\"\":{}}}\"",
        row.uid, row.kind, row.score, row.amount, row.qty, row.active, row.at, row.color, row.level
    );
    out.push_str(&cells);
}

pub(super) fn nested_json(out: &mut String, random: &mut Random, id: u64) {
    let row = flat(random);
    let tags: Vec<String> = (0..random.below(4)).map(|_| format!("\"{}\"", random.pick(WORDS))).collect();
    let item = |random: &mut Random| {
        let (sku, qty, price) = (random.next() & 0xff_ffff, random.below(10), random.float());
        format!("{{\"sku\":\"S{sku:06x}\",\"qty\":{qty},\"price\":{price}}}")
    };
    let items: Vec<String> = (0..=random.below(4)).map(|_| item(random)).collect();
    let line = format!(
        "{{\"id\":{id},\"at\":\"{}\",\"customer\":{{\"id\":{},\"name\":\"{}\",\"tags\":[{}]}},\"items\":[{}],\
         \"attributes\":{{\"colour\":\"{}\",\"kind\":\"{}\"}},\"place\":{{\"lat\":{},\"lon\":{}}}}}",
        row.at,
        row.qty,
        row.color,
        tags.join(","),
        items.join(","),
        row.color,
        row.kind,
        random.float() / 20.0,
        random.float() / 10.0,
    );
    out.push_str(&line);
}

pub(super) fn wide_json(out: &mut String, random: &mut Random, id: u64) {
    for i in 0..WIDE {
        out.push(if i == 0 { '{' } else { ',' });
        let value = match i % 4 {
            0 if i == 0 => id.to_string(),
            0 => random.below(1_000_000).to_string(),
            1 => random.float().to_string(),
            2 => format!("\"{}\"", random.pick(KINDS)),
            _ => random.one_in(2).to_string(),
        };
        out.push_str(&format!("\"c{i:03}\":{value}"));
    }
    out.push('}');
}
