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

/// Whether a script ended with an error of its own, as the servers tell. (A script that comes upon a slot
/// which is moving, or a cluster that is down, has "attempted" something, and may do it later.)
fn is_of_script(error: &RedisError) -> bool {
    let is_telling =
        |detail: &str| detail.contains("user_script:") && !detail.starts_with("Script attempted");
    error.detail().is_some_and(is_telling)
}

/// Whether a command was refused because the server's memory is full.
pub(super) fn is_full(answer: &Value) -> bool {
    matches!(answer, Value::ServerError(error) if error.code() == "OOM")
}

#[cfg(test)]
mod tests {
    use redis::parse_redis_value;

    use super::*;

    fn meaning(answer: &str) -> StoreError {
        let answer = parse_redis_value(format!("-{answer}\r\n").as_bytes()).unwrap();
        store_error("testing")(answer.extract_error().unwrap_err())
    }

    #[test]
    fn what_goes_away_by_itself_is_told_from_what_stays() {
        for stays in [
            "ERR user_script:7: attempt to compare nil with number script: c0ffee, on @user_script:7.",
            "WRONGTYPE Operation against a key holding the wrong kind of value script: c0ffee, on \
             @user_script:3.",
        ] {
            let error = meaning(stays);
            assert!(
                !matches!(
                    error,
                    StoreError::Unavailable { .. } | StoreError::Overloaded { .. }
                ),
                "{error:?}"
            );
        }
        for passes in [
            "ERR Script attempted to access a non local key in a cluster node script: c0ffee, on \
             @user_script:3.",
            "ERR Script attempted to execute a command while the cluster is down script: c0ffee, on \
             @user_script:3.",
            "LOADING Redis is loading the dataset in memory",
            "NOREPLICAS Not enough good replicas to write.",
        ] {
            let error = meaning(passes);
            assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
        }
        let full = "OOM command not allowed when used memory > 'maxmemory'. script: c0ffee, on \
                    @user_script:3.";
        assert!(matches!(meaning(full), StoreError::Overloaded { .. }));
    }
}
