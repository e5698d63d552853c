//! What is looked at when a store is opened: whether Redis keeps what it acknowledges, and whether the
//! store that is there is one of ours.

use std::collections::HashMap;

use redis::{RedisError, Value};

use super::{
    error::store_error,
    key::Key,
    link::{Commands, Link, decode},
};
use crate::StoreError;

/// The format of the stored keys and records. It grows when an older version of Ripple could not read
/// what this one writes.
const FORMAT: u32 = 1;
/// The oldest version of Redis that has all that is used here.
const REDIS_MAJOR_MIN: u32 = 7;

/// A Redis store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum RedisOpenError {
    /// It does not answer, or not as Redis does.
    #[error("it cannot be reached: {0}")]
    Unreachable(#[source] RedisError),
    /// It is too old.
    #[error("{node} runs Redis {version}: Ripple needs Redis 7.0 or later, or Valkey")]
    TooOld {
        /// Which server.
        node: String,
        /// What it says of itself.
        version: String,
    },
    /// It would throw away what was accepted.
    #[error(
        "{node} has maxmemory-policy {policy}, by which Redis throws keys away when its memory is \
         full, accepted posts among them: set `maxmemory-policy noeviction`"
    )]
    Evicts {
        /// Which server.
        node: String,
        /// Its setting.
        policy: String,
    },
    /// The cluster does not serve all of its slots.
    #[error(
        "the cluster's state is {state} and {slots} of its 16384 slots are served: see `redis-cli \
         --cluster check`"
    )]
    Cluster {
        /// What it says of itself.
        state: String,
        /// Slots that are served.
        slots: String,
    },
    /// The address is one of a cluster, the server is none, or the other way round.
    #[error("it runs in {mode} mode: its address begins with {scheme}")]
    Mode {
        /// What it says of itself.
        mode: String,
        /// How the address should begin.
        scheme: &'static str,
    },
    /// The store was written by a newer version of Ripple.
    #[error(
        "the store has format {found}, and this version of Ripple reads up to {FORMAT}: use a newer one"
    )]
    Newer {
        /// The format that was found.
        found: String,
    },
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Checks every server that takes writes. What is weak but allowed is logged as a warning.
pub(super) async fn check(link: &Link) -> Result<(), RedisOpenError> {
    let unreachable = RedisOpenError::Unreachable;
    let mut info = redis::cmd("INFO");
    info.arg("server");
    for (node, answer) in link.each_master(&info).await.map_err(unreachable)? {
        check_server(link, node, &decode::<String>(answer).map_err(unreachable)?)?;
    }
    if link.is_cluster() {
        let mut info = redis::cmd("CLUSTER");
        info.arg("INFO");
        for (_, answer) in link.each_master(&info).await.map_err(unreachable)? {
            let info = decode::<String>(answer).map_err(unreachable)?;
            let (state, slots) = (
                field(&info, "cluster_state"),
                field(&info, "cluster_slots_ok"),
            );
            if state != "ok" || slots != "16384" {
                let (state, slots) = (state.to_owned(), slots.to_owned());
                return Err(RedisOpenError::Cluster { state, slots });
            }
        }
    }
    let mut config = redis::cmd("CONFIG");
    config
        .arg("GET")
        .arg(&["maxmemory-policy", "appendonly", "appendfsync"]);
    match link.each_master(&config).await {
        Ok(answers) => answers
            .into_iter()
            .try_for_each(|(node, answer)| check_settings(node, answer)),
        Err(error) if error.is_io_error() => Err(unreachable(error)),
        // Managed servers may forbid it.
        Err(error) => {
            tracing::warn!(
                %error,
                "the settings of Redis cannot be read: see to it that it has `appendonly yes`, `appendfsync \
                 always` and `maxmemory-policy noeviction`"
            );
            Ok(())
        }
    }
}

fn check_server(link: &Link, node: String, info: &str) -> Result<(), RedisOpenError> {
    // Valkey tells by `redis_version` with which Redis it is compatible.
    let version = field(info, "redis_version");
    let major = version
        .split('.')
        .next()
        .and_then(|major| major.parse().ok());
    if major.is_none_or(|major: u32| major < REDIS_MAJOR_MIN) {
        let version = version.to_owned();
        return Err(RedisOpenError::TooOld { node, version });
    }
    let mode = field(info, "redis_mode");
    match (mode, link.is_cluster()) {
        ("cluster", false) => Err(RedisOpenError::Mode {
            mode: mode.to_owned(),
            scheme: "redis+cluster://",
        }),
        ("standalone", true) => Err(RedisOpenError::Mode {
            mode: mode.to_owned(),
            scheme: "redis://",
        }),
        _ => Ok(()),
    }
}

fn check_settings(node: String, answer: Value) -> Result<(), RedisOpenError> {
    let settings: HashMap<String, String> = decode(answer).map_err(RedisOpenError::Unreachable)?;
    let setting = |name: &str| settings.get(name).map_or("", String::as_str);
    let policy = setting("maxmemory-policy");
    if policy != "noeviction" && !policy.is_empty() {
        let policy = policy.to_owned();
        return Err(RedisOpenError::Evicts { node, policy });
    }
    match (setting("appendonly"), setting("appendfsync")) {
        ("yes", "always") | ("", _) => {}
        ("yes", "everysec") => tracing::warn!(
            node,
            "`appendfsync everysec`: a power cut loses up to about two seconds of acknowledged posts; set \
             `appendfsync always`"
        ),
        ("yes", fsync) => tracing::warn!(
            node,
            "`appendfsync {fsync}`: a power cut loses what the system has not written yet, up to half a minute \
             of acknowledged posts; set `appendfsync always`"
        ),
        _ => tracing::warn!(
            node,
            "`appendonly no`: when Redis ends, all acknowledged posts since its last snapshot are lost; set \
             `appendonly yes` and `appendfsync always`"
        ),
    }
    Ok(())
}

/// A line `name:value` of an INFO.
fn field<'a>(info: &'a str, name: &str) -> &'a str {
    let mut lines = info.lines().filter_map(|line| line.split_once(':'));
    let found = lines.find(|(key, _)| *key == name);
    found.map_or("", |(_, value)| value.trim())
}

/// Writes the format where there is no store yet; refuses one that a newer version has written.
pub(super) async fn check_format(link: &Link) -> Result<(), RedisOpenError> {
    const READING: &str = "reading the store's format";
    let mut commands = Commands::new(Key::Schema.partition());
    commands.add("SET", &Key::Schema, (FORMAT, "NX"));
    commands.add("GET", &Key::Schema, &[] as &[&str]);
    let mut answers = link.send(&commands).await.map_err(store_error(READING))?;
    let found = answers.pop().unwrap_or(Value::Nil);
    let found: String = decode(found).map_err(store_error(READING))?;
    match found.parse::<u32>() {
        Ok(format) if format <= FORMAT => Ok(()),
        _ => Err(RedisOpenError::Newer { found }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> Value {
        let bulk = |text: &str| Value::BulkString(text.as_bytes().to_vec());
        Value::Map(
            pairs
                .iter()
                .map(|(name, value)| (bulk(name), bulk(value)))
                .collect(),
        )
    }

    #[test]
    fn a_server_that_throws_keys_away_is_refused() {
        let with = |policy| settings(&[("maxmemory-policy", policy), ("appendonly", "yes")]);
        assert!(check_settings("a".into(), with("noeviction")).is_ok());
        for policy in ["allkeys-lru", "volatile-ttl"] {
            let refused = check_settings("a".into(), with(policy))
                .unwrap_err()
                .to_string();
            assert!(refused.contains("maxmemory-policy noeviction"), "{refused}");
        }
    }

    #[test]
    fn a_line_of_information_is_found_by_its_name() {
        let info = "# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\n";
        assert_eq!(field(info, "redis_version"), "7.0.15");
        assert_eq!(field(info, "redis_mode"), "standalone");
        assert_eq!(field(info, "version"), "");
    }
}
