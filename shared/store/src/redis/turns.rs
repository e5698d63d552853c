//! What many need and one of them fetches. When that fails, it fails for all who waited for it: if each
//! tried in turn while a server does not answer, the last of a hundred would wait for minutes.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Mutex;

/// Lets one at a time fetch something.
pub(super) struct Turns<E> {
    /// Held by whoever fetches it; how the last failure was.
    fetching: Mutex<Option<E>>,
    failures: AtomicU64,
}

impl<E: Clone> Turns<E> {
    /// What `find` finds, or else what `fetch` fetches. Those who wait look once more when it is their
    /// turn.
    pub(super) async fn get<T, F: Future<Output = Result<T, E>>>(
        &self,
        find: impl Fn() -> Option<T>,
        fetch: impl FnOnce() -> F,
    ) -> Result<T, E> {
        if let Some(found) = find() {
            return Ok(found);
        }
        let failures = self.failures.load(Ordering::Acquire);
        let mut failure = self.fetching.lock().await;
        if let Some(found) = find() {
            return Ok(found);
        }
        if failures != self.failures.load(Ordering::Acquire)
            && let Some(error) = &*failure
        {
            return Err(error.clone());
        }
        // In a box, because few need all this.
        let fetched = Box::pin(fetch()).await;
        if let Err(error) = &fetched {
            *failure = Some(error.clone());
            self.failures.fetch_add(1, Ordering::Release);
        }
        fetched
    }

    /// Whether somebody fetches it.
    pub(super) fn are_taken(&self) -> bool {
        self.fetching.try_lock().is_err()
    }
}

impl<E> Default for Turns<E> {
    fn default() -> Self {
        Self {
            fetching: Mutex::new(None),
            failures: AtomicU64::new(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::atomic::AtomicU32, time::Duration};

    use futures_util::future::join_all;
    use tokio::time::{sleep, timeout};

    use super::*;

    #[tokio::test]
    async fn who_waited_for_a_failure_does_not_try_again() {
        let turns = Turns::default();
        let tries = AtomicU32::new(0);
        let nothing = || None::<u32>;
        let fail = || async {
            sleep(Duration::from_millis(20)).await;
            Err(tries.fetch_add(1, Ordering::Relaxed))
        };
        let all = join_all((0..100).map(|_| turns.get(nothing, fail))).await;
        assert_eq!(all, [Err(0); 100]);
        // Whoever comes later tries.
        assert_eq!(turns.get(nothing, fail).await, Err(1));
        let fetched = turns.get(nothing, || async { Ok(7) }).await;
        assert_eq!(fetched, Ok(7));
        assert!(!turns.are_taken());
    }

    #[tokio::test]
    async fn one_who_leaves_lets_the_next_one_try() {
        let turns = Turns::<()>::default();
        let never = turns.get(|| None::<u32>, std::future::pending);
        let gone = timeout(Duration::from_millis(20), never);
        let (gone, fetched) = tokio::join!(gone, turns.get(|| None, || async { Ok(7) }));
        assert!(gone.is_err());
        assert_eq!(fetched, Ok(7));
    }
}
