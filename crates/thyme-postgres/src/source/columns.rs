//! The columns that are asked for, those that order the rows, and how both come out of one `COPY`.
use std::collections::BTreeMap;
use std::sync::Arc;

use thyme_core::arrow::datatypes::{FieldRef, Schema, SchemaRef};
use thyme_core::drift::Drift;
use thyme_core::{Dataset, Error, Kind, Result, field_type};

use super::key::Order;
use super::relation::{Relation, named};
use crate::catalog::Column;
use crate::config::NumericAs;
use crate::copy::Decoder;
use crate::types::{field, select, wire};

/// What a `COPY` selects, and where its parts are in a batch.
#[derive(Clone, Debug)]
pub(super) struct Selected {
    /// The list of `SELECT`.
    pub(super) list: String,
    columns: Vec<Column>,
    schema: SchemaRef,
    /// So many columns from the first on are the dataset's.
    pub(super) asked: usize,
    /// Where the columns are that order the rows.
    pub(super) key: Vec<usize>,
    /// Where the hash is, under `lookback`.
    pub(super) hash: Option<usize>,
}

impl Selected {
    /// The dataset's columns, then those of `order` that are not among them as they are, then the hash.
    pub(super) fn new(relation: &Relation, dataset: &Dataset, order: &Order, hash: Option<String>) -> Result<Self> {
        let asked =
            dataset.columns().fields().iter().map(|field| Ok((relation.column(field.name())?.clone(), Arc::clone(field))));
        let mut all = asked.collect::<Result<Vec<(Column, FieldRef)>>>()?;
        let asked = all.len();
        let mut key = Vec::new();
        for column in &order.columns {
            let own = Arc::new(field(column, NumericAs::String).with_nullable(true));
            let there = all.iter().position(|(known, field)| known.name == column.name && field.data_type() == own.data_type());
            key.push(there.unwrap_or(all.len()));
            if there.is_none() {
                all.push((column.clone(), own));
            }
        }
        let mut list = all.iter().map(|(column, field)| select(column, field)).collect::<Result<Vec<_>>>()?;
        let at = hash.map(|sql| {
            list.push(sql);
            let column = Column::new("hash", crate::types::PgType::Int8);
            let field = Arc::new(field(&column, NumericAs::String));
            all.push((column, field));
            all.len() - 1
        });
        let (columns, fields): (Vec<Column>, Vec<FieldRef>) = all.into_iter().unzip();
        Ok(Self { list: list.join(", "), columns, schema: Arc::new(Schema::new(fields)), asked, key, hash: at })
    }

    pub(super) fn decoder(&self) -> Result<Decoder> {
        Decoder::new(&self.columns, SchemaRef::clone(&self.schema))
    }
}

/// A number for each row that is the same in every read: its place in the order.
pub(super) fn hash_of(order: &Order) -> String {
    let names = order.columns.iter().map(|column| named(&column.name)).collect::<Vec<_>>().join(", ");
    format!("pg_catalog.hashtextextended(ROW({names})::pg_catalog.text, 0)")
}

/// The relation as a schema of Arrow: `only` these columns, where some are named.
pub(super) fn schema(relation: &Relation, only: &[String], numeric: NumericAs) -> Schema {
    let asked = |column: &&Column| only.is_empty() || only.contains(&column.name);
    Schema::new(relation.columns.iter().filter(asked).map(|column| field(column, numeric)).collect::<Vec<_>>())
}

/// What each of the dataset's columns is in the relation.
pub(super) fn types(found: &Schema, dataset: &Dataset) -> BTreeMap<String, String> {
    let asked = found.fields().iter().filter(|field| dataset.field(field.name()).is_some());
    asked.map(|field| (field.name().clone(), type_name(field))).collect()
}

fn type_name(field: &FieldRef) -> String {
    field_type::name(&field.as_ref().clone().with_nullable(true))
}

/// How the relation's columns differ from the dataset's. A column that can be read as the dataset says does not differ, unless
/// it was something else in the last poll.
pub(super) fn drift(
    relation: &Relation,
    dataset: &Dataset,
    found: &Schema,
    known: &BTreeMap<String, String>,
    report: bool,
) -> Option<Drift> {
    let as_asked = |found: &FieldRef| {
        let column = relation.column(found.name()).ok();
        let same = known.get(found.name()).is_none_or(|known| *known == type_name(found));
        let asked = dataset.field(found.name()).filter(|asked| same && column.is_some_and(|column| wire(column, asked).is_ok()));
        asked.map_or_else(|| Arc::clone(found), Arc::clone)
    };
    let found = Schema::new(found.fields().iter().map(as_asked).collect::<Vec<_>>());
    Drift::between(dataset, &found, report)
}

/// The dataset of a relation: its name, its columns, its primary key.
pub(super) fn dataset(relation: &Relation, name: &str, only: &[String], numeric: NumericAs) -> Result<Dataset> {
    let schema = schema(relation, only, numeric);
    let whole = !relation.primary_key.is_empty() && relation.primary_key.iter().all(|name| schema.field_with_name(name).is_ok());
    let dataset = Dataset::new(name, Arc::new(schema))?;
    let key = relation.primary_key.iter().cloned();
    // A key that Arrow can't compare is none.
    if whole { Ok(dataset.clone().with_key(key).unwrap_or(dataset)) } else { Ok(dataset) }
}

/// A column that no ordering can be made of.
pub(super) fn no_order(relation: &Relation) -> Error {
    let what = if relation.table.is_some() { "the table has no primary key" } else { "a query has no primary key" };
    let text = format!("{what}: rows that agree in the cursor column can't be told apart");
    Error::new(Kind::Config, text).context("remedy", "set `tie_breaker` to columns that are unique together, or `lookback`")
}
