//! Who waits for a post to be delivered.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use ripple_domain::{PostId, Tier};
use tokio::sync::Notify;

type Waiting = HashMap<(PostId, Tier), Arc<Notify>>;

/// The waiting requests, by what they wait for.
#[derive(Debug, Default)]
pub(super) struct Watchers(Mutex<Waiting>);

/// A place in the line; dropping it leaves the line.
pub(super) struct Watch<'a> {
    watchers: &'a Watchers,
    what: (PostId, Tier),
    notify: Arc<Notify>,
}

impl Watchers {
    /// Gets in line. From the return on a [`Watchers::wake`] reaches the watch.
    pub(super) fn watch(&self, post: PostId, tier: Tier) -> Watch<'_> {
        let what = (post, tier);
        let notify = Arc::clone(self.waiting().entry(what).or_default());
        Watch {
            watchers: self,
            what,
            notify,
        }
    }

    /// Tells all who wait for this that it has happened.
    pub(super) fn wake(&self, post: PostId, tier: Tier) {
        let Some(notify) = self.waiting().remove(&(post, tier)) else {
            return;
        };
        // A permit stays for one who has not begun to wait yet; all others wait already, or share it.
        notify.notify_waiters();
        notify.notify_one();
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watch<'_> {
    /// Resolves after the wake.
    pub(super) async fn woken(&self) {
        self.notify.notified().await;
        self.notify.notify_one();
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        let mut waiting = self.watchers.waiting();
        // The map and this watch hold one each: nobody else waits.
        if waiting
            .get(&self.what)
            .is_some_and(|other| Arc::ptr_eq(other, &self.notify) && Arc::strong_count(other) <= 2)
        {
            waiting.remove(&self.what);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn all_who_wait_are_woken_and_none_is_kept() {
        let watchers = Watchers::default();
        let (one, two) = (
            watchers.watch(PostId(1), Tier::Public),
            watchers.watch(PostId(1), Tier::Public),
        );
        watchers.wake(PostId(1), Tier::Public);
        one.woken().await;
        two.woken().await;
        drop((one, two));

        drop(watchers.watch(PostId(2), Tier::Public));
        assert!(watchers.waiting().is_empty());
    }
}
