//! Records gathered one after another, so that a scanner sees one block of bytes.
use thyme_core::arrow::array::builder::{BinaryBuilder, ListBuilder, StringBuilder, StructBuilder};
use thyme_core::arrow::datatypes::{DataType, Field, Fields};

use crate::raw::Record;

/// Texts end to end: text `i` is `bytes[ends[i - 1]..ends[i]]`, and nothing where it is not there.
#[derive(Debug, Default)]
pub(super) struct Texts {
    pub(super) bytes: Vec<u8>,
    pub(super) ends: Vec<usize>,
    /// Which texts are not there, ascending.
    pub(super) absent: Vec<usize>,
}

impl Texts {
    pub(super) fn push(&mut self, text: Option<&[u8]>) {
        match text {
            Some(text) => self.bytes.extend_from_slice(text),
            None => self.absent.push(self.ends.len()),
        }
        self.ends.push(self.bytes.len());
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Where text `at` lies.
    pub(super) fn range(&self, at: usize) -> std::ops::Range<usize> {
        let start = at.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        start..self.ends.get(at).copied().unwrap_or(start)
    }

    pub(super) fn get(&self, at: usize) -> Option<&[u8]> {
        let there = at < self.len() && self.absent.binary_search(&at).is_err();
        there.then(|| self.bytes.get(self.range(at)).unwrap_or_default())
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        self.absent.clear();
    }
}

/// What is wanted of a record beside its value.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wanted {
    pub(super) keys: bool,
    pub(super) times: bool,
    pub(super) headers: bool,
}

/// Names and values of headers.
pub(super) type Headers = Vec<(String, Option<Vec<u8>>)>;

/// Records of one partition, in order.
#[derive(Debug, Default)]
pub(super) struct Block {
    pub(super) values: Texts,
    pub(super) keys: Texts,
    pub(super) offsets: Vec<i64>,
    /// ms since 1970.
    pub(super) times: Vec<Option<i64>>,
    pub(super) headers: Vec<Headers>,
    wanted: Wanted,
}

impl Block {
    pub(super) fn new(wanted: Wanted) -> Self {
        Self { wanted, ..Self::default() }
    }

    pub(super) fn len(&self) -> usize {
        self.offsets.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.values.bytes.len() + self.keys.bytes.len()
    }

    pub(super) fn clear(&mut self) {
        self.values.clear();
        self.keys.clear();
        self.offsets.clear();
        self.times.clear();
        self.headers.clear();
    }

    #[inline]
    pub(super) fn push(&mut self, record: Record<'_>) {
        self.values.push(record.value());
        self.offsets.push(record.offset());
        if self.wanted.keys {
            self.keys.push(record.key());
        }
        if self.wanted.times {
            self.times.push(record.timestamp());
        }
        if self.wanted.headers {
            let mut headers = Headers::new();
            record.headers(|name, value| headers.push((String::from_utf8_lossy(name).into_owned(), value.map(<[u8]>::to_vec))));
            self.headers.push(headers);
        }
    }

    /// One record by its parts.
    pub(super) fn put(&mut self, value: Option<&[u8]>, key: Option<&[u8]>, offset: i64, time: Option<i64>, headers: Headers) {
        self.values.push(value);
        self.keys.push(key);
        self.offsets.push(offset);
        self.times.push(time);
        self.headers.push(headers);
    }
}

/// The type of `_headers`.
pub(super) fn headers_type() -> DataType {
    DataType::List(Field::new_list_field(DataType::Struct(pair()), true).into())
}

fn pair() -> Fields {
    Fields::from(vec![Field::new("name", DataType::Utf8, true), Field::new("value", DataType::Binary, true)])
}

/// A builder of `_headers`.
pub(super) fn headers_builder() -> ListBuilder<StructBuilder> {
    ListBuilder::new(StructBuilder::from_fields(pair(), 0))
}

/// Adds the headers of a record.
pub(super) fn append_headers(list: &mut ListBuilder<StructBuilder>, headers: &Headers) {
    let pairs = list.values();
    for (name, value) in headers {
        if let Some(names) = pairs.field_builder::<StringBuilder>(0) {
            names.append_value(name);
        }
        if let Some(values) = pairs.field_builder::<BinaryBuilder>(1) {
            values.append_option(value.as_deref());
        }
        pairs.append(true);
    }
    list.append(true);
}
