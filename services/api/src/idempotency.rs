//! `Idempotency-Key`: the same request sent twice is carried out once.
//!
//! The commit keeps the key with what it made, so a repeated request is answered alike, also after a
//! crash. What is kept here, in memory, is only which requests are under way.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    extract::FromRequestParts,
    http::{Method, request::Parts},
};
use ripple_domain::UserId;
use ripple_store::Idempotency;
use sha2::{Digest, Sha256};

use crate::{ApiState, Problem, ProblemKind, admission::ClientAddress, auth::Identity};

const KEY_BYTES_MAX: usize = 255;

/// A request's `Idempotency-Key`, as one value of who asks, what is called and the key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IdempotencyKey(Option<[u8; 32]>);

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut keys = parts.headers.get_all("idempotency-key").iter();
        let Some(key) = keys.next() else {
            return Ok(Self(None));
        };
        let is_one = keys.next().is_none();
        if !is_one || key.is_empty() || key.len() > KEY_BYTES_MAX {
            return Err(Problem::invalid(
                "Idempotency-Key",
                format!("must be one key of 1 to {KEY_BYTES_MAX} bytes"),
            ));
        }
        let caller = match parts.extensions.get::<Identity>() {
            Some(Identity::User(UserId(id))) => format!("user {id}"),
            Some(Identity::Admin) => "admin".to_owned(),
            // Nobody must get the answer to somebody else's sign-up by guessing his key.
            _ => {
                let ClientAddress(address) = ClientAddress::of(parts.extensions.get());
                format!("address {address}")
            }
        };
        Ok(Self(Some(hash(&[
            caller.as_bytes(),
            method_bytes(&parts.method),
            parts.uri.path().as_bytes(),
            key.as_bytes(),
        ]))))
    }
}

fn method_bytes(method: &Method) -> &[u8] {
    method.as_str().as_bytes()
}

/// SHA-256 of parts that cannot run into each other.
fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// The keys of the requests that are under way in this process.
#[derive(Default)]
pub(crate) struct KeysUnderWay(Mutex<HashSet<[u8; 32]>>);

/// A request with an idempotency key that is under way; it ends when this is dropped.
pub(crate) struct UnderWay {
    key: [u8; 32],
    keys: Arc<KeysUnderWay>,
}

impl IdempotencyKey {
    /// Begins the request with this body: what the commit is to keep, and a guard to be held until it
    /// is answered. Refused while a request with the same key is under way.
    pub(crate) fn begin(
        self,
        state: &ApiState,
        body: &[u8],
    ) -> Result<(Option<Idempotency>, Option<UnderWay>), Problem> {
        let Some(key) = self.0 else {
            return Ok((None, None));
        };
        let keys = Arc::clone(state.keys_under_way());
        let is_new = keys
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(key);
        if !is_new {
            let detail = "wait for the answer to the first request";
            return Err(Problem::new(ProblemKind::UnderWay, detail).retry_after(1));
        }
        let idempotency = Idempotency {
            key,
            request: hash(&[body]),
        };
        Ok((Some(idempotency), Some(UnderWay { key, keys })))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.keys
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.key);
    }
}
