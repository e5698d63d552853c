//! What an error of Redis means to the callers of a store.

use redis::{ErrorKind, RedisError, Value};

use crate::StoreError;

/// Seconds after which a request may be sent again while Redis cannot be reached or is full.
const RETRY_AFTER_S: u32 = 2;

/// The error of a command while doing `what`.
pub(super) fn store_error(what: &'static str) -> impl Fn(RedisError) -> StoreError {
    move |error| {
        let is_full = error.code() == Some("OOM");
        match error.kind() {
            _ if is_full => StoreError::Overloaded {
                retry_after_s: RETRY_AFTER_S,
            },
            ErrorKind::UnexpectedReturnType | ErrorKind::Parse => StoreError::read(what, error),
            // A script broke off: what it found is not what it expects, and will not be next time.
            _ if is_of_script(&error) => StoreError::read(what, error),
            // Not to be reached, failing over, loading its data, without a quorum: it comes back.
            _ => StoreError::Unavailable {
                reason: format!("{what}: {error}"),
            },
        }
    }
}

/// Whether a script ended with an error of its own, as the servers tell.
fn is_of_script(error: &RedisError) -> bool {
    let is_telling = |detail: &str| detail.contains("user_script:");
    error.detail().is_some_and(is_telling)
}

/// Whether a command was refused because the server's memory is full.
pub(super) fn is_full(answer: &Value) -> bool {
    matches!(answer, Value::ServerError(error) if error.code() == "OOM")
}
