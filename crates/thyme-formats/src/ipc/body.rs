//! The body of a message: of its buffers those that are wanted, decompressed, and nothing else.
use std::collections::VecDeque;
use std::io::{Read, Seek};

use arrow_ipc::{BodyCompressionMethod, CompressionType, MetadataVersion, RecordBatch};
use thyme_core::arrow::buffer::Buffer;
use thyme_core::arrow::datatypes::{DataType as T, Field, UnionMode};

use super::frames::{Frame, Frames, damaged};
use crate::fault::Fault;

/// What a record batch may hold once it is decompressed.
const BODY_AT_MOST: u64 = 1 << 30;
/// A compressed buffer begins with its length once decompressed. With this one it is not compressed after all.
const PLAIN: i64 = -1;
/// Every type is read in place at multiples of this.
const ALIGNED: usize = 16;

/// Reads the wanted buffers of the message `frame` into one body, and has its header say where they are now.
/// `batch` finds the record batch of a header; `wanted` has a word for each buffer, in order.
pub(super) fn read<R: Read + Seek>(
    frames: &mut Frames<R>,
    frame: &mut Frame,
    batch: impl Fn(&[u8]) -> Result<RecordBatch<'_>, Fault>,
    wanted: impl Iterator<Item = bool>,
) -> Result<Buffer, Fault> {
    let batch = batch(&frame.header)?;
    let buffers = batch.buffers().ok_or_else(|| damaged("a record batch without buffers"))?;
    let table = (buffers.bytes().as_ptr() as usize).saturating_sub(frame.header.as_ptr() as usize);
    let packed = match batch.compression() {
        None => None,
        Some(packed) if packed.method() != BodyCompressionMethod::BUFFER => {
            return Err(damaged("a record batch that is compressed in a way that is not known"));
        }
        Some(packed) => Some(packed.codec()),
    };
    let places: Vec<_> = buffers.iter().map(|buffer| (buffer.offset(), buffer.length())).collect();
    let mut body = Vec::new();
    for (number, ((offset, length), wanted)) in places.into_iter().zip(wanted.chain(std::iter::repeat(false))).enumerate() {
        let mut found = (0, 0);
        if wanted && length != 0 {
            let (Ok(offset), Ok(length)) = (u64::try_from(offset), u64::try_from(length)) else {
                return Err(damaged("a buffer of a negative length"));
            };
            if offset.checked_add(length).is_none_or(|end| end > frame.length) {
                return Err(damaged("a buffer that goes beyond its message"));
            }
            let place = (frame.body.saturating_add(offset), length);
            found = match packed {
                None => plain(frames, place, &mut body)?,
                Some(codec) => unpacked(frames, place, codec, &mut body)?,
            };
        }
        let word = [found.0 as u64, found.1 as u64].map(u64::to_le_bytes);
        let at = table + number * size_of_val(&word);
        if let Some(to) = frame.header.get_mut(at..at + size_of_val(&word)) {
            to.copy_from_slice(word.as_flattened());
        }
    }
    Ok(Buffer::from_vec(body))
}

/// A buffer as it is: where in `body` it begins, and its length.
fn plain<R: Read + Seek>(frames: &mut Frames<R>, (at, length): (u64, u64), body: &mut Vec<u8>) -> Result<(usize, usize), Fault> {
    within(body, length)?;
    body.resize(body.len().next_multiple_of(ALIGNED), 0);
    let begin = body.len();
    frames.append(at, length, body)?;
    Ok((begin, body.len() - begin))
}

/// A buffer that may be compressed, as one that is not: with a prefix that says so.
fn unpacked<R: Read + Seek>(
    frames: &mut Frames<R>,
    (at, length): (u64, u64),
    codec: CompressionType,
    body: &mut Vec<u8>,
) -> Result<(usize, usize), Fault> {
    within(body, length)?;
    let mut bytes = Vec::new();
    frames.append(at, length, &mut bytes)?;
    let (prefix, packed) = bytes.split_first_chunk().ok_or_else(|| damaged("a compressed buffer without its length"))?;
    let long = i64::from_le_bytes(*prefix);
    if long == 0 {
        return Ok((0, 0));
    }
    let begin = (body.len() + prefix.len()).next_multiple_of(ALIGNED) - prefix.len();
    body.resize(begin, 0);
    body.extend_from_slice(&PLAIN.to_le_bytes());
    if long == PLAIN {
        body.extend_from_slice(packed);
    } else {
        let long = u64::try_from(long).map_err(|_| damaged("a buffer of a negative length"))?;
        within(body, long)?;
        let unpacked = match codec {
            CompressionType::LZ4_FRAME => lz4_flex::frame::FrameDecoder::new(packed).take(long + 1).read_to_end(body),
            CompressionType::ZSTD => {
                zstd::stream::read::Decoder::with_buffer(packed).and_then(|packed| packed.take(long + 1).read_to_end(body))
            }
            _ => return Err(damaged("a record batch that is compressed in a way that is not known")),
        };
        let unpacked = unpacked.map_err(|e| damaged(format!("a buffer that cannot be decompressed: {e}")))?;
        if unpacked as u64 != long {
            return Err(damaged("a buffer that is not as long as it says"));
        }
    }
    Ok((begin, body.len() - begin))
}

fn within(body: &[u8], more: u64) -> Result<(), Fault> {
    if more.saturating_add(body.len() as u64) > BODY_AT_MOST {
        return Err(damaged("a record batch of more than 1 GiB; write smaller ones"));
    }
    Ok(())
}

/// How many buffers a column of `field` has in a record batch; `variadic` are the numbers that its header has for columns of views.
pub(super) fn buffers(field: &Field, variadic: &mut VecDeque<i64>, version: MetadataVersion) -> Result<usize, Fault> {
    let mut inner = |field: &Field| buffers(field, variadic, version);
    Ok(match field.data_type() {
        T::Null => 0,
        T::Utf8 | T::LargeUtf8 | T::Binary | T::LargeBinary => 3,
        T::Utf8View | T::BinaryView => {
            let count = variadic.pop_front().and_then(|count| usize::try_from(count).ok());
            count.and_then(|count| count.checked_add(2)).ok_or_else(|| damaged("a column of views without its buffers"))?
        }
        T::List(item) | T::LargeList(item) | T::Map(item, _) => inner(item)?.saturating_add(2),
        T::ListView(item) | T::LargeListView(item) => inner(item)?.saturating_add(3),
        T::FixedSizeList(item, _) => inner(item)?.saturating_add(1),
        T::Struct(fields) => fields.iter().try_fold(1, |sum: usize, field| Ok::<_, Fault>(sum.saturating_add(inner(field)?)))?,
        T::RunEndEncoded(ends, values) => inner(ends)?.saturating_add(inner(values)?),
        T::Union(fields, mode) => {
            let own = 1 + usize::from(*mode == UnionMode::Dense) + usize::from(version < MetadataVersion::V5);
            fields.iter().try_fold(own, |sum: usize, (_, field)| Ok::<_, Fault>(sum.saturating_add(inner(field)?)))?
        }
        _ => 2,
    })
}
