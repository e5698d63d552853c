//! Feed documents, kept while they are read: for each topic a hash of its documents, which Redis forgets
//! an hour after the last reading.

use std::sync::Arc;

use redis::Value;
use ripple_domain::{Timestamp, Topic};

use super::{
    RedisStore,
    error::{is_full, store_error},
    key::{Key, partitions},
    link::{Commands, by_partition, decode},
    script::Script,
    topic_names::topic_name,
};
use crate::{FeedDocument, FeedFormat, FeedKey, StoreError};

const READING: &str = "reading a feed document";
const KEEPING: &str = "keeping a feed document";
/// How long after its last reading a document is kept.
const KEPT_S: i64 = 3_600;
/// A reading of a document that is kept for so long yet is not noted.
const NOTED_BELOW_S: i64 = 3_000;
/// Names of topics that are looked through in one step of housekeeping, in each partition.
const LOOKED_AT_ONCE: usize = 100;

impl RedisStore {
    pub(super) async fn kept_feed_document(
        &self,
        key: &FeedKey,
    ) -> Result<Option<Arc<FeedDocument>>, StoreError> {
        let name = Key::Feeds(&key.topic);
        let mut commands = Commands::new(name.partition());
        commands.add("HGET", &name, field(key));
        commands.add("TTL", &name, &[] as &[&str]);
        let answers = self.link.send(&commands).await;
        let mut answers = answers.map_err(store_error(READING))?.into_iter();
        let mut next = || answers.next().unwrap_or(Value::Nil);
        let record: Option<Vec<u8>> = decode(next()).map_err(store_error(READING))?;
        let left_s: i64 = decode(next()).map_err(store_error(READING))?;
        let Some(record) = record else {
            return Ok(None);
        };
        if left_s < NOTED_BELOW_S {
            let mut commands = Commands::new(name.partition());
            commands.add("EXPIRE", &name, KEPT_S);
            self.link
                .send(&commands)
                .await
                .map_err(store_error(READING))?;
        }
        decode_document(&record).map(Some)
    }

    pub(super) async fn keep_feed_document(
        &self,
        key: FeedKey,
        document: Arc<FeedDocument>,
    ) -> Result<(), StoreError> {
        let name = Key::Feeds(&key.topic);
        let mut commands = Commands::new(name.partition());
        let topics = Key::FeedTopics(name.partition());
        let args = (
            topic_name(&key.topic),
            field(&key),
            encode_document(&document),
            KEPT_S,
        );
        commands.script(Script::KeepFeed, &[name, topics], args);
        let answers = self.link.send(&commands).await;
        let answers = answers.map_err(store_error(KEEPING))?;
        if answers.iter().any(is_full) {
            // There is no room for it: whoever reads it has it rendered. The one before may stay, because
            // readers compare its fingerprint.
            return Ok(());
        }
        for answer in answers {
            decode::<Value>(answer).map_err(store_error(KEEPING))?;
        }
        Ok(())
    }

    pub(super) async fn feeds_of(&self, topic: &Topic) -> Result<Vec<FeedKey>, StoreError> {
        let name = Key::Feeds(topic);
        let mut commands = Commands::new(name.partition());
        commands.add("HKEYS", &name, &[] as &[&str]);
        let fields: Vec<Vec<u8>> = self
            .link
            .one(&commands)
            .await
            .map_err(store_error(READING))?;
        let keys = fields.iter().map(|field| parse_field(topic, field));
        keys.collect()
    }

    pub(super) async fn forget_feeds(&self) -> Result<(), StoreError> {
        const FORGETTING: &str = "forgetting feed documents";
        let read = by_partition(partitions().map(|p| (p, p)), |commands, partition| {
            commands.add("SMEMBERS", &Key::FeedTopics(partition), &[] as &[&str]);
        });
        let answers = self.link.send_all(&read).await;
        let answers = answers.map_err(store_error(FORGETTING))?;
        let mut forget = Vec::new();
        for (partition, answer) in partitions().zip(answers.into_iter().flatten()) {
            let names: Vec<Vec<u8>> = decode(answer).map_err(store_error(FORGETTING))?;
            let mut commands = Commands::new(partition);
            for names in names.chunks(LOOKED_AT_ONCE) {
                for name in names {
                    commands.add("UNLINK", &Key::FeedsByName(partition, name), &[] as &[&str]);
                }
                let topics = Key::FeedTopics(partition);
                commands.script(Script::ForgetFeedTopics, &[topics], names);
            }
            if commands.len() > 0 {
                forget.push(commands);
            }
        }
        self.send_to_forget(FORGETTING, &forget).await
    }

    /// Forgets the names of topics whose documents Redis has forgotten; some of them at a time.
    pub(super) async fn forget_feed_topics(&self) -> Result<(), StoreError> {
        const LOOKING: &str = "looking through feed documents";
        let read = by_partition(partitions().map(|p| (p, p)), |commands, partition| {
            commands.add("SRANDMEMBER", &Key::FeedTopics(partition), LOOKED_AT_ONCE);
        });
        let answers = self.link.send_all(&read).await;
        let answers = answers.map_err(store_error(LOOKING))?;
        let mut forget = Vec::new();
        for (partition, answer) in partitions().zip(answers.into_iter().flatten()) {
            let names: Vec<Vec<u8>> = decode(answer).map_err(store_error(LOOKING))?;
            if !names.is_empty() {
                let mut commands = Commands::new(partition);
                let topics = Key::FeedTopics(partition);
                commands.script(Script::ForgetFeedTopics, &[topics], names);
                forget.push(commands);
            }
        }
        self.send_to_forget(LOOKING, &forget).await
    }

    /// Sends commands by which something is forgotten; an error where one of them is refused.
    async fn send_to_forget(
        &self,
        what: &'static str,
        forget: &[Commands],
    ) -> Result<(), StoreError> {
        let answers = self.link.send_all(forget).await;
        let mut answers = answers.map_err(store_error(what))?.into_iter().flatten();
        answers
            .try_for_each(|answer| decode::<Value>(answer).map(drop))
            .map_err(store_error(what))
    }
}

/// A document's name among those of its topic: its format, then its address.
fn field(key: &FeedKey) -> Vec<u8> {
    let format = match key.format {
        FeedFormat::Atom => b'a',
        FeedFormat::Rss => b'r',
        FeedFormat::Json => b'j',
    };
    [&[format], key.base_url.as_bytes()].concat()
}

fn parse_field(topic: &Topic, field: &[u8]) -> Result<FeedKey, StoreError> {
    let (format, base_url) = field.split_first().ok_or(CORRUPT)?;
    Ok(FeedKey {
        topic: topic.clone(),
        format: match format {
            b'a' => FeedFormat::Atom,
            b'r' => FeedFormat::Rss,
            b'j' => FeedFormat::Json,
            _ => return Err(CORRUPT),
        },
        base_url: str::from_utf8(base_url).map_err(|_| CORRUPT)?.into(),
    })
}

const CORRUPT: StoreError = StoreError::Corrupt {
    what: "feed document",
};

/// The fingerprint, when it changed, the document.
fn encode_document(document: &FeedDocument) -> Vec<u8> {
    let changed = document.last_modified.as_ms().to_be_bytes();
    [&document.fingerprint[..], &changed, &document.body].concat()
}

fn decode_document(record: &[u8]) -> Result<Arc<FeedDocument>, StoreError> {
    let (fingerprint, rest) = record.split_first_chunk().ok_or(CORRUPT)?;
    let (changed, body) = rest.split_first_chunk().ok_or(CORRUPT)?;
    Ok(Arc::new(FeedDocument {
        fingerprint: *fingerprint,
        last_modified: Timestamp::from_ms(i64::from_be_bytes(*changed)),
        body: body.into(),
    }))
}
