//! Who waits for a post to be delivered.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use ripple_domain::{PostId, Tier};
use tokio::sync::Notify;

type Waiting = HashMap<(PostId, Tier), Line>;

/// Those who wait for one thing.
#[derive(Debug, Default)]
struct Line {
    notify: Arc<Notify>,
    /// How many they are. Counted under the lock: the last one to leave removes the line, also where
    /// several leave at once.
    watches: usize,
}

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
        let mut waiting = self.waiting();
        let line = waiting.entry(what).or_default();
        line.watches += 1;
        let notify = Arc::clone(&line.notify);
        drop(waiting);
        Watch {
            watchers: self,
            what,
            notify,
        }
    }

    /// Tells all who wait for this that it has happened.
    pub(super) fn wake(&self, post: PostId, tier: Tier) {
        let Some(Line { notify, .. }) = self.waiting().remove(&(post, tier)) else {
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
        let Some(line) = waiting.get_mut(&self.what) else {
            return;
        };
        // After a wake others may have formed a new line.
        if !Arc::ptr_eq(&line.notify, &self.notify) {
            return;
        }
        line.watches -= 1;
        if line.watches == 0 {
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

    #[test]
    fn those_who_leave_at_once_leave_nothing() {
        let watchers = Watchers::default();
        let watch = || watchers.watch(PostId(1), Tier::Public);
        let (one, two) = (watch(), watch());
        // As it is for a moment when another thread leaves: off the line, its place not yet freed.
        let being_freed = Arc::clone(&one.notify);
        drop(one);
        drop(two);
        assert!(watchers.waiting().is_empty());
        drop(being_freed);
    }

    #[test]
    fn who_was_woken_leaves_the_next_line_alone() {
        let watchers = Watchers::default();
        let woken = watchers.watch(PostId(1), Tier::Public);
        watchers.wake(PostId(1), Tier::Public);
        let next = watchers.watch(PostId(1), Tier::Public);
        drop(woken);
        assert_eq!(watchers.waiting().len(), 1);
        drop(next);
        assert!(watchers.waiting().is_empty());
    }
}
