//! Arrow to Parquet on one thread and on two: `cargo bench -p thyme-formats --bench parquet`. Says MB of Arrow a second, bytes
//! of Parquet, and the most memory the process had.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, reason = "a bench")]
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Instant;

use thyme_core::arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use thyme_formats::parquet::{EncodedGroup, ParquetEncoder, ParquetWriteOptions};

const ROWS: usize = 2_000_000;
/// Rows of a row group: about 16 MiB of Arrow.
const GROUP: usize = 160_000;
const RUNS: usize = 5;

/// Ten columns, of which some repeat and some do not.
fn rows(from: usize, len: usize) -> RecordBatch {
    // A multiplicative hash: spread, and the same each time.
    let noise = |row: usize| (row as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 7;
    let each = from..from + len;
    let text = |f: &dyn Fn(usize) -> String| Arc::new(each.clone().map(|row| Some(f(row))).collect::<StringArray>()) as ArrayRef;
    let amounts = Decimal128Array::from_iter_values(each.clone().map(|row| i128::from(noise(row) % 1_000_000)));
    let counts = each.clone().map(|row| (row % 7 != 0).then_some((noise(row) % 100) as i32));
    let moments = TimestampMicrosecondArray::from_iter_values(each.clone().map(|row| 1_700_000_000_000_000 + row as i64 * 977));
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(Int64Array::from_iter_values(each.clone().map(|row| row as i64)))),
        ("user", text(&|row| format!("user-{:016x}", noise(row)))),
        ("country", text(&|row| ["NL", "DE", "FR", "GB", "US"][noise(row) as usize % 5].to_owned())),
        ("note", text(&|row| format!("order {row} of customer {}", noise(row) % 5000))),
        ("price", Arc::new(Float64Array::from_iter_values(each.clone().map(|row| noise(row) as f64 / 1e15)))),
        ("amount", Arc::new(amounts.with_precision_and_scale(12, 2).unwrap())),
        ("count", Arc::new(counts.collect::<Int32Array>())),
        ("ok", Arc::new(each.clone().map(|row| Some(noise(row).is_multiple_of(3))).collect::<BooleanArray>())),
        ("day", Arc::new(Date32Array::from_iter_values(each.clone().map(|row| 19_000 + (row / 10_000) as i32)))),
        ("at", Arc::new(moments.with_timezone("+00:00"))),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true))).unwrap()
}

/// Encodes `groups` on so many threads, appended in order; the bytes of the file.
fn encode(groups: &[RecordBatch], threads: usize) -> usize {
    let mut file = ParquetEncoder::new(&groups[0].schema(), &ParquetWriteOptions::default()).unwrap();
    let mut bytes = 0;
    std::thread::scope(|scope| {
        // Worker n encodes every n-th group; each holds at most one that waits to be appended.
        let workers: Vec<Receiver<EncodedGroup>> = (0..threads)
            .map(|worker| {
                let (send, receive) = sync_channel(0);
                let encoder = file.groups();
                scope.spawn(move || {
                    for group in groups.iter().skip(worker).step_by(threads) {
                        send.send(encoder.encode(std::slice::from_ref(group)).unwrap()).unwrap();
                    }
                });
                receive
            })
            .collect();
        for number in 0..groups.len() {
            file.append(workers[number % threads].recv().unwrap()).unwrap();
            bytes += file.take().len();
        }
    });
    bytes + file.finish().unwrap().len()
}

fn main() {
    let groups: Vec<_> = (0..ROWS).step_by(GROUP).map(|from| rows(from, GROUP.min(ROWS - from))).collect();
    let arrow = groups.iter().map(RecordBatch::get_array_memory_size).sum::<usize>() as f64 / 1e6;
    println!("{ROWS} rows, {} row groups, {arrow:.0} MB of Arrow", groups.len());
    for threads in [1, 2] {
        let mut seconds = Vec::new();
        let mut bytes = 0;
        for _ in 0..RUNS {
            let start = Instant::now();
            bytes = encode(&groups, threads);
            seconds.push(start.elapsed().as_secs_f64());
        }
        seconds.sort_by(f64::total_cmp);
        let median = seconds[RUNS / 2];
        println!(
            "{threads} thread(s): {:.0} MB/s of Arrow, {median:.2} s, {:.0} MB of Parquet",
            arrow / median,
            bytes as f64 / 1e6
        );
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or("VmHWM: unknown");
    println!("{peak} (with all of the Arrow in memory)");
}
