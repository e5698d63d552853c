//! The fan-out engine at full size, beside what the memory of the same machine can do at all.
//!
//! All home timelines are warm and full, so that pushes evict. One item is one delivery (or one update of a
//! cache line), per thread.

#![expect(
    clippy::unwrap_used,
    reason = "a benchmark that cannot be set up says so and stops"
)]

use std::{
    cell::RefCell,
    sync::{
        LazyLock, Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use divan::{Bencher, counter::ItemsCount};
use fastrand::Rng;
use ripple_domain::UserId;
use ripple_load_tests::{
    parts::engine::{BATCH, CHUNK, CROWDS, Ceiling, Engine, FOLLOWERS},
    world,
};
use ripple_store::{Delivery, embedded::FollowerLists, home::HOME_IDS_MAX};

static USERS: LazyLock<u32> = LazyLock::new(|| if world::is_small() { 20_000 } else { 1_000_000 });
static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
    let engine = Engine::new(*USERS);
    println!(
        "{:.2} bytes a timeline entry, {:.2} bytes a follower list entry",
        engine.entry_bytes(),
        engine.follower_bytes()
    );
    engine
});

fn main() {
    divan::main();
}

/// What the machine's memory can do: updates of random cache lines, on huge pages, of as much memory
/// as the home timelines take.
#[divan::bench(threads = [1, 2], sample_count = 50)]
fn ceiling(bencher: Bencher<'_, '_>) {
    let bytes = *USERS as usize * HOME_IDS_MAX * size_of::<u64>();
    let halves = [(); 2].map(|()| Mutex::new(Ceiling::new(bytes / 2).unwrap()));
    let turns = AtomicUsize::new(0);
    bencher.counter(ItemsCount::new(BATCH)).bench(|| {
        let turn = turns.fetch_add(1, Ordering::Relaxed);
        // Each thread has one half to itself; alone, it takes them in turn.
        let mut half = halves[turn % 2]
            .try_lock()
            .or_else(|_| halves[(turn + 1) % 2].try_lock())
            .unwrap();
        half.write(BATCH, &mut Rng::with_seed(turn as u64));
    });
}

/// Batches of posts of random authors with 200 random followers each.
#[divan::bench(threads = [1, 2], args = [64, 256], sample_count = 100)]
fn batch(bencher: Bencher<'_, '_>, posts: u32) {
    measure(bencher, posts * FOLLOWERS, |random| {
        ENGINE.posts(posts, random)
    });
}

/// Posts of authors with so many followers each, 64,000 deliveries in a batch: the cost of one
/// delivery must not depend on the number. A chunk has 8,000 followers at most.
#[divan::bench(args = CROWDS, sample_count = 100)]
fn followers(bencher: Bencher<'_, '_>, crowd: u32) {
    measure(bencher, BATCH, |random| ENGINE.posts_to(crowd, random));
}

/// One post alone to so many followers, as on a quiet evening: there is less to do at once, so that
/// more of the time is spent on waiting for memory.
#[divan::bench(args = [FOLLOWERS, 1_000, CHUNK], sample_count = 1_000)]
fn alone(bencher: Bencher<'_, '_>, crowd: u32) {
    measure(bencher, crowd, |random| match crowd {
        FOLLOWERS => ENGINE.posts(1, random),
        crowd => vec![ENGINE.post_to(crowd, random)],
    });
}

/// Loading follower lists at the start: sorted by author, and sorted by follower as they lie in the
/// facts. One item is one entry.
#[divan::bench(args = [true, false], sample_count = 5, sample_size = 1)]
fn load(bencher: Bencher<'_, '_>, by_author: bool) {
    let (authors, followers) = if world::is_small() {
        (100, 200)
    } else {
        (5_000, 200)
    };
    let mut random = Rng::with_seed(1);
    let mut edges: Vec<_> = (1..=authors)
        .flat_map(|author| (0..followers).map(move |_| author))
        .map(|author| (UserId(author), UserId(random.u32(..*USERS))))
        .collect();
    edges.sort_unstable_by_key(|(author, follower)| {
        if by_author {
            (*author, *follower)
        } else {
            (*follower, *author)
        }
    });
    bencher.counter(ItemsCount::new(edges.len())).bench(|| {
        let lists = FollowerLists::new();
        lists.load(edges.iter().copied());
        lists
    });
}

/// Measures calls of the engine, each with the deliveries that `deliveries` draws.
fn measure(
    bencher: Bencher<'_, '_>,
    items: u32,
    deliveries: impl Fn(&mut Rng) -> Vec<Delivery> + Sync,
) {
    thread_local! {
        static RANDOM: RefCell<Option<Rng>> = const { RefCell::new(None) };
    }
    static THREADS: AtomicU64 = AtomicU64::new(0);
    bencher
        .counter(ItemsCount::new(items))
        .with_inputs(|| {
            RANDOM.with_borrow_mut(|random| {
                let seed = || Rng::with_seed(THREADS.fetch_add(1, Ordering::Relaxed));
                deliveries(random.get_or_insert_with(seed))
            })
        })
        .bench_refs(|deliveries| ENGINE.push(deliveries));
}
