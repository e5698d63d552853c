//! Reading a home page of 20: warm, deep below the kept timeline, and cold, which rebuilds it.

#![expect(
    clippy::unwrap_used,
    reason = "a benchmark that cannot be set up says so and stops"
)]

use std::{sync::Arc, time::Duration};

use divan::Bencher;
use ripple_domain::{PostId, UserId, Window};
use ripple_load_tests::world;
use ripple_store::{
    Store, home,
    reading::{Page, read_page},
};
use tokio::runtime::Runtime;

const READER: UserId = UserId(1);

fn main() {
    divan::main();
}

struct Read {
    runtime: Runtime,
    store: Arc<dyn Store>,
    oldest_kept: PostId,
    _folder: tempfile::TempDir,
}

impl Read {
    /// A reader of 200 authors with 2,000 posts between them.
    fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let (users, posts) = if world::is_small() {
            (300, 1_000)
        } else {
            (1_000, 2_000)
        };
        let (store, oldest_kept) = runtime.block_on(async {
            let store = world::ring(folder.path(), users, 200).await.unwrap();
            for number in 0..posts {
                let author = UserId(number % 200 + 2);
                world::post(&*store, author, "a post of some forty letters or so")
                    .await
                    .unwrap();
            }
            world::drop_jobs(&*store).await.unwrap();
            let ids = home::read_facts(&*store, READER, Window::NEWEST, home::HOME_IDS_MAX).await;
            (store, *ids.unwrap().last().unwrap())
        });
        Self {
            runtime,
            store,
            oldest_kept,
            _folder: folder,
        }
    }

    fn page(&self, window: Window) -> usize {
        let page = read_page(&*self.store, Some(READER), &Page::Home, window, 20);
        self.runtime.block_on(page).unwrap().shown.len()
    }
}

/// The newest page of a warm timeline.
#[divan::bench]
fn warm(bencher: Bencher<'_, '_>) {
    let read = Read::new();
    assert_eq!(read.page(Window::NEWEST), 20);
    bencher.bench_local(|| read.page(Window::NEWEST));
}

/// A page below the kept timeline: a merge of 200 author timelines.
#[divan::bench(max_time = Duration::from_secs(3))]
fn below_the_floor(bencher: Bencher<'_, '_>) {
    let read = Read::new();
    let window = Window::of_page(Some(read.oldest_kept), None);
    assert_eq!(read.page(window), 20);
    bencher.bench_local(|| read.page(window));
}

/// A cold timeline: rebuilt from 200 author timelines, then read.
#[divan::bench(max_time = Duration::from_secs(3))]
fn cold(bencher: Bencher<'_, '_>) {
    let read = Read::new();
    bencher
        .with_inputs(|| read.runtime.block_on(read.store.home_cool(READER)).unwrap())
        .bench_local_values(|()| read.page(Window::NEWEST));
}
