//! A value as JSON text, for columns that take any value.
use super::read::{DEEP, Failed};
use super::schema::{AvroSchema, DEPTH, Shape};
use super::wire::Wire;
use crate::logical::{Meaning, decimal_text, unscaled};
use crate::text::base64;

/// Appends the next value, of the type at `place`: numbers of times as they are, bytes in base64.
pub(super) fn value(
    schema: &AvroSchema,
    place: usize,
    wire: &mut Wire<'_>,
    out: &mut Vec<u8>,
    depth: usize,
) -> Result<(), Failed> {
    if depth > DEPTH {
        return Err(DEEP.into());
    }
    let Some(node) = schema.node(place) else { return Err("a type that is not there".into()) };
    match &node.shape {
        Shape::Null => out.extend_from_slice(b"null"),
        Shape::Boolean => out.extend_from_slice(if wire.boolean()? { b"true" } else { b"false" }),
        Shape::Int => out.extend_from_slice(wire.int()?.to_string().as_bytes()),
        Shape::Long => out.extend_from_slice(wire.long()?.to_string().as_bytes()),
        Shape::Float => number(wire.float()?, out)?,
        Shape::Double => number(wire.double()?, out)?,
        Shape::Bytes => bytes(wire.bytes()?, node.meaning, out)?,
        Shape::Fixed(size) => bytes(wire.take(*size)?, node.meaning, out)?,
        Shape::Text => text(wire.text()?, out)?,
        Shape::Enum(symbols) => {
            let symbol = symbols.get(wire.index()?).ok_or("an enum does not have that symbol")?;
            text(symbol.as_bytes(), out)?;
        }
        Shape::Union(branches) => {
            let branch = branches.get(wire.index()?).ok_or("a union does not have that branch")?;
            value(schema, *branch, wire, out, depth + 1)?;
        }
        Shape::Record(members) => {
            let mut sep = b'{';
            for member in members {
                out.push(sep);
                text(member.name.as_bytes(), out)?;
                out.push(b':');
                value(schema, member.node, wire, out, depth + 1)?;
                sep = b',';
            }
            out.extend_from_slice(if members.is_empty() { b"{}" } else { b"}" });
        }
        Shape::List(items) | Shape::Map(items) => {
            let is_map = matches!(node.shape, Shape::Map(_));
            out.push(if is_map { b'{' } else { b'[' });
            let mut first = true;
            loop {
                let (count, _) = wire.block()?;
                if count == 0 {
                    break;
                }
                for _ in 0..count {
                    if !std::mem::take(&mut first) {
                        out.push(b',');
                    }
                    if is_map {
                        text(wire.text()?, out)?;
                        out.push(b':');
                    }
                    value(schema, *items, wire, out, depth + 1)?;
                }
            }
            out.push(if is_map { b'}' } else { b']' });
        }
    }
    Ok(())
}

fn text(text: &[u8], out: &mut Vec<u8>) -> Result<(), Failed> {
    let text = str::from_utf8(text).map_err(|_| "text that is not utf-8")?;
    serde_json::to_writer(out, text).map_err(|_| "text that is not json".into())
}

fn number(value: f64, out: &mut Vec<u8>) -> Result<(), Failed> {
    if !value.is_finite() {
        return Err("a number that json does not have".into());
    }
    out.extend_from_slice(zmij::Buffer::new().format(value).as_bytes());
    Ok(())
}

fn bytes(bytes: &[u8], meaning: Option<Meaning>, out: &mut Vec<u8>) -> Result<(), Failed> {
    if let Some(Meaning::Decimal(scale)) = meaning {
        out.extend_from_slice(decimal_text(unscaled(bytes)?, scale)?.as_bytes());
        return Ok(());
    }
    out.push(b'"');
    base64::encode(bytes, out);
    out.push(b'"');
    Ok(())
}
