//! Test data of any size: ten mixed columns, the same in every run, each row told by its id alone.
use std::io::{self, BufWriter, Write};
use std::ops::Range;
use std::path::Path;

/// The columns, as a `fields` table of a pipeline file has them.
pub const FIELDS: &[(&str, &str)] = &[
    ("id", "int64!"),
    ("uuid", "uuid"),
    ("text", "string"),
    ("city", "string"),
    ("score", "float64"),
    ("amount", "decimal(12,2)"),
    ("quantity", "int32"),
    ("active", "bool"),
    ("at", "timestamp"),
    ("meta", "json"),
];

const CITIES: [&str; 16] = [
    "Lagos", "Quito", "Oslo", "Kyoto", "Lima", "Pune", "Riga", "Cork", "Accra", "Hanoi", "Turin", "Porto", "Ghent", "Perth",
    "Izmir", "Zürich",
];
const WORDS: [&str; 16] = [
    "river", "stone", "amber", "cloud", "north", "delta", "ember", "forest", "harbor", "island", "jasper", "kernel", "ledger",
    "meadow", "naïve", "orbit",
];

/// One row.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// From 0.
    pub id: i64,
    /// As the sixteen bytes it is.
    pub uuid: [u8; 16],
    /// 20 to 60 characters.
    pub text: String,
    /// One of sixteen.
    pub city: &'static str,
    /// Any finite number of ordinary size.
    pub score: f64,
    /// Hundredths.
    pub amount: i128,
    /// From 0 to 999; missing in one row of a hundred.
    pub quantity: Option<i32>,
    /// A coin.
    pub active: bool,
    /// µs since 1970, some time in 2024.
    pub at: i64,
    /// A small JSON object without blanks.
    pub meta: String,
}

/// SplitMix64: as many good numbers as a row needs, from its id.
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.next() % n.max(1)
    }

    fn of<T: Copy>(&mut self, from: &[T; 16]) -> T {
        from[(self.next() & 15) as usize]
    }
}

impl Row {
    /// The row `id`.
    #[must_use]
    pub fn of(id: i64) -> Self {
        let mut numbers = Numbers(id.cast_unsigned().wrapping_mul(0xd134_2543_de82_ef95));
        let mut uuid = [0; 16];
        uuid[..8].copy_from_slice(&numbers.next().to_be_bytes());
        uuid[8..].copy_from_slice(&numbers.next().to_be_bytes());
        let length = 20 + numbers.below(36) as usize;
        let mut text = String::new();
        while text.chars().count() < length {
            text.push_str(numbers.of(&WORDS));
            text.push(' ');
        }
        let text = text.chars().take(length).collect::<String>().trim_end().to_owned();
        let second = 1_704_067_200 + numbers.below(31_536_000);
        let at = (second * 1_000_000 + numbers.below(1_000_000)).cast_signed();
        Self {
            id,
            uuid,
            city: numbers.of(&CITIES),
            score: numbers.below(2_000_000_000) as f64 / 1_000.0 - 1_000_000.0 + 1.0 / (1 + numbers.below(97)) as f64,
            amount: i128::from(numbers.below(10_000_000)) - 1_000_000,
            quantity: Some(numbers.below(1_000) as i32).filter(|_| id % 100 != 99),
            active: numbers.next() & 1 == 1,
            at,
            meta: format!("{{\"n\":{},\"tags\":[\"{}\",\"{}\"]}}", numbers.below(100), numbers.of(&WORDS), text.len()),
            text,
        }
    }

    /// Writes the row as a line of JSON, line end included.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_json(&self, out: &mut impl Write) -> io::Result<()> {
        let u = self.uuid.map(|byte| format!("{byte:02x}")).concat();
        let sign = if self.amount < 0 { "-" } else { "" };
        let cents = self.amount.unsigned_abs();
        write!(out, "{{\"id\":{},\"uuid\":\"{}-{}-{}-{}-{}\",", self.id, &u[..8], &u[8..12], &u[12..16], &u[16..20], &u[20..])?;
        write!(out, "\"text\":\"{}\",\"city\":\"{}\",\"score\":{:?},", self.text, self.city, self.score)?;
        write!(out, "\"amount\":{sign}{}.{:02},", cents / 100, cents % 100)?;
        match self.quantity {
            Some(quantity) => write!(out, "\"quantity\":{quantity},")?,
            None => out.write_all(b"\"quantity\":null,")?,
        }
        writeln!(out, "\"active\":{},\"at\":\"{}\",\"meta\":{}}}", self.active, instant(self.at), self.meta)
    }
}

/// An instant of 2024 in RFC 3339.
fn instant(micros: i64) -> String {
    const DAYS: [i64; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let (seconds, micros) = (micros.div_euclid(1_000_000) - 1_704_067_200, micros.rem_euclid(1_000_000));
    let (mut day, second) = (seconds / 86_400, seconds % 86_400);
    let mut month = 0;
    while month < 11 && day >= DAYS[month] {
        day -= DAYS[month];
        month += 1;
    }
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("2024-{:02}-{:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z", month + 1, day + 1)
}

/// Streams the rows of `ids` to a new file of JSON lines; memory does not grow with them.
///
/// # Errors
/// Those of the file.
pub fn write_jsonl(path: &Path, ids: Range<i64>) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 20, std::fs::File::create(path)?);
    ids.map(Row::of).try_for_each(|row| row.write_json(&mut out))?;
    out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
}
