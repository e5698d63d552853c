//! Where a Redis store is: the address that operators give.

use std::{fmt, str::FromStr};

use redis::{ConnectionInfo, IntoConnectionInfo};

/// One server, or the nodes of a cluster to begin with.
///
/// `redis://[user[:password]@]host[:port][/database]` for one server; `rediss://` for TLS.
/// `redis+cluster://[user[:password]@]host[:port][,host[:port]…]` for a cluster, of which one node that
/// can be reached is enough; `rediss+cluster://` for TLS. Parameters are those of the client library.
#[derive(Clone)]
pub enum RedisAddress {
    /// One server (with or without replicas).
    Single(Box<ConnectionInfo>),
    /// A cluster.
    Cluster(Vec<ConnectionInfo>),
}

/// The text is not the address of a Redis store.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an address of Redis: {reason}")]
pub struct InvalidAddress {
    reason: String,
}

impl FromStr for RedisAddress {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        let invalid = |reason: String| InvalidAddress { reason };
        let info = |url: String| {
            url.into_connection_info()
                .map_err(|error| invalid(error.to_string()))
        };
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(invalid(
                "it begins with redis:// or redis+cluster://".into(),
            ));
        };
        let Some(scheme) = scheme.strip_suffix("+cluster") else {
            return Ok(Self::Single(Box::new(info(text.to_owned())?)));
        };
        let (login, rest) = match rest.rsplit_once('@') {
            Some((login, rest)) => (format!("{login}@"), rest),
            None => (String::new(), rest),
        };
        let split = rest.find(['/', '?']).unwrap_or(rest.len());
        let (hosts, parameters) = rest.split_at(split);
        if hosts.is_empty() {
            return Err(invalid("it names no node".into()));
        }
        let nodes = hosts
            .split(',')
            .map(|host| info(format!("{scheme}://{login}{host}{parameters}")));
        Ok(Self::Cluster(nodes.collect::<Result<_, _>>()?))
    }
}

/// Without the password: addresses are logged.
impl fmt::Display for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Single(info) => write!(f, "redis://{}", info.addr()),
            Self::Cluster(nodes) => {
                f.write_str("redis+cluster://")?;
                for (index, node) in nodes.iter().enumerate() {
                    if index > 0 {
                        f.write_str(",")?;
                    }
                    write!(f, "{}", node.addr())?;
                }
                Ok(())
            }
        }
    }
}

impl fmt::Debug for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_shows_where_but_not_the_password() {
        for (text, shown) in [
            ("redis://127.0.0.1", "redis://127.0.0.1:6379"),
            ("redis://:secret@a.example:7000/2", "redis://a.example:7000"),
            (
                "redis+cluster://u:p@a.example:7000,b.example",
                "redis+cluster://a.example:7000,b.example:6379",
            ),
        ] {
            assert_eq!(text.parse::<RedisAddress>().unwrap().to_string(), shown);
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "localhost",
            "http://a.example",
            "redis+cluster://",
            "redis://a:b:c",
        ] {
            assert!(text.parse::<RedisAddress>().is_err(), "{text}");
        }
    }
}
