//! The name of every key. Each belongs to one partition, and its hash tag keeps all keys of a partition
//! in one slot of a cluster, so that one script may touch them.

use std::{fmt::Display, io::Write};

use ripple_domain::{Handle, PARTITIONS, Partition, PostId, Tier, Topic, UserId};
use xxhash_rust::xxh3::xxh3_64;

use super::topic_names::topic_name;
use crate::TokenHash;

/// Room for the names of most keys, whose ids have up to 16 digits.
pub(super) const KEY_BYTES: usize = 24;

/// A key. Numbers in names are decimal; hashes are as they are (keys may hold any bytes).
#[derive(Clone, Copy, Debug)]
pub(super) enum Key<'a> {
    /// The format of the store and its number of partitions. In the first partition.
    Schema,
    /// The last user id that was given. In the first partition.
    UserIds,
    /// The user ids that were given back. In the first partition.
    FreeUserIds,
    /// What is kept once for all processes, such as a secret. In the first partition.
    Kept(&'static str),
    /// The authors whose posts are pulled. Every partition has them, beside the home timelines which may
    /// lack posts of theirs.
    Pulled(Partition),
    /// A user. In his partition, like all that follows of a user.
    User(UserId),
    /// Whom a user follows.
    Followees(UserId),
    /// Whom he mutes.
    Muted(UserId),
    /// Whom he blocks.
    Blocked(UserId),
    /// By whom he is blocked: user id → version of the block.
    BlockedBy(UserId),
    /// A part of those who follow a user, by the lowest id that belongs there.
    Followers(UserId, u32),
    /// The parts of his follower list, where there are several: the lowest ids by themselves.
    FollowerLeaves(UserId),
    /// The removals from follower lists that are under way in a partition: follower `>` user → ticket.
    RemovalTickets(Partition),
    /// The epochs of a partition's followers. Many share one.
    Epochs(Partition),
    /// Written to see whether the replicas of a partition follow, and gone soon.
    ReplicaProbe(Partition),
    /// The changes of relations that are under way in a partition.
    RelationNotes(Partition),
    /// Handle → user id. In the handle's partition.
    Handle(&'a Handle),
    /// Token hash → user id. In the hash's partition.
    Token(&'a TokenHash),
    /// A post. In its author's partition, like all that follows of a post.
    Post(PostId),
    /// What a user has posted: a sorted set of post ids by themselves.
    Author(UserId),
    /// A home timeline.
    Home(UserId),
    /// Which users of a partition have a home timeline: a bit each, by their ids divided by 64.
    WarmMap(Partition),
    /// When each of those was last read.
    Reads(Partition),
    /// A user's inbox.
    Inbox(UserId),
    /// The last post id that was made in the sequence of a partition.
    PostIds(Partition),
    /// What a request with an idempotency key was answered, for a post. In its author's partition.
    Idempotency(Partition, &'a [u8; 32]),
    /// The same for a user. In the key's partition.
    UserIdempotency(&'a [u8; 32]),
    /// What a partition's commits have still to do in other partitions.
    Outbox(Partition),
    /// The days of which a partition has a post log.
    LogDays(Partition),
    /// An import key → post id, in the partition of the post, until all know it.
    ImportedHere(Partition, &'a [u8; 16]),
    /// The last job id that was made in a partition.
    JobIds(Partition),
    /// The open jobs of a tier in a partition. Scripts make the other names of the queue from this one
    /// (`scripts/lib/queue.lua`).
    Jobs(Partition, Tier),
    /// The dead letters of a tier in a partition: a sorted set of job ids by themselves.
    DeadIds(Partition, Tier),
    /// The dead letters themselves.
    DeadJobs(Partition, Tier),
    /// Exists while a tier is paused.
    Paused(Partition, Tier),
    /// The stream by which processes tell each other where there are new jobs. In the first partition.
    Wake,
    /// How many jobs of a tier were done with which latency, in a slice of ten seconds. In the first
    /// partition.
    Meter(Tier, i64),
    /// What the indexes hold of a post.
    Indexed(PostId),
    /// A topic's page: post ids by themselves. In the partition of the topic's name, like all of a topic.
    Topic(&'a Topic),
    /// The feed documents of a topic.
    Feeds(&'a Topic),
    /// [`Key::Feeds`] by the topic's name.
    FeedsByName(Partition, &'a [u8]),
    /// The names of a partition's topics that have feed documents.
    FeedTopics(Partition),
    /// How far the tiers have come with a post.
    Receipt(PostId),
    /// A part of the imported posts: import key → post id. In the partition of the import key.
    Imported(&'a [u8; 16]),
}

impl Key<'_> {
    /// The partition that holds it.
    pub(super) fn partition(&self) -> Partition {
        match self {
            Self::Schema
            | Self::UserIds
            | Self::FreeUserIds
            | Self::Kept(_)
            | Self::Wake
            | Self::Meter(..) => 0,
            Self::User(id)
            | Self::Author(id)
            | Self::Followees(id)
            | Self::Muted(id)
            | Self::Blocked(id)
            | Self::BlockedBy(id)
            | Self::Followers(id, _)
            | Self::FollowerLeaves(id)
            | Self::Home(id)
            | Self::Inbox(id) => id.partition(),
            Self::Post(id) | Self::Receipt(id) | Self::Indexed(id) => id.partition(),
            Self::Topic(topic) | Self::Feeds(topic) => partition_of(&topic_name(topic)),
            Self::JobIds(partition)
            | Self::Jobs(partition, _)
            | Self::DeadIds(partition, _)
            | Self::DeadJobs(partition, _)
            | Self::Paused(partition, _)
            | Self::PostIds(partition)
            | Self::WarmMap(partition)
            | Self::Reads(partition)
            | Self::Idempotency(partition, _)
            | Self::ImportedHere(partition, _)
            | Self::Outbox(partition)
            | Self::RelationNotes(partition)
            | Self::RemovalTickets(partition)
            | Self::Epochs(partition)
            | Self::ReplicaProbe(partition)
            | Self::FeedsByName(partition, _)
            | Self::FeedTopics(partition)
            | Self::Pulled(partition)
            | Self::LogDays(partition) => *partition,
            Self::Imported(key) => partition_of(&key[..]),
            Self::Handle(handle) => partition_of(handle.as_str().as_bytes()),
            Self::Token(hash) => partition_of(&hash[..]),
            Self::UserIdempotency(key) => partition_of(&key[..]),
        }
    }

    /// Its name.
    pub(super) fn name(&self) -> Vec<u8> {
        let tag = tag(self.partition());
        match self {
            Self::Schema => join(tag, b"schema", &[]),
            Self::UserIds => join(tag, b"user_ids", &[]),
            Self::FreeUserIds => join(tag, b"free_ids", &[]),
            Self::Kept(name) => join(tag, b"kept:", name.as_bytes()),
            Self::Pulled(_) => join(tag, b"pull", &[]),
            Self::User(id) => numbered(tag, b"u:", id),
            Self::Followees(id) => numbered(tag, b"fo:", id),
            Self::Muted(id) => numbered(tag, b"mu:", id),
            Self::Blocked(id) => numbered(tag, b"bl:", id),
            Self::BlockedBy(id) => numbered(tag, b"bb:", id),
            Self::Followers(id, start) => join(tag, b"fl:", format!("{id}:{start}").as_bytes()),
            Self::FollowerLeaves(id) => numbered(tag, b"fd:", id),
            Self::RemovalTickets(_) => join(tag, b"rt", &[]),
            Self::Epochs(_) => join(tag, b"ep", &[]),
            Self::ReplicaProbe(_) => join(tag, b"rp", &[]),
            Self::RelationNotes(_) => join(tag, b"rel", &[]),
            Self::Handle(handle) => join(tag, b"h:", handle.as_str().as_bytes()),
            Self::Token(hash) => join(tag, b"t:", &hash[..]),
            Self::Post(id) => numbered(tag, b"p:", id),
            Self::Author(id) => numbered(tag, b"a:", id),
            Self::Home(id) => numbered(tag, b"ho:", id),
            Self::WarmMap(_) => join(tag, b"warm", &[]),
            Self::Reads(_) => join(tag, b"read", &[]),
            Self::Inbox(id) => numbered(tag, b"in:", id),
            Self::Indexed(id) => numbered(tag, b"ix:", id),
            Self::Topic(topic) => join(tag, b"to:", &topic_name(topic)),
            Self::Feeds(topic) => join(tag, b"fe:", &topic_name(topic)),
            Self::FeedsByName(_, name) => join(tag, b"fe:", name),
            Self::FeedTopics(_) => join(tag, b"fes", &[]),
            Self::PostIds(_) => join(tag, b"seq", &[]),
            Self::Idempotency(_, key) => join(tag, b"i:", &key[..]),
            Self::UserIdempotency(key) => join(tag, b"iu:", &key[..]),
            Self::Outbox(_) => join(tag, b"out", &[]),
            Self::LogDays(_) => join(tag, b"days", &[]),
            Self::ImportedHere(_, key) => join(tag, b"ik:", &key[..]),
            Self::JobIds(_) => join(tag, b"jseq", &[]),
            Self::Jobs(_, tier) => join(tag, queue_of(*tier), b"jobs"),
            Self::DeadIds(_, tier) => join(tag, queue_of(*tier), b"dead"),
            Self::DeadJobs(_, tier) => join(tag, queue_of(*tier), b"deadjobs"),
            Self::Paused(_, tier) => join(tag, queue_of(*tier), b"paused"),
            Self::Wake => join(tag, b"wake", &[]),
            Self::Meter(tier, slice) => join(
                tag,
                b"m:",
                format!("{}:{slice}", tier_letter(*tier)).as_bytes(),
            ),
            Self::Receipt(id) => numbered(tag, b"r:", id),
            // Many keys share a hash, so that each takes few bytes beside its own.
            Self::Imported(key) => join(tag, b"im:", &key[14..]),
        }
    }
}

/// The letter of a tier in the names of keys and in scripts.
pub(super) fn tier_letter(tier: Tier) -> char {
    match tier {
        Tier::Followers => 'f',
        Tier::Public => 'p',
    }
}

fn queue_of(tier: Tier) -> &'static [u8] {
    match tier {
        Tier::Followers => b"qf:",
        Tier::Public => b"qp:",
    }
}

/// All partitions.
pub(super) fn partitions() -> impl Iterator<Item = Partition> {
    0..PARTITIONS
}

/// The partition of what belongs to no user: by the hash of its name.
pub(super) fn partition_of(name: &[u8]) -> Partition {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a remainder of 64 fits in 8 bits"
    )]
    let partition = (xxh3_64(name) % u64::from(PARTITIONS)) as Partition;
    partition
}

/// The beginning of all names in a partition. What stands between the braces chooses the slot.
fn tag(partition: Partition) -> [u8; 4] {
    [b'{', b'0' + partition / 10, b'0' + partition % 10, b'}']
}

/// As [`join`], with no more than one allocation: a page is read from dozens of such keys.
fn numbered(tag: [u8; 4], kind: &[u8], id: &impl Display) -> Vec<u8> {
    let mut name = Vec::with_capacity(KEY_BYTES);
    name.extend(tag);
    name.extend(kind);
    // Writing to a vector cannot fail.
    let _ = write!(name, "{id}");
    name
}

fn join(tag: [u8; 4], kind: &[u8], name: &[u8]) -> Vec<u8> {
    [&tag[..], kind, name].concat()
}
