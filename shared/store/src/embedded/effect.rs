//! What a commit changes in memory once it is durable: before it is answered, and in the order of the
//! commands, so that every read after the answer sees it.

use std::sync::Arc;

use ripple_domain::{JobId, Post, PostId, RelationKind, Tier, User, UserId};

use super::{memory::Memory, queue::QueuedJob};

/// A change in memory.
#[derive(Clone, Debug)]
pub(super) enum Effect {
    User(Arc<User>),
    Post(Arc<Post>),
    PostDeleted(PostId),
    Relation {
        from: UserId,
        kind: RelationKind,
        to: UserId,
        on: bool,
    },
    JobEnqueued(QueuedJob),
    /// A settled job leaves the queue.
    JobDone(Tier, JobId),
    JobDead(Tier, JobId),
    DeadGone(Tier),
    Paused(Tier, bool),
    /// A post is pushed to a home timeline: to its author's own, which shows it on the next read, or
    /// to that of one whom it addresses.
    HomePush(UserId, PostId),
}

impl Effect {
    pub(super) fn apply(self, memory: &Memory) {
        match self {
            Self::User(user) => {
                memory.users.commit(user.id, user);
            }
            Self::Post(post) => memory.posts.commit(post.id, post),
            Self::PostDeleted(id) => memory.posts.remove(id),
            Self::Relation { from, kind, to, on } => memory.relate(from, kind, to, on),
            Self::JobEnqueued(mut queued) => {
                let tier = queued.job.tier();
                queued.durable_at = Some(memory.clock.now());
                memory.tier(tier).queue().insert(queued);
                memory.tier(tier).announce();
            }
            Self::JobDone(tier, id) => {
                let mut queue = memory.tier(tier).queue();
                let Some(queued) = queue.remove(id) else {
                    return;
                };
                drop(queue);
                let latency_ms = memory.clock.now().ms_since(queued.job.accepted_at);
                memory
                    .tier(tier)
                    .meter()
                    .record(memory.clock.now(), latency_ms);
                if let Some(post) = queued.job.kind.post() {
                    memory.watchers.wake(post, tier);
                }
            }
            Self::JobDead(tier, id) => {
                let mut queue = memory.tier(tier).queue();
                queue.remove(id);
                queue.dead += 1;
            }
            Self::DeadGone(tier) => {
                let mut queue = memory.tier(tier).queue();
                queue.dead = queue.dead.saturating_sub(1);
            }
            Self::Paused(tier, paused) => {
                memory.tier(tier).queue().paused = paused;
                memory.tier(tier).announce();
            }
            Self::HomePush(user, post) => {
                memory.homes.push(user, post);
            }
        }
    }
}
