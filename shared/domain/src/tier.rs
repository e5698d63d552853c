//! The tiers of delivery and what each promises.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::retry::RetryPolicy;

/// Who is waiting. (The author's tier is the request itself: it has no jobs.)
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Tier {
    /// The people who follow the author, and those who are named or addressed in the post.
    Followers,
    /// Everybody else: the public page, tag and keyword pages, feeds.
    Public,
}

/// The text names no tier.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no such tier: the tiers are followers and public")]
pub struct UnknownTier;

impl Tier {
    /// Every tier, the most urgent first.
    pub const ALL: [Self; 2] = [Self::Followers, Self::Public];

    /// The name in paths, options, logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Followers => "followers",
            Self::Public => "public",
        }
    }

    /// The latency from accept that the tier aims at, in milliseconds.
    pub const fn target_ms(self) -> i64 {
        match self {
            Self::Followers => 1_000,
            Self::Public => 5_000,
        }
    }

    /// The latency from accept that the tier promises at worst, in milliseconds. A job's deadline is
    /// this long after its post was accepted.
    pub const fn worst_case_ms(self) -> i64 {
        match self {
            Self::Followers => 10_000,
            Self::Public => 60_000,
        }
    }

    /// How long after accept it is of use to try again what fails, in milliseconds; a job that goes
    /// on failing then goes to the dead letters. One that merely waited is done whatever its age.
    pub const fn useful_ms(self) -> i64 {
        const DAY_MS: i64 = 24 * 3_600_000;
        match self {
            Self::Followers => DAY_MS,
            Self::Public => 7 * DAY_MS,
        }
    }

    /// When and how often a failed job of the tier is tried again.
    pub const fn retry_policy(self) -> RetryPolicy {
        match self {
            Self::Followers => RetryPolicy {
                base_ms: 50,
                delay_ms_max: 10_000,
                attempts_max: 20,
                late_attempts: 10,
            },
            Self::Public => RetryPolicy {
                base_ms: 200,
                delay_ms_max: 60_000,
                attempts_max: 20,
                late_attempts: 10,
            },
        }
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Tier {
    type Err = UnknownTier;

    fn from_str(text: &str) -> Result<Self, UnknownTier> {
        Self::ALL
            .into_iter()
            .find(|tier| tier.name() == text)
            .ok_or(UnknownTier)
    }
}
