//! The name of every stored record. All records live in one keyspace, so that they share one fate:
//! see [`super::sequence`] for why that matters.

use fjall::Slice;
use ripple_domain::{Handle, JobId, PostId, RelationKind, Tier, Timestamp, Topic, UserId};

/// A record's name. The first byte says what it is; numbers are big-endian, so that records lie in
/// the order of their ids.
#[derive(Clone, Copy, Debug)]
pub(super) enum Key<'a> {
    /// The number of a commit group → its checksum.
    Sequence(u64),
    /// A user.
    User(UserId),
    /// Handle → user id.
    Handle(&'a Handle),
    /// Token hash → user id.
    Token(&'a [u8; 32]),
    /// How many posts of a user stand.
    PostCount(UserId),
    /// A post, or its tombstone.
    Post(PostId),
    /// An entry of an author timeline.
    Author(UserId, PostId),
    /// A relation of the first user to the second.
    Relation(RelationKind, UserId, UserId),
    /// An idempotency key and its answer.
    Idempotency(&'a [u8; 32]),
    /// When an idempotency key was used.
    IdempotencyAge(Timestamp, &'a [u8; 32]),
    /// The key of an imported line → its post.
    Import(&'a [u8; 16]),
    /// A job that waits or is in flight.
    Job(JobId),
    /// A job that was given up.
    Dead(Tier, JobId),
    /// Present while a tier is paused.
    Paused(Tier),
    /// An entry of a topic's page.
    Topic(&'a Topic, PostId),
    /// What the indexes hold of a post.
    Indexed(PostId),
    /// How far a tier has come with a post.
    Stage(PostId, Tier),
    /// An entry of a user's inbox.
    Inbox(UserId, PostId),
}

impl Key<'_> {
    /// The record's name as bytes.
    pub(super) fn bytes(&self) -> Slice {
        match *self {
            Self::Sequence(number) => join(b'S', &[&number.to_be_bytes()]),
            Self::User(id) => join(b'U', &[&id.0.to_be_bytes()]),
            Self::Handle(handle) => join(b'h', &[handle.as_str().as_bytes()]),
            Self::Token(hash) => join(b't', &[hash]),
            Self::PostCount(id) => join(b'c', &[&id.0.to_be_bytes()]),
            Self::Post(id) => join(b'P', &[&id.0.to_be_bytes()]),
            Self::Author(author, id) => join(b'A', &[&author.0.to_be_bytes(), &id.0.to_be_bytes()]),
            Self::Relation(kind, from, to) => join(
                relation_byte(kind),
                &[&from.0.to_be_bytes(), &to.0.to_be_bytes()],
            ),
            Self::Idempotency(key) => join(b'I', &[key]),
            Self::IdempotencyAge(at, key) => join(b'i', &[&at.as_ms().to_be_bytes(), key]),
            Self::Import(key) => join(b'K', &[key]),
            Self::Job(id) => join(b'J', &[&id.0.to_be_bytes()]),
            Self::Dead(tier, id) => join(b'D', &[&[tier_byte(tier)], &id.0.to_be_bytes()]),
            Self::Paused(tier) => join(b'Q', &[&[tier_byte(tier)]]),
            Self::Topic(topic, id) => join(b'T', &[&topic_bytes(topic), &id.0.to_be_bytes()]),
            Self::Indexed(id) => join(b'X', &[&id.0.to_be_bytes()]),
            Self::Stage(id, tier) => join(b'R', &[&id.0.to_be_bytes(), &[tier_byte(tier)]]),
            Self::Inbox(user, id) => join(b'N', &[&user.0.to_be_bytes(), &id.0.to_be_bytes()]),
        }
    }
}

/// The first byte of all records of a kind, for scans.
pub(super) mod prefix {
    pub(in super::super) const SEQUENCE: &[u8] = b"S";
    pub(in super::super) const USER: &[u8] = b"U";
    pub(in super::super) const POST: &[u8] = b"P";
    pub(in super::super) const FOLLOW: &[u8] = b"F";
    pub(in super::super) const MUTE: &[u8] = b"M";
    pub(in super::super) const BLOCK: &[u8] = b"B";
    pub(in super::super) const JOB: &[u8] = b"J";
    pub(in super::super) const DEAD: &[u8] = b"D";
    pub(in super::super) const IDEMPOTENCY_AGE: &[u8] = b"i";
}

/// The eight bytes at the end of a key as a number: the id of a post, a job or a commit group.
pub(super) fn trailing_u64(key: &[u8]) -> Option<u64> {
    let (_, tail) = key.split_last_chunk::<8>()?;
    Some(u64::from_be_bytes(*tail))
}

/// The two user ids of a relation's key.
pub(super) fn relation_users(key: &[u8]) -> Option<(UserId, UserId)> {
    let (_, tail) = key.split_last_chunk::<8>()?;
    let (from, to) = tail.split_first_chunk::<4>()?;
    let to: [u8; 4] = to.try_into().ok()?;
    Some((
        UserId(u32::from_be_bytes(*from)),
        UserId(u32::from_be_bytes(to)),
    ))
}

const fn relation_byte(kind: RelationKind) -> u8 {
    match kind {
        RelationKind::Follow => b'F',
        RelationKind::Mute => b'M',
        RelationKind::Block => b'B',
    }
}

const fn tier_byte(tier: Tier) -> u8 {
    match tier {
        Tier::Followers => b'f',
        Tier::Public => b'p',
    }
}

/// A topic's kind and name. The closing zero keeps one name from being the beginning of another;
/// no folded tag or keyword holds a zero.
fn topic_bytes(topic: &Topic) -> Vec<u8> {
    let (kind, name) = match topic {
        Topic::Public => (b'p', &[][..]),
        Topic::Tag(name) => (b't', name.as_bytes()),
        Topic::Keyword(name) => (b'k', name.as_bytes()),
        Topic::Author(id) => return [&[b'a'][..], &id.0.to_be_bytes()].concat(),
    };
    [&[kind], name, &[0]].concat()
}

fn join(kind: u8, parts: &[&[u8]]) -> Slice {
    // Keys of up to 20 bytes, all but handles, hashes and long topics, stay inline in a `Slice`.
    let mut bytes = [0_u8; 20];
    let len = 1 + parts.iter().map(|part| part.len()).sum::<usize>();
    if len > bytes.len() {
        let mut long = Vec::with_capacity(len);
        long.push(kind);
        parts.iter().for_each(|part| long.extend_from_slice(part));
        return long.into();
    }
    bytes[0] = kind;
    let mut at = 1;
    for part in parts {
        bytes[at..at + part.len()].copy_from_slice(part);
        at += part.len();
    }
    Slice::from(&bytes[..len])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_lie_in_the_order_of_ids() {
        let entry = |id| Key::Author(UserId(7), PostId(id)).bytes();
        assert!(entry(255) < entry(256));
        assert!(entry(u64::MAX >> 11) < Key::Author(UserId(8), PostId(0)).bytes());
        assert_eq!(trailing_u64(&entry(300)), Some(300));
    }

    #[test]
    fn no_topic_is_the_beginning_of_another() {
        let key = |name: &str| Key::Topic(&Topic::Tag(name.into()), PostId(1)).bytes();
        let short = key("rust");
        assert!(!key("rustaceans").starts_with(&short[..short.len() - 8]));
    }

    #[test]
    fn a_relation_key_tells_its_users() {
        let key = Key::Relation(RelationKind::Follow, UserId(3), UserId(70_000)).bytes();
        assert_eq!(relation_users(&key), Some((UserId(3), UserId(70_000))));
    }
}
