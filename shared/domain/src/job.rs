//! Jobs: the durable work that a commit causes.

use serde::{Deserialize, Serialize};

use crate::{JobId, PostId, Tier, Timestamp, TraceContext, UserId};

/// What a job does. Jobs hold ids, never content: a worker reads the fact as it is when it works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum JobKind {
    /// Carry a post to those it addresses and to its author's followers, from the follower after
    /// `after` on. `delivered` followers have been dealt with by earlier chunks.
    Deliver {
        /// The post.
        post: PostId,
        /// The follower who was dealt with last; `None` at the beginning.
        after: Option<UserId>,
        /// Followers dealt with so far.
        delivered: u64,
        /// When the first chunk was begun.
        started_at: Option<Timestamp>,
    },
    /// Bring the public pages in line with the post as it is now: enter it, move it, or remove it.
    Index {
        /// The post.
        post: PostId,
    },
}

impl JobKind {
    /// The tier that does this work.
    pub const fn tier(&self) -> Tier {
        match self {
            Self::Deliver { .. } => Tier::Followers,
            Self::Index { .. } => Tier::Public,
        }
    }

    /// The name in logs, metrics and the admin API.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Deliver { .. } => "deliver",
            Self::Index { .. } => "index",
        }
    }

    /// The post that it is about.
    pub const fn post(&self) -> PostId {
        match self {
            Self::Deliver { post, .. } | Self::Index { post } => *post,
        }
    }

    /// The work of carrying `post` to its followers, from the beginning.
    pub const fn deliver(post: PostId) -> Self {
        Self::Deliver {
            post,
            after: None,
            delivered: 0,
            started_at: None,
        }
    }
}

/// A job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// What it does.
    pub kind: JobKind,
    /// When the commit that caused it was accepted; latencies count from here.
    pub accepted_at: Timestamp,
    /// By when it is due: `accepted_at` and the tier's worst case.
    pub deadline: Timestamp,
    /// From when on a failed attempt is not followed by many more. The job itself is done however
    /// late: the store may have been stopped for long.
    pub expires_at: Timestamp,
    /// Attempts begun and failed so far.
    pub attempts: u32,
    /// The trace of the request that caused it.
    pub trace: Option<TraceContext>,
}

impl Job {
    /// A job of `kind` that a commit at `accepted_at` causes.
    pub fn new(
        id: JobId,
        kind: JobKind,
        accepted_at: Timestamp,
        trace: Option<TraceContext>,
    ) -> Self {
        let tier = kind.tier();
        Self {
            id,
            kind,
            accepted_at,
            deadline: accepted_at.plus_ms(tier.worst_case_ms()),
            expires_at: accepted_at.plus_ms(tier.useful_ms()),
            attempts: 0,
            trace,
        }
    }

    /// The tier that does it.
    pub const fn tier(&self) -> Tier {
        self.kind.tier()
    }
}
