//! Dead letters: listed, put back into the queue, forgotten.

use ripple_domain::{JobId, Partition, PostId, Tier};

use super::{
    RedisStore,
    commit::Nonce,
    error::store_error,
    job_record::{JOB_ID_MAX, decode_dead, job_name, parse_job_name},
    key::{Key, partitions},
    link::{Commands, by_partition, decode},
    script::Script,
};
use crate::{DeadJob, StoreError};

const READING: &str = "reading dead letters";
/// Dead letters that one script takes, at most.
const TAKEN_TOGETHER_MAX: u64 = 500;

/// What becomes of dead letters that are taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    Replayed,
    Forgotten,
}

impl RedisStore {
    pub(super) async fn newest_dead(
        &self,
        tier: Tier,
        mut before: Option<JobId>,
        limit: usize,
    ) -> Result<Vec<DeadJob>, StoreError> {
        let mut dead = Vec::new();
        loop {
            let wanted = limit - dead.len();
            let ids = self.newest_dead_ids(tier, before, wanted).await?;
            dead.extend(self.dead_by_id(tier, &ids).await?);
            // Whoever gets fewer than he asked for takes it that there are no more.
            match ids.last() {
                Some(last) if dead.len() < limit && ids.len() == wanted => before = Some(*last),
                _ => return Ok(dead),
            }
        }
    }

    async fn newest_dead_ids(
        &self,
        tier: Tier,
        before: Option<JobId>,
        limit: usize,
    ) -> Result<Vec<JobId>, StoreError> {
        let last = match before {
            Some(before) if before <= JOB_ID_MAX => format!("({before}"),
            _ => "+inf".to_owned(),
        };
        let list = |partition| {
            let mut commands = Commands::new(partition);
            let args = (&last, "-inf", "BYSCORE", "REV", "LIMIT", 0, limit);
            commands.add("ZRANGE", &Key::DeadIds(partition, tier), args);
            commands
        };
        let commands: Vec<Commands> = partitions().map(list).collect();
        let answers = self.link.send_all(&commands).await;
        let answers = answers.map_err(store_error(READING))?;
        let mut ids = Vec::new();
        for answer in answers.into_iter().flatten() {
            let names: Vec<Vec<u8>> = decode(answer).map_err(store_error(READING))?;
            for name in names {
                ids.push(parse_job_name(&name)?);
            }
        }
        ids.sort_unstable_by(|a, b| b.cmp(a));
        ids.truncate(limit);
        Ok(ids)
    }

    /// The dead letters with these ids, the newest first, less those that are gone or damaged.
    async fn dead_by_id(&self, tier: Tier, ids: &[JobId]) -> Result<Vec<DeadJob>, StoreError> {
        let mut by_place = ids.to_vec();
        by_place.sort_by_key(|id| partition_of(*id));
        let reads = by_place.iter().map(|id| (partition_of(*id), id));
        let commands = by_partition(reads, |commands, id| {
            let key = Key::DeadJobs(commands.partition, tier);
            commands.add("HGET", &key, job_name(*id));
        });
        let answers = self.link.send_all(&commands).await;
        let answers = answers.map_err(store_error(READING))?;
        let mut dead = Vec::with_capacity(ids.len());
        for (id, answer) in by_place.iter().zip(answers.into_iter().flatten()) {
            let record: Option<Vec<u8>> = decode(answer).map_err(store_error(READING))?;
            if let Some(record) = record {
                match decode_dead(*id, &record) {
                    Ok(letter) => dead.push(letter),
                    // It can be replayed and forgotten like the others, and these must be seen.
                    Err(error) => {
                        tracing::error!(%tier, job = %id, %error, "a dead letter is damaged");
                    }
                }
            }
        }
        dead.sort_unstable_by_key(|dead| std::cmp::Reverse(dead.job.id));
        Ok(dead)
    }

    /// Takes out one dead letter, or all that there are at the beginning; how many there were.
    pub(super) async fn take_dead(
        &self,
        tier: Tier,
        job: Option<JobId>,
        taken: Taken,
    ) -> Result<u64, StoreError> {
        let mut count = 0;
        let mut left = match job {
            Some(job) if job > JOB_ID_MAX => Vec::new(),
            Some(job) => vec![(partition_of(job), job.to_string(), job.to_string())],
            None => self.newest_ids().await?,
        };
        while !left.is_empty() {
            let mut commands = Vec::with_capacity(left.len());
            for (partition, first, last) in &left {
                let goes_back = u8::from(taken == Taken::Replayed);
                let now = self.options.clock.now().as_ms();
                let args = (
                    now,
                    Nonce::new()?,
                    first,
                    last,
                    TAKEN_TOGETHER_MAX,
                    goes_back,
                );
                let mut one = Commands::new(*partition);
                one.script(Script::TakeDead, &[Key::DeadIds(*partition, tier)], args);
                commands.push(one);
            }
            let answers = self
                .commit_all("taking out dead letters", &commands)
                .await?;
            let mut still_left = Vec::new();
            for (of_one, answer) in left.into_iter().zip(answers.into_iter().flatten()) {
                let of_partition: u64 =
                    decode(answer).map_err(store_error("taking out dead letters"))?;
                count += of_partition;
                if of_partition > 0 && taken == Taken::Replayed {
                    self.announce_jobs(tier, [of_one.0]);
                }
                if of_partition == TAKEN_TOGETHER_MAX {
                    still_left.push(of_one);
                }
            }
            left = still_left;
        }
        self.queue.figures.drop_cached();
        Ok(count)
    }

    /// Of each partition the ids of jobs that there can be now: those that are made later, and given up
    /// at once, are not meant.
    async fn newest_ids(&self) -> Result<Vec<(Partition, String, String)>, StoreError> {
        let read = |partition| {
            let mut commands = Commands::new(partition);
            commands.add("GET", &Key::JobIds(partition), &[] as &[&str]);
            commands
        };
        let commands: Vec<Commands> = partitions().map(read).collect();
        let answers = self.link.send_all(&commands).await;
        let answers = answers.map_err(store_error(READING))?;
        let mut newest = Vec::new();
        for (partition, answer) in partitions().zip(answers.into_iter().flatten()) {
            let last: Option<String> =
                decode::<Option<String>>(answer).map_err(store_error(READING))?;
            newest.extend(last.map(|last| (partition, "-inf".to_owned(), last)));
        }
        Ok(newest)
    }
}

/// The partition of a job: its id is made like those of posts.
fn partition_of(job: JobId) -> Partition {
    PostId(job.0).partition()
}
