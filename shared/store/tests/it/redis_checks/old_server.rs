//! A server that is too old knows neither our scripts nor much else: that must not be what is said.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};

use super::{refusal, server};

/// A text, and another that is as long.
type Swap = (&'static [u8], &'static [u8]);

/// Not knowing our scripts, and as little how to tell several settings at once.
const NOT_UNDERSTOOD: &[Swap] = &[(b"SCRIPT", b"SCRIPX"), (b"CONFIG", b"CONFIX")];
const OLD_VERSION: &[Swap] = &[(b"redis_version:7.", b"redis_version:6.")];

/// Carries bytes, with one text in place of another.
async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, swaps: &[Swap]) {
    let mut buffer = vec![0; 65_536];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        let bytes = &mut buffer[..count];
        for (old, new) in swaps {
            for start in 0..bytes.len().saturating_sub(old.len() - 1) {
                if bytes[start..].starts_with(old) {
                    bytes[start..start + new.len()].copy_from_slice(new);
                }
            }
        }
        if to.write_all(bytes).await.is_err() {
            return;
        }
    }
}

/// A way to a server on which it passes for a Redis 6, which refuses our scripts.
async fn as_if_it_were_old(server_port: u16) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (client, _) = listener.accept().await.unwrap();
            let server = TcpStream::connect(("127.0.0.1", server_port))
                .await
                .unwrap();
            let (from_client, to_client) = client.into_split();
            let (from_server, to_server) = server.into_split();
            tokio::spawn(carry(from_client, to_server, NOT_UNDERSTOOD));
            tokio::spawn(carry(from_server, to_client, OLD_VERSION));
        }
    });
    format!("redis://127.0.0.1:{port}")
}

#[tokio::test]
async fn a_server_that_is_too_old_is_refused_with_its_version() {
    let server = server(&[]);
    let url = as_if_it_were_old(server.port).await;
    let refused = refusal(&url).await;
    assert!(refused.contains("runs Redis 6."), "{refused}");
    assert!(
        refused.contains("needs Redis 7.0 or later, or Valkey"),
        "{refused}"
    );
}
