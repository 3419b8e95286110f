//! Lists as arrays.
use thyme_core::arrow::array::cast::AsArray;
use thyme_core::arrow::array::{Array, ListArray};
use thyme_core::bytes::BufMut;

use super::cell::{Cell, cell};
use super::{Reason, sized};
use crate::types::PgType;

/// Lists, and lists of lists of one size: the dimensions of an array.
pub(super) fn lists<'a>(element: &PgType, oid: u32, lists: &'a ListArray) -> Option<Cell<'a>> {
    let mut levels = vec![lists];
    let mut items = lists.values().as_ref();
    while let Some(inner) = items.as_list_opt::<i32>() {
        levels.push(inner);
        items = inner.values().as_ref();
    }
    if levels.len() > 6 {
        return None;
    }
    let write = cell(element, items)?;
    let nulls = items.logical_nulls();
    Some(Box::new(move |row, out| {
        let mut sizes = vec![None; levels.len()];
        measure(&levels, &mut sizes, row)?;
        if sizes.first() == Some(&Some(0)) {
            [0, 0].into_iter().for_each(|word| out.put_i32(word));
            out.put_u32(oid);
            return Ok(());
        }
        out.put_i32(sizes.len() as i32);
        out.put_i32(1);
        out.put_u32(oid);
        for size in sizes.iter().flatten() {
            out.put_i32(i32::try_from(*size).map_err(|_| "an array with more than 2^31 items")?);
            out.put_i32(1);
        }
        leaves(&levels, row, &mut |item| {
            if nulls.as_ref().is_some_and(|nulls| nulls.is_null(item)) {
                out.put_i32(-1);
                return Ok(());
            }
            sized(out, |out| write(item, out))
        })
    }))
}

/// The size of the lists of each level, which is one for all of them: an array has no other shape.
fn measure(levels: &[&ListArray], sizes: &mut [Option<usize>], row: usize) -> Result<(), Reason> {
    let (Some((list, inner)), Some((size, rest))) = (levels.split_first(), sizes.split_first_mut()) else { return Ok(()) };
    let items = range(list, row);
    if *size.get_or_insert(items.len()) != items.len() {
        return Err("a list of lists of different sizes, which is no array".into());
    }
    let Some(next) = inner.first() else { return Ok(()) };
    for item in items {
        if next.is_null(item) || range(next, item).is_empty() {
            return Err("a list with an empty list in it, which is no array".into());
        }
        measure(inner, rest, item)?;
    }
    Ok(())
}

fn leaves(levels: &[&ListArray], row: usize, write: &mut impl FnMut(usize) -> Result<(), Reason>) -> Result<(), Reason> {
    let Some((list, inner)) = levels.split_first() else { return write(row) };
    range(list, row).try_for_each(|item| leaves(inner, item, write))
}

fn range(list: &ListArray, row: usize) -> std::ops::Range<usize> {
    match list.value_offsets().get(row..row + 2) {
        Some(&[start, end]) => start as usize..end as usize,
        _ => 0..0,
    }
}
