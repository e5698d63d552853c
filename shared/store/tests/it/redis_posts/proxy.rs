//! A way to a server on which answers get lost, and messages come again when nobody expects them.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::AbortHandle,
    time::{sleep, timeout},
};

/// Messages come again within so many milliseconds.
const AGAIN_MS: u32 = 60;

/// A proxy in front of a server. It ends when it is dropped.
pub(crate) struct Proxy {
    port: u16,
    server_port: u16,
    state: Arc<State>,
    accepting: AbortHandle,
}

struct State {
    lose_each: AtomicU32,
    answers: AtomicU32,
    lost: AtomicU32,
    comes_again: AtomicBool,
    /// What was sent to the server, while it is recorded.
    recorded: Mutex<Option<Vec<Vec<u8>>>>,
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
            comes_again: AtomicBool::new(false),
            recorded: Mutex::new(None),
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
            server_port,
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

    /// From now on, the latest message before an answer that is lost reaches the server once more, a while
    /// later: as from a connection that was given up while it still had something to deliver.
    pub(crate) fn let_come_again(&self) {
        self.state.comes_again.store(true, Ordering::SeqCst);
    }

    /// From now on keeps what is sent to the server.
    pub(crate) fn record(&self) {
        *self.state.recorded.lock().unwrap() = Some(Vec::new());
    }

    /// Sends to the server once more what was recorded, and waits until it has been executed.
    pub(crate) async fn send_recorded_again(&self) {
        let recorded = self.state.recorded.lock().unwrap().take().unwrap();
        assert!(!recorded.is_empty());
        let mut server = TcpStream::connect(("127.0.0.1", self.server_port))
            .await
            .unwrap();
        for message in recorded {
            server.write_all(&message).await.unwrap();
        }
        server.write_all(b"PING\r\n").await.unwrap();
        let mut answers = Vec::new();
        while !answers.ends_with(b"+PONG\r\n") {
            assert!(server.read_buf(&mut answers).await.unwrap() > 0);
        }
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
    let latest = Arc::new(Mutex::new(Vec::new()));
    let latest_asked = latest.clone();
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
            if asked.comes_again.load(Ordering::SeqCst) {
                *latest_asked.lock().unwrap() = buffer[..count].to_vec();
            }
            if let Some(recorded) = &mut *asked.recorded.lock().unwrap() {
                recorded.push(buffer[..count].to_vec());
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
            let message = std::mem::take(&mut *latest.lock().unwrap());
            let number = state.lost.load(Ordering::SeqCst);
            tokio::spawn(come_again(message, number, server_port));
            break;
        }
        if to_client.write_all(&buffer[..count]).await.is_err() {
            break;
        }
    }
    asking.abort();
}

/// Sends a message on a connection of its own.
async fn come_again(message: Vec<u8>, number: u32, server_port: u16) {
    sleep(Duration::from_millis((number * 37 % AGAIN_MS).into())).await;
    if let Ok(mut server) = TcpStream::connect(("127.0.0.1", server_port)).await
        && server.write_all(&message).await.is_ok()
    {
        let mut answer = [0; 1_024];
        let _ = timeout(Duration::from_secs(1), server.read(&mut answer)).await;
    }
}
