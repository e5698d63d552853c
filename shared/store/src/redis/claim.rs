//! Claiming: which partitions are asked for how many jobs, and what they answer.
//!
//! The earliest deadline goes first among all partitions, to within [`NEAR_MS`](super::claim_plan::NEAR_MS): within that, many jobs
//! are taken from few partitions. So partitions are asked how urgent their first jobs are, and then for
//! as many as are more urgent than those of others.

use redis::{FromRedisValue, Value};
use ripple_domain::{JobId, PARTITIONS, Partition, Tier, Timestamp};

use super::{
    RedisStore,
    claim_plan::{Ask, JOBS_AT_ONCE_MAX, plan},
    error::store_error,
    job_record::{QueuedJob, decode_job, is_of_newer_version, parse_job_name},
    key::Key,
    link::{Commands, decode},
    places::{Heads, Version},
    queue::random_u64,
    script::Script,
};
use crate::{Claim, Fate, Lease, Settlement, StoreError};

const CLAIMING: &str = "claiming jobs";
/// Questions of one claim, one after the other, at most.
const ROUNDS_MAX: usize = 16;

/// With which lease jobs are claimed.
#[derive(Clone, Copy)]
struct Terms {
    now: Timestamp,
    until: Timestamp,
    token: u64,
}

impl RedisStore {
    pub(super) async fn claim_jobs(
        &self,
        tier: Tier,
        jobs_max: usize,
        lease_ms: u32,
    ) -> Result<Vec<Claim>, StoreError> {
        self.listen();
        let now = self.options.clock.now();
        let terms = Terms {
            now,
            until: now.plus_ms(lease_ms.into()),
            token: random_u64()?,
        };
        let places = self.queue.places.of(tier);
        places.sweep(now);
        let mut claimed: Vec<QueuedJob> = Vec::new();
        for _ in 0..ROUNDS_MAX {
            let left = jobs_max - claimed.len();
            if left == 0 {
                break;
            }
            let asks = match self.choose(tier, left, now, claimed.is_empty()).await {
                Ok(asks) => asks,
                Err(error) if claimed.is_empty() => return Err(error),
                Err(_) => break,
            };
            if asks.is_empty() {
                // News that came while one looked is looked at.
                if claimed.is_empty() && !places.unknown(now).is_empty() {
                    continue;
                }
                break;
            }
            match self.ask(tier, &asks, terms).await {
                // Others have been there: what is known of the rest may be as old.
                Ok(jobs) if jobs.is_empty() => places.forget_stocks(),
                Ok(jobs) => claimed.extend(jobs),
                // What was claimed before is claimed; the failure shows again at the next claim.
                Err(error) if claimed.is_empty() => return Err(error),
                Err(_) => break,
            }
        }
        if !claimed.is_empty() {
            self.queue.figures.drop_cached();
        }
        claimed.sort_unstable_by_key(|queued| (queued.order, queued.job.id));
        let claim = |queued: QueuedJob| Claim {
            lease: Lease {
                job: queued.job.id,
                tier,
                token: terms.token,
            },
            durable_at: queued.job.accepted_at,
            job: queued.job,
        };
        Ok(claimed.into_iter().map(claim).collect())
    }

    /// Chooses whom to ask for up to `left` jobs. Where it is not known who has any, all of those are
    /// asked first, if `look`; a single one need not be asked twice.
    async fn choose(
        &self,
        tier: Tier,
        left: usize,
        now: Timestamp,
        look: bool,
    ) -> Result<Vec<Ask>, StoreError> {
        let places = self.queue.places.of(tier);
        let unknown = if look {
            places.unknown(now)
        } else {
            Vec::new()
        };
        let stocks = places.stocks();
        if let ([(partition, version)], []) = (&unknown[..], &stocks[..]) {
            return Ok(vec![Ask {
                partition: *partition,
                version: *version,
                jobs_max: left.min(JOBS_AT_ONCE_MAX),
                last: None,
            }]);
        }
        let stocks = if unknown.is_empty() {
            stocks
        } else {
            self.look(tier, &unknown, now).await?;
            places.stocks()
        };
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a remainder of 64 fits in 8 bits"
        )]
        let turn = (random_u64()? % u64::from(PARTITIONS)) as Partition;
        let urgent_until = now.plus_ms(tier.worst_case_ms());
        Ok(plan(stocks, left, urgent_until, turn))
    }

    /// Asks partitions how their queues stand.
    async fn look(
        &self,
        tier: Tier,
        unknown: &[(Partition, Version)],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let look = |(partition, _): &(Partition, Version)| {
            let mut commands = Commands::new(*partition);
            commands.script(Script::Look, &[Key::Jobs(*partition, tier)], now.as_ms());
            commands
        };
        let commands: Vec<Commands> = unknown.iter().map(look).collect();
        let answers = self.link.send_all(&commands).await;
        let answers = answers.map_err(store_error(CLAIMING))?;
        for ((partition, version), answer) in unknown.iter().zip(answers.into_iter().flatten()) {
            let answer: Vec<Value> = decode(answer).map_err(store_error(CLAIMING))?;
            let (heads, _) = parse(answer)?;
            self.queue
                .places
                .of(tier)
                .learn(*partition, *version, heads);
        }
        Ok(())
    }

    /// Claims from these partitions.
    async fn ask(
        &self,
        tier: Tier,
        asks: &[Ask],
        terms: Terms,
    ) -> Result<Vec<QueuedJob>, StoreError> {
        let ask = |ask: &Ask| {
            let mut commands = Commands::new(ask.partition);
            let last = ask
                .last
                .map_or("+inf".to_owned(), |last| last.as_ms().to_string());
            commands.script(
                Script::Claim,
                &[Key::Jobs(ask.partition, tier)],
                (
                    terms.now.as_ms(),
                    terms.until.as_ms(),
                    ask.jobs_max,
                    last,
                    &terms.token.to_be_bytes()[..],
                ),
            );
            commands
        };
        let commands: Vec<Commands> = asks.iter().map(ask).collect();
        let answers = self.link.send_all(&commands).await;
        let answers = answers.map_err(store_error(CLAIMING))?;
        let (mut claimed, mut damaged) = (Vec::new(), Vec::new());
        for (ask, answer) in asks.iter().zip(answers.into_iter().flatten()) {
            let answer: Vec<Value> = decode(answer).map_err(store_error(CLAIMING))?;
            let (heads, jobs) = parse(answer)?;
            let places = self.queue.places.of(tier);
            places.learn(ask.partition, ask.version, heads);
            for (id, record) in jobs {
                match decode_job(id, &record) {
                    Ok(queued) => claimed.push(queued),
                    // Its lease runs out, and who has that version may claim it.
                    Err(_) if is_of_newer_version(&record) => {
                        tracing::warn!(%tier, job = %id, "a newer version has enqueued a job");
                    }
                    Err(error) => {
                        tracing::error!(%tier, job = %id, %error, "a job is damaged");
                        damaged.push(id);
                    }
                }
            }
        }
        self.bury_damaged(tier, damaged, terms.token).await;
        Ok(claimed)
    }

    /// Gives up claimed jobs whose records cannot be read: nobody else can do them either, and a tier is
    /// not complete before them.
    async fn bury_damaged(&self, tier: Tier, jobs: Vec<JobId>, token: u64) {
        if jobs.is_empty() {
            return;
        }
        let bury = |job| Settlement {
            lease: Lease { job, tier, token },
            fate: Fate::Dead {
                error: "its record is damaged".into(),
            },
            progress: None,
        };
        if let Err(error) = self.settle_jobs(jobs.into_iter().map(bury).collect()).await {
            tracing::warn!(%tier, %error, "damaged jobs are given up later");
        }
    }
}

type NamedRecord = (JobId, Vec<u8>);

/// Reads the answer of the scripts that claim and look.
fn parse(answer: Vec<Value>) -> Result<(Heads, Vec<NamedRecord>), StoreError> {
    const UNKNOWN: StoreError = StoreError::Corrupt {
        what: "script's answer",
    };
    let mut parts = answer.into_iter();
    let mut part = || parts.next().ok_or(UNKNOWN);
    let time = |value: Value| {
        let text = String::from_redis_value(value).map_err(|_| UNKNOWN)?;
        match text.as_str() {
            "" => Ok(None),
            ms => ms
                .parse()
                .map(|ms| Some(Timestamp::from_ms(ms)))
                .map_err(|_| UNKNOWN),
        }
    };
    let heads = Heads {
        near: u64::from_redis_value(part()?).map_err(|_| UNKNOWN)?,
        first: time(part()?)?,
        due: time(part()?)?,
    };
    let mut jobs = Vec::with_capacity(parts.len() / 2);
    while let (Some(id), Some(record)) = (parts.next(), parts.next()) {
        let (Value::BulkString(id), Value::BulkString(record)) = (id, record) else {
            return Err(UNKNOWN);
        };
        jobs.push((parse_job_name(&id)?, record));
    }
    Ok((heads, jobs))
}
