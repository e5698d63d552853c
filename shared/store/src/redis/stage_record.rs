//! How far a tier has come with a post, as it is kept in the post's receipt: one field a tier, which
//! scripts write too (`scripts/lib/stage.lua`).

use ripple_domain::{Stage, StageState, Timestamp};

use crate::{StageProgress, StoreError};

const VERSION: u8 = 1;
const BYTES: usize = 43;
const STARTED: u8 = 1;
const DONE: u8 = 2;
const CORRUPT: StoreError = StoreError::Corrupt { what: "receipt" };

/// Encodes a stage: version, state, flags, when the author tier was done, total, delivered,
/// `started_at` and `done_at`, numbers in 8 bytes each, big-endian.
pub(super) fn encode_stage(progress: &StageProgress) -> [u8; BYTES] {
    let StageProgress {
        author_done_at,
        stage,
    } = progress;
    let state = match stage.state {
        StageState::Pending => 0,
        StageState::Running => 1,
        StageState::Done => 2,
        StageState::Dead => 3,
        StageState::Skipped => 4,
    };
    let flag = |time: Option<Timestamp>, flag| if time.is_some() { flag } else { 0 };
    let time = |time: Option<Timestamp>| time.map_or(0, Timestamp::as_ms).to_be_bytes();
    let mut record = [0; BYTES];
    record[..3].copy_from_slice(&[
        VERSION,
        state,
        flag(stage.started_at, STARTED) | flag(stage.done_at, DONE),
    ]);
    let numbers = [
        author_done_at.as_ms().to_be_bytes(),
        stage.total.to_be_bytes(),
        stage.delivered.to_be_bytes(),
        time(stage.started_at),
        time(stage.done_at),
    ];
    record[3..].copy_from_slice(numbers.as_flattened());
    record
}

/// Decodes a stage.
pub(super) fn decode_stage(record: &[u8]) -> Result<StageProgress, StoreError> {
    let record: &[u8; BYTES] = record.try_into().map_err(|_| CORRUPT)?;
    let state = match (record[0], record[1]) {
        (VERSION, 0) => StageState::Pending,
        (VERSION, 1) => StageState::Running,
        (VERSION, 2) => StageState::Done,
        (VERSION, 3) => StageState::Dead,
        (VERSION, 4) => StageState::Skipped,
        _ => return Err(CORRUPT),
    };
    let flags = record[2];
    let number = |index: usize| {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&record[3 + 8 * index..11 + 8 * index]);
        bytes
    };
    let time = |index| Timestamp::from_ms(i64::from_be_bytes(number(index)));
    Ok(StageProgress {
        author_done_at: time(0),
        stage: Stage {
            state,
            total: u64::from_be_bytes(number(1)),
            delivered: u64::from_be_bytes(number(2)),
            started_at: (flags & STARTED != 0).then(|| time(3)),
            done_at: (flags & DONE != 0).then(|| time(4)),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_is_read_as_it_was_written() {
        let time = Timestamp::from_ms(1_772_366_400_123);
        for (started_at, done_at) in [(None, None), (Some(time), None), (Some(time), Some(time))] {
            let progress = StageProgress {
                author_done_at: time,
                stage: Stage {
                    state: StageState::Dead,
                    total: 7,
                    delivered: u64::MAX,
                    started_at,
                    done_at,
                },
            };
            assert_eq!(decode_stage(&encode_stage(&progress)).unwrap(), progress);
        }
        assert!(decode_stage(&[]).is_err() && decode_stage(&[9; BYTES]).is_err());
    }
}
