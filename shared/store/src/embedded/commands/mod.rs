//! What each commit does: pure in the sense that a command reads and writes records through its
//! [`Tx`](super::tx::Tx) alone.

pub(super) mod idempotency;
pub(super) mod imports;
pub(super) mod index;
pub(super) mod jobs;
pub(super) mod posts;
pub(super) mod users;
