//! The retry schedule: exponential backoff with full jitter, up to a limit.
//!
//! Full jitter (a uniform draw between zero and the backed-off delay) spreads the retries of jobs
//! that failed together better than a fixed delay with noise does; see "Exponential Backoff And
//! Jitter", AWS Architecture Blog, 2015.

use crate::Timestamp;

/// When and how often a failed job is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// The longest delay before the second attempt, in milliseconds; it doubles with each attempt.
    pub base_ms: u32,
    /// The longest delay before any attempt, in milliseconds.
    pub delay_ms_max: u32,
    /// Attempts in all, the first included.
    pub attempts_max: u32,
    /// Attempts that a job gets however late it is: an outage of days must cost no post.
    pub late_attempts: u32,
}

/// What becomes of a job whose attempt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextAttempt {
    /// Try again, not before this moment.
    At(Timestamp),
    /// All attempts are used up.
    Exhausted,
    /// The next attempt would come after the work has lost its use, and the job has had those that
    /// it gets all the same.
    Expired,
}

impl RetryPolicy {
    /// What becomes of a job that has failed `attempts` times by `now`. `jitter` is a uniform draw
    /// from `0.0..1.0`.
    pub fn after_failure(
        &self,
        attempts: u32,
        now: Timestamp,
        expires_at: Timestamp,
        jitter: f64,
    ) -> NextAttempt {
        if attempts >= self.attempts_max {
            return NextAttempt::Exhausted;
        }
        let at = now.plus_ms(self.delay_ms(attempts, jitter));
        if at < expires_at || attempts < self.late_attempts {
            NextAttempt::At(at)
        } else {
            NextAttempt::Expired
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "at most delay_ms_max, a u32"
    )]
    fn delay_ms(&self, attempts: u32, jitter: f64) -> i64 {
        let doublings = attempts.saturating_sub(1).min(31);
        let ceiling = (u64::from(self.base_ms) << doublings).min(u64::from(self.delay_ms_max));
        #[expect(clippy::cast_precision_loss, reason = "a u32 is exact in an f64")]
        let ceiling = ceiling as f64;
        (ceiling * jitter.clamp(0.0, 1.0)) as i64
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const POLICY: RetryPolicy = RetryPolicy {
        base_ms: 100,
        delay_ms_max: 5_000,
        attempts_max: 8,
        late_attempts: 3,
    };
    const NOW: Timestamp = Timestamp::from_ms(1_000_000);
    const FAR: Timestamp = Timestamp::from_ms(i64::MAX);

    #[test]
    fn the_ceiling_doubles_up_to_its_bound() {
        let ceiling = |attempts| POLICY.after_failure(attempts, NOW, FAR, 1.0);
        let at = |ms| NextAttempt::At(NOW.plus_ms(ms));
        assert_eq!(
            [1, 2, 3, 7].map(ceiling),
            [at(100), at(200), at(400), at(5_000)]
        );
        assert_eq!(ceiling(8), NextAttempt::Exhausted);
    }

    #[test]
    fn no_attempt_is_planned_past_the_expiry_but_the_first_few() {
        let expires_at = NOW.plus_ms(400);
        let plan = |attempts, now, jitter| POLICY.after_failure(attempts, now, expires_at, jitter);
        assert_eq!(plan(3, NOW, 1.0), NextAttempt::Expired);
        assert_eq!(plan(3, NOW, 0.5), NextAttempt::At(NOW.plus_ms(200)));
        let days_later = NOW.plus_ms(8 * 86_400_000);
        assert_eq!(plan(1, days_later, 0.0), NextAttempt::At(days_later));
        assert_eq!(plan(2, days_later, 0.0), NextAttempt::At(days_later));
        assert_eq!(plan(3, days_later, 0.0), NextAttempt::Expired);
    }

    proptest! {
        #[test]
        fn a_delay_stays_in_its_bounds(attempts in 0_u32..100, jitter in -1.0_f64..2.0) {
            match POLICY.after_failure(attempts, NOW, FAR, jitter) {
                NextAttempt::At(at) => prop_assert!(at >= NOW && at <= NOW.plus_ms(5_000)),
                NextAttempt::Exhausted => prop_assert!(attempts >= 8),
                NextAttempt::Expired => prop_assert!(false),
            }
        }
    }
}
