use std::{fmt, num::ParseIntError, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// Partitions of every store, fixed when it is created: six bits of each post id name one.
pub const PARTITIONS: u8 = 64;

/// 2000-01-01T00:00:00Z, where the 41 bits of milliseconds of a [`PostId`] begin. They last until
/// September 2069, and leave room for imports of everything that a social service ever held.
const POST_ID_EPOCH_MS: i64 = 946_684_800_000;
const SEQUENCE_BITS: u32 = 6;
const PARTITION_BITS: u32 = 6;
const MS_BITS: u32 = 41;
const MS_MAX: u64 = (1 << MS_BITS) - 1;
const SEQUENCE_MAX: u64 = (1 << SEQUENCE_BITS) - 1;

/// One of the [`PARTITIONS`] into which a store divides its users with all that they wrote.
pub type Partition = u8;

/// The text is not an id: ids are decimal digits without sign, in the range of their kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an id")]
pub struct ParseIdError;

impl From<ParseIntError> for ParseIdError {
    fn from(_: ParseIntError) -> Self {
        Self
    }
}

/// A user's id. They are dense (1, 2, 3 …), so that per-user state can live in flat arrays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct UserId(pub u32);

impl UserId {
    /// The partition that holds the user, his posts and the jobs that they cause.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a remainder of 64 fits in 8 bits"
    )]
    pub const fn partition(self) -> Partition {
        (self.0 % PARTITIONS as u32) as Partition
    }
}

/// A post's id: 41 bits of milliseconds, 6 of the author's partition, 6 of sequence.
///
/// Ids are ordered by time, are exact as JSON numbers and as the scores of a sorted set (53 bits),
/// and tell which partition holds the post.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PostId(pub u64);

impl PostId {
    /// The largest id there can be.
    pub const MAX: Self = Self((1 << (MS_BITS + PARTITION_BITS + SEQUENCE_BITS)) - 1);

    /// The id of the `sequence`th post of `partition` in the millisecond of `time`, or `None` when
    /// the time lies outside the years 2000 to 2069 or a part is too large for its bits.
    pub fn compose(time: Timestamp, partition: Partition, sequence: u8) -> Option<Self> {
        let ms = u64::try_from(time.as_ms().checked_sub(POST_ID_EPOCH_MS)?).ok()?;
        let fits = ms <= MS_MAX && partition < PARTITIONS && sequence < 1 << SEQUENCE_BITS;
        fits.then_some(Self(
            ms << (PARTITION_BITS + SEQUENCE_BITS)
                | u64::from(partition) << SEQUENCE_BITS
                | u64::from(sequence),
        ))
    }

    /// The smallest id of this moment or a later one; one past [`PostId::MAX`] for a time after all ids.
    pub fn first_of(time: Timestamp) -> Self {
        let past_all = Self(Self::MAX.0 + 1);
        match Self::compose(time, 0, 0) {
            Some(id) => id,
            None if time.as_ms() < POST_ID_EPOCH_MS => Self(0),
            None => past_all,
        }
    }

    /// The next id of the same partition: the next in the sequence, or the first of the next
    /// millisecond. `None` past the last millisecond.
    pub fn successor(self) -> Option<Self> {
        if self.0 & SEQUENCE_MAX < SEQUENCE_MAX {
            return Some(Self(self.0 + 1));
        }
        Self::compose(self.time().plus_ms(1), self.partition(), 0)
    }

    /// When the post was made, to the millisecond.
    pub fn time(self) -> Timestamp {
        let ms = (self.0 >> (PARTITION_BITS + SEQUENCE_BITS)) & MS_MAX;
        #[expect(clippy::cast_possible_wrap, reason = "41 bits fit in an i64")]
        Timestamp::from_ms(ms as i64 + POST_ID_EPOCH_MS)
    }

    /// The partition of the author, where the post lives.
    #[expect(clippy::cast_possible_truncation, reason = "masked to six bits")]
    pub const fn partition(self) -> Partition {
        ((self.0 >> SEQUENCE_BITS) & (PARTITIONS as u64 - 1)) as Partition
    }
}

/// A job's id, made by the store; unique within it and growing in the order of commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct JobId(pub u64);

macro_rules! decimal_id {
    ($id:ident, $inner:ty, $max:expr) => {
        impl fmt::Display for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $id {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                if !text.bytes().all(|b| b.is_ascii_digit()) {
                    return Err(ParseIdError);
                }
                let number: $inner = text.parse()?;
                (number <= $max).then_some(Self(number)).ok_or(ParseIdError)
            }
        }
    };
}

decimal_id!(UserId, u32, u32::MAX);
decimal_id!(PostId, u64, PostId::MAX.0);
decimal_id!(JobId, u64, u64::MAX);

/// Makes the post ids of a store: unique, and growing within a partition whatever the clock does.
///
/// When the clock stands still or was set back, ids go on from the last one; when the 64 ids of a
/// millisecond are used up, the next millisecond is borrowed.
#[derive(Clone, Debug)]
pub struct PostIdSequence {
    last: [u64; PARTITIONS as usize],
}

impl PostIdSequence {
    /// A sequence whose ids all lie above `newest`, the newest id that the store holds.
    pub fn starting_after(newest: Option<PostId>) -> Self {
        // The id's partition bits are another partition's: its whole millisecond counts as used.
        let used = newest.map_or(0, |id| id.0 >> (PARTITION_BITS + SEQUENCE_BITS));
        let last = std::array::from_fn(|partition| {
            (used << (PARTITION_BITS + SEQUENCE_BITS))
                | ((partition as u64) << SEQUENCE_BITS)
                | SEQUENCE_MAX
        });
        Self { last }
    }

    /// The next id of `partition` at the time `now`; `None` past the year 2069.
    pub fn next(&mut self, now: Timestamp, partition: Partition) -> Option<PostId> {
        let last = PostId(*self.last.get(usize::from(partition))?);
        let fresh = PostId::compose(now, partition, 0).filter(|fresh| *fresh > last);
        let id = match fresh {
            Some(fresh) => fresh,
            None => last.successor()?,
        };
        self.last[usize::from(partition)] = id.0;
        Some(id)
    }

    /// Whether `id` lies above all ids made so far in its partition.
    pub fn is_ahead(&self, id: PostId) -> bool {
        id.0 > self.last[usize::from(id.partition())]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_ms(1_772_366_400_123);

    #[test]
    fn an_id_tells_its_time_and_partition() {
        let id = PostId::compose(NOW, 63, 5).unwrap();
        assert_eq!((id.time(), id.partition()), (NOW, 63));
        assert!(id.0 < 1 << 53);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(PostId::compose(Timestamp::from_ms(0), 0, 0), None);
        assert_eq!(PostId::compose(NOW, 64, 0), None);
    }

    #[test]
    fn every_time_has_a_place_in_the_order_of_ids() {
        let at = |ms| PostId::first_of(Timestamp::from_ms(ms));
        assert_eq!(PostId::first_of(NOW), PostId::compose(NOW, 0, 0).unwrap());
        assert_eq!((at(i64::MIN), at(1_000)), (PostId(0), PostId(0)));
        assert!(at(i64::MAX) > PostId::MAX && at(i64::MAX) == at(4_000_000_000_000));
    }

    #[test]
    fn what_is_no_id_is_refused() {
        for text in ["", "+1", "-1", "1.0", " 1", "x", "9007199254740992"] {
            assert_eq!(text.parse::<PostId>(), Err(ParseIdError), "{text:?}");
        }
        assert_eq!("9007199254740991".parse(), Ok(PostId::MAX));
    }

    proptest! {
        #[test]
        fn ids_grow_whatever_the_clock_does(
            steps in prop::collection::vec((-5_000_i64..5_000, 0_u8..4), 1..500),
            restart_at in 0_usize..500,
        ) {
            let mut sequence = PostIdSequence::starting_after(None);
            let mut newest = [None::<PostId>; 4];
            for (step, (drift, partition)) in steps.into_iter().enumerate() {
                if step == restart_at {
                    sequence = PostIdSequence::starting_after(newest.iter().copied().flatten().max());
                }
                let id = sequence.next(NOW.plus_ms(drift), partition).unwrap();
                prop_assert_eq!(id.partition(), partition);
                prop_assert!(Some(id) > newest[usize::from(partition)]);
                newest[usize::from(partition)] = Some(id);
            }
        }
    }
}
