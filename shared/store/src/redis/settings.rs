//! The settings of a server, and what they cost: whether it keeps what it acknowledges.

use std::collections::HashMap;

use redis::{RedisResult, Value};

use super::{check::field, link::decode};

/// The settings of a server, as far as they can be read.
#[derive(Debug, Default)]
pub(super) struct Settings {
    policy: Option<String>,
    appendonly: Option<bool>,
    appendfsync: Option<String>,
    /// Whether the syncs stop while the server rewrites its file.
    pauses_sync: Option<bool>,
}

impl Settings {
    /// What to ask for by `CONFIG GET`.
    pub(super) const NAMES: &'static [&'static str] = &[
        "maxmemory-policy",
        "appendonly",
        "appendfsync",
        "no-appendfsync-on-rewrite",
    ];

    /// Reads the answer to `CONFIG GET`, where there is one, and an INFO: managed servers often forbid
    /// the first, and the second tells some of it too.
    pub(super) fn read(config: Option<Value>, info: &str) -> RedisResult<Self> {
        let mut config: HashMap<String, String> = match config {
            Some(answer) => decode(answer)?,
            None => HashMap::new(),
        };
        let told = |name| Some(field(info, name)).filter(|value| !value.is_empty());
        let policy = config.remove("maxmemory-policy");
        let appendonly = config.remove("appendonly").map(|value| value == "yes");
        let pauses_sync = config.remove("no-appendfsync-on-rewrite");
        Ok(Self {
            policy: policy.or_else(|| told("maxmemory_policy").map(str::to_owned)),
            appendonly: appendonly.or_else(|| told("aof_enabled").map(|value| value == "1")),
            appendfsync: config.remove("appendfsync"),
            pauses_sync: pauses_sync.map(|value| value == "yes"),
        })
    }

    /// By which policy the server throws keys away when its memory is full.
    pub(super) fn evicting_policy(&self) -> Option<&str> {
        self.policy.as_deref().filter(|name| *name != "noeviction")
    }

    /// What is weak but allowed: what it costs, and what to set.
    pub(super) fn weaknesses(&self) -> Vec<String> {
        let mut weaknesses = Vec::new();
        match (self.appendonly, self.appendfsync.as_deref()) {
            (Some(false), _) => weaknesses.push(
                "`appendonly no`: when Redis ends, all acknowledged posts since its last snapshot are lost; \
                 set `appendonly yes` and `appendfsync always`"
                    .to_owned(),
            ),
            (_, Some("everysec")) => weaknesses.push(
                "`appendfsync everysec`: a power cut loses up to about two seconds of acknowledged posts; \
                 set `appendfsync always`"
                    .to_owned(),
            ),
            (_, Some("always")) => {}
            (_, Some(fsync)) => weaknesses.push(format!(
                "`appendfsync {fsync}`: a power cut loses what the system has not written yet, up to half a \
                 minute of acknowledged posts; set `appendfsync always`"
            )),
            (_, None) => {}
        }
        // Under `appendfsync no` nothing is lost by it that is not lost anyway.
        let syncs = matches!(self.appendfsync.as_deref(), Some("always" | "everysec"));
        if syncs && self.appendonly != Some(false) && self.pauses_sync == Some(true) {
            weaknesses.push(
                "`no-appendfsync-on-rewrite yes`: a power cut while Redis rewrites its file loses what the \
                 system has not written yet, up to half a minute of acknowledged posts; set \
                 `no-appendfsync-on-rewrite no`"
                    .to_owned(),
            );
        }
        let unread: Vec<&str> = [
            (self.policy.is_none(), "`maxmemory-policy noeviction`"),
            (self.appendonly.is_none(), "`appendonly yes`"),
            (
                self.appendfsync.is_none() && self.appendonly != Some(false),
                "`appendfsync always`",
            ),
            (
                self.pauses_sync.is_none() && self.appendonly != Some(false),
                "`no-appendfsync-on-rewrite no`",
            ),
        ]
        .into_iter()
        .filter_map(|(is_unread, setting)| is_unread.then_some(setting))
        .collect();
        if !unread.is_empty() {
            weaknesses.push(format!(
                "not all settings of Redis can be read: see to it that it has {}; anything weaker may lose \
                 acknowledged posts",
                unread.join(", ")
            ));
        }
        weaknesses
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &[(&str, &str)], info: &str) -> Settings {
        let bulk = |text: &str| Value::BulkString(text.as_bytes().to_vec());
        let pairs = pairs
            .iter()
            .map(|(name, value)| (bulk(name), bulk(value)))
            .collect();
        Settings::read(Some(Value::Map(pairs)), info).unwrap()
    }

    #[test]
    fn every_policy_but_one_throws_keys_away() {
        for policy in ["allkeys-lru", "volatile-ttl"] {
            let by_config = settings(&[("maxmemory-policy", policy)], "");
            assert_eq!(by_config.evicting_policy(), Some(policy));
            let by_info = settings(&[], &format!("maxmemory_policy:{policy}\r\n"));
            assert_eq!(by_info.evicting_policy(), Some(policy));
        }
        let sound = settings(&[("maxmemory-policy", "noeviction")], "");
        assert_eq!(sound.evicting_policy(), None);
    }

    #[test]
    fn each_weak_setting_is_told_with_what_to_set() {
        let with = |appendonly, fsync, pauses| {
            let pairs = [
                ("maxmemory-policy", "noeviction"),
                ("appendonly", appendonly),
                ("appendfsync", fsync),
                ("no-appendfsync-on-rewrite", pauses),
            ];
            settings(&pairs, "").weaknesses()
        };
        assert_eq!(with("yes", "always", "no"), [] as [&str; 0]);
        for (weak, begin, set) in [
            (
                with("no", "always", "no"),
                "`appendonly no`",
                "appendonly yes",
            ),
            (
                with("yes", "everysec", "no"),
                "`appendfsync everysec`",
                "always",
            ),
            (with("yes", "no", "no"), "`appendfsync no`", "always"),
            (
                with("yes", "always", "yes"),
                "`no-appendfsync-on-rewrite yes`",
                "no-appendfsync-on-rewrite no",
            ),
        ] {
            assert_eq!(weak.len(), 1, "{weak:?}");
            assert!(
                weak[0].starts_with(begin) && weak[0].contains(set),
                "{weak:?}"
            );
        }
        let both = with("yes", "everysec", "yes");
        assert_eq!(both.len(), 2, "the longer window is told too: {both:?}");
        assert!(both[1].contains("half a minute"), "{both:?}");
        assert_eq!(with("no", "always", "yes").len(), 1);
        assert_eq!(with("yes", "no", "yes").len(), 1);
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        let nothing = Settings::read(None, "").unwrap().weaknesses();
        assert_eq!(nothing.len(), 1);
        for setting in Settings::NAMES {
            assert!(nothing[0].contains(setting), "{nothing:?}");
        }
        let info = "maxmemory_policy:noeviction\r\naof_enabled:1\r\n";
        let some = Settings::read(None, info).unwrap().weaknesses();
        assert_eq!(some.len(), 1);
        assert!(
            some[0].contains("has `appendfsync always`, `no-appendfsync-on-rewrite no`;"),
            "{some:?}"
        );
    }
}
