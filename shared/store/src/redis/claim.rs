//! Claiming: which partitions are asked for how many jobs, and what they answer.
//!
//! The earliest deadline goes first among all partitions, to within [`NEAR_MS`]: within that, many jobs
//! are taken from few partitions. So partitions are asked how urgent their first jobs are, and then for
//! as many as are more urgent than those of others.

use redis::{FromRedisValue, Value};
use ripple_domain::{JobId, PARTITIONS, Partition, Tier, Timestamp};

use super::{
    RedisStore,
    error::store_error,
    job_record::{QueuedJob, decode_job, parse_job_name},
    key::Key,
    link::{Commands, decode},
    places::{Heads, Stock, Version},
    queue::random_u64,
    script::Script,
};
use crate::{Claim, Lease, StoreError};

const CLAIMING: &str = "claiming jobs";
/// Jobs that are due within so many milliseconds of each other count as equally urgent (the same in
/// `scripts/lib/due.lua`).
const NEAR_MS: i64 = 100;
/// Jobs that one partition is asked for at once, at most.
const JOBS_AT_ONCE_MAX: usize = 1_000;
/// Questions of one claim, one after the other, at most.
const ROUNDS_MAX: usize = 16;

/// What a partition is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ask {
    partition: Partition,
    version: Version,
    jobs_max: usize,
    /// Only jobs up to this order.
    last: Option<Timestamp>,
}

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
        let mut claimed = Vec::new();
        for (ask, answer) in asks.iter().zip(answers.into_iter().flatten()) {
            let answer: Vec<Value> = decode(answer).map_err(store_error(CLAIMING))?;
            let (heads, jobs) = parse(answer)?;
            let places = self.queue.places.of(tier);
            places.learn(ask.partition, ask.version, heads);
            for (id, record) in jobs {
                match decode_job(id, &record) {
                    Ok(queued) => claimed.push(queued),
                    // Its lease runs out, over and over; the others must not wait for it.
                    Err(error) => tracing::error!(%tier, job = %id, %error, "a job is damaged"),
                }
            }
        }
        Ok(claimed)
    }
}

/// Whom to ask for up to `left` jobs: those whose first jobs are about as urgent as the most urgent one,
/// beginning anywhere among them (`turn`), so that many who claim at once do not all ask the same ones.
/// Jobs of commits are due by `urgent_until`; with what is due later, time does not press.
fn plan(mut stocks: Vec<Stock>, left: usize, urgent_until: Timestamp, turn: Partition) -> Vec<Ask> {
    let Some(first) = stocks.iter().map(|stock| stock.first).min() else {
        return Vec::new();
    };
    let near = first.plus_ms(NEAR_MS).min(urgent_until).max(first);
    let next = stocks
        .iter()
        .map(|stock| stock.first)
        .filter(|first| *first > near)
        .min();
    stocks.retain(|stock| stock.first <= near);
    stocks.sort_unstable_by_key(|stock| stock.partition.wrapping_sub(turn));
    let ask = |stock: &Stock, jobs_max: usize, last| Ask {
        partition: stock.partition,
        version: stock.version,
        jobs_max: jobs_max.min(JOBS_AT_ONCE_MAX),
        last,
    };
    if let [alone] = &stocks[..] {
        // Up to the first job of the others it is the most urgent one.
        return vec![ask(alone, left, next)];
    }
    let mut left = left;
    let mut asks = Vec::new();
    for stock in &stocks {
        let jobs_max = usize::try_from(stock.near).map_or(left, |near| near.min(left));
        if jobs_max == 0 {
            break;
        }
        asks.push(ask(stock, jobs_max, Some(near)));
        left -= jobs_max;
    }
    asks
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

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_772_366_400_000;
    const URGENT_UNTIL: Timestamp = Timestamp::from_ms(NOW + 10_000);

    fn stock(partition: Partition, near: u64, first_ms: i64) -> Stock {
        Stock {
            partition,
            near,
            first: Timestamp::from_ms(NOW + first_ms),
            version: Version::default(),
        }
    }

    fn asks(
        stocks: Vec<Stock>,
        left: usize,
        turn: Partition,
    ) -> Vec<(Partition, usize, Option<i64>)> {
        let asks = plan(stocks, left, URGENT_UNTIL, turn).into_iter();
        let last_ms = |last: Timestamp| last.as_ms() - NOW;
        asks.map(|ask| (ask.partition, ask.jobs_max, ask.last.map(last_ms)))
            .collect()
    }

    #[test]
    fn what_is_most_urgent_is_asked_for_first() {
        let stocks = vec![stock(3, 5, 900), stock(7, 5, 0), stock(9, 5, 500)];
        assert_eq!(asks(stocks, 100, 0), [(7, 100, Some(500))]);
        assert_eq!(asks(vec![stock(7, 5, 0)], 100, 0), [(7, 100, None)]);
        assert_eq!(asks(vec![], 100, 0), []);
    }

    #[test]
    fn of_equally_urgent_ones_few_are_asked_for_many_jobs() {
        let stocks = || vec![stock(3, 80, 50), stock(7, 30, 0), stock(9, 5, 500)];
        assert_eq!(
            asks(stocks(), 100, 0),
            [(3, 80, Some(100)), (7, 20, Some(100))]
        );
        assert_eq!(
            asks(stocks(), 100, 5),
            [(7, 30, Some(100)), (3, 70, Some(100))]
        );
        assert_eq!(asks(stocks(), 10, 5), [(7, 10, Some(100))]);
    }

    #[test]
    fn what_is_not_urgent_goes_in_its_exact_order() {
        let stocks = vec![stock(3, 9, 86_400_000), stock(7, 9, 86_400_001)];
        assert_eq!(asks(stocks, 100, 7), [(3, 100, Some(86_400_001))]);
        let stocks = vec![stock(3, 9, 9_950), stock(7, 9, 10_001)];
        assert_eq!(asks(stocks, 100, 7), [(3, 100, Some(10_001))]);
    }
}
