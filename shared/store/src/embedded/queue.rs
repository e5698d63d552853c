//! A tier's queue in memory: which jobs can be claimed, in which order, and who holds which.
//!
//! The jobs themselves are durable records; this index of them is filled once at the start, because a
//! scan for the oldest job would wade through the traces of all that were acked. Leases live here
//! alone: when the process ends, every lease ends with it.

use std::{
    collections::{BTreeSet, HashMap},
    hash::{BuildHasher, RandomState},
};

use ripple_domain::{Job, JobId, Timestamp};

/// A job as it waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct QueuedJob {
    pub(super) job: Job,
    /// Its place: the smallest goes first.
    pub(super) order: Timestamp,
    /// When it waits for its moment.
    pub(super) not_before: Option<Timestamp>,
    /// When its commit had become durable; unknown after a restart.
    pub(super) durable_at: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Ready,
    Delayed(Timestamp),
    Leased {
        token: u64,
        until: Timestamp,
    },
    /// Its settlement is on its way to the disk; nobody can claim or settle it any more. The lease is
    /// kept for the case that the settlement fails.
    Settling {
        token: u64,
        until: Timestamp,
    },
}

#[derive(Debug)]
struct Entry {
    queued: QueuedJob,
    state: State,
}

/// How many jobs there are in each state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct QueueCounts {
    pub(super) ready: u64,
    pub(super) delayed: u64,
    pub(super) in_flight: u64,
}

/// Makes the tokens of leases. They begin anywhere, so that those of an earlier run are no lease of
/// this one.
#[derive(Debug)]
struct Tokens(u64);

impl Default for Tokens {
    fn default() -> Self {
        Self(RandomState::new().hash_one(()))
    }
}

impl Tokens {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(1);
        self.0
    }
}

/// A tier's queue.
#[derive(Debug, Default)]
pub(super) struct TierQueue {
    entries: HashMap<JobId, Entry>,
    ready: BTreeSet<(Timestamp, JobId)>,
    delayed: BTreeSet<(Timestamp, JobId)>,
    leased: BTreeSet<(Timestamp, JobId)>,
    /// All but the replayed ones, which are about what was accepted long before.
    accepted: BTreeSet<(Timestamp, JobId)>,
    /// Those of `accepted` that have not failed yet.
    untried: BTreeSet<(Timestamp, JobId)>,
    tokens: Tokens,
    pub(super) paused: bool,
    pub(super) dead: u64,
}

impl TierQueue {
    /// Enters a job; it waits for its moment where it has one.
    pub(super) fn insert(&mut self, queued: QueuedJob) {
        let id = queued.job.id;
        if !queued.job.is_replayed() {
            self.accepted.insert((queued.job.accepted_at, id));
            if queued.job.attempts == 0 {
                self.untried.insert((queued.job.accepted_at, id));
            }
        }
        let state = match queued.not_before {
            Some(at) => State::Delayed(at),
            None => State::Ready,
        };
        self.entries.insert(id, Entry { queued, state });
        self.list(id);
    }

    /// Takes a job out for good.
    pub(super) fn remove(&mut self, id: JobId) -> Option<QueuedJob> {
        self.unlist(id);
        let entry = self.entries.remove(&id)?;
        let accepted = (entry.queued.job.accepted_at, id);
        self.accepted.remove(&accepted);
        self.untried.remove(&accepted);
        Some(entry.queued)
    }

    /// Claims the first `jobs_max` jobs until `until`. A job whose lease ran out has used up an
    /// attempt.
    pub(super) fn claim(
        &mut self,
        jobs_max: usize,
        now: Timestamp,
        until: Timestamp,
    ) -> Vec<(QueuedJob, u64)> {
        self.wake(now);
        if self.paused {
            return Vec::new();
        }
        let mut claimed = Vec::with_capacity(jobs_max.min(self.ready.len()));
        while claimed.len() < jobs_max
            && let Some((_, id)) = self.ready.first().copied()
        {
            let token = self.tokens.next();
            self.set_state(id, State::Leased { token, until });
            claimed.extend(
                self.entries
                    .get(&id)
                    .map(|entry| (entry.queued.clone(), token)),
            );
        }
        claimed
    }

    /// Lengthens a lease; `false` where it has ended.
    pub(super) fn extend(
        &mut self,
        id: JobId,
        token: u64,
        now: Timestamp,
        until: Timestamp,
    ) -> bool {
        let holds = self.holds(id, token, now);
        if holds {
            self.set_state(id, State::Leased { token, until });
        }
        holds
    }

    /// Uses up a lease: from now on nobody else can claim or settle the job, and the caller decides
    /// what becomes of it. `None` where the lease has ended.
    pub(super) fn begin_settling(
        &mut self,
        id: JobId,
        token: u64,
        now: Timestamp,
    ) -> Option<QueuedJob> {
        let entry = self.entries.get(&id)?;
        let (queued, state) = (entry.queued.clone(), entry.state);
        match state {
            State::Leased { token: held, until } if held == token && until > now => {
                self.set_state(id, State::Settling { token, until });
                Some(queued)
            }
            _ => None,
        }
    }

    /// Gives the lease back to the one who held it, because his settlement failed.
    pub(super) fn end_settling(&mut self, id: JobId) {
        if let Some(State::Settling { token, until }) =
            self.entries.get(&id).map(|entry| entry.state)
        {
            self.set_state(id, State::Leased { token, until });
        }
    }

    /// Puts a job that is being settled back as `queued`.
    pub(super) fn put_back(&mut self, queued: QueuedJob) {
        self.remove(queued.job.id);
        self.insert(queued);
    }

    /// When the next job that waits for its moment, or for the end of a lease, becomes claimable.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        let delayed = self.delayed.first().map(|(at, _)| *at);
        let leased = self.leased.first().map(|(at, _)| *at);
        delayed.into_iter().chain(leased).min()
    }

    /// Whether a job can be claimed now.
    pub(super) fn has_claimable(&self, now: Timestamp) -> bool {
        !self.paused && (!self.ready.is_empty() || self.next_due().is_some_and(|at| at <= now))
    }

    /// When the oldest job was accepted that is not replayed.
    pub(super) fn oldest_accepted_at(&self) -> Option<Timestamp> {
        self.accepted.first().map(|(at, _)| *at)
    }

    /// When the oldest job was accepted that has not failed yet. What fails and waits for its next
    /// attempt is old by itself, and says nothing of how far behind the workers are.
    pub(super) fn oldest_untried_accepted_at(&self) -> Option<Timestamp> {
        self.untried.first().map(|(at, _)| *at)
    }

    /// How many jobs there are that commits caused, whatever their state: the backlog.
    pub(super) fn backlog(&self) -> u64 {
        self.accepted.len() as u64
    }

    /// How many jobs there are, whatever their state.
    fn len(&self) -> u64 {
        self.entries.len() as u64
    }

    /// How many jobs there are in each state at `now`.
    pub(super) fn counts(&mut self, now: Timestamp) -> QueueCounts {
        self.wake(now);
        let (ready, delayed) = (self.ready.len() as u64, self.delayed.len() as u64);
        QueueCounts {
            ready,
            delayed,
            in_flight: self.len() - ready - delayed,
        }
    }

    /// Makes claimable whose moment has come and whose lease has run out.
    fn wake(&mut self, now: Timestamp) {
        while let Some((at, id)) = self.delayed.first().copied()
            && at <= now
        {
            self.set_state(id, State::Ready);
        }
        while let Some((until, id)) = self.leased.first().copied()
            && until <= now
        {
            if let Some(entry) = self.entries.get_mut(&id) {
                entry.queued.job.attempts += 1;
                self.untried.remove(&(entry.queued.job.accepted_at, id));
            }
            self.set_state(id, State::Ready);
        }
    }

    fn holds(&self, id: JobId, token: u64, now: Timestamp) -> bool {
        self.entries.get(&id).is_some_and(|entry| {
            matches!(entry.state, State::Leased { token: held, until } if held == token && until > now)
        })
    }

    fn set_state(&mut self, id: JobId, state: State) {
        self.unlist(id);
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.state = state;
        }
        self.list(id);
    }

    fn list(&mut self, id: JobId) {
        let Some(entry) = self.entries.get(&id) else {
            return;
        };
        match entry.state {
            State::Ready => self.ready.insert((entry.queued.order, id)),
            State::Delayed(at) => self.delayed.insert((at, id)),
            State::Leased { until, .. } => self.leased.insert((until, id)),
            State::Settling { .. } => false,
        };
    }

    fn unlist(&mut self, id: JobId) {
        let Some(entry) = self.entries.get(&id) else {
            return;
        };
        match entry.state {
            State::Ready => self.ready.remove(&(entry.queued.order, id)),
            State::Delayed(at) => self.delayed.remove(&(at, id)),
            State::Leased { until, .. } => self.leased.remove(&(until, id)),
            State::Settling { .. } => false,
        };
    }
}

#[cfg(test)]
mod tests {
    use ripple_domain::{JobKind, PostId};

    use super::*;

    const NOW: Timestamp = Timestamp::from_ms(1_000_000);
    const LATER: Timestamp = Timestamp::from_ms(1_003_000);

    fn job(id: u64, accepted_ms: i64) -> QueuedJob {
        let kind = JobKind::deliver(PostId(id));
        let job = Job::new(JobId(id), kind, Timestamp::from_ms(accepted_ms), None);
        QueuedJob {
            order: job.deadline,
            not_before: None,
            durable_at: None,
            job,
        }
    }

    fn ids(claimed: &[(QueuedJob, u64)]) -> Vec<u64> {
        claimed.iter().map(|(queued, _)| queued.job.id.0).collect()
    }

    #[test]
    fn the_earliest_deadline_goes_first() {
        let mut queue = TierQueue::default();
        queue.insert(job(1, 30));
        queue.insert(job(2, 10));
        queue.insert(job(3, 20));
        assert_eq!(ids(&queue.claim(2, NOW, LATER)), [2, 3]);
        assert_eq!(queue.oldest_accepted_at(), Some(Timestamp::from_ms(10)));
        assert_eq!(
            queue.counts(NOW),
            QueueCounts {
                ready: 1,
                delayed: 0,
                in_flight: 2
            }
        );
    }

    #[test]
    fn a_lease_that_ran_out_is_taken_over_and_its_holder_fenced() {
        let mut queue = TierQueue::default();
        queue.insert(job(1, 10));
        let (first, stale) = queue.claim(1, NOW, LATER).remove(0);
        assert!(queue.claim(1, NOW, LATER).is_empty());
        assert!(queue.extend(JobId(1), stale, NOW, LATER.plus_ms(1)));

        let after = LATER.plus_ms(1);
        let (second, token) = queue.claim(1, after, after.plus_ms(9)).remove(0);
        assert_eq!((first.job.attempts, second.job.attempts), (0, 1));
        assert!(!queue.extend(JobId(1), stale, after, after.plus_ms(9)));
        assert!(queue.begin_settling(JobId(1), stale, after).is_none());
        assert!(queue.begin_settling(JobId(1), token, after).is_some());
        assert!(
            queue.begin_settling(JobId(1), token, after).is_none(),
            "settled once"
        );
    }

    #[test]
    fn a_settlement_that_failed_gives_the_lease_back() {
        let mut queue = TierQueue::default();
        queue.insert(job(1, 10));
        let (_, token) = queue.claim(1, NOW, LATER).remove(0);
        assert!(queue.begin_settling(JobId(1), token, NOW).is_some());
        queue.end_settling(JobId(1));
        assert!(queue.begin_settling(JobId(1), token, NOW).is_some());
        queue.end_settling(JobId(1));
        assert_eq!(ids(&queue.claim(1, LATER, LATER.plus_ms(1))), [1]);
    }

    #[test]
    fn a_settling_job_still_counts_as_the_oldest() {
        let mut queue = TierQueue::default();
        queue.insert(job(1, 10));
        let (_, token) = queue.claim(1, NOW, LATER).remove(0);
        queue.begin_settling(JobId(1), token, NOW);
        assert_eq!(queue.oldest_accepted_at(), Some(Timestamp::from_ms(10)));
        assert!(queue.claim(1, LATER, LATER.plus_ms(1)).is_empty());
        queue.remove(JobId(1));
        assert_eq!((queue.oldest_accepted_at(), queue.len()), (None, 0));
    }

    #[test]
    fn a_delayed_job_waits_for_its_moment() {
        let mut queue = TierQueue::default();
        queue.insert(QueuedJob {
            not_before: Some(LATER),
            ..job(1, 10)
        });
        assert!(!queue.has_claimable(NOW));
        assert!(queue.claim(1, NOW, LATER).is_empty());
        assert_eq!(queue.next_due(), Some(LATER));
        assert!(queue.has_claimable(LATER));
        assert_eq!(ids(&queue.claim(1, LATER, LATER.plus_ms(1))), [1]);
    }
}
