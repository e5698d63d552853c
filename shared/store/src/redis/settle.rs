//! Settling: what becomes of claimed jobs. A settlement that is sent again, because its answer was lost,
//! finds its lease used up.

use std::collections::BTreeMap;

use ripple_domain::{PARTITIONS, Partition, PostId, Tier, Timestamp};

use super::{
    RedisStore,
    error::store_error,
    job_record::{JOB_ID_MAX, encode_continued, job_name},
    key::Key,
    link::{Commands, decode},
    script::Script,
    stage_record::encode_stage,
};
use crate::{Fate, Lease, Settlement, StoreError};

const SETTLING: &str = "settling jobs";
/// Jobs that one script settles, at most: a server does nothing else meanwhile.
const SETTLED_TOGETHER_MAX: usize = 200;

/// The partition of a leased job.
pub(super) fn partition_of_lease(lease: &Lease) -> Partition {
    // Ids of jobs are made like those of posts.
    PostId(lease.job.0).partition() % PARTITIONS
}

/// Leases by the queue that they belong to, by their places in `leases`. One whose job cannot exist is
/// left out.
pub(super) fn by_queue<'a>(
    leases: impl IntoIterator<Item = &'a Lease>,
) -> BTreeMap<(Partition, Tier), Vec<usize>> {
    let mut by_queue: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (index, lease) in leases.into_iter().enumerate() {
        if lease.job <= JOB_ID_MAX {
            let queue = (partition_of_lease(lease), lease.tier);
            by_queue.entry(queue).or_default().push(index);
        }
    }
    by_queue
}

impl RedisStore {
    pub(super) async fn settle_jobs(
        &self,
        settlements: Vec<Settlement>,
    ) -> Result<Vec<bool>, StoreError> {
        let now = self.options.clock.now();
        let mut settled = vec![false; settlements.len()];
        let mut together = Vec::new();
        let mut commands = Vec::new();
        for (queue, all) in by_queue(settlements.iter().map(|settlement| &settlement.lease)) {
            for indices in all.chunks(SETTLED_TOGETHER_MAX) {
                let of_one = indices.iter().map(|index| &settlements[*index]);
                commands.push(command(queue, of_one, now)?);
                together.push((queue, indices.to_vec()));
            }
        }
        let answers = self.link.send_all(&commands).await;
        let answers = answers.map_err(store_error(SETTLING))?;
        for (((partition, tier), indices), answer) in
            together.into_iter().zip(answers.into_iter().flatten())
        {
            let answer: Vec<Option<i64>> = decode(answer).map_err(store_error(SETTLING))?;
            let mut done = Vec::with_capacity(indices.len());
            let mut is_back = false;
            for (index, accepted_at) in indices.into_iter().zip(answer) {
                let Some(accepted_at) = accepted_at else {
                    continue;
                };
                settled[index] = true;
                match &settlements[index].fate {
                    Fate::Ack => done.push(Timestamp::from_ms(accepted_at)),
                    Fate::Retry { error, .. } | Fate::Postpone { error, .. } => {
                        let job = settlements[index].lease.job;
                        tracing::debug!(%job, %tier, error, "a job is tried again later");
                        is_back = true;
                    }
                    Fate::Continue { .. } | Fate::Release => is_back = true,
                    Fate::Dead { .. } => {}
                }
            }
            self.jobs_done(tier, done);
            if is_back {
                self.announce_jobs(tier, [partition]);
            }
        }
        Ok(settled)
    }

    /// Counts jobs that have left the queue because they are done, by when they were accepted.
    pub(super) fn jobs_done(&self, tier: Tier, accepted_at: Vec<Timestamp>) {
        self.queue.figures.drop_cached();
        let now = self.options.clock.now();
        self.queue.meter.record(&self.link, tier, now, accepted_at);
    }
}

fn command<'a>(
    (partition, tier): (Partition, Tier),
    settlements: impl Iterator<Item = &'a Settlement>,
    now: Timestamp,
) -> Result<Commands, StoreError> {
    let mut args = vec![now.as_ms().to_string().into_bytes()];
    for Settlement {
        lease,
        fate,
        progress,
    } in settlements
    {
        let (fate, detail) = match fate {
            Fate::Ack => (b"a", Vec::new()),
            Fate::Continue { kind } => (b"c", encode_continued(kind)?),
            Fate::Retry { at, .. } => (b"r", at.as_ms().to_string().into_bytes()),
            Fate::Postpone { at, .. } => (b"p", at.as_ms().to_string().into_bytes()),
            Fate::Dead { error } => (b"d", error.clone().into_bytes()),
            Fate::Release => (b"f", Vec::new()),
        };
        let stage = progress
            .as_ref()
            .map(|progress| encode_stage(progress).to_vec());
        args.extend([
            job_name(lease.job).into_bytes(),
            lease.token.to_be_bytes().to_vec(),
            fate.to_vec(),
            detail,
            stage.unwrap_or_default(),
        ]);
    }
    let mut commands = Commands::new(partition);
    commands.script(Script::Settle, &[Key::Jobs(partition, tier)], args);
    Ok(commands)
}
