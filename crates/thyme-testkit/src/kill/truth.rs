//! Compares Parquet files with the rows they were made of.
use std::fs::File;
use std::path::{Path, PathBuf};

use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use thyme_core::Result;
use thyme_core::arrow::array::cast::AsArray;
use thyme_core::arrow::array::types::{Decimal128Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use thyme_core::arrow::array::{Array, RecordBatch};

use super::failed;
use crate::data::Row;
use crate::drive::breaks;

/// Every row from 0 to `rows` is in one of the files, once, with every value as it was; returns how many were compared.
pub(super) fn compare(files: &[PathBuf], rows: i64, partitioned: bool) -> Result<usize> {
    let mut seen = vec![0u8; usize::try_from(rows).unwrap_or_default()];
    let mut compared = 0;
    for path in files {
        let city = if partitioned { Some(city(path)?) } else { None };
        let file = File::open(path).map_err(|e| failed("an output file can't be read", e))?;
        let broken = |e: &dyn std::fmt::Display| breaks(format!("{} can't be read: {e}", path.display()));
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).and_then(|builder| builder.with_batch_size(8192).build());
        for batch in reader.map_err(|e| broken(&e))? {
            let batch = batch.map_err(|e| broken(&e))?;
            compared += batch.num_rows();
            check(&batch, city.as_deref(), &mut seen).map_err(|e| e.context("file", path.display()))?;
        }
    }
    let of = |times: fn(u8) -> bool| {
        let ids = (0i64..).zip(&seen).filter(|(_, n)| times(**n)).map(|(id, _)| id);
        (ids.clone().count(), ids.take(5).collect::<Vec<_>>())
    };
    let ((lost, first_lost), (twice, first_twice)) = (of(|n| n == 0), of(|n| n > 1));
    if lost + twice > 0 {
        let text = format!("of {rows} rows {lost} are lost (first {first_lost:?}), {twice} are repeated (first {first_twice:?})");
        return Err(breaks(text));
    }
    Ok(compared)
}

/// The city that a folder `city=…` stands for.
fn city(path: &Path) -> Result<String> {
    let mut parts = path.components().filter_map(|part| part.as_os_str().to_str()?.strip_prefix("city="));
    let encoded = parts.next().ok_or_else(|| breaks(format!("{} is in no folder `city=…`", path.display())))?;
    let (mut bytes, mut rest) = (Vec::new(), encoded.as_bytes());
    while let [first, tail @ ..] = rest {
        let hex = tail.get(..2).and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        match hex.filter(|_| *first == b'%') {
            Some(byte) => {
                bytes.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).map_err(|e| breaks(format!("a folder that is not UTF-8: {e}")))
}

fn check(batch: &RecordBatch, city: Option<&str>, seen: &mut [u8]) -> Result<()> {
    let column = |name: &str| batch.column_by_name(name).ok_or_else(|| breaks(format!("there is no column `{name}`")));
    let wrong = |name: &str| breaks(format!("the column `{name}` has another type than the pipeline says"));
    let ids = column("id")?.as_primitive_opt::<Int64Type>().ok_or_else(|| wrong("id"))?;
    let uuids = column("uuid")?.as_fixed_size_binary_opt().ok_or_else(|| wrong("uuid"))?;
    let texts = column("text")?.as_string_opt::<i32>().ok_or_else(|| wrong("text"))?;
    let cities = match city {
        Some(_) => None,
        None => Some(column("city")?.as_string_opt::<i32>().ok_or_else(|| wrong("city"))?),
    };
    let scores = column("score")?.as_primitive_opt::<Float64Type>().ok_or_else(|| wrong("score"))?;
    let amounts = column("amount")?.as_primitive_opt::<Decimal128Type>().ok_or_else(|| wrong("amount"))?;
    let quantities = column("quantity")?.as_primitive_opt::<Int32Type>().ok_or_else(|| wrong("quantity"))?;
    let actives = column("active")?.as_boolean_opt().ok_or_else(|| wrong("active"))?;
    let ats = column("at")?.as_primitive_opt::<TimestampMicrosecondType>().ok_or_else(|| wrong("at"))?;
    let metas = column("meta")?.as_string_opt::<i32>().ok_or_else(|| wrong("meta"))?;
    for row in 0..batch.num_rows() {
        let id = ids.value(row);
        let place = usize::try_from(id).ok().and_then(|at| seen.get_mut(at));
        let place = place.ok_or_else(|| breaks(format!("the row {id} was never written")))?;
        *place = place.saturating_add(1);
        let want = Row::of(id);
        let same = uuids.value(row) == want.uuid
            && texts.value(row) == want.text
            && city.unwrap_or_else(|| cities.map_or("", |cities| cities.value(row))) == want.city
            && scores.value(row).to_bits() == want.score.to_bits()
            && amounts.value(row) == want.amount
            && quantities.is_valid(row).then(|| quantities.value(row)) == want.quantity
            && actives.value(row) == want.active
            && ats.value(row) == want.at
            && metas.value(row) == want.meta;
        if !same {
            return Err(breaks(format!("the row {id} came otherwise: expected {want:?}, got {:?}", batch.slice(row, 1))));
        }
    }
    Ok(())
}
