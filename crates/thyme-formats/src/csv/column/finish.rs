//! The values of a column as an array.
use std::sync::Arc;

use thyme_core::arrow::array::types::{
    Date32Type, Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    IntervalMonthDayNanoType, Time64MicrosecondType, TimestampMicrosecondType, TimestampNanosecondType, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use thyme_core::arrow::array::{
    ArrayRef, ArrowPrimitiveType, BinaryArray, BooleanArray, FixedSizeBinaryArray, NullArray, PrimitiveArray,
};
use thyme_core::arrow::buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use thyme_core::arrow::datatypes::DataType;
use thyme_core::{Error, Kind, Result};

use super::{Column, Stamp, Values};
use crate::raw::strings;

impl Column {
    /// The column of `rows` rows as an array, which leaves it empty.
    pub(in crate::csv) fn finish(&mut self, rows: usize) -> Result<ArrayRef> {
        let nulls = self.take_nulls(rows);
        Ok(match &mut self.values {
            Values::Skip => Arc::new(NullArray::new(rows)),
            Values::Null(count) => Arc::new(NullArray::new(std::mem::take(count))),
            Values::Bool(v) => {
                let bits = BooleanBuffer::collect_bool(v.len(), |i| v.get(i).copied().unwrap_or_default());
                v.clear();
                Arc::new(BooleanArray::new(bits, nulls))
            }
            Values::Int8(v) => primitive::<Int8Type>(v, nulls, &self.data_type)?,
            Values::Int16(v) => primitive::<Int16Type>(v, nulls, &self.data_type)?,
            Values::Int32(v) => primitive::<Int32Type>(v, nulls, &self.data_type)?,
            Values::Int64(v) => primitive::<Int64Type>(v, nulls, &self.data_type)?,
            Values::UInt8(v) => primitive::<UInt8Type>(v, nulls, &self.data_type)?,
            Values::UInt16(v) => primitive::<UInt16Type>(v, nulls, &self.data_type)?,
            Values::UInt32(v) => primitive::<UInt32Type>(v, nulls, &self.data_type)?,
            Values::UInt64(v) => primitive::<UInt64Type>(v, nulls, &self.data_type)?,
            Values::Float32(v) => primitive::<Float32Type>(v, nulls, &self.data_type)?,
            Values::Float64(v) => primitive::<Float64Type>(v, nulls, &self.data_type)?,
            Values::Decimal128(v, ..) => primitive::<Decimal128Type>(v, nulls, &self.data_type)?,
            Values::Decimal256(v, ..) => primitive::<Decimal256Type>(v, nulls, &self.data_type)?,
            Values::Date(v) => primitive::<Date32Type>(v, nulls, &self.data_type)?,
            Values::Time(v) => primitive::<Time64MicrosecondType>(v, nulls, &self.data_type)?,
            Values::Timestamp(v, Stamp { nanos: false, .. }) => primitive::<TimestampMicrosecondType>(v, nulls, &self.data_type)?,
            Values::Timestamp(v, _) => primitive::<TimestampNanosecondType>(v, nulls, &self.data_type)?,
            Values::Interval(v) => primitive::<IntervalMonthDayNanoType>(v, nulls, &self.data_type)?,
            Values::Uuid(v) => {
                let bytes = Buffer::from_vec(fresh(v).into_flattened());
                Arc::new(FixedSizeBinaryArray::try_new(16, bytes, nulls).map_err(defect)?)
            }
            Values::Bytes(ends, bytes, _) => text(ends, bytes, nulls, &self.data_type)?,
        })
    }

    fn take_nulls(&mut self, rows: usize) -> Option<NullBuffer> {
        if self.nulls.is_empty() {
            return None;
        }
        let mut bytes = vec![0xff_u8; rows.div_ceil(8)];
        for row in self.nulls.drain(..) {
            if let Some(byte) = bytes.get_mut(row / 8) {
                *byte &= !(1 << (row % 8));
            }
        }
        Some(NullBuffer::new(BooleanBuffer::new(bytes.into(), 0, rows)))
    }
}

/// The values so far; as much room as they took is made ready for the next.
fn fresh<T>(values: &mut Vec<T>) -> Vec<T> {
    let next = Vec::with_capacity(values.len());
    std::mem::replace(values, next)
}

fn primitive<T: ArrowPrimitiveType>(
    values: &mut Vec<T::Native>,
    nulls: Option<NullBuffer>,
    data_type: &DataType,
) -> Result<ArrayRef> {
    let array = PrimitiveArray::<T>::try_new(ScalarBuffer::from(fresh(values)), nulls).map_err(defect)?;
    Ok(Arc::new(array.with_data_type(data_type.clone())))
}

fn text(ends: &mut Vec<usize>, bytes: &mut Vec<u8>, nulls: Option<NullBuffer>, data_type: &DataType) -> Result<ArrayRef> {
    let bytes = Buffer::from_vec(fresh(bytes));
    let array: ArrayRef = match data_type {
        DataType::LargeUtf8 => {
            let offsets: Vec<i64> = std::iter::once(0).chain(ends.iter().map(|end| *end as i64)).collect();
            Arc::new(strings::column(OffsetBuffer::new(offsets.into()), bytes, nulls).map_err(defect)?)
        }
        other => {
            if i32::try_from(bytes.len()).is_err() {
                return Err(Error::new(
                    Kind::Data,
                    "the texts of a column take more than 2 GiB in one block; read smaller blocks",
                ));
            }
            let offsets: Vec<i32> = std::iter::once(0).chain(ends.iter().map(|end| *end as i32)).collect();
            let offsets = OffsetBuffer::new(offsets.into());
            if *other == DataType::Binary {
                Arc::new(BinaryArray::try_new(offsets, bytes, nulls).map_err(defect)?)
            } else {
                Arc::new(strings::column(offsets, bytes, nulls).map_err(defect)?)
            }
        }
    };
    ends.clear();
    Ok(array)
}

fn defect(error: thyme_core::arrow::datatypes::ArrowError) -> Error {
    Error::new(Kind::Unexpected, "a column does not hold together").source(error)
}
