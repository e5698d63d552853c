//! A way to a server that fails as networks do: it is cut, slow or silent, loses answers, and delivers
//! messages once more when nobody expects them.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU16, AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{Notify, mpsc, watch},
    task::AbortHandle,
    time::{Instant, sleep, sleep_until, timeout},
};

/// Messages on the way, at most: so many as a slow way holds without becoming slower.
const ON_THE_WAY_MAX: usize = 1_000;
/// Messages come again within so many milliseconds.
const AGAIN_MS: u32 = 60;

/// A proxy in front of a server. It ends when it is dropped.
pub(crate) struct Proxy {
    port: u16,
    state: Arc<State>,
    accepting: AbortHandle,
}

struct State {
    server_port: AtomicU16,
    way: watch::Sender<Way>,
    delay_ms: AtomicU64,
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

#[derive(Clone, Copy)]
struct Way {
    state: WayState,
    /// How often all connections have been broken.
    breaks: u32,
    /// How often all connections have been silenced for ever.
    silenced: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum WayState {
    Open,
    Cut,
    Silent,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    ToServer,
    ToClient,
}

impl Proxy {
    pub(crate) async fn new(server_port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let way = Way {
            state: WayState::Open,
            breaks: 0,
            silenced: 0,
        };
        let state = Arc::new(State {
            server_port: AtomicU16::new(server_port),
            way: watch::Sender::new(way),
            delay_ms: AtomicU64::new(0),
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
                tokio::spawn(carry(client, shared.clone()));
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

    /// Breaks all connections, with what is on the way; new ones are taken.
    pub(crate) fn break_all(&self) {
        self.state.way.send_modify(|way| way.breaks += 1);
    }

    /// Breaks all connections, and takes no new ones.
    pub(crate) fn cut(&self) {
        self.state.way.send_modify(|way| {
            way.state = WayState::Cut;
            way.breaks += 1;
        });
    }

    /// From now on takes everything and carries nothing. What was sent meanwhile arrives late, even from
    /// those who wait no more: as on a network that comes back.
    pub(crate) fn hold(&self) {
        self.state
            .way
            .send_modify(|way| way.state = WayState::Silent);
    }

    /// From now on the connections that there are take everything and carry nothing; new ones do.
    pub(crate) fn silence_all(&self) {
        self.state.way.send_modify(|way| way.silenced += 1);
    }

    /// From now on new connections lead to the server on this port.
    pub(crate) fn lead_to(&self, server_port: u16) {
        self.state.server_port.store(server_port, Ordering::SeqCst);
    }

    /// Ends [`Proxy::cut`] and [`Proxy::hold`].
    pub(crate) fn restore(&self) {
        self.state.way.send_modify(|way| way.state = WayState::Open);
    }

    /// From now on everything takes so long, there and back.
    pub(crate) fn delay(&self, each_way: Duration) {
        let ms = each_way.as_millis().try_into().unwrap();
        self.state.delay_ms.store(ms, Ordering::SeqCst);
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
        let mut server = TcpStream::connect(self.state.server()).await.unwrap();
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
    /// Whether a message goes on; with one that does not, its connection ends. `latest` is the latest one
    /// that its client has sent.
    fn lets_through(&self, direction: Direction, message: &[u8], latest: &Mutex<Vec<u8>>) -> bool {
        match direction {
            Direction::ToServer => self.lets_to_server(message, latest),
            Direction::ToClient => {
                let loses = self.loses_this();
                if loses && self.comes_again.load(Ordering::SeqCst) {
                    let message = std::mem::take(&mut *latest.lock().unwrap());
                    let number = self.lost.load(Ordering::SeqCst);
                    tokio::spawn(come_again(message, number, self.server()));
                }
                !loses
            }
        }
    }

    fn lets_to_server(&self, message: &[u8], latest: &Mutex<Vec<u8>>) -> bool {
        let one_less = |left: u32| (left < u32::MAX).then(|| left.checked_sub(1)).flatten();
        let left = self
            .messages
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less);
        if left == Err(0) {
            self.stopped.notify_one();
            return false;
        }
        if self.comes_again.load(Ordering::SeqCst) {
            *latest.lock().unwrap() = message.to_vec();
        }
        if let Some(recorded) = &mut *self.recorded.lock().unwrap() {
            recorded.push(message.to_vec());
        }
        true
    }

    fn loses_this(&self) -> bool {
        let each = self.lose_each.load(Ordering::SeqCst);
        let number = self.answers.fetch_add(1, Ordering::SeqCst);
        let loses = each > 0 && number.is_multiple_of(each);
        self.lost.fetch_add(u32::from(loses), Ordering::SeqCst);
        loses
    }

    fn delay(&self) -> Duration {
        Duration::from_millis(self.delay_ms.load(Ordering::SeqCst))
    }

    fn server(&self) -> (&'static str, u16) {
        ("127.0.0.1", self.server_port.load(Ordering::SeqCst))
    }

    async fn becomes(&self, is_so: impl FnMut(&Way) -> bool) {
        // The sender is here.
        self.way.subscribe().wait_for(is_so).await.unwrap();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Carries what a client and the server say until the server has nothing to say any more.
async fn carry(client: TcpStream, state: Arc<State>) {
    let begun = *state.way.borrow();
    let carried = async {
        state.becomes(|way| way.state == WayState::Open).await;
        let Ok(server) = TcpStream::connect(state.server()).await else {
            return;
        };
        for side in [&client, &server] {
            side.set_nodelay(true).unwrap();
        }
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        let connection = Connection {
            state: &state,
            silenced: begun.silenced,
            latest: Mutex::new(Vec::new()),
        };
        let mut answering =
            Box::pin(connection.forward(from_server, to_client, Direction::ToClient));
        tokio::select! {
            () = &mut answering => {}
            // The server is told that nothing more comes, and answers what came.
            () = connection.forward(from_client, to_server, Direction::ToServer) => answering.await,
        }
    };
    tokio::select! {
        () = carried => {}
        () = state.becomes(|way| way.breaks > begun.breaks || way.state == WayState::Cut) => {}
    }
}

/// A client's connection.
struct Connection<'a> {
    state: &'a State,
    /// [`Way::silenced`] when it began.
    silenced: u32,
    /// The latest message of the client.
    latest: Mutex<Vec<u8>>,
}

impl Connection<'_> {
    /// Carries messages one way, until there are no more or one does not go on.
    async fn forward(&self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf, direction: Direction) {
        let state = self.state;
        let (on_the_way, mut arriving) = mpsc::channel(ON_THE_WAY_MAX);
        let taking = async move {
            let mut buffer = vec![0; 65_536];
            while let Ok(count) = from.read(&mut buffer).await
                && count > 0
                && state.lets_through(direction, &buffer[..count], &self.latest)
            {
                let due = Instant::now() + state.delay();
                let message = buffer[..count].to_vec();
                if on_the_way.send((due, message)).await.is_err() {
                    break;
                }
            }
        };
        let giving = async move {
            while let Some((due, message)) = arriving.recv().await {
                // Even a sleep of nothing takes a millisecond.
                if due > Instant::now() {
                    sleep_until(due).await;
                }
                let carries =
                    |way: &Way| way.state != WayState::Silent && way.silenced == self.silenced;
                state.becomes(carries).await;
                if to.write_all(&message).await.is_err() {
                    break;
                }
            }
        };
        tokio::join!(taking, giving);
    }
}

/// Sends a message on a connection of its own.
async fn come_again(message: Vec<u8>, number: u32, server: (&'static str, u16)) {
    sleep(Duration::from_millis((number * 37 % AGAIN_MS).into())).await;
    if let Ok(mut server) = TcpStream::connect(server).await
        && server.write_all(&message).await.is_ok()
    {
        let mut answer = [0; 1_024];
        let _ = timeout(Duration::from_secs(1), server.read(&mut answer)).await;
    }
}
