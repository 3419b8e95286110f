//! Rows by the folder they belong to: `dt=2024-01-01/country=NL/`.
use std::collections::BTreeMap;
use std::sync::Arc;

use thyme_core::arrow::array::{RecordBatch, RecordBatchOptions, UInt32Array, new_empty_array};
use thyme_core::arrow::datatypes::{Schema, SchemaRef};
use thyme_core::arrow::select::take::take_record_batch;
use thyme_core::{Dataset, Error, Kind, Reject, Result, nearest};

use super::value;
use crate::names;

/// Bytes that every file system takes as one name.
const LONGEST: usize = 255;

/// The columns that make the folders, and those that are left for the files.
#[derive(Clone, Debug)]
pub(super) struct Partitions {
    by: Vec<(String, usize)>,
    rest: Vec<usize>,
    columns: SchemaRef,
}

/// Rows of one folder.
pub(super) struct Share {
    /// With a `/` at its end, or empty.
    pub(super) folder: String,
    pub(super) rows: RecordBatch,
    /// Where each row stood in the batch; `None`: where it stands.
    pub(super) from: Option<UInt32Array>,
}

/// A column's name as folders have it.
pub(super) fn name(column: &str) -> String {
    names::escape_but(column, "_-. ")
}

impl Partitions {
    pub(super) fn new(dataset: &Dataset, names: &[String]) -> Result<Self> {
        let columns = dataset.columns();
        let mut by: Vec<(String, usize)> = Vec::with_capacity(names.len());
        for name in names {
            let wrong = |what: String| Error::new(Kind::Config, what).context("partition_by", name);
            let Some((at, field)) = columns.column_with_name(name) else {
                let near = nearest(name, columns.fields().iter().map(|field| field.name().as_str()));
                let near = near.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
                return Err(wrong(format!("`{name}` is not a column of the dataset{near}")));
            };
            if value::text(&new_empty_array(field.data_type())).is_none() {
                return Err(wrong(format!("a {} makes no folders", field.data_type())));
            }
            if by.iter().any(|(_, other)| *other == at) {
                return Err(wrong(format!("`{name}` stands there twice")));
            }
            by.push((self::name(name), at));
        }
        let rest: Vec<usize> = (0..columns.fields().len()).filter(|at| !by.iter().any(|(_, by)| by == at)).collect();
        if rest.is_empty() {
            return Err(Error::new(Kind::Config, "no column is left for the files: `partition_by` names them all"));
        }
        let fields: Vec<_> = rest.iter().map(|at| Arc::clone(&columns.fields()[*at])).collect();
        Ok(Self { by, rest, columns: Arc::new(Schema::new(fields)) })
    }

    /// The columns of the files.
    pub(super) fn columns(&self) -> &SchemaRef {
        &self.columns
    }

    /// The rows of each folder, in the order they have, and those that no folder can be made for.
    pub(super) fn split(&self, rows: &RecordBatch) -> Result<(Vec<Share>, Vec<Reject>)> {
        if self.by.is_empty() {
            return Ok((vec![Share { folder: String::new(), rows: rows.clone(), from: None }], Vec::new()));
        }
        let mut rejects = Vec::new();
        let mut shares: BTreeMap<String, Vec<u32>> = BTreeMap::new();
        let columns = self.by.iter().filter_map(|(name, at)| {
            let column = rows.columns().get(*at)?;
            Some((name, column, value::text(column)?))
        });
        let columns: Vec<_> = columns.collect();
        let mut folder = String::new();
        'rows: for row in 0..rows.num_rows() {
            folder.clear();
            for (name, column, text) in &columns {
                let made = value::folder(column, row, text).map(|value| format!("{name}={value}"));
                let made = made.and_then(|made| match made.len() {
                    0..=LONGEST => Ok(made),
                    len => Err(format!("the value makes the name of a folder {len} bytes long, at most {LONGEST} are allowed")),
                });
                match made {
                    Ok(made) => folder.extend([&made, "/"]),
                    Err(reason) => {
                        let reason = format!("{reason} (field `{name}`)");
                        rejects.push(Reject { row: Some(row), reason, ..Reject::default() });
                        continue 'rows;
                    }
                }
            }
            let at = u32::try_from(row).map_err(|e| Error::new(Kind::Unexpected, "a batch of more than 2^32 rows").source(e))?;
            match shares.get_mut(&folder) {
                Some(share) => share.push(at),
                None => drop(shares.insert(folder.clone(), vec![at])),
            }
        }
        let failed = |e| Error::new(Kind::Unexpected, "the rows could not be taken apart").source(e);
        let kept: Vec<_> = self.rest.iter().filter_map(|at| rows.columns().get(*at).cloned()).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        let kept = RecordBatch::try_new_with_options(Arc::clone(&self.columns), kept, &options).map_err(failed)?;
        let share = |(folder, at): (String, Vec<u32>)| {
            if at.len() == kept.num_rows() {
                return Ok(Share { folder, rows: kept.clone(), from: None });
            }
            let from = UInt32Array::from(at);
            Ok(Share { folder, rows: take_record_batch(&kept, &from).map_err(failed)?, from: Some(from) })
        };
        Ok((shares.into_iter().map(share).collect::<Result<_>>()?, rejects))
    }
}
