//! The commit path: how long a post takes until it and its jobs are on disk, alone and when many
//! authors post at once and share an fsync.

#![expect(
    clippy::unwrap_used,
    reason = "a benchmark that cannot be set up says so and stops"
)]

use std::{sync::Arc, time::Duration};

use divan::{Bencher, counter::ItemsCount};
use ripple_domain::UserId;
use ripple_load_tests::world;
use ripple_store::Store;
use tokio::runtime::Runtime;

const TEXT: &str =
    "The #timeline that everybody reads is the one that nobody waits for. #rust #러스트";

fn main() {
    divan::main();
}

/// A post on its own: the time is that of one fsync and what stands around it.
#[divan::bench(max_time = Duration::from_secs(3))]
fn one_at_a_time(bencher: Bencher<'_, '_>) {
    let (runtime, _folder, store) = open();
    bencher
        .counter(ItemsCount::new(1_u32))
        .bench(|| runtime.block_on(async { world::post(&*store, UserId(1), TEXT).await.unwrap() }));
}

/// Many authors at once: the commits that wait are written as one group.
#[divan::bench(args = [64, 512], max_time = Duration::from_secs(4))]
fn at_once(bencher: Bencher<'_, '_>, authors: u32) {
    let (runtime, _folder, store) = open();
    bencher
        .counter(ItemsCount::new(authors))
        .with_inputs(|| runtime.block_on(world::drop_jobs(&*store)).unwrap())
        .bench_values(|()| {
            runtime.block_on(async {
                let posts = (0..authors).map(|author| {
                    let store = Arc::clone(&store);
                    tokio::spawn(async move {
                        world::post(&*store, UserId(author % 1_000 + 1), TEXT)
                            .await
                            .unwrap()
                    })
                });
                for post in posts.collect::<Vec<_>>() {
                    post.await.unwrap();
                }
            });
        });
}

fn open() -> (Runtime, tempfile::TempDir, Arc<dyn Store>) {
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let store = runtime
        .block_on(world::ring(folder.path(), 1_000, 1))
        .unwrap();
    (runtime, folder, store)
}
