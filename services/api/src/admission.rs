//! What every request passes before its handler: the bound on its header, its one host, who asks, and how often.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    num::NonZeroU32,
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

use axum::{
    extract::{ConnectInfo, Request, State},
    http::{Method, Version, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use governor::{
    DefaultKeyedRateLimiter, Quota,
    clock::{Clock, DefaultClock},
};
use ripple_domain::UserId;

use crate::{ApiState, Problem, ProblemKind, auth::Identity};

/// How often one caller may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Requests a second in the long run.
    pub per_s: NonZeroU32,
    /// Requests at once after a rest.
    pub burst: NonZeroU32,
}

impl Rate {
    /// `per_s` requests a second, `burst` at once; at least one of each.
    pub const fn new(per_s: u32, burst: u32) -> Self {
        const fn at_least_one(n: u32) -> NonZeroU32 {
            match NonZeroU32::new(n) {
                Some(n) => n,
                None => NonZeroU32::MIN,
            }
        }
        Self {
            per_s: at_least_one(per_s),
            burst: at_least_one(burst),
        }
    }

    const fn quota(self) -> Quota {
        Quota::per_second(self.per_s).allow_burst(self.burst)
    }
}

/// Whose requests are counted together: a user, or who shares an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Payer {
    User(UserId),
    Address(IpAddr),
}

/// The rates of all callers. Callers that have rested are forgotten, so it stays small.
pub(crate) struct RateLimiter {
    reads: DefaultKeyedRateLimiter<Payer>,
    writes: DefaultKeyedRateLimiter<Payer>,
    sign_ups: DefaultKeyedRateLimiter<Payer>,
    begun: Instant,
    swept_s: AtomicU64,
}

/// Seconds between two sweeps of callers who have rested.
const SWEEP_S: u64 = 10;

impl RateLimiter {
    pub(crate) fn new(reads: Rate, writes: Rate, sign_ups: Rate) -> Self {
        Self {
            reads: DefaultKeyedRateLimiter::keyed(reads.quota()),
            writes: DefaultKeyedRateLimiter::keyed(writes.quota()),
            sign_ups: DefaultKeyedRateLimiter::keyed(sign_ups.quota()),
            begun: Instant::now(),
            swept_s: AtomicU64::new(0),
        }
    }

    fn check(&self, request: &Request, payer: Payer) -> Result<(), Problem> {
        self.sweep();
        let limiter = match *request.method() {
            Method::GET | Method::HEAD | Method::OPTIONS => &self.reads,
            Method::POST if request.uri().path() == "/v1/users" => &self.sign_ups,
            _ => &self.writes,
        };
        limiter.check_key(&payer).map_err(|refused| {
            let wait = refused.wait_time_from(DefaultClock::default().now());
            let seconds = u32::try_from(wait.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX);
            Problem::new(ProblemKind::RateLimited, "wait as long as Retry-After says")
                .retry_after(seconds)
        })
    }

    fn sweep(&self) {
        let now_s = self.begun.elapsed().as_secs();
        let swept_s = self.swept_s.load(Ordering::Relaxed);
        let is_mine = now_s >= swept_s + SWEEP_S
            && self
                .swept_s
                .compare_exchange(swept_s, now_s, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        if is_mine {
            for limiter in [&self.reads, &self.writes, &self.sign_ups] {
                limiter.retain_recent();
                limiter.shrink_to_fit();
            }
        }
    }
}

/// Where a request comes from, as far as it is used to tell callers apart: an IPv6 network counts as
/// one, since it is what one customer is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClientAddress(pub(crate) IpAddr);

impl ClientAddress {
    pub(crate) fn of(peer: Option<&ConnectInfo<SocketAddr>>) -> Self {
        let address = peer.map(|ConnectInfo(peer)| peer.ip().to_canonical());
        Self(match address {
            Some(IpAddr::V6(v6)) => {
                let [a, b, c, d, ..] = v6.segments();
                IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
            Some(v4) => v4,
            None => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        })
    }
}

/// The middleware in front of the handlers.
pub(crate) async fn admit(
    State(state): State<ApiState>,
    mut request: Request,
    next: Next,
) -> Response {
    match enter(&state, &mut request).await {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

async fn enter(state: &ApiState, request: &mut Request) -> Result<(), Problem> {
    let limit = state.options().limits.header_bytes_max;
    if header_bytes(request) > limit {
        return Err(Problem::new(
            ProblemKind::HeaderTooLarge,
            format!("a header is at most {limit} bytes long"),
        ));
    }
    one_host(request)?;
    let path = request.uri().path();
    if matches!(path, "/healthz" | "/readyz" | "/metrics") {
        return Ok(());
    }
    let identity = match path.starts_with("/v1/") {
        true => Identity::of(state, request.headers()).await?,
        false => Identity::Nobody,
    };
    let payer = match identity {
        Identity::User(id) => Some(Payer::User(id)),
        Identity::Nobody | Identity::Stranger => {
            let ClientAddress(address) = ClientAddress::of(request.extensions().get());
            Some(Payer::Address(address))
        }
        Identity::Admin => None,
    };
    if let (Some(rates), Some(payer)) = (state.rates(), payer) {
        rates.check(request, payer)?;
    }
    request.extensions_mut().insert(identity);
    Ok(())
}

/// A request of HTTP/1.1 names its host once (RFC 9112, 3.2): where it does not, those through whom it
/// came may have understood it in another way.
fn one_host(request: &Request) -> Result<(), Problem> {
    let hosts = request.headers().get_all(header::HOST).iter().count();
    match hosts == 1 || request.version() < Version::HTTP_11 {
        true => Ok(()),
        false => Err(Problem::malformed("a request has one Host header")),
    }
}

/// The length of a header as it was sent, but for the spaces that a client may add.
fn header_bytes(request: &Request) -> usize {
    let uri = request.uri();
    let target = uri.path().len() + uri.query().map_or(0, |query| query.len() + 1);
    let request_line = request.method().as_str().len() + target + " ".len() + " HTTP/1.1\r\n".len();
    let fields = request
        .headers()
        .iter()
        .map(|(name, value)| name.as_str().len() + ": ".len() + value.len() + "\r\n".len());
    request_line + fields.sum::<usize>() + "\r\n".len()
}
