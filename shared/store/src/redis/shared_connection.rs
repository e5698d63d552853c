//! A connection that all tasks share: made when it is first needed, and anew when it has failed.

use std::sync::{Mutex, MutexGuard, PoisonError};

use redis::{RedisError, RedisResult};

use super::turns::Turns;

/// The place of a shared connection.
pub(super) struct SharedConnection<C> {
    kept: Mutex<Kept<C>>,
    /// When it has failed, all who need it come at once.
    making: Turns<RedisError>,
}

struct Kept<C> {
    connection: Option<C>,
    /// How many have been made.
    number: u64,
}

impl<C: Clone> SharedConnection<C> {
    /// The connection, with its number; `make` makes it where there is none.
    pub(super) async fn get<F: Future<Output = RedisResult<C>>>(
        &self,
        make: impl FnOnce() -> F,
    ) -> RedisResult<(C, u64)> {
        let make = || async {
            let fresh = make().await?;
            let mut kept = self.kept();
            kept.number += 1;
            kept.connection = Some(fresh.clone());
            Ok((fresh, kept.number))
        };
        self.making.get(|| self.kept().get(), make).await
    }

    /// The connection with this number has failed: the next one who needs it makes a fresh one. (News
    /// of one that failed earlier must not end the one that has taken its place.) Whether it was still
    /// the one in use.
    pub(super) fn forget(&self, number: u64) -> bool {
        let mut kept = self.kept();
        kept.number == number && kept.connection.take().is_some()
    }

    /// What the connection leads to has changed, whichever it is.
    pub(super) fn forget_any(&self) {
        self.kept().connection = None;
    }

    fn kept(&self) -> MutexGuard<'_, Kept<C>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C> Default for SharedConnection<C> {
    fn default() -> Self {
        Self {
            kept: Mutex::new(Kept {
                connection: None,
                number: 0,
            }),
            making: Turns::default(),
        }
    }
}

impl<C: Clone> Kept<C> {
    fn get(&self) -> Option<(C, u64)> {
        self.connection.clone().map(|it| (it, self.number))
    }
}
