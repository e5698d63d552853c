//! A way to a server on which answers get lost.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::AbortHandle,
};

/// A proxy in front of a server. It ends when it is dropped.
pub(crate) struct Proxy {
    port: u16,
    state: Arc<State>,
    accepting: AbortHandle,
}

struct State {
    lose_each: AtomicU32,
    answers: AtomicU32,
    lost: AtomicU32,
    /// Messages that are still let through to the server.
    messages: AtomicU32,
    stopped: Notify,
}

impl Proxy {
    pub(crate) async fn new(server_port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State {
            lose_each: AtomicU32::new(0),
            answers: AtomicU32::new(0),
            lost: AtomicU32::new(0),
            messages: AtomicU32::new(u32::MAX),
            stopped: Notify::new(),
        });
        let shared = state.clone();
        let accepting = tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                tokio::spawn(carry(client, server_port, shared.clone()));
            }
        });
        Self {
            port,
            state,
            accepting: accepting.abort_handle(),
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// From now on loses one of `n` messages from the server, each with its connection; none where 0.
    pub(crate) fn lose_each(&self, n: u32) {
        self.state.lose_each.store(n, Ordering::SeqCst);
    }

    /// Lets so many more messages through to the server, and then none.
    pub(crate) fn stop_after(&self, messages: u32) {
        self.state.messages.store(messages, Ordering::SeqCst);
    }

    /// Resolves when a message was not let through.
    pub(crate) async fn stopped(&self) {
        self.state.stopped.notified().await;
    }

    /// Messages lost so far.
    pub(crate) fn lost(&self) -> u32 {
        self.state.lost.load(Ordering::SeqCst)
    }
}

impl State {
    fn loses_this(&self) -> bool {
        let each = self.lose_each.load(Ordering::SeqCst);
        let number = self.answers.fetch_add(1, Ordering::SeqCst);
        let loses = each > 0 && number.is_multiple_of(each);
        self.lost.fetch_add(u32::from(loses), Ordering::SeqCst);
        loses
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn carry(client: TcpStream, server_port: u16, state: Arc<State>) {
    let Ok(server) = TcpStream::connect(("127.0.0.1", server_port)).await else {
        return;
    };
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let asked = state.clone();
    let asking = tokio::spawn(async move {
        let mut buffer = vec![0; 65_536];
        while let Ok(count) = from_client.read(&mut buffer).await
            && count > 0
        {
            let one_less = |left: u32| (left < u32::MAX).then(|| left.checked_sub(1)).flatten();
            let left = asked
                .messages
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less);
            if left == Err(0) {
                asked.stopped.notify_one();
                break;
            }
            if to_server.write_all(&buffer[..count]).await.is_err() {
                break;
            }
        }
    });
    let mut buffer = vec![0; 65_536];
    while let Ok(count) = from_server.read(&mut buffer).await
        && count > 0
    {
        if state.loses_this() {
            break;
        }
        if to_client.write_all(&buffer[..count]).await.is_err() {
            break;
        }
    }
    asking.abort();
}
