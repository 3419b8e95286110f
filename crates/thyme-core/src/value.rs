//! Rust types that are values of a column.
use std::sync::Arc;

use arrow_array::builder::{BinaryBuilder, StringBuilder};
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, Time64MicrosecondType,
    TimestampMicrosecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, BinaryArray, BooleanArray, ListArray, PrimitiveArray, StringArray};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::{DataType, Field};
use bytes::Bytes;
use jiff::civil;

use crate::{Error, Kind, Result, field_type};

/// A Rust type that is a value of a column. `None` stands for null.
pub trait Value: Sized {
    /// Whether a field of this type may be null.
    const NULLABLE: bool = false;

    /// The type of its column.
    fn data_type() -> DataType;

    /// A column of values.
    ///
    /// # Errors
    /// `Data` for a value that the column can't hold.
    fn array(values: Vec<Option<Self>>) -> Result<ArrayRef>;

    /// The values of a column.
    ///
    /// # Errors
    /// `Schema` for a column of another type, `Data` for a value that the Rust type can't hold.
    fn read(array: &ArrayRef) -> Result<Vec<Option<Self>>>;

    /// What null is, for a type that has it.
    fn of_null() -> Option<Self> {
        None
    }
}

fn cast<T: Array + 'static>(array: &ArrayRef) -> Result<&T> {
    array.as_any().downcast_ref().ok_or_else(|| {
        let want = std::any::type_name::<T>().rsplit("::").next().unwrap_or_default();
        Error::new(Kind::Schema, format!("expected a {want}, found a column of {}", array.data_type()))
    })
}

fn primitive<P: ArrowPrimitiveType, T>(array: &ArrayRef, from: impl Fn(P::Native) -> Option<T>) -> Result<Vec<Option<T>>> {
    let array = cast::<PrimitiveArray<P>>(array)?;
    let value = |value: Option<P::Native>| match value {
        None => Ok(None),
        Some(native) => match from(native) {
            Some(value) => Ok(Some(value)),
            None => Err(Error::new(Kind::Data, format!("{native:?} is out of the range of {}", std::any::type_name::<T>()))),
        },
    };
    array.iter().map(value).collect()
}

macro_rules! numbers {
    ($($rust:ty => $arrow:ty),*) => {$(
        impl Value for $rust {
            fn data_type() -> DataType { <$arrow>::DATA_TYPE }
            fn array(values: Vec<Option<Self>>) -> Result<ArrayRef> { Ok(Arc::new(PrimitiveArray::<$arrow>::from(values))) }
            fn read(array: &ArrayRef) -> Result<Vec<Option<Self>>> { primitive::<$arrow, _>(array, Some) }
        }
    )*};
}

numbers!(i8 => Int8Type, i16 => Int16Type, i32 => Int32Type, i64 => Int64Type, u8 => UInt8Type, u16 => UInt16Type, u32 => UInt32Type,
    u64 => UInt64Type, f32 => Float32Type, f64 => Float64Type);

impl Value for bool {
    fn data_type() -> DataType {
        DataType::Boolean
    }
    fn array(values: Vec<Option<Self>>) -> Result<ArrayRef> {
        Ok(Arc::new(BooleanArray::from(values)))
    }
    fn read(array: &ArrayRef) -> Result<Vec<Option<Self>>> {
        Ok(cast::<BooleanArray>(array)?.iter().collect())
    }
}

impl Value for String {
    fn data_type() -> DataType {
        DataType::Utf8
    }
    fn array(values: Vec<Option<Self>>) -> Result<ArrayRef> {
        let mut builder = StringBuilder::with_capacity(values.len(), values.iter().flatten().map(Self::len).sum());
        values.iter().for_each(|value| builder.append_option(value.as_deref()));
        Ok(Arc::new(builder.finish()))
    }
    fn read(array: &ArrayRef) -> Result<Vec<Option<Self>>> {
        Ok(cast::<StringArray>(array)?.iter().map(|text| text.map(str::to_owned)).collect())
    }
}

impl Value for Bytes {
    fn data_type() -> DataType {
        DataType::Binary
    }
    fn array(values: Vec<Option<Self>>) -> Result<ArrayRef> {
        let mut builder = BinaryBuilder::with_capacity(values.len(), values.iter().flatten().map(Self::len).sum());
        values.iter().for_each(|value| builder.append_option(value.as_deref()));
        Ok(Arc::new(builder.finish()))
    }
    fn read(array: &ArrayRef) -> Result<Vec<Option<Self>>> {
        Ok(cast::<BinaryArray>(array)?.iter().map(|bytes| bytes.map(Self::copy_from_slice)).collect())
    }
}

impl Value for jiff::Timestamp {
    fn data_type() -> DataType {
        field_type::timestamp()
    }
    fn array(values: Vec<Option<Self>>) -> Result<ArrayRef> {
        let micros = values.iter().map(|value| value.map(Self::as_microsecond));
        Ok(Arc::new(micros.collect::<PrimitiveArray<TimestampMicrosecondType>>().with_timezone(field_type::UTC)))
    }
    fn read(array: &ArrayRef) -> Result<Vec<Option<Self>>> {
        primitive::<TimestampMicrosecondType, _>(array, |micros| Self::from_microsecond(micros).ok())
    }
}

impl Value for civil::DateTime {
    fn data_type() -> DataType {
        DataType::Timestamp(arrow_schema::TimeUnit::Microsecond, None)
    }
    fn array(values: Vec<Option<Self>>) -> Result<ArrayRef> {
        let micros = |value: Self| value.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|at| at.timestamp().as_microsecond());
        Ok(Arc::new(values.into_iter().map(|value| value.and_then(micros)).collect::<PrimitiveArray<TimestampMicrosecondType>>()))
    }
    fn read(array: &ArrayRef) -> Result<Vec<Option<Self>>> {
        let at =
            |micros| jiff::Timestamp::from_microsecond(micros).ok().map(|at| at.to_zoned(jiff::tz::TimeZone::UTC).datetime());
        primitive::<TimestampMicrosecondType, _>(array, at)
    }
}

const EPOCH: civil::Date = civil::date(1970, 1, 1);

impl Value for civil::Date {
    fn data_type() -> DataType {
        DataType::Date32
    }
    fn array(values: Vec<Option<Self>>) -> Result<ArrayRef> {
        let days = |value: Self| EPOCH.until(value).ok().map(|span| span.get_days());
        Ok(Arc::new(values.into_iter().map(|value| value.and_then(days)).collect::<PrimitiveArray<Date32Type>>()))
    }
    fn read(array: &ArrayRef) -> Result<Vec<Option<Self>>> {
        primitive::<Date32Type, _>(array, |days| EPOCH.checked_add(jiff::Span::new().try_days(days).ok()?).ok())
    }
}

impl Value for civil::Time {
    fn data_type() -> DataType {
        Time64MicrosecondType::DATA_TYPE
    }
    fn array(values: Vec<Option<Self>>) -> Result<ArrayRef> {
        let micros = |value: Self| value.duration_since(Self::midnight()).as_micros() as i64;
        Ok(Arc::new(values.into_iter().map(|value| value.map(micros)).collect::<PrimitiveArray<Time64MicrosecondType>>()))
    }
    fn read(array: &ArrayRef) -> Result<Vec<Option<Self>>> {
        primitive::<Time64MicrosecondType, _>(array, |micros| {
            Self::midnight().checked_add(jiff::SignedDuration::from_micros(micros)).ok()
        })
    }
}

impl<T: Value> Value for Option<T> {
    const NULLABLE: bool = true;

    fn data_type() -> DataType {
        T::data_type()
    }
    fn array(values: Vec<Option<Self>>) -> Result<ArrayRef> {
        T::array(values.into_iter().map(Option::flatten).collect())
    }
    fn read(array: &ArrayRef) -> Result<Vec<Option<Self>>> {
        Ok(T::read(array)?.into_iter().map(Some).collect())
    }
    fn of_null() -> Option<Self> {
        Some(None)
    }
}

/// A list. Lists of bytes are [`Bytes`].
impl<T: Value> Value for Vec<T> {
    fn data_type() -> DataType {
        DataType::List(Arc::new(Field::new_list_field(T::data_type(), true)))
    }
    fn array(values: Vec<Option<Self>>) -> Result<ArrayRef> {
        let lengths = values.iter().map(|value| value.as_ref().map_or(0, Self::len));
        let (offsets, nulls) = (OffsetBuffer::from_lengths(lengths), NullBuffer::from_iter(values.iter().map(Option::is_some)));
        let items = T::array(values.into_iter().flatten().flatten().map(Some).collect())?;
        let DataType::List(item) = Self::data_type() else { return Err(Error::new(Kind::Unexpected, "a list is not a list")) };
        let list = ListArray::try_new(item, offsets, items, Some(nulls));
        Ok(Arc::new(list.map_err(|e| Error::new(Kind::Data, "the values do not make a list").source(e))?))
    }
    fn read(array: &ArrayRef) -> Result<Vec<Option<Self>>> {
        let list = cast::<ListArray>(array)?;
        let items = |row: Option<ArrayRef>| {
            let Some(row) = row else { return Ok(None) };
            let whole = |value: Option<T>| value.or_else(T::of_null).ok_or_else(|| Error::new(Kind::Data, "a list holds a null"));
            T::read(&row)?.into_iter().map(whole).collect::<Result<Self>>().map(Some)
        };
        list.iter().map(items).collect()
    }
}
