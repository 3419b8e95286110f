//! Whether the next value of a message in Avro is the placeholder of one that was not sent.
use crate::avro::plan::Plan;
use crate::avro::wire::Wire;

/// What follows the value, if it is the placeholder: as text or bytes, an array of one of these or of the numbers of its bytes,
/// a map of itself.
#[inline]
pub(super) fn unavailable<'a>(plan: &Plan, mut wire: Wire<'a>, placeholder: &[u8]) -> Option<Wire<'a>> {
    match plan {
        Plan::Text(_) | Plan::Bytes(_) => (wire.bytes().ok()? == placeholder).then_some(wire),
        Plan::Union(branches) => {
            let branch = branches.get(wire.index().ok()?)?;
            if matches!(branch, Plan::Union(_)) { None } else { unavailable(branch, wire, placeholder) }
        }
        Plan::List(item) => match (wire.block().ok()?.0, &**item) {
            (1, item) if !matches!(item, Plan::List(_) | Plan::Map(_)) => end(unavailable(item, wire, placeholder)?),
            (count, item) if count == placeholder.len() => {
                placeholder.iter().try_for_each(|byte| (number(item, &mut wire)? == i64::from(*byte)).then_some(()))?;
                end(wire)
            }
            _ => None,
        },
        Plan::Map(value) => {
            let one = wire.block().ok()?.0 == 1 && wire.text().ok()? == placeholder;
            if !one || matches!(**value, Plan::List(_) | Plan::Map(_)) {
                return None;
            }
            end(unavailable(value, wire, placeholder)?)
        }
        _ => None,
    }
}

fn number(plan: &Plan, wire: &mut Wire<'_>) -> Option<i64> {
    match plan {
        Plan::Int(_) | Plan::Long(_) => wire.long().ok(),
        Plan::Union(branches) => match branches.get(wire.index().ok()?)? {
            Plan::Int(_) | Plan::Long(_) => wire.long().ok(),
            _ => None,
        },
        _ => None,
    }
}

/// Past the end of the items, if there are no more.
fn end(mut wire: Wire<'_>) -> Option<Wire<'_>> {
    (wire.block().ok()?.0 == 0).then_some(wire)
}
