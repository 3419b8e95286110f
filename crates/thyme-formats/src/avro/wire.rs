//! The bytes of a message.
use crate::text::Fault;

pub(crate) const END: Fault = "the message ends too early";

/// Bytes that are read from the front.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wire<'a> {
    rest: &'a [u8],
    /// How many items of arrays and maps may follow: those without bytes must not go on for ever.
    items: usize,
}

impl<'a> Wire<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, items: bytes.len().saturating_add(1 << 16) }
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    #[inline(always)]
    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], Fault> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(END)?;
        self.rest = rest;
        Ok(taken)
    }

    #[inline(always)]
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(END)?;
        self.rest = rest;
        Ok(*taken)
    }

    #[inline(always)]
    pub(crate) fn long(&mut self) -> Result<i64, Fault> {
        match self.rest {
            [byte, rest @ ..] if *byte < 0x80 => {
                self.rest = rest;
                Ok(unzigzag(u64::from(*byte)))
            }
            _ => self.long_of_many(),
        }
    }

    #[inline(never)]
    fn long_of_many(&mut self) -> Result<i64, Fault> {
        let mut value = 0;
        for (i, byte) in self.rest.iter().take(10).enumerate() {
            value |= u64::from(byte & 0x7F) << (7 * i);
            if *byte < 0x80 {
                if i == 9 && *byte > 1 {
                    break;
                }
                self.rest = self.rest.get(i + 1..).unwrap_or_default();
                return Ok(unzigzag(value));
            }
        }
        Err(if self.rest.len() < 10 { END } else { "a number of more than 64 bits" })
    }

    #[inline]
    pub(crate) fn int(&mut self) -> Result<i64, Fault> {
        let value = self.long()?;
        if i32::try_from(value).is_ok() { Ok(value) } else { Err("an int of more than 32 bits") }
    }

    #[inline]
    pub(crate) fn boolean(&mut self) -> Result<bool, Fault> {
        match self.array()? {
            [0] => Ok(false),
            [1] => Ok(true),
            _ => Err("a boolean that is neither 0 nor 1"),
        }
    }

    #[inline]
    pub(crate) fn float(&mut self) -> Result<f64, Fault> {
        Ok(f32::from_le_bytes(self.array()?).into())
    }

    #[inline]
    pub(crate) fn double(&mut self) -> Result<f64, Fault> {
        Ok(f64::from_le_bytes(self.array()?))
    }

    #[inline]
    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], Fault> {
        let length = usize::try_from(self.long()?).map_err(|_| "a length below zero")?;
        self.take(length)
    }

    #[inline]
    pub(crate) fn text(&mut self) -> Result<&'a [u8], Fault> {
        let text = self.bytes()?;
        if simdutf8::basic::from_utf8(text).is_ok() { Ok(text) } else { Err("text that is not utf-8") }
    }

    /// The number of an enum's symbol or a union's branch.
    #[inline]
    pub(crate) fn index(&mut self) -> Result<usize, Fault> {
        usize::try_from(self.long()?).map_err(|_| "an index below zero")
    }

    /// The items of the next block of an array or map, and its bytes if it says how many; 0 items at the end.
    #[inline]
    pub(crate) fn block(&mut self) -> Result<(usize, Option<usize>), Fault> {
        const MANY: Fault = "more items than the message has bytes";
        let count = self.long()?;
        let size =
            if count < 0 { Some(usize::try_from(self.long()?).map_err(|_| "a block of less than no bytes")?) } else { None };
        let count = usize::try_from(count.unsigned_abs()).map_err(|_| MANY)?;
        self.items = self.items.checked_sub(count).ok_or(MANY)?;
        Ok((count, size))
    }
}

#[inline(always)]
fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}
