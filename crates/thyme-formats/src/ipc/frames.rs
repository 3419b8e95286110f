//! Messages of a file or a stream: where they are, and what their headers say. No length is believed before it is seen that the
//! file has as many bytes.
use std::io::{Read, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow_ipc::convert::fb_to_schema;
use arrow_ipc::{Block, Endianness, root_as_footer, root_as_message};
use thyme_core::arrow::datatypes::{ArrowError, Schema};

use crate::fault::Fault;

const MAGIC: &[u8] = b"ARROW1";
/// What an older format of the same name began with.
const FEATHER_1: &[u8] = b"FEA1";
/// The footer's length, and the magic again.
const TRAILER: u64 = 10;
/// Before a message: a mark, and the length of its header. Older writers left the mark out.
const MARK: [u8; 4] = [0xFF; 4];
/// A header, or a footer, is small.
const HEADER_AT_MOST: u64 = 256 << 20;

/// A file or a stream, message by message.
#[derive(Debug)]
pub(super) struct Frames<R> {
    input: R,
    size: u64,
    form: Form,
}

#[derive(Debug)]
enum Form {
    /// Messages as the footer lists them: dictionaries first.
    File(std::vec::IntoIter<Block>),
    /// Messages one after another; the next is here.
    Stream(u64),
}

/// A message.
pub(super) struct Frame {
    /// Its header, of flatbuffers; verified.
    pub(super) header: Vec<u8>,
    /// Where its body begins.
    pub(super) body: u64,
    pub(super) length: u64,
}

impl<R: Read + Seek> Frames<R> {
    /// The columns of `input`, and its messages behind that.
    pub(super) fn open(mut input: R) -> Result<(Schema, Self), Fault> {
        let size = input.seek(SeekFrom::End(0))?;
        let mut head = [0; 6];
        let begin = size.min(head.len() as u64) as usize;
        let mut frames = Self { input, size, form: Form::Stream(0) };
        frames.read(0, head.get_mut(..begin).unwrap_or_default())?;
        if head == MAGIC {
            let (schema, blocks) = frames.footer()?;
            frames.form = Form::File(blocks.into_iter());
            return Ok((schema, frames));
        }
        if head.starts_with(FEATHER_1) {
            return Err(damaged("it is a feather file of version 1, which is not arrow"));
        }
        let neither = || damaged("it begins neither as an arrow file nor as a stream");
        let first = frames.at(0).map_err(|fault| if head.starts_with(&MARK) { fault } else { neither() })?;
        let Some((first, behind)) = first else { return Err(damaged("a stream without a schema")) };
        let message = root_as_message(&first.header).map_err(damaged)?;
        let schema = message.header_as_schema().ok_or_else(neither)?;
        let schema = columns(schema)?;
        frames.form = Form::Stream(behind);
        Ok((schema, frames))
    }

    /// The next message; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Frame>, Fault> {
        match &mut self.form {
            Form::File(blocks) => {
                let Some(block) = blocks.next() else { return Ok(None) };
                let at = u64::try_from(block.offset()).map_err(|_| damaged("a record batch before the begin of the file"))?;
                let found = self.at(at)?.ok_or_else(|| damaged("the footer names a record batch that is not there"))?;
                Ok(Some(found.0))
            }
            Form::Stream(at) => {
                let at = *at;
                let Some((frame, behind)) = self.at(at)? else { return Ok(None) };
                self.form = Form::Stream(behind);
                Ok(Some(frame))
            }
        }
    }

    /// The bytes from `at` on.
    pub(super) fn read(&mut self, at: u64, bytes: &mut [u8]) -> Result<(), Fault> {
        self.input.seek(SeekFrom::Start(at))?;
        Ok(self.input.read_exact(bytes)?)
    }

    /// The bytes of `at..at + length`, which are known to be there, behind those in `bytes`.
    pub(super) fn append(&mut self, at: u64, length: u64, bytes: &mut Vec<u8>) -> Result<(), Fault> {
        self.input.seek(SeekFrom::Start(at))?;
        let read = (&mut self.input).take(length).read_to_end(bytes)?;
        if (read as u64) < length { Err(damaged("the file ends too early")) } else { Ok(()) }
    }

    /// The message at `at`, and where the next one begins. `None`: the end of the stream.
    fn at(&mut self, at: u64) -> Result<Option<(Frame, u64)>, Fault> {
        let mut word = [0; 4];
        if at == self.size {
            return Ok(None);
        }
        self.read(at, &mut word)?;
        let mut begin = at.saturating_add(4);
        if word == MARK {
            self.read(begin, &mut word)?;
            begin += 4;
        }
        let length = i32::from_le_bytes(word);
        if length == 0 {
            return Ok(None);
        }
        let left = self.size.saturating_sub(begin);
        let length = u64::try_from(length).map_err(|_| damaged("a message of a negative length"))?;
        if length > left.min(HEADER_AT_MOST) {
            return Err(damaged(format!("a message with a header of {length} bytes where {left} are left")));
        }
        let mut header = Vec::new();
        self.append(begin, length, &mut header)?;
        let body = begin + length;
        let message = root_as_message(&header).map_err(damaged)?;
        let (length, left) = (message.bodyLength(), self.size - body);
        let length = u64::try_from(length).ok().filter(|length| *length <= left).ok_or_else(|| {
            damaged(format!("a message with a body of {length} bytes where {left} are left; the file may be cut off"))
        })?;
        Ok(Some((Frame { header, body, length }, body + length)))
    }

    /// Columns and messages as the footer has them.
    fn footer(&mut self) -> Result<(Schema, Vec<Block>), Fault> {
        let mut trailer = [0; TRAILER as usize];
        let cut = || damaged("the end of an arrow file is missing; it may be cut off");
        let end = self.size.checked_sub(TRAILER).ok_or_else(cut)?;
        self.read(end, &mut trailer)?;
        let [a, b, c, d, magic @ ..] = trailer;
        if magic != MAGIC {
            return Err(cut());
        }
        let length = i32::from_le_bytes([a, b, c, d]);
        let length = u64::try_from(length).ok().filter(|length| *length <= end.min(HEADER_AT_MOST));
        let length = length.ok_or_else(|| damaged("the footer is longer than the file"))?;
        let mut bytes = Vec::new();
        self.append(end - length, length, &mut bytes)?;
        let footer = root_as_footer(&bytes).map_err(damaged)?;
        let schema = columns(footer.schema().ok_or_else(|| damaged("a footer without a schema"))?)?;
        let blocks = footer.dictionaries().into_iter().flatten().chain(footer.recordBatches().into_iter().flatten());
        Ok((schema, blocks.copied().collect()))
    }
}

/// The columns of a schema.
fn columns(schema: arrow_ipc::Schema<'_>) -> Result<Schema, Fault> {
    if schema.endianness() != Endianness::Little {
        return Err(damaged("its numbers are big-endian"));
    }
    if schema.fields().is_none() {
        return Err(damaged("a schema without fields"));
    }
    guarded(|| Ok(fb_to_schema(schema)))
}

/// A damaged file must not take the process with it, wherever the library trusts it.
pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T, ArrowError>) -> Result<T, Fault> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(done) => done.map_err(damaged),
        Err(_) => Err(damaged("the file breaks its reader")),
    }
}

pub(super) fn damaged(what: impl ToString) -> Fault {
    Fault::Damaged(what.to_string())
}
