//! Idempotency keys: the answer is kept in the commit that it answers, for 24 hours.

use ripple_domain::Timestamp;

use crate::{
    CommitError, Idempotency,
    embedded::{
        key::Key,
        record::{Answer, IdempotencyRecord},
        tx::Tx,
    },
};

/// How long an answer is kept, in milliseconds.
const KEPT_MS: i64 = 24 * 3_600_000;

/// The answer that this key was given before.
pub(in super::super) fn find(
    tx: &Tx<'_>,
    idempotency: Option<Idempotency>,
) -> Result<Option<Answer>, CommitError> {
    let Some(idempotency) = idempotency else {
        return Ok(None);
    };
    let record = tx.read("idempotency key", &Key::Idempotency(&idempotency.key))?;
    answer_to(idempotency, record, tx.now)
}

/// The answer that the record of this key holds at `now`.
pub(in super::super) fn answer_to(
    idempotency: Idempotency,
    record: Option<IdempotencyRecord>,
    now: Timestamp,
) -> Result<Option<Answer>, CommitError> {
    match record {
        Some(IdempotencyRecord::V1 { used_at, .. }) if used_at.plus_ms(KEPT_MS) <= now => Ok(None),
        Some(IdempotencyRecord::V1 { request, .. }) if request != idempotency.request => {
            Err(CommitError::IdempotencyMismatch)
        }
        Some(IdempotencyRecord::V1 { answer, .. }) => Ok(Some(answer)),
        None => Ok(None),
    }
}

/// Keeps the answer.
pub(in super::super) fn keep(
    tx: &mut Tx<'_>,
    idempotency: Option<Idempotency>,
    answer: impl FnOnce() -> Answer,
) -> Result<(), CommitError> {
    let Some(Idempotency { key, request }) = idempotency else {
        return Ok(());
    };
    let used_at = tx.now;
    tx.write(
        &Key::Idempotency(&key),
        &IdempotencyRecord::V1 {
            request,
            used_at,
            answer: answer(),
        },
    )?;
    tx.put(&Key::IdempotencyAge(used_at, &key), []);
    Ok(())
}

/// The last moment whose keys may be forgotten at `now`.
pub(in super::super) fn forgettable_at(now: Timestamp) -> Timestamp {
    now.plus_ms(-KEPT_MS)
}

/// Forgets the keys with these age records (time and key, as they stand in their names).
pub(in super::super) fn forget(tx: &mut Tx<'_>, ages: &[fjall::Slice]) -> Result<(), CommitError> {
    for age in ages {
        if let Some((_, key)) = age.split_last_chunk::<32>() {
            // A key that was used again after its day has a younger record, which stays.
            if let Some(IdempotencyRecord::V1 { used_at, .. }) =
                tx.read("idempotency key", &Key::Idempotency(key))?
                && used_at <= forgettable_at(tx.now)
            {
                tx.delete(&Key::Idempotency(key));
            }
        }
        tx.delete_name(age.clone());
    }
    Ok(())
}
