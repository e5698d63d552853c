//! The loop's decisions, as pure functions: time and random draws come in as arguments.

use std::time::Duration;

use ripple_domain::{Job, Tier, Timestamp, retry::NextAttempt};
use ripple_store::Fate;

/// A claim with at least this many jobs is a sign of load: the next one may wait for more.
const LOAD_JOBS_MIN: usize = 4;
/// Wake-ups for nothing, one after another, before they are slowed down.
const IDLE_WAKES_FREE: u32 = 3;
const IDLE_WAKE_DELAY_MS_MAX: u64 = 32;
/// The longest time between tries while the store is out: half of what followers wait at worst.
const OUTAGE_DELAY_MS_MAX: u64 = 5_000;
/// A dead letter's reason is cut to this length, in bytes: a queue holds no documents.
const ERROR_BYTES_MAX: usize = 1_000;

/// The most jobs of a tier that are claimed at once.
pub(crate) const fn batch_jobs_max(tier: Tier) -> usize {
    match tier {
        // What one walk through the home timelines' shards carries best.
        Tier::Followers => 256,
        Tier::Public => 1_000,
    }
}

/// Why a job is given up without being run; `None` when it is to be run. Its age is no reason: a post
/// that was accepted before a long outage still belongs on its pages.
pub(crate) fn reason_not_to_run(job: &Job) -> Option<String> {
    // Attempts also count workers that died with the job: a job that kills its worker ends here.
    (job.attempts >= job.tier().retry_policy().attempts_max).then(|| {
        format!(
            "exhausted: none of {} workers that began it reported back",
            job.attempts
        )
    })
}

/// What becomes of a job whose attempt has just failed with `error`. `jitter` is a uniform draw from
/// `0.0..1.0`.
pub(crate) fn after_failure(job: &Job, now: Timestamp, error: &str, jitter: f64) -> Fate {
    let attempts = job.attempts.saturating_add(1);
    let policy = job.tier().retry_policy();
    let error = cut(error);
    match policy.after_failure(attempts, now, job.expires_at, jitter) {
        NextAttempt::At(at) => Fate::Retry {
            at,
            error: error.into(),
        },
        NextAttempt::Exhausted => Fate::Dead {
            error: format!("exhausted after {attempts} attempts: {error}"),
        },
        NextAttempt::Expired => Fate::Dead {
            error: format!("expired before another attempt: {error}"),
        },
    }
}

/// What becomes of a job whose attempt the store could not carry out, as it could not be reached or was
/// full. Until its work has lost its use that is no attempt: an outage must cost no post, however many
/// attempts would have fitted in. It is tried again after about a quarter of the time that it has
/// waited. `jitter` is a uniform draw from `0.0..1.0`.
pub(crate) fn after_outage(job: &Job, now: Timestamp, error: &str, jitter: f64) -> Fate {
    if now >= job.expires_at {
        return after_failure(job, now, error, jitter);
    }
    let waited = now.ms_since(job.accepted_at);
    let least = u64::from(job.tier().retry_policy().base_ms);
    let delay = Duration::from_millis((waited / 4).clamp(least, OUTAGE_DELAY_MS_MAX));
    let delay = delay
        .mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0)
        .as_millis();
    Fate::Postpone {
        at: now.plus_ms(i64::try_from(delay).unwrap_or(i64::MAX)),
        error: cut(error).into(),
    }
}

fn cut(error: &str) -> &str {
    &error[..error.floor_char_boundary(ERROR_BYTES_MAX)]
}

/// How long to wait before the next claim so that more jobs share its batch. Only under load: after a
/// small claim, or when the last one is long past, there is no wait; nor after a full one, because
/// the next batch is waiting already.
pub(crate) fn gather(
    tier: Tier,
    gather: Duration,
    last_claim_jobs: usize,
    since_last_claim: Duration,
) -> Duration {
    let under_load = (LOAD_JOBS_MIN..batch_jobs_max(tier)).contains(&last_claim_jobs);
    match tier {
        Tier::Public if under_load => gather.saturating_sub(since_last_claim),
        _ => Duration::ZERO,
    }
}

/// How long to wait after `idle_wakes` notifications in a row that led to no job, so that a store
/// which notifies for nothing, or many workers that race for one job, cost no busy loop.
pub(crate) fn idle_wake_delay(idle_wakes: u32) -> Duration {
    match idle_wakes.checked_sub(IDLE_WAKES_FREE) {
        None | Some(0) => Duration::ZERO,
        Some(over) => Duration::from_millis((1 << over.min(16)).min(IDLE_WAKE_DELAY_MS_MAX)),
    }
}

/// How long to wait after a store call failed for the `failures`th time in a row: doubling from
/// `base` to `most`, the upper half drawn by `jitter`.
pub(crate) fn store_backoff(
    failures: u32,
    base: Duration,
    most: Duration,
    jitter: f64,
) -> Duration {
    let ceiling = base
        .saturating_mul(1 << failures.saturating_sub(1).min(16))
        .min(most);
    ceiling.mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0)
}

#[cfg(test)]
mod tests {
    use ripple_domain::{JobId, JobKind, PostId};

    use super::*;

    const NOW: Timestamp = Timestamp::from_ms(1_772_366_400_000);
    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn job(attempts: u32) -> Job {
        Job {
            attempts,
            ..Job::new(JobId(1), JobKind::deliver(PostId(1)), NOW, None)
        }
    }

    #[test]
    fn a_failed_job_is_tried_again_within_its_backoff() {
        let ceiling = after_failure(&job(0), NOW, "no", 1.0);
        let Fate::Retry { at, error } = ceiling else {
            panic!("{ceiling:?}")
        };
        assert_eq!((at, error.as_str()), (NOW.plus_ms(50), "no"));
    }

    #[test]
    fn the_last_attempt_makes_a_dead_letter_with_its_reason() {
        let last = Tier::Followers.retry_policy().attempts_max - 1;
        assert_eq!(
            after_failure(&job(last), NOW, "no", 0.0),
            Fate::Dead {
                error: "exhausted after 20 attempts: no".into()
            }
        );
        assert!(matches!(
            after_failure(&job(last - 1), NOW, "no", 0.0),
            Fate::Retry { .. }
        ));
    }

    #[test]
    fn age_alone_is_no_reason_to_give_a_job_up() {
        let late = job(0).expires_at.plus_ms(8 * 86_400_000);
        assert_eq!(reason_not_to_run(&job(0)), None);
        let failed = after_failure(&job(0), late, "no", 0.0);
        assert!(matches!(failed, Fate::Retry { .. }), "{failed:?}");
        let in_all = Tier::Followers.retry_policy().late_attempts;
        let failed = after_failure(&job(in_all - 1), late, "no", 0.0);
        assert!(matches!(failed, Fate::Dead { error } if error.starts_with("expired")));
    }

    #[test]
    fn an_outage_costs_no_attempts_until_the_work_is_of_no_use() {
        let at = |waited_ms, jitter| {
            let now = NOW.plus_ms(waited_ms);
            match after_outage(&job(19), now, "full", jitter) {
                Fate::Postpone { at, .. } => at.ms_since(now),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(
            [at(0, 1.0), at(4_000, 1.0), at(3_600_000, 1.0)],
            [50, 1_000, 5_000]
        );
        assert_eq!(at(4_000, 0.0), 500);
        let late = job(0).expires_at;
        assert!(matches!(
            after_outage(&job(19), late, "full", 0.0),
            Fate::Dead { .. }
        ));
    }

    #[test]
    fn a_job_that_killed_all_its_workers_is_not_run_again() {
        let attempts_max = Tier::Followers.retry_policy().attempts_max;
        assert_eq!(reason_not_to_run(&job(attempts_max - 1)), None);
        assert!(reason_not_to_run(&job(attempts_max)).is_some());
    }

    #[test]
    fn a_long_error_is_cut_between_characters() {
        let error = "é".repeat(ERROR_BYTES_MAX);
        let fate = after_failure(&job(0), NOW, &error, 0.0);
        assert!(matches!(fate, Fate::Retry { error, .. } if error.len() == ERROR_BYTES_MAX));
        assert_eq!(cut("short"), "short");
    }

    #[test]
    fn only_load_makes_a_claim_wait() {
        let wait = |tier, jobs, since| gather(tier, MS(200), jobs, MS(since));
        assert_eq!(wait(Tier::Public, 0, 0), MS(0));
        assert_eq!(wait(Tier::Public, 1, 0), MS(0));
        assert_eq!(wait(Tier::Public, 100, 50), MS(150));
        assert_eq!(wait(Tier::Public, 100, 500), MS(0));
        assert_eq!(wait(Tier::Public, 1_000, 0), MS(0));
        assert_eq!(wait(Tier::Followers, 100, 0), MS(0));
    }

    #[test]
    fn wakes_for_nothing_are_slowed_down() {
        let delays = [0, 3, 4, 5, 7, 9, u32::MAX].map(idle_wake_delay);
        assert_eq!(delays, [0, 0, 2, 4, 16, 32, 32].map(MS));
    }

    #[test]
    fn a_failing_store_is_asked_ever_less_often() {
        let wait = |failures, jitter| store_backoff(failures, MS(100), MS(5_000), jitter);
        assert_eq!([1, 2, 3].map(|n| wait(n, 1.0)), [100, 200, 400].map(MS));
        assert_eq!([1, 2, 3].map(|n| wait(n, 0.0)), [50, 100, 200].map(MS));
        assert_eq!(wait(u32::MAX, 1.0), MS(5_000));
    }
}
