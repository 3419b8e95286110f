//! Keys: the next one is guessed, the others are looked up.

/// The key of a field, ready to be compared with `"key":` as it is written when nothing in it is escaped.
#[derive(Debug)]
pub(crate) struct Key {
    head: u128,
    mask: u128,
    /// What follows the first 16 bytes.
    tail: Box<[u8]>,
    /// The length of `"key":`.
    len: usize,
}

const HEAD: usize = 16;

impl Key {
    pub(crate) fn new(name: &str) -> Self {
        let plain = name.bytes().all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\');
        let written = format!("\"{name}\":");
        let bytes = written.as_bytes();
        let mut head = [0; HEAD];
        let mut mask = [0; HEAD];
        for (i, byte) in bytes.iter().take(HEAD).enumerate() {
            head[i] = *byte;
            mask[i] = if plain { 0xFF } else { 0 };
        }
        Self {
            head: u128::from_le_bytes(head),
            mask: u128::from_le_bytes(mask),
            tail: bytes.get(HEAD..).unwrap_or_default().into(),
            len: bytes.len(),
        }
    }

    /// The position after `"key":` if that stands at `pos`. Near the end of `bytes` it may be missed.
    #[inline(always)]
    pub(crate) fn after(&self, bytes: &[u8], pos: usize) -> Option<usize> {
        let rest = bytes.get(pos..)?;
        let head = u128::from_le_bytes(*rest.first_chunk::<HEAD>()?);
        if (head ^ self.head) & self.mask != 0 || self.mask == 0 {
            return None;
        }
        if !self.tail.is_empty() && rest.get(HEAD..self.len)? != &*self.tail {
            return None;
        }
        Some(pos + self.len)
    }
}

/// From a key to its place: open addressing in a table twice as large as it need be.
#[derive(Debug)]
pub(crate) struct Table {
    names: Vec<Box<[u8]>>,
    places: Vec<u32>,
}

const NONE: u32 = u32::MAX;

impl Table {
    pub(crate) fn new<'n>(names: impl Iterator<Item = &'n str>) -> Self {
        let names: Vec<Box<[u8]>> = names.map(|name| name.as_bytes().into()).collect();
        let mut table = Self { places: vec![NONE; (names.len() * 2).next_power_of_two().max(2)], names };
        for i in 0..table.names.len() {
            let mut at = table.start(&table.names[i]);
            while table.places[at] != NONE {
                at = (at + 1) & (table.places.len() - 1);
            }
            table.places[at] = i as u32;
        }
        table
    }

    /// The place of `name`.
    pub(crate) fn find(&self, name: &[u8]) -> Option<usize> {
        let mut at = self.start(name);
        loop {
            let place = *self.places.get(at)?;
            let known = self.names.get(place as usize)?;
            if &**known == name {
                return Some(place as usize);
            }
            at = (at + 1) & (self.places.len() - 1);
        }
    }

    fn start(&self, name: &[u8]) -> usize {
        let mut hash = name.len() as u64;
        for bytes in name.chunks(8) {
            let mut word = [0; 8];
            word.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
            hash = (hash ^ u64::from_le_bytes(word)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            hash ^= hash >> 32;
        }
        hash as usize & (self.places.len() - 1)
    }
}
