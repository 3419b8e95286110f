//! `inet` and `cidr` from their text.
use std::net::IpAddr;

use thyme_core::bytes::{BufMut, BytesMut};

use super::Reason;

/// `10.0.0.1`, `10.0.0.0/8`, `::1`.
pub(super) fn inet(value: &str, cidr: bool, out: &mut BytesMut) -> Result<(), Reason> {
    let (address, bits) = parse(value).ok_or("a text that is no address such as `10.0.0.0/8`")?;
    let (family, bytes) = match address {
        IpAddr::V4(address) => (2, address.octets().to_vec()),
        IpAddr::V6(address) => (3, address.octets().to_vec()),
    };
    let set = |bit: usize| bytes.get(bit / 8).is_some_and(|byte| byte & (0x80 >> (bit % 8)) != 0);
    if cidr && (usize::from(bits)..bytes.len() * 8).any(set) {
        return Err("a network with bits to the right of its mask".into());
    }
    out.put_slice(&[family, bits, u8::from(cidr), bytes.len() as u8]);
    out.put_slice(&bytes);
    Ok(())
}

fn parse(value: &str) -> Option<(IpAddr, u8)> {
    let (address, bits) = value.split_once('/').map_or((value, None), |(address, bits)| (address, Some(bits)));
    let address: IpAddr = address.parse().ok()?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let bits = match bits {
        None => most,
        Some(bits) if bits.bytes().all(|byte| byte.is_ascii_digit()) => bits.parse().ok()?,
        Some(_) => return None,
    };
    (bits <= most).then_some((address, bits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_networks() {
        let sent = |value, cidr| {
            let mut out = BytesMut::new();
            inet(value, cidr, &mut out).map(|()| out.to_vec())
        };
        assert_eq!(sent("10.0.0.1", false).unwrap(), [2, 32, 0, 4, 10, 0, 0, 1]);
        assert_eq!(sent("10.0.0.0/8", true).unwrap(), [2, 8, 1, 4, 10, 0, 0, 0]);
        assert_eq!(sent("::1/64", false).unwrap()[..4], [3, 64, 0, 16]);
        for (value, cidr) in [("10.0.0.1/8", true), ("10.0.0.1/33", false), ("10.0.0", false), ("", false), ("::/+4", false)] {
            assert!(sent(value, cidr).is_err(), "{value}");
        }
    }
}
