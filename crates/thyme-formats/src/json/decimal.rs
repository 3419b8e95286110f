//! Decimals, exact: from a number, or from a number in quotes.
use thyme_core::arrow::buffer::i256;

use super::input::{Input, Reason, Step};
use super::number::{self, DIGITS, Number};
use super::scalar::begins;
use super::skip::BAD_NUMBER;
use super::string::{self, Text};
use crate::text::{Fault, decimal};

/// Values times ten to the `scale`, of at most `precision` digits.
#[derive(Debug)]
pub(crate) struct Decimals<T> {
    pub(crate) values: Vec<T>,
    pub(crate) precision: u8,
    pub(crate) scale: i8,
    scratch: Text,
}

impl<T: Decimal> Decimals<T> {
    pub(crate) fn new(precision: u8, scale: i8) -> Self {
        Self { values: Vec::new(), precision, scale, scratch: Text::default() }
    }

    #[inline(never)]
    pub(crate) fn read(&mut self, input: &mut Input<'_>, pos: usize) -> Step {
        if input.byte(pos) == Some(b'"') {
            return self.quoted(input, pos);
        }
        if !begins(input, pos) {
            return input.fail(pos, Reason::Expected("a decimal"));
        }
        let number = match number::lex(input.bytes, pos) {
            Ok(number) => number,
            Err(at) => return input.fail(at, Reason::Because(BAD_NUMBER)),
        };
        let text = input.bytes.get(pos..number.end).unwrap_or_default();
        match value(self.precision, self.scale, text, &number) {
            Ok(value) => self.values.push(value),
            Err(fault) => return input.fail(pos, Reason::Value(fault)),
        }
        Ok(number.end)
    }

    fn quoted(&mut self, input: &mut Input<'_>, pos: usize) -> Step {
        let (text, end) = string::text(input, &mut self.scratch, pos + 1)?;
        let value = match number::lex(text, 0) {
            Ok(number) if number.end == text.len() => value(self.precision, self.scale, text, &number),
            _ => return input.fail(pos, Reason::Expected("a decimal")),
        };
        match value {
            Ok(value) => self.values.push(value),
            Err(fault) => return input.fail(pos, Reason::Value(fault)),
        }
        Ok(end)
    }
}

#[inline(always)]
fn value<T: Decimal>(precision: u8, scale: i8, text: &[u8], number: &Number) -> Result<T, Fault> {
    let shift = number.exponent.saturating_add(i64::from(scale));
    if number.digits <= DIGITS && (0..=18).contains(&shift) && number.digits + shift as usize <= usize::from(precision) {
        return Ok(T::small(number.mantissa, shift as u32, number.negative));
    }
    T::parse(text, precision, scale)
}

/// Integers that decimals are made of.
pub(crate) trait Decimal: Sized {
    /// `mantissa` times ten to the `shift`, which is at most 18.
    fn small(mantissa: u64, shift: u32, negative: bool) -> Self;

    fn parse(text: &[u8], precision: u8, scale: i8) -> Result<Self, Fault>;
}

impl Decimal for i128 {
    #[inline(always)]
    fn small(mantissa: u64, shift: u32, negative: bool) -> Self {
        let value = Self::from(mantissa) * Self::from(10u64.wrapping_pow(shift));
        if negative { -value } else { value }
    }

    fn parse(text: &[u8], precision: u8, scale: i8) -> Result<Self, Fault> {
        decimal::decimal128(text, precision, scale)
    }
}

impl Decimal for i256 {
    fn small(mantissa: u64, shift: u32, negative: bool) -> Self {
        Self::from_i128(i128::small(mantissa, shift, negative))
    }

    fn parse(text: &[u8], precision: u8, scale: i8) -> Result<Self, Fault> {
        decimal::decimal256(text, precision, scale)
    }
}
