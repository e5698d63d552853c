//! Request bodies that nobody reads to their end.
//!
//! A refused request often leaves its body behind. hyper looks whether the connection can go on without
//! it only when the answer is under way already; where it then closes the connection, the answer has not
//! said so, and a client that sends its next request on the same connection loses that. So it is decided
//! before: a short rest is read, and where a longer one is left, the answer says `Connection: close`.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, HeaderValue, Request, Response, header},
};
use http_body_util::BodyExt;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use tokio::time::timeout;

/// How much of a body that was left is read, and for how long, so that the connection can go on. As long
/// as what most requests may send; a new connection is cheaper than more.
const REST_BYTES_MAX: usize = 64 * 1024;
const REST_MS_MAX: u64 = 100;

/// What became of a body.
enum Fate {
    /// The handler has it still.
    Held,
    Read,
    Left(Incoming),
}

/// Tells, once there is an answer, what became of the body of the request.
pub(crate) struct BodyWatch {
    /// `None` where there was no body.
    fate: Option<Arc<Mutex<Fate>>>,
    /// Whether the client waits to be told to send the body: reading it would tell him to.
    is_awaited: bool,
}

impl BodyWatch {
    /// Watches the body of `request`.
    pub(crate) fn over(request: Request<Incoming>) -> (Request<Body>, Self) {
        let is_awaited = request.headers().contains_key(header::EXPECT);
        if request.body().is_end_stream() {
            let watch = Self {
                fate: None,
                is_awaited,
            };
            return (request.map(Body::new), watch);
        }
        let fate = Arc::new(Mutex::new(Fate::Held));
        let watch = Self {
            fate: Some(Arc::clone(&fate)),
            is_awaited,
        };
        let watched = |body| WatchedBody {
            body: Some(body),
            fate,
        };
        (request.map(|body| Body::new(watched(body))), watch)
    }

    /// Makes the connection ready for the next request, or has `response` say that there will be none.
    pub(crate) async fn settle(self, response: &mut Response<Body>) {
        let Some(fate) = self.fate else { return };
        let fate = std::mem::replace(
            &mut *fate.lock().unwrap_or_else(PoisonError::into_inner),
            Fate::Held,
        );
        let is_read = match fate {
            Fate::Read => true,
            Fate::Left(_) if self.is_awaited || says_close(response.headers()) => false,
            Fate::Left(rest) => read_rest(rest).await,
            Fate::Held => false,
        };
        if !is_read {
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(header::CONNECTION, close);
        }
    }
}

fn says_close(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONNECTION)
        .is_some_and(|value| value == "close")
}

/// Whether the body ended within the bounds.
async fn read_rest(mut body: Incoming) -> bool {
    if body.size_hint().lower() > REST_BYTES_MAX as u64 {
        return false;
    }
    let to_the_end = async {
        let mut bytes = 0;
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else { return false };
            bytes += frame.data_ref().map_or(0, Bytes::len);
            if bytes > REST_BYTES_MAX {
                return false;
            }
        }
        true
    };
    timeout(Duration::from_millis(REST_MS_MAX), to_the_end)
        .await
        .unwrap_or(false)
}

/// A body that is not lost when the handler drops it.
struct WatchedBody {
    /// `None` after its end.
    body: Option<Incoming>,
    fate: Arc<Mutex<Fate>>,
}

impl HttpBody for WatchedBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Some(body) = &mut self.body else {
            return Poll::Ready(None);
        };
        let polled = Pin::new(body).poll_frame(cx);
        if let Poll::Ready(None) = polled {
            self.body = None;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Incoming::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        match &self.body {
            Some(body) => body.size_hint(),
            None => SizeHint::with_exact(0),
        }
    }
}

impl Drop for WatchedBody {
    fn drop(&mut self) {
        let fate = match self.body.take() {
            Some(body) if !body.is_end_stream() => Fate::Left(body),
            _ => Fate::Read,
        };
        *self.fate.lock().unwrap_or_else(PoisonError::into_inner) = fate;
    }
}
