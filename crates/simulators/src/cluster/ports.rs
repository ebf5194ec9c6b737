//! Free loopback ports.

use std::net::{Ipv4Addr, TcpListener};

use anyhow::Context as _;

/// `N` different ports that nobody listens on now.
pub(super) fn free_ports<const N: usize>() -> anyhow::Result<[u16; N]> {
    // All are held until the last is known, so that no port is given twice.
    let mut held = Vec::with_capacity(N);
    let mut ports = [0; N];
    for port in &mut ports {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free loopback port")?;
        *port = listener.local_addr()?.port();
        held.push(listener);
    }
    Ok(ports)
}
