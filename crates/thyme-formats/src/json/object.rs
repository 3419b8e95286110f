//! Objects into columns: a field each, in any order; what is missing is null, of a repeated key the last counts.
use super::column::Column;
use super::input::{DEPTH, Failed, Input, Reason, Step};
use super::keys::{Key, Table};
use super::skip;
use super::string::{self, Text};

/// The columns that the keys of an object go to. Each has a value for every object read.
#[derive(Debug)]
pub(crate) struct Object {
    fields: Vec<Field>,
    table: Table,
    /// The field that is likely to come first.
    first: usize,
    /// The number of the object being read, to tell which fields it had.
    stamp: u64,
    rows: usize,
    /// How many objects and arrays it lies in, itself included.
    depth: u32,
    scratch: Text,
}

#[derive(Debug)]
struct Field {
    key: Key,
    stamp: u64,
    /// The field that is likely to come next.
    next: usize,
    column: Column,
    name: Box<str>,
}

impl Object {
    /// `columns` by name; `depth` counts the object itself.
    pub(crate) fn new(columns: Vec<(String, Column)>, depth: u32) -> Self {
        let table = Table::new(columns.iter().map(|(name, _)| name.as_str()));
        let fields = columns.into_iter().enumerate().map(|(i, (name, column))| Field {
            key: Key::new(&name),
            stamp: 0,
            next: i + 1,
            column,
            name: name.into(),
        });
        Self { fields: fields.collect(), table, first: 0, stamp: 0, rows: 0, depth, scratch: Text::default() }
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    pub(crate) fn columns(&mut self) -> impl Iterator<Item = &mut Column> {
        self.fields.iter_mut().map(|field| &mut field.column)
    }

    /// The column at a place.
    #[inline(always)]
    pub(crate) fn column(&mut self, place: usize) -> Option<&mut Column> {
        self.fields.get_mut(place).map(|field| &mut field.column)
    }

    /// The name of the column at a place.
    pub(crate) fn name(&self, place: usize) -> &str {
        self.fields.get(place).map_or("", |field| &field.name)
    }

    /// Ends an object whose values were pushed to the columns themselves: nulls for those that got none. The place of a column
    /// that must not be null.
    pub(crate) fn end_row(&mut self) -> Result<(), usize> {
        let rows = self.rows;
        for (place, field) in self.fields.iter_mut().enumerate() {
            if field.column.len() == rows {
                if field.column.is_required() {
                    return Err(place);
                }
                field.column.pad();
            }
        }
        self.rows += 1;
        Ok(())
    }

    /// Ends the batch: the columns are to be taken now.
    pub(crate) fn restart(&mut self) {
        self.rows = 0;
    }

    /// Goes back to `rows` objects. Each column has that many values or more.
    pub(crate) fn truncate(&mut self, rows: usize) {
        self.rows = self.rows.min(rows);
        for field in &mut self.fields {
            field.column.truncate(rows);
        }
    }

    /// Makes room for about `rows` objects, or as many as the last batch had.
    pub(crate) fn reserve(&mut self, rows: usize) {
        for field in &mut self.fields {
            field.column.reserve(rows);
        }
    }

    /// An object that is not there.
    pub(crate) fn pad(&mut self) {
        self.rows += 1;
        for field in &mut self.fields {
            field.column.pad();
        }
    }

    /// Reads the object at `pos`; `unknown` hears of each key without a column whose value is not null. On failure some columns
    /// may have a value too many: `truncate`.
    #[inline]
    pub(crate) fn read(&mut self, input: &mut Input<'_>, pos: usize, unknown: &mut bool) -> Step {
        if input.byte(pos) != Some(b'{') {
            return input.fail(pos, Reason::Expected("an object"));
        }
        if self.depth >= DEPTH {
            return skip::too_deep(input, pos);
        }
        self.stamp += 1;
        let mut found = 0;
        let mut last = None;
        let mut guess = self.first;
        let mut pos = input.blank(pos + 1);
        if input.byte(pos) == Some(b'}') {
            pos += 1;
        } else {
            loop {
                let hit = self.fields.get(guess).and_then(|field| field.key.after(input.bytes, pos));
                let place = match hit {
                    Some(after) => {
                        pos = input.blank(after);
                        guess
                    }
                    None => {
                        let (place, after) = self.look_up(input, pos)?;
                        pos = after;
                        match place {
                            Some(place) => {
                                self.expect(last, place);
                                place
                            }
                            None => usize::MAX,
                        }
                    }
                };
                match self.fields.get_mut(place) {
                    Some(field) => {
                        if field.stamp == self.stamp {
                            field.column.truncate(self.rows);
                        } else {
                            field.stamp = self.stamp;
                            found += 1;
                        }
                        match field.column.read(input, pos) {
                            Ok(after) => pos = after,
                            Err(_) => return Err(input.within(&field.name)),
                        }
                        last = Some(place);
                        guess = field.next;
                    }
                    None => {
                        *unknown |= input.byte(pos) != Some(b'n');
                        pos = skip::skip(input, pos, self.depth)?;
                    }
                }
                pos = input.blank(pos);
                match input.byte(pos) {
                    Some(b',') => pos = input.blank(pos + 1),
                    Some(b'}') => {
                        pos += 1;
                        break;
                    }
                    _ => return input.fail(pos, Reason::Expected("`,` or `}`")),
                }
            }
        }
        if found < self.fields.len() {
            self.fill(input, pos)?;
        }
        self.rows += 1;
        Ok(pos)
    }

    /// The place of the key at `pos` and where its value begins.
    #[inline(never)]
    fn look_up(&mut self, input: &mut Input<'_>, pos: usize) -> Result<(Option<usize>, usize), Failed> {
        if input.byte(pos) != Some(b'"') {
            return input.fail(pos, Reason::Expected("a key in quotes"));
        }
        let end = string::skip(input, pos + 1)?;
        let inside = input.bytes.get(pos + 1..end - 1).unwrap_or_default();
        let place = if inside.contains(&b'\\') {
            self.scratch.truncate(0);
            self.scratch.read(input, pos + 1)?;
            self.table.find(self.scratch.bytes_from(0))
        } else {
            self.table.find(inside)
        };
        Ok((place, skip::colon(input, end)?))
    }

    /// Remembers that `place` came after `last`.
    fn expect(&mut self, last: Option<usize>, place: usize) {
        match last.and_then(|last| self.fields.get_mut(last)) {
            Some(field) => field.next = place,
            None => self.first = place,
        }
    }

    /// Nulls for the fields that the object did not have.
    #[inline(never)]
    fn fill(&mut self, input: &mut Input<'_>, pos: usize) -> Result<(), Failed> {
        for field in &mut self.fields {
            if field.stamp != self.stamp && field.column.null(input, pos).is_err() {
                return Err(input.within(&field.name));
            }
        }
        Ok(())
    }
}
