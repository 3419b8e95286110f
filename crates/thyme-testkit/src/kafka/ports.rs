//! Ports that stay a server's own while it is down.
use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

use thyme_core::{Error, Kind, Result};

/// Below the ports that the system gives to clients: one of those that call a server which is down could get its port.
const LOWEST: u32 = 20_000;
const COUNT: u32 = 12_000;

/// As many ports of 127.0.0.1 that nobody listens on.
pub(super) fn free(count: usize) -> Result<Vec<u16>> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let start = std::process::id().wrapping_mul(97);
    let mut held = Vec::with_capacity(count);
    for _ in 0..COUNT {
        let port = LOWEST + start.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % COUNT;
        let Ok(port) = u16::try_from(port) else { continue };
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            held.push((port, listener));
        }
        if held.len() == count {
            return Ok(held.into_iter().map(|(port, _)| port).collect());
        }
    }
    Err(Error::new(Kind::Unavailable, "there are no free ports on 127.0.0.1"))
}
