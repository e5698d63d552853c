//! Where `serve` listens.

use std::{io, net::SocketAddr};

use tokio::net::{TcpListener, TcpSocket, lookup_host};

/// Connections that may wait until they are accepted. The system puts off further ones by a second, then
/// two, then four; so there is room for readers who all come back at once. Linux takes 4,096 at most unless
/// `net.core.somaxconn` says otherwise.
const BACKLOG: u32 = 16_384;

/// Listens on the first of the addresses that a name stands for on which one can.
pub(crate) async fn listen(address: &str) -> io::Result<TcpListener> {
    let mut failed = None;
    for address in lookup_host(address).await? {
        let listening = || {
            let socket = match address {
                SocketAddr::V4(_) => TcpSocket::new_v4(),
                SocketAddr::V6(_) => TcpSocket::new_v6(),
            }?;
            // As `TcpListener::bind` does: a restarted server takes its port back.
            socket.set_reuseaddr(true)?;
            socket.bind(address)?;
            socket.listen(BACKLOG)
        };
        match listening() {
            Ok(listener) => return Ok(listener),
            Err(error) => failed = Some(error),
        }
    }
    let none = || {
        io::Error::new(
            io::ErrorKind::InvalidInput,
            "the name stands for no address",
        )
    };
    Err(failed.unwrap_or_else(none))
}
