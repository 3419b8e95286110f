//! What a pipeline carries: columns, key, event time.
use std::collections::HashSet;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, FieldRef, Schema, SchemaRef, TimeUnit};

use crate::{Error, Kind, Result, field_type};

/// What a pipeline carries: a name, columns, key fields, one event-time field.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    name: String,
    schema: SchemaRef,
    columns: SchemaRef,
    key: Vec<String>,
    timestamp: Option<String>,
    timestamp_unit: TimeUnit,
}

impl Dataset {
    /// A dataset without key and event time.
    ///
    /// # Errors
    /// `Schema` when two columns have one name.
    pub fn new(name: impl Into<String>, schema: SchemaRef) -> Result<Self> {
        let mut seen = HashSet::new();
        if let Some(twice) = schema.fields().iter().find(|field| !seen.insert(field.name())) {
            return Err(Error::new(Kind::Schema, format!("two columns have the name `{}`", twice.name())));
        }
        let nullable =
            schema.fields().iter().map(|f| Arc::new(f.as_ref().clone().with_nullable(true))).collect::<Vec<FieldRef>>();
        let columns = Arc::new(Schema::new(nullable));
        Ok(Self { name: name.into(), schema, columns, key: Vec::new(), timestamp: None, timestamp_unit: TimeUnit::Second })
    }

    /// The same with key fields, which are then never null.
    ///
    /// # Errors
    /// `Schema` when a field is not a column, or a type that can't be a key: a float, a nested type.
    pub fn with_key(self, key: impl IntoIterator<Item = impl Into<String>>) -> Result<Self> {
        let key: Vec<String> = key.into_iter().map(Into::into).collect();
        for name in &key {
            let data_type = self.field(name).ok_or_else(|| self.no_column("key", name))?.data_type();
            if data_type.is_nested() || data_type.is_floating() {
                return Err(Error::new(
                    Kind::Schema,
                    format!("the key field `{name}` is a {data_type}, which can't be compared for equality"),
                ));
            }
        }
        let schema = self.required(&key);
        Ok(Self { key, schema, ..self })
    }

    /// The same with an event-time field, which is then never null.
    ///
    /// # Errors
    /// `Schema` when it is not a column of dates or timestamps.
    pub fn with_timestamp(self, name: impl Into<String>) -> Result<Self> {
        let name = name.into();
        let data_type = self.field(&name).ok_or_else(|| self.no_column("timestamp", &name))?.data_type();
        if !matches!(data_type, DataType::Timestamp(..) | DataType::Date32 | DataType::Date64) {
            return Err(Error::new(
                Kind::Schema,
                format!("the timestamp field `{name}` is a {data_type}, not a timestamp or date"),
            ));
        }
        let schema = self.required(std::slice::from_ref(&name));
        Ok(Self { timestamp: Some(name), schema, ..self })
    }

    /// The same where a bare number in place of a timestamp counts `unit`s since 1970.
    #[must_use]
    pub fn with_timestamp_unit(self, unit: TimeUnit) -> Self {
        Self { timestamp_unit: unit, ..self }
    }

    /// The same columns, key and event time, and more columns at the end.
    ///
    /// # Errors
    /// `Schema` when one is there already.
    pub fn with_added(&self, added: &[FieldRef]) -> Result<Self> {
        let fields = self.schema.fields().iter().chain(added).map(Arc::clone).collect::<Vec<_>>();
        let wider = Self::new(self.name.clone(), Arc::new(Schema::new(fields)))?.with_key(self.key.clone())?;
        let wider = wider.with_timestamp_unit(self.timestamp_unit);
        match &self.timestamp {
            Some(name) => wider.with_timestamp(name.clone()),
            None => Ok(wider),
        }
    }

    /// Its name, as in logs and default target names.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The columns as declared: a field that is not nullable must be set in every inserted or updated row.
    #[must_use]
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The columns of a [`Batch`](crate::Batch): the same, all nullable.
    #[must_use]
    pub fn columns(&self) -> &SchemaRef {
        &self.columns
    }

    /// Names of the key fields; empty without a key.
    #[must_use]
    pub fn key(&self) -> &[String] {
        &self.key
    }

    /// Name of the event-time field.
    #[must_use]
    pub fn timestamp(&self) -> Option<&str> {
        self.timestamp.as_deref()
    }

    /// What a bare number in place of a timestamp counts, since 1970: seconds, unless said otherwise.
    #[must_use]
    pub fn timestamp_unit(&self) -> TimeUnit {
        self.timestamp_unit
    }

    /// The declared field `name`.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&FieldRef> {
        self.schema.fields().iter().find(|field| field.name() == name)
    }

    /// `rows` as columns of this dataset, if names and types agree; nullability is taken from [`Dataset::columns`].
    ///
    /// # Errors
    /// `Schema` naming the first column that differs.
    pub fn fit(&self, rows: &RecordBatch) -> Result<RecordBatch> {
        let (want, have) = (self.columns.fields(), rows.schema_ref().fields());
        if let Some((want, have)) = want.iter().zip(have).find(|(w, h)| w.name() != h.name() || w.data_type() != h.data_type()) {
            let (want, have) = (describe(want), describe(have));
            return Err(
                Error::new(Kind::Schema, format!("expected the column {want}, found {have}")).context("dataset", &self.name)
            );
        }
        if want.len() != have.len() {
            return Err(Error::new(Kind::Schema, format!("expected {} columns, found {}", want.len(), have.len()))
                .context("dataset", &self.name));
        }
        let options = arrow_array::RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        RecordBatch::try_new_with_options(Arc::clone(&self.columns), rows.columns().to_vec(), &options)
            .map_err(|e| Error::new(Kind::Schema, "the columns do not fit the dataset").context("dataset", &self.name).source(e))
    }

    fn required(&self, names: &[String]) -> SchemaRef {
        let field = |f: &FieldRef| {
            if names.contains(f.name()) { Arc::new(f.as_ref().clone().with_nullable(false)) } else { Arc::clone(f) }
        };
        Arc::new(Schema::new(self.schema.fields().iter().map(field).collect::<Vec<_>>()))
    }

    fn no_column(&self, what: &str, name: &str) -> Error {
        let near = crate::nearest(name, self.schema.fields().iter().map(|f| f.name().as_str()));
        let near = near.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
        Error::new(Kind::Schema, format!("the {what} field `{name}` is not a column of the dataset{near}"))
    }
}

fn describe(field: &FieldRef) -> String {
    format!("`{}` {}", field.name(), field_type::name(&field.as_ref().clone().with_nullable(true)))
}
