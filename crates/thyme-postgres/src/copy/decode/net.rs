//! `inet` and `cidr` as the server prints them.
use std::io::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::Fault;

/// `10.0.0.1`, `10.0.0.0/8`, `::1`.
pub(super) fn inet(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
    const BROKEN: Fault = Fault::Broken("an inet that is none");
    let Some((&[family, bits, cidr, length], address)) = bytes.split_first_chunk::<4>() else { return Err(BROKEN) };
    let most = match (family, length, address.len()) {
        (2, 4, 4) => 32,
        (3, 16, 16) => 128,
        _ => return Err(BROKEN),
    };
    if bits > most || cidr > 1 {
        return Err(BROKEN);
    }
    // Writing to a vector does not fail.
    if let Ok(address) = <[u8; 4]>::try_from(address) {
        let _ = write!(out, "{}", Ipv4Addr::from(address));
    } else if let Ok(address) = <[u8; 16]>::try_from(address) {
        let _ = write!(out, "{}", Ipv6Addr::from(address));
    }
    if cidr == 1 || bits < most {
        let _ = write!(out, "/{bits}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_the_server_prints_them() {
        let shown = |bytes: &[u8]| {
            let mut out = Vec::new();
            inet(bytes, &mut out).map(|()| String::from_utf8(out).unwrap())
        };
        assert_eq!(shown(&[2, 32, 0, 4, 10, 0, 0, 1]).unwrap(), "10.0.0.1");
        assert_eq!(shown(&[2, 8, 1, 4, 10, 0, 0, 0]).unwrap(), "10.0.0.0/8");
        assert_eq!(shown(&[&[3, 128, 0, 16][..], &[0; 15], &[1]].concat()).unwrap(), "::1");
        for broken in [&[][..], &[2, 33, 0, 4, 1, 2, 3, 4], &[2, 32, 0, 4, 1, 2, 3], &[9, 32, 0, 4, 1, 2, 3, 4]] {
            assert!(matches!(shown(broken), Err(Fault::Broken(_))));
        }
    }
}
