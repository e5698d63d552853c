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
    /// Send the posts of a time through a tier again, oldest first and a piece at a time: each piece
    /// becomes jobs of its own, behind which the rest waits. So a replay of any length is one job that
    /// is durable, and never more than a piece of it is in the queue.
    Replay {
        /// The tier.
        tier: Tier,
        /// Posts from this moment on.
        from: Timestamp,
        /// Up to this moment, not included.
        to: Timestamp,
        /// The post that was sent last; `None` at the beginning.
        after: Option<PostId>,
    },
}

impl JobKind {
    /// The tier that does this work.
    pub const fn tier(&self) -> Tier {
        match self {
            Self::Deliver { .. } => Tier::Followers,
            Self::Index { .. } => Tier::Public,
            Self::Replay { tier, .. } => *tier,
        }
    }

    /// The name in logs, metrics and the admin API.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Deliver { .. } => "deliver",
            Self::Index { .. } => "index",
            Self::Replay { .. } => "replay",
        }
    }

    /// The post that it is about; a replay is about many.
    pub const fn post(&self) -> Option<PostId> {
        match self {
            Self::Deliver { post, .. } | Self::Index { post } => Some(*post),
            Self::Replay { .. } => None,
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

    /// The work of carrying `post` through `tier`, from the beginning.
    pub const fn of_tier(tier: Tier, post: PostId) -> Self {
        match tier {
            Tier::Followers => Self::deliver(post),
            Tier::Public => Self::Index { post },
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
    /// By when it is due: `accepted_at` and the tier's worst case, or much later for a replay.
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
        let due_ms = kind.tier().worst_case_ms();
        Self::due_after(due_ms, id, kind, accepted_at, trace)
    }

    /// A job that no commit causes: what was done before, or given up, is done again. Nobody waits for
    /// it as for a new post, so it is due as late as it is of use, which is behind all posts of that
    /// time.
    pub fn replayed(
        id: JobId,
        kind: JobKind,
        accepted_at: Timestamp,
        trace: Option<TraceContext>,
    ) -> Self {
        // What is left of a replay comes behind the jobs that its last piece has become.
        let is_rest = matches!(kind, JobKind::Replay { .. });
        let due_ms = kind.tier().useful_ms() + i64::from(is_rest);
        Self::due_after(due_ms, id, kind, accepted_at, trace)
    }

    fn due_after(
        due_ms: i64,
        id: JobId,
        kind: JobKind,
        accepted_at: Timestamp,
        trace: Option<TraceContext>,
    ) -> Self {
        Self {
            id,
            kind,
            accepted_at,
            deadline: accepted_at.plus_ms(due_ms),
            expires_at: accepted_at.plus_ms(kind.tier().useful_ms()),
            attempts: 0,
            trace,
        }
    }

    /// Whether it is one of [`Job::replayed`]. Such jobs neither count as backlog, by which posts are
    /// refused, nor keep a tier from being complete.
    pub fn is_replayed(&self) -> bool {
        self.due_ms() > self.tier().worst_case_ms()
    }

    /// The time from its acceptance to its deadline, in milliseconds.
    pub const fn due_ms(&self) -> i64 {
        self.deadline
            .as_ms()
            .saturating_sub(self.accepted_at.as_ms())
    }

    /// The tier that does it.
    pub const fn tier(&self) -> Tier {
        self.kind.tier()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_ms(1_772_366_400_000);
    const HOUR_MS: i64 = 3_600_000;

    #[test]
    fn a_replay_is_due_behind_the_posts_of_hours_and_its_rest_behind_its_pieces() {
        for tier in Tier::ALL {
            let again = JobKind::of_tier(tier, PostId(1));
            let rest = JobKind::Replay {
                tier,
                from: NOW,
                to: NOW,
                after: None,
            };
            let fresh = Job::new(JobId(9), again, NOW.plus_ms(23 * HOUR_MS), None);
            let piece = Job::replayed(JobId(2), again, NOW, None);
            let rest = Job::replayed(JobId(1), rest, NOW, None);
            assert!(fresh.deadline < piece.deadline && piece.deadline < rest.deadline);
            assert!(piece.is_replayed() && rest.is_replayed() && !fresh.is_replayed());
            assert_eq!(rest.tier(), tier);
        }
    }
}
