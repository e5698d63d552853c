//! What is looked at when a store is opened: whether Redis keeps what it acknowledges, and whether the
//! store that is there is one of ours.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::{StreamExt, stream::FuturesUnordered};
use redis::{AsyncConnectionConfig, Client, Cmd, ConnectionInfo, RedisError, RedisResult, Value};

use super::{
    address::RedisAddress,
    error::store_error,
    key::Key,
    link::{Commands, Link, decode},
    open_error::RedisOpenError,
    settings::Settings,
};
use crate::StoreError;

/// The format of the stored keys and records. It grows when an older version of Ripple could not read
/// what this one writes.
pub(super) const FORMAT: u32 = 1;
/// The oldest version of Redis that has all that is used here.
const REDIS_MAJOR_MIN: u32 = 7;
/// Clocks that are farther apart are warned of. A lease lasts three seconds.
const CLOCKS_APART_MAX: Duration = Duration::from_secs(1);
/// A store that is not open by then is not opened: who starts it must not wait for nothing.
pub(super) const OPEN_TIME_MAX: Duration = Duration::from_secs(10);
/// A node that is asked how its cluster is, answers by then or counts as not to be reached.
const LOOK_TIMEOUT: Duration = Duration::from_secs(3);

/// Looks whether the nodes of this address belong to a cluster that works: through one that does not,
/// the client can tell nothing. One good node is enough; others may have left the cluster. All are asked
/// at once, so that those that are silent do not add up.
pub(super) async fn check_address(address: &RedisAddress) -> Result<(), RedisOpenError> {
    let RedisAddress::Cluster(nodes) = address else {
        return Ok(());
    };
    let mut trouble = None;
    let mut asked: FuturesUnordered<_> = nodes.iter().map(check_node).collect();
    while let Some(answer) = asked.next().await {
        match answer {
            Ok(()) => return Ok(()),
            // What one says of itself tells more than the silence of another.
            Err(RedisOpenError::Unreachable(error)) => {
                trouble = trouble.or(Some(RedisOpenError::Unreachable(error)));
            }
            Err(error) => trouble = Some(error),
        }
    }
    trouble.map_or(Ok(()), Err)
}

async fn check_node(node: &ConnectionInfo) -> Result<(), RedisOpenError> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(LOOK_TIMEOUT))
        .set_response_timeout(Some(LOOK_TIMEOUT));
    let ask = async || -> RedisResult<(RedisResult<String>, RedisResult<String>)> {
        let mut connection = Client::open(node.clone())?
            .get_multiplexed_async_connection_with_config(&config)
            .await?;
        let server = command("INFO", "server").query_async(&mut connection).await;
        let cluster = command("CLUSTER", "INFO")
            .query_async(&mut connection)
            .await;
        Ok((server, cluster))
    };
    let (server, cluster) = ask().await.map_err(RedisOpenError::Unreachable)?;
    if let Ok(info) = server {
        check_mode(&info, true)?;
    }
    check_slots(&cluster.map_err(RedisOpenError::Unreachable)?)
}

/// Checks every server that takes writes. What is weak but allowed is logged as a warning.
pub(super) async fn check(link: &Link) -> Result<(), RedisOpenError> {
    let mut config = command("CONFIG", "GET");
    config.arg(Settings::NAMES);
    let all_of_config = answers(link, &config).await?;
    for (node, answer) in answers(link, &command("INFO", "default")).await? {
        // Managed servers may forbid what tells of them: one then does what one can.
        let info = match answer {
            Ok(answer) => decode::<String>(answer).map_err(RedisOpenError::Unreachable)?,
            Err(error) => {
                tracing::warn!(
                    node,
                    %error,
                    "what Redis tells of itself cannot be read: see to it that it is Redis 7.0 or later"
                );
                String::new()
            }
        };
        check_server(&node, &info, link.is_cluster())?;
        if let Some(apart) = clocks_apart(&info) {
            tracing::warn!(
                node,
                "the clocks of Redis and of this process are {apart:?} apart: keep both by NTP, or jobs \
                 are taken over from workers that still do them"
            );
        }
        let config = all_of_config.iter().find(|(of, _)| *of == node);
        let config = match config {
            Some((_, Ok(answer))) => Some(answer.clone()),
            _ => None,
        };
        let settings = Settings::read(config, &info).map_err(RedisOpenError::Unreachable)?;
        if let Some(policy) = settings.evicting_policy() {
            let policy = policy.to_owned();
            return Err(RedisOpenError::Evicts { node, policy });
        }
        for weakness in settings.weaknesses() {
            tracing::warn!(node, "{weakness}");
        }
    }
    if link.is_cluster() {
        let all = answers(link, &command("CLUSTER", "INFO")).await?;
        let found = all.len();
        for (_, answer) in all {
            let info = answer.and_then(decode::<String>);
            let info = info.map_err(RedisOpenError::Unreachable)?;
            check_slots(&info)?;
            check_masters(&info, found)?;
        }
    }
    Ok(())
}

fn command(name: &str, arg: &str) -> Cmd {
    let mut command = redis::cmd(name);
    command.arg(arg);
    command
}

/// What each master answers, or why it refuses to: one may forbid what another tells.
async fn answers(
    link: &Link,
    command: &Cmd,
) -> Result<Vec<(String, RedisResult<Value>)>, RedisOpenError> {
    let answers = link.each_master(command).await;
    let answers = answers.map_err(RedisOpenError::Unreachable)?;
    let answers =
        answers.into_iter().map(
            |(node, answer)| match answer.and_then(Value::extract_error) {
                Err(error) if !is_refusal(&error) => Err(RedisOpenError::Unreachable(error)),
                answer => Ok((node, answer)),
            },
        );
    answers.collect()
}

/// Whether the server has understood, and will not.
fn is_refusal(error: &RedisError) -> bool {
    matches!(error.code(), Some("NOPERM" | "ERR"))
}

/// Checks what a server tells of itself; where it tells nothing, nothing is checked.
fn check_server(node: &str, info: &str, cluster: bool) -> Result<(), RedisOpenError> {
    if info.is_empty() {
        return Ok(());
    }
    let node = node.to_owned();
    // Valkey tells by `redis_version` with which Redis it is compatible.
    let version = field(info, "redis_version");
    let major = version.split('.').next();
    let major: Option<u32> = major.and_then(|major| major.parse().ok());
    if major.is_none_or(|major| major < REDIS_MAJOR_MIN) {
        let version = version.to_owned();
        return Err(RedisOpenError::TooOld { node, version });
    }
    check_mode(info, cluster)?;
    match field(info, "role") {
        "slave" => {
            let (host, port) = (field(info, "master_host"), field(info, "master_port"));
            let master = format!("{host}:{port}");
            Err(RedisOpenError::Replica { node, master })
        }
        _ => Ok(()),
    }
}

/// How far the clock of a server is from that of this process, where leases would notice.
fn clocks_apart(info: &str) -> Option<Duration> {
    let theirs = Duration::from_micros(field(info, "server_time_usec").parse().ok()?);
    let ours = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    let apart = ours.abs_diff(theirs);
    (apart > CLOCKS_APART_MAX).then(|| Duration::from_secs(apart.as_secs()))
}

fn check_mode(info: &str, cluster: bool) -> Result<(), RedisOpenError> {
    let mode = field(info, "redis_mode");
    let scheme = match (mode, cluster) {
        ("cluster", false) => "redis+cluster://",
        ("standalone", true) => "redis://",
        _ => return Ok(()),
    };
    let mode = mode.to_owned();
    Err(RedisOpenError::Mode { mode, scheme })
}

fn check_slots(info: &str) -> Result<(), RedisOpenError> {
    let state = field(info, "cluster_state").to_owned();
    let slots = field(info, "cluster_slots_ok").to_owned();
    if state == "ok" && slots == "16384" {
        return Ok(());
    }
    Err(RedisOpenError::Cluster { state, slots })
}

/// Checks whether so many masters are all that have slots: the client leaves out those that it could
/// not reach.
fn check_masters(info: &str, found: usize) -> Result<(), RedisOpenError> {
    match field(info, "cluster_size").parse() {
        Ok(masters) if found < masters => Err(RedisOpenError::Masters { found, masters }),
        _ => Ok(()),
    }
}

/// A line `name:value` of an INFO.
pub(super) fn field<'a>(info: &'a str, name: &str) -> &'a str {
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
    let answers = link.send(&commands).await.map_err(store_error(READING))?;
    let mut answers = answers.into_iter();
    let mut next = || answers.next().unwrap_or(Value::Nil);
    let written = next();
    let found: Option<String> = decode(next()).map_err(store_error(READING))?;
    let Some(found) = found else {
        // Where memory is full, a store that is there can be opened, and no new one made.
        written.extract_error().map_err(store_error(READING))?;
        return Err(StoreError::Corrupt { what: "format" }.into());
    };
    match found.parse::<u32>() {
        Ok(format) if format <= FORMAT => Ok(()),
        _ => Err(RedisOpenError::Newer { found }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INFO: &str =
        "# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\nrole:master\r\n";

    #[test]
    fn a_line_of_information_is_found_by_its_name() {
        assert_eq!(field(INFO, "redis_version"), "7.0.15");
        assert_eq!(field(INFO, "redis_mode"), "standalone");
        assert_eq!(field(INFO, "version"), "");
    }

    #[test]
    fn clocks_that_are_apart_are_noticed() {
        let apart_at = |apart: i64| {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
            let theirs = i64::try_from(now.as_micros()).unwrap() + apart * 1_000_000;
            clocks_apart(&format!("server_time_usec:{theirs}\r\n"))
        };
        for apart in [-3_600, -5, 5, 3_600] {
            assert!(apart_at(apart).is_some(), "{apart}");
        }
        assert_eq!(apart_at(0), None);
        assert_eq!(clocks_apart(INFO), None);
    }

    #[test]
    fn a_server_that_is_too_old_is_refused() {
        for (version, is_refused) in [
            ("7.0.15", false),
            ("10.1.0", false),
            ("6.2.14", true),
            ("", true),
        ] {
            let info = INFO.replace("7.0.15", version);
            let refused = check_server("a", &info, false).is_err();
            assert_eq!(refused, is_refused, "{version}");
        }
        assert!(check_server("a", "", false).is_ok(), "it tells nothing");
    }

    #[test]
    fn a_master_that_was_left_out_is_missed() {
        let info = "cluster_state:ok\r\ncluster_size:3\r\n";
        assert!(check_masters(info, 3).is_ok());
        let missed = check_masters(info, 2).unwrap_err().to_string();
        assert!(
            missed.starts_with("2 of the cluster's 3 masters"),
            "{missed}"
        );
    }
}
