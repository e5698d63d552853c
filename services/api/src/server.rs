//! The HTTP/1.1 server: bounded connections, bounded patience, and an orderly end.

use std::{convert::Infallible, io, net::SocketAddr, pin::Pin, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, FromRequestParts},
    http::{Request, Response, request::Parts},
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::Service;

use crate::{Problem, ProblemKind, request_body::BodyWatch};

/// The bounds on connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerLimits {
    /// The most connections at a time; further ones wait to be accepted.
    pub connections_max: usize,
    /// The longest time in which a header may arrive, and for which an idle connection is kept, in
    /// milliseconds.
    pub header_ms_max: u64,
    /// How long requests that are under way at the shutdown may take, in milliseconds.
    pub drain_ms_max: u64,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            connections_max: 10_000,
            header_ms_max: 10_000,
            drain_ms_max: 5_000,
        }
    }
}

/// Longer headers are not even parsed. It lies above what the API accepts, so that most that are too
/// long get a proper problem.
const BUFFER_BYTES_MAX: usize = 128 * 1024;
/// How much is read, and for how long, of a client that is still sending when its connection ends.
/// Well above the longest body that anything takes: who sends a little too much is to read why.
const LINGER_BYTES_MAX: usize = 16 * 1024 * 1024;
const LINGER_MS_MAX: u64 = 1_000;

/// Tells handlers that wait when the server shuts down.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shutdown(CancellationToken);

impl Shutdown {
    /// Waits for `work`, but no longer than until the shutdown begins.
    pub(crate) async fn or(&self, work: impl Future<Output = ()>) {
        self.0.run_until_cancelled(work).await;
    }
}

impl<S: Sync> FromRequestParts<S> for Shutdown {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get().cloned().unwrap_or_default())
    }
}

/// Serves until `shutdown` is cancelled and the requests under way are answered, or for
/// [`ServerLimits::drain_ms_max`] longer at most.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: CancellationToken,
) -> io::Result<()> {
    serve_within(listener, router, ServerLimits::default(), shutdown).await
}

/// [`serve`] with other limits.
pub async fn serve_within(
    listener: TcpListener,
    router: Router,
    limits: ServerLimits,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let places = Arc::new(Semaphore::new(limits.connections_max));
    let connections = TaskTracker::new();
    // Ends connections that are still busy when the time to drain is over.
    let cut = CancellationToken::new();
    while let Some(accepted) = shutdown
        .run_until_cancelled(accept(&listener, &places))
        .await
    {
        let (stream, peer, place) = accepted?;
        let connection = Connection {
            router: router.clone(),
            peer,
            limits,
            shutdown: shutdown.clone(),
        };
        let cut = cut.clone();
        connections.spawn(async move {
            cut.run_until_cancelled(connection.run(stream)).await;
            drop(place);
        });
    }
    drop(listener);
    connections.close();
    let drained = timeout(
        Duration::from_millis(limits.drain_ms_max),
        connections.wait(),
    );
    if drained.await.is_err() {
        tracing::warn!(
            connections = connections.len(),
            "connections cut at the shutdown"
        );
        cut.cancel();
        connections.wait().await;
    }
    Ok(())
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
    let place = Arc::clone(places)
        .acquire_owned()
        .await
        .map_err(io::Error::other)?;
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => return Ok((stream, peer, place)),
            Err(error) if is_of_connection(&error) => {}
            // Out of file descriptors, most likely: connections that end will free some.
            Err(error) => {
                tracing::error!(%error, "no connection can be accepted");
                sleep(Duration::from_millis(500)).await;
            }
        }
    }
}

fn is_of_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}

struct Connection {
    router: Router,
    peer: SocketAddr,
    limits: ServerLimits,
    shutdown: CancellationToken,
}

type Answer = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

impl Connection {
    async fn run(self, stream: TcpStream) {
        // Answers are written whole; waiting for more to send only delays them.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection ended at once");
            return;
        }
        let Self {
            router,
            peer,
            limits,
            shutdown,
        } = self;
        let handlers = shutdown.clone();
        let service = service_fn(move |request: Request<Incoming>| -> Answer {
            let (mut request, body) = BodyWatch::over(request);
            let extensions = request.extensions_mut();
            extensions.insert(ConnectInfo(peer));
            extensions.insert(Shutdown(handlers.clone()));
            let mut router = router.clone();
            Box::pin(async move {
                let mut response = router.call(request).await?;
                body.settle(&mut response).await;
                Ok(response)
            })
        });
        let mut connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(Duration::from_millis(limits.header_ms_max))
            .max_buf_size(BUFFER_BYTES_MAX)
            .serve_connection(TokioIo::new(stream), service);
        let served = tokio::select! {
            served = &mut connection => served,
            () = shutdown.cancelled() => {
                Pin::new(&mut connection).graceful_shutdown();
                (&mut connection).await
            }
        };
        let parts = connection.into_parts();
        let mut stream = parts.io.into_inner();
        if let Err(error) = served {
            tracing::debug!(%error, %peer, "a connection failed");
            // Of an idle connection nothing was read, and it is closed without a word.
            if error.is_timeout() && !parts.read_buf.is_empty() {
                let _ = stream.write_all(&slow_header(limits.header_ms_max)).await;
            }
        }
        linger(stream).await;
    }
}

/// The answer to a header that does not arrive. hyper closes such a connection without one.
fn slow_header(header_ms_max: u64) -> Vec<u8> {
    let detail = format!("a header must arrive within {header_ms_max} ms");
    let problem = Problem::new(ProblemKind::Timeout, detail);
    let body = problem.to_json();
    let head = format!(
        "HTTP/1.1 {}\r\ncontent-type: application/problem+json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        problem.kind().status(),
        body.len(),
    );
    [head.into_bytes(), body].concat()
}

/// Closes a connection so that the client can read the last answer: closing while it is still sending
/// would reset the connection, and the answer would be lost.
async fn linger(mut stream: TcpStream) {
    let read_on = async {
        stream.shutdown().await?;
        let mut buffer = vec![0; 16 * 1024];
        let mut discarded = 0;
        while discarded < LINGER_BYTES_MAX {
            match stream.read(&mut buffer).await? {
                0 => break,
                n => discarded += n,
            }
        }
        io::Result::Ok(())
    };
    // How it ends makes no difference any more.
    let _ = timeout(Duration::from_millis(LINGER_MS_MAX), read_on).await;
}
