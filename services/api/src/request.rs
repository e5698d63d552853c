//! What is done for every request: it gets an id, its trace is taken up, it is timed, counted and
//! logged, and a panic in it becomes an answer.

use std::{panic::AssertUnwindSafe, time::Instant};

use axum::{
    extract::{FromRequestParts, MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures_util::FutureExt;
use ripple_domain::{Timestamp, TraceContext};
use tracing::Instrument;

use crate::{ApiState, Problem, measure, problem::Cause};

const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
const REQUEST_ID_CHARS_MAX: usize = 64;

/// A request, beside what it asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestContext {
    /// When it arrived, by the store's clock.
    pub(crate) received_at: Timestamp,
    /// When it arrived, for measuring.
    pub(crate) started: Instant,
    /// Its trace, handed to the jobs that it causes.
    pub(crate) trace: Option<TraceContext>,
}

impl FromRequestParts<ApiState> for RequestContext {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        let known = parts.extensions.get::<Self>().copied();
        Ok(known.unwrap_or_else(|| Self::begin(state, &parts.headers)))
    }
}

impl RequestContext {
    fn begin(state: &ApiState, headers: &HeaderMap) -> Self {
        // More than one traceparent, or one that is none, counts as not sent (Trace Context, 4.3).
        let mut traces = headers.get_all("traceparent").iter();
        let trace = traces.next().filter(|_| traces.next().is_none());
        Self {
            received_at: state.now(),
            started: Instant::now(),
            trace: trace.and_then(|trace| trace.to_str().ok()?.parse().ok()),
        }
    }
}

/// The middleware around everything else.
pub(crate) async fn observe(
    State(state): State<ApiState>,
    mut request: Request,
    next: Next,
) -> Response {
    let context = RequestContext::begin(&state, request.headers());
    request.extensions_mut().insert(context);
    let id = request_id(request.headers());
    let method = method_name(request.method());
    let path = request.extensions().get::<MatchedPath>();
    // Paths that nothing is served under count as one: a scanner must not fill the metrics.
    let route = path.map_or_else(|| "none".to_owned(), |path| path.as_str().to_owned());
    let is_api = request.uri().path().starts_with("/v1/");

    let span = tracing::debug_span!("request", id = ?id, method, route);
    let answering = AssertUnwindSafe(next.run(request)).catch_unwind();
    let mut response = answering
        .instrument(span)
        .await
        .unwrap_or_else(|panic| Problem::internal(panic_text(&*panic)).into_response());

    let status = response.status();
    let class = status_class(status.as_u16());
    measure::answered(method, route.clone(), class, context.started.elapsed());
    match response.extensions_mut().remove::<Cause>() {
        Some(Cause(cause)) => {
            tracing::error!(request_id = ?id, method, route, status = status.as_u16(), cause = &*cause, "a request failed");
        }
        None => {
            tracing::debug!(request_id = ?id, method, route, status = status.as_u16(), "answered");
        }
    }

    let headers = response.headers_mut();
    if is_api {
        // Answers depend on who asks and change at any moment.
        headers
            .entry(header::CACHE_CONTROL)
            .or_insert(HeaderValue::from_static("no-store"));
    }
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(REQUEST_ID, id);
    response
}

/// The caller's `Request-Id` where it is harmless, else a new one.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    let is_harmless = |id: &&HeaderValue| {
        (1..=REQUEST_ID_CHARS_MAX).contains(&id.len())
            && id
                .as_bytes()
                .iter()
                .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(b))
    };
    if let Some(id) = headers.get(REQUEST_ID).filter(is_harmless) {
        return id.clone();
    }
    // A machine without randomness gives ids that are alike; that breaks nothing.
    let random = getrandom::u64().unwrap_or_default();
    HeaderValue::from_str(&format!("{random:016x}"))
        .unwrap_or_else(|_| HeaderValue::from_static("none"))
}

/// The method as a label: of the methods that a caller makes up there could be any number.
fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

const fn status_class(status: u16) -> &'static str {
    match status / 100 {
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("panic: {}", text.unwrap_or("without a message"))
}
