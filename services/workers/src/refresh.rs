//! Keeping warm feed documents rendered, beside the work on jobs.
//!
//! A feed document is checked against its topic when it is read, so a refresh is about latency alone:
//! it may be late, merged with the next one, or fail.

use std::{
    collections::HashSet,
    panic::AssertUnwindSafe,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use futures_util::FutureExt;
use ripple_domain::Topic;
use tokio::{sync::Notify, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::handler::panic_text;

/// Topics that wait to be refreshed; past it, further ones are left to their next reader.
const PENDING_TOPICS_MAX: usize = 100_000;
/// Topics of one refresh.
const REFRESH_TOPICS_MAX: usize = 4_096;
const REFRESH_TIME_MAX: Duration = Duration::from_secs(10);

/// Renders feed documents anew.
#[async_trait]
pub trait FeedRefresher: Send + Sync {
    /// Renders the warm feed documents of these topics as they are now. Failures are its own to log:
    /// a document that is out of date is rendered again when it is read.
    async fn refresh(&self, topics: &[Topic]);
}

/// Topics whose pages have changed, each once. What several batches touch while one refresh is under
/// way is rendered once for all of them.
#[derive(Default)]
pub(crate) struct Refreshes {
    pending: Mutex<HashSet<Topic>>,
    offered: Notify,
}

impl Refreshes {
    /// Hands over the touched topics of a batch; does not wait.
    pub(crate) fn offer(&self, touched: impl IntoIterator<Item = Topic>) {
        let mut left_out = 0_usize;
        {
            let mut pending = self.pending();
            for topic in touched {
                if pending.len() < PENDING_TOPICS_MAX || pending.contains(&topic) {
                    pending.insert(topic);
                } else {
                    left_out += 1;
                }
            }
        }
        if left_out > 0 {
            tracing::warn!(
                topics = left_out,
                "too many feeds wait to be refreshed; these are rendered when they are read"
            );
        }
        self.offered.notify_one();
    }

    /// Refreshes what is offered until `close`, and then what is left.
    pub(crate) async fn run(&self, feeds: &dyn FeedRefresher, close: &CancellationToken) {
        loop {
            let topics = self.take();
            if !topics.is_empty() {
                refresh(feeds, &topics).await;
            } else if close
                .run_until_cancelled(self.offered.notified())
                .await
                .is_none()
                && self.pending().is_empty()
            {
                return;
            }
        }
    }

    fn take(&self) -> Vec<Topic> {
        let mut pending = self.pending();
        if pending.len() <= REFRESH_TOPICS_MAX {
            return pending.drain().collect();
        }
        let some: Vec<Topic> = pending.iter().take(REFRESH_TOPICS_MAX).cloned().collect();
        for topic in &some {
            pending.remove(topic);
        }
        some
    }

    fn pending(&self) -> MutexGuard<'_, HashSet<Topic>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn refresh(feeds: &dyn FeedRefresher, topics: &[Topic]) {
    let refresh = AssertUnwindSafe(feeds.refresh(topics)).catch_unwind();
    let topics = topics.len();
    match timeout(REFRESH_TIME_MAX, refresh).await {
        Ok(Ok(())) => {}
        Ok(Err(panic)) => tracing::error!(
            topics,
            error = panic_text(panic.as_ref()),
            "refreshing feeds panicked"
        ),
        Err(_) => tracing::warn!(topics, "refreshing feeds took too long and was left"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Recorder(Mutex<Vec<usize>>);

    #[async_trait]
    impl FeedRefresher for Recorder {
        async fn refresh(&self, topics: &[Topic]) {
            self.0.lock().unwrap().push(topics.len());
            assert!(!topics.contains(&Topic::Tag("poison".into())), "poison");
        }
    }

    fn tags(range: std::ops::Range<usize>) -> impl Iterator<Item = Topic> {
        range.map(|n| Topic::Tag(n.to_string()))
    }

    #[tokio::test]
    async fn what_waits_is_refreshed_once_and_the_rest_before_the_end() {
        let (refreshes, recorder) = (Refreshes::default(), Recorder::default());
        refreshes.offer(tags(0..10));
        refreshes.offer(tags(5..15));
        let close = CancellationToken::new();
        close.cancel();
        refreshes.run(&recorder, &close).await;
        assert_eq!(*recorder.0.lock().unwrap(), [15]);
    }

    #[tokio::test]
    async fn a_panic_ends_neither_the_loop_nor_the_refreshes_after_it() {
        let (refreshes, recorder) = (Refreshes::default(), Recorder::default());
        let close = CancellationToken::new();
        close.cancel();
        for name in ["poison", "sound"] {
            refreshes.offer([Topic::Tag(name.into())]);
            refreshes.run(&recorder, &close).await;
        }
        assert_eq!(*recorder.0.lock().unwrap(), [1, 1]);
    }

    #[tokio::test]
    async fn what_waits_is_bounded() {
        let (refreshes, recorder) = (Refreshes::default(), Recorder::default());
        refreshes.offer(tags(0..PENDING_TOPICS_MAX + 7));
        let close = CancellationToken::new();
        close.cancel();
        refreshes.run(&recorder, &close).await;
        let calls = recorder.0.lock().unwrap().clone();
        assert_eq!(calls.iter().sum::<usize>(), PENDING_TOPICS_MAX);
        assert!(calls.iter().all(|topics| *topics <= REFRESH_TOPICS_MAX));
    }
}
