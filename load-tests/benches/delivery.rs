//! From accept to the last follower: one post through commit, queue, worker and fan-out, to followers
//! whose home timelines are all warm.

#![expect(
    clippy::unwrap_used,
    reason = "a benchmark that cannot be set up says so and stops"
)]

use std::sync::Arc;

use divan::{Bencher, counter::ItemsCount};
use ripple_domain::{Tier, UserId};
use ripple_load_tests::world;
use ripple_store::Store;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

const AUTHOR: UserId = UserId(2);

fn main() {
    divan::main();
}

struct Service {
    runtime: Runtime,
    store: Arc<dyn Store>,
    workers: Option<tokio::task::JoinHandle<()>>,
    shutdown: CancellationToken,
    _folder: tempfile::TempDir,
}

impl Service {
    /// A store with workers, in which everybody follows one author and has read his timeline.
    fn new(followers: u32) -> Self {
        let runtime = Runtime::new().unwrap();
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let shutdown = CancellationToken::new();
        let (store, workers) = runtime.block_on(async {
            let store = world::star(folder.path(), followers).await.unwrap();
            let workers = world::start_workers(&store, &shutdown);
            (store, workers)
        });
        Self {
            runtime,
            store,
            workers: Some(workers),
            shutdown,
            _folder: folder,
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.shutdown.cancel();
        if let Some(workers) = self.workers.take() {
            let _ = self.runtime.block_on(workers);
        }
    }
}

/// The time from the call that accepts the post until the last of its followers has it.
#[divan::bench(args = [1, 1_000, 10_000, 1_000_000], sample_count = 30, sample_size = 1)]
fn accept_to_last_follower(bencher: Bencher<'_, '_>, followers: u32) {
    let followers = if world::is_small() {
        followers.min(1_000)
    } else {
        followers
    };
    let service = Service::new(followers);
    bencher.counter(ItemsCount::new(followers)).bench_local(|| {
        let delivered = world::deliver(&*service.store, AUTHOR, "Good morning", Tier::Followers);
        service.runtime.block_on(delivered).unwrap();
    });
}
