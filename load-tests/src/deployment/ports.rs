//! Ports on which nobody listens, and what is started on them.

use std::{
    io,
    net::TcpListener,
    ops::Range,
    sync::atomic::{AtomicU32, Ordering},
};

use super::DeploymentError;

/// A port can be taken between the look for a free one and its use.
const TRIES_MAX: usize = 3;
/// Below the ports that the system gives to connections: a client that tries again and again to reach
/// a server that is being restarted must not take its port.
const PORTS: Range<u16> = 10_000..20_000;
/// The nodes of a Redis cluster talk to each other on ports that are so much higher.
const CLUSTER_BUS: u16 = 10_000;

/// Starts something on a free port, and on another one where somebody was faster.
pub(super) async fn on_free_port<T>(
    start: impl AsyncFn(u16) -> Result<T, DeploymentError>,
) -> Result<T, DeploymentError> {
    let mut tries = 1;
    loop {
        let port = free_port().map_err(DeploymentError::Prepare)?;
        match start(port).await {
            Err(error) if tries < TRIES_MAX && error.to_string().contains("in use") => tries += 1,
            done => return done,
        }
    }
}

/// A port on which nobody listens, nor on the cluster bus's that belongs to it. Processes begin their search
/// apart.
fn free_port() -> io::Result<u16> {
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    let is_free = |port| TcpListener::bind(("127.0.0.1", port)).is_ok();
    PORTS
        .map(|_| {
            let given = GIVEN.fetch_add(1, Ordering::Relaxed);
            let place = std::process::id().wrapping_mul(16).wrapping_add(given);
            let many = u32::from(PORTS.end - PORTS.start);
            PORTS.start + u16::try_from(place % many).unwrap_or(0)
        })
        .find(|port| is_free(*port) && is_free(port + CLUSTER_BUS))
        .ok_or_else(|| io::Error::other("no port is free"))
}
