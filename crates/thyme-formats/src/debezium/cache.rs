//! Schemas by their text: it is the same in every message, and five times as long as the rest.

/// How many schemas are remembered.
const SCHEMAS: usize = 64;

/// What was found out of each schema.
#[derive(Debug)]
pub(super) struct Cache<T> {
    list: Vec<(Vec<u8>, T)>,
    last: usize,
}

impl<T> Cache<T> {
    pub(super) fn new() -> Self {
        Self { list: Vec::new(), last: 0 }
    }

    /// The place of the schema that stands at the front of `text`, and its length.
    #[inline]
    pub(super) fn find(&mut self, text: &[u8]) -> Option<(usize, usize)> {
        if let Some((known, _)) = self.list.get(self.last)
            && text.starts_with(known)
        {
            return Some((self.last, known.len()));
        }
        let place = self.list.iter().position(|(known, _)| text.starts_with(known))?;
        self.last = place;
        Some((place, self.list.get(place)?.0.len()))
    }

    pub(super) fn get(&self, place: usize) -> Option<&T> {
        self.list.get(place).map(|(_, known)| known)
    }

    /// Remembers a schema; its place.
    pub(super) fn add(&mut self, text: &[u8], known: T) -> usize {
        if self.list.len() >= SCHEMAS {
            self.list.clear();
        }
        self.list.push((text.to_vec(), known));
        self.last = self.list.len() - 1;
        self.last
    }
}
