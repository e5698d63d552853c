//! One command's view of the store while it is carried out: reads see what the commands before it in
//! the same group have written, and what it writes joins the group only when it succeeds.

use std::collections::HashMap;

use fjall::{Keyspace, Slice};
use ripple_domain::{Job, JobId, JobKind, PostIdSequence, Timestamp, TraceContext, UserId};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    backdated::BackdatedIds,
    effect::Effect,
    key::Key,
    queue::QueuedJob,
    record::{JobRecord, decode, encode},
};
use crate::{CommitError, StoreError};

/// Records to be written; `None` deletes.
pub(super) type Writes = HashMap<Slice, Option<Slice>>;

/// Where the numbers that the store hands out stand. Only the writer has it.
#[derive(Debug)]
pub(super) struct Counters {
    pub(super) post_ids: PostIdSequence,
    pub(super) backdated: BackdatedIds,
    pub(super) newest_user: UserId,
    pub(super) newest_job: JobId,
}

/// A command under way.
pub(super) struct Tx<'a> {
    pub(super) now: Timestamp,
    pub(super) counters: &'a mut Counters,
    keyspace: &'a Keyspace,
    group: &'a Writes,
    writes: Writes,
    effects: Vec<Effect>,
}

impl<'a> Tx<'a> {
    pub(super) fn new(
        now: Timestamp,
        counters: &'a mut Counters,
        keyspace: &'a Keyspace,
        group: &'a Writes,
    ) -> Self {
        Self {
            now,
            counters,
            keyspace,
            group,
            writes: Writes::new(),
            effects: Vec::new(),
        }
    }

    /// What the command has written and causes.
    pub(super) fn into_parts(self) -> (Writes, Vec<Effect>) {
        (self.writes, self.effects)
    }

    /// A record, as this command has left it.
    pub(super) fn get(&self, key: &Key<'_>) -> Result<Option<Slice>, StoreError> {
        let name = key.bytes();
        match self.writes.get(&name).or_else(|| self.group.get(&name)) {
            Some(written) => Ok(written.clone()),
            None => self
                .keyspace
                .get(&name)
                .map_err(|e| StoreError::read("a record", e)),
        }
    }

    /// Whether there is a record.
    pub(super) fn holds(&self, key: &Key<'_>) -> Result<bool, StoreError> {
        Ok(self.get(key)?.is_some())
    }

    /// A record, decoded.
    pub(super) fn read<T: DeserializeOwned>(
        &self,
        what: &'static str,
        key: &Key<'_>,
    ) -> Result<Option<T>, StoreError> {
        self.get(key)?.map(|bytes| decode(what, &bytes)).transpose()
    }

    /// Writes a record as bytes.
    pub(super) fn put(&mut self, key: &Key<'_>, value: impl Into<Slice>) {
        self.writes.insert(key.bytes(), Some(value.into()));
    }

    /// Writes a record, encoded.
    pub(super) fn write<T: Serialize>(
        &mut self,
        key: &Key<'_>,
        record: &T,
    ) -> Result<(), StoreError> {
        let bytes = encode(record)?;
        self.writes.insert(key.bytes(), Some(bytes));
        Ok(())
    }

    /// Deletes a record.
    pub(super) fn delete(&mut self, key: &Key<'_>) {
        self.delete_name(key.bytes());
    }

    /// Deletes the record with this name.
    pub(super) fn delete_name(&mut self, name: Slice) {
        self.writes.insert(name, None);
    }

    /// What is to happen in memory once the group is durable, before the command is answered.
    pub(super) fn then(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    /// Enqueues a job in this commit.
    pub(super) fn enqueue(
        &mut self,
        kind: JobKind,
        trace: Option<TraceContext>,
    ) -> Result<(), CommitError> {
        let job = Job::new(self.next_job_id(), kind, self.now, trace);
        self.enqueue_job(job)
    }

    /// Enqueues a job that repeats what was done or given up, in this commit.
    pub(super) fn enqueue_replayed(
        &mut self,
        kind: JobKind,
        trace: Option<TraceContext>,
    ) -> Result<(), CommitError> {
        let job = Job::replayed(self.next_job_id(), kind, self.now, trace);
        self.enqueue_job(job)
    }

    fn next_job_id(&mut self) -> JobId {
        self.counters.newest_job.0 += 1;
        self.counters.newest_job
    }

    fn enqueue_job(&mut self, job: Job) -> Result<(), CommitError> {
        let queued = QueuedJob {
            order: job.deadline,
            not_before: None,
            durable_at: None,
            job,
        };
        self.write_job(&queued)?;
        self.then(Effect::JobEnqueued(queued));
        Ok(())
    }

    /// Writes a job's record.
    pub(super) fn write_job(&mut self, queued: &QueuedJob) -> Result<(), StoreError> {
        let record = JobRecord::V1 {
            job: queued.job.clone(),
            order: queued.order,
            not_before: queued.not_before,
        };
        self.write(&Key::Job(queued.job.id), &record)
    }
}
