//! What every handler shares: the store and the options.

use std::sync::Arc;

use ripple_domain::Timestamp;
use ripple_store::{Store, TokenHash};

use crate::{
    admission::{Rate, RateLimiter},
    idempotency::KeysUnderWay,
};

/// Who may create a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registration {
    /// Everybody.
    Open,
    /// The holder of the admin token.
    Closed,
}

/// The bounds on what a request may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApiLimits {
    /// The longest request body, in bytes.
    pub body_bytes_max: usize,
    /// The longest time in which a request body may arrive, in milliseconds.
    pub body_ms_max: u64,
    /// The longest header (request line included), in bytes.
    pub header_bytes_max: usize,
    /// How often one caller may read.
    pub reads: Rate,
    /// How often one caller may write.
    pub writes: Rate,
    /// How often one caller may create a user.
    pub sign_ups: Rate,
}

impl Default for ApiLimits {
    fn default() -> Self {
        Self {
            body_bytes_max: 64 * 1024,
            body_ms_max: 10_000,
            header_bytes_max: 16 * 1024,
            reads: Rate::new(200, 1_000),
            writes: Rate::new(20, 100),
            sign_ups: Rate::new(5, 50),
        }
    }
}

/// How the API is set up.
#[derive(Clone)]
pub struct ApiOptions {
    /// The address under which clients reach the server, without a slash at the end. A post's `url`
    /// is `{public_url}/posts/{id}`.
    pub public_url: String,
    /// Who may create a user.
    pub registration: Registration,
    /// Whether callers are held to a rate.
    pub rate_limit: bool,
    /// SHA-256 of the admin's token.
    pub admin_token_hash: TokenHash,
    /// Derives the tokens of sign-ups with an idempotency key, so that a repeated request gets the
    /// same token although none is stored. It must outlive a restart.
    pub secret: [u8; 32],
    /// Renders the process's metrics as Prometheus text.
    pub render_metrics: Arc<dyn Fn() -> String + Send + Sync>,
    /// The bounds on what a request may take.
    pub limits: ApiLimits,
}

/// What every handler shares. Cloning it is cheap.
#[derive(Clone)]
pub struct ApiState(Arc<Inner>);

struct Inner {
    store: Arc<dyn Store>,
    options: ApiOptions,
    rates: Option<RateLimiter>,
    keys_under_way: Arc<KeysUnderWay>,
}

impl ApiState {
    /// The state of an API over `store`.
    pub fn new(store: Arc<dyn Store>, options: ApiOptions) -> Self {
        let limits = options.limits;
        let rates = options
            .rate_limit
            .then(|| RateLimiter::new(limits.reads, limits.writes, limits.sign_ups));
        Self(Arc::new(Inner {
            store,
            options,
            rates,
            keys_under_way: Arc::default(),
        }))
    }

    /// The store.
    pub fn store(&self) -> &dyn Store {
        &*self.0.store
    }

    /// The store, to be handed to a task.
    pub fn store_arc(&self) -> Arc<dyn Store> {
        Arc::clone(&self.0.store)
    }

    /// How the API is set up.
    pub fn options(&self) -> &ApiOptions {
        &self.0.options
    }

    /// The time by the store's clock.
    pub fn now(&self) -> Timestamp {
        self.store().clock().now()
    }

    pub(crate) fn admin_token_hash(&self) -> &TokenHash {
        &self.0.options.admin_token_hash
    }

    pub(crate) fn rates(&self) -> Option<&RateLimiter> {
        self.0.rates.as_ref()
    }

    pub(crate) fn keys_under_way(&self) -> &Arc<KeysUnderWay> {
        &self.0.keys_under_way
    }
}
