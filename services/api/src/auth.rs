//! Who asks: bearer tokens, and the extractors that demand one.

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use ripple_domain::UserId;
use ripple_store::{Idempotency, StoreError, TokenHash};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::{ApiState, Problem, ProblemKind};

/// What every token begins with, so that leaked ones can be found.
const TOKEN_PREFIX: &str = "rpl_";

/// The SHA-256 under which a token is stored.
pub fn token_hash(token: &str) -> TokenHash {
    Sha256::digest(token.as_bytes()).into()
}

/// The token with these 256 bits.
pub fn token_of(bits: &[u8; 32]) -> String {
    format!("{TOKEN_PREFIX}{}", URL_SAFE_NO_PAD.encode(bits))
}

/// A token of 256 random bits. The error says that the machine has no randomness to give.
pub fn random_token() -> Result<String, getrandom::Error> {
    let mut bits = [0; 32];
    getrandom::fill(&mut bits)?;
    Ok(token_of(&bits))
}

/// A new token for this purpose. A repeated request with an idempotency key must get the same one, though
/// only its hash is stored.
pub(crate) fn new_token(
    state: &ApiState,
    purpose: &[u8],
    idempotency: Option<&Idempotency>,
) -> Result<String, Problem> {
    match idempotency {
        Some(idempotency) => Ok(derived_token(state, purpose, &idempotency.key)),
        None => random_token().map_err(Problem::internal),
    }
}

/// The token of a request with this idempotency key. Nobody can derive it without the server's secret.
fn derived_token(state: &ApiState, purpose: &[u8], key: &[u8; 32]) -> String {
    // HMAC takes a key of any length; padding it to a block with zeros is what it does itself.
    let mut secret = [0; 64];
    secret[..32].copy_from_slice(&state.options().secret);
    let mut mac = <Hmac<Sha256> as KeyInit>::new(&secret.into());
    mac.update(purpose);
    mac.update(key);
    token_of(&mac.finalize().into_bytes().into())
}

/// Who sent a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Identity {
    /// Somebody without a token.
    Nobody,
    /// A user.
    User(UserId),
    /// The holder of the admin token.
    Admin,
    /// Somebody with a token that nobody has, or an `Authorization` that is no bearer token.
    Stranger,
}

impl Identity {
    pub(crate) async fn of(state: &ApiState, headers: &HeaderMap) -> Result<Self, StoreError> {
        let Some(authorization) = headers.get(header::AUTHORIZATION) else {
            return Ok(Self::Nobody);
        };
        let Some(token) = bearer_token(authorization.as_bytes()) else {
            return Ok(Self::Stranger);
        };
        let hash = token_hash(token);
        // Hashes are compared, and in constant time: the answer's time tells nothing of the token.
        if hash.ct_eq(state.admin_token_hash()).into() {
            return Ok(Self::Admin);
        }
        let user = state.store().user_by_token(&hash).await?;
        Ok(user.map_or(Self::Stranger, Self::User))
    }
}

/// The token of an `Authorization` header (RFC 6750, 2.1); the scheme is compared without case.
fn bearer_token(authorization: &[u8]) -> Option<&str> {
    let (scheme, token) = std::str::from_utf8(authorization).ok()?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

fn identity(parts: &Parts) -> Result<Identity, Problem> {
    match parts.extensions.get::<Identity>() {
        None => Ok(Identity::Nobody),
        Some(Identity::Stranger) => Err(Problem::new(
            ProblemKind::Unauthorized,
            "nobody has this token",
        )),
        Some(identity) => Ok(*identity),
    }
}

fn token_needed() -> Problem {
    Problem::new(
        ProblemKind::Unauthorized,
        "send a token as Authorization: Bearer",
    )
}

/// Who reads: a user, or somebody without a token. A wrong token is refused.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Viewer(pub(crate) Option<UserId>);

impl<S: Sync> FromRequestParts<S> for Viewer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match identity(parts)? {
            Identity::User(id) => Ok(Self(Some(id))),
            _ => Ok(Self(None)),
        }
    }
}

/// The user who asks; without a user's token the request is refused.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller(pub(crate) UserId);

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match identity(parts)? {
            Identity::User(id) => Ok(Self(id)),
            Identity::Admin => Err(Problem::forbidden("this needs the token of a user")),
            _ => Err(token_needed()),
        }
    }
}

/// The admin asks; without the admin token the request is refused.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Admin;

impl<S: Sync> FromRequestParts<S> for Admin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match identity(parts)? {
            Identity::Admin => Ok(Self),
            Identity::User(_) => Err(Problem::forbidden("this needs the admin token")),
            _ => Err(token_needed()),
        }
    }
}

/// A user or the admin asks; without a token the request is refused.
#[derive(Clone, Copy, Debug)]
pub(crate) enum CallerOrAdmin {
    Caller(UserId),
    Admin,
}

impl<S: Sync> FromRequestParts<S> for CallerOrAdmin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match identity(parts)? {
            Identity::User(id) => Ok(Self::Caller(id)),
            Identity::Admin => Ok(Self::Admin),
            _ => Err(token_needed()),
        }
    }
}
