//! The fan-out engine at full size, beside what the memory of the same machine can do at all.
//!
//! All home timelines are warm and full, so that pushes
//! evict. One item is one delivery (or one update of a cache line), per thread.

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
use memmap2::MmapMut;
use ripple_domain::{PostId, Timestamp, UserId};
use ripple_load_tests::world;
use ripple_store::{
    Delivery,
    embedded::{FanOut, FollowerLists, HomeTimelines},
    home::HOME_IDS_MAX,
};

/// Authors `1..=AUTHORS` have [`FOLLOWERS`] followers each.
const AUTHORS: u32 = 10_000;
const FOLLOWERS: u32 = 200;
/// Deliveries of one call where the number is fixed: a worker's batch.
const BATCH: u32 = 64_000;

static USERS: LazyLock<u32> = LazyLock::new(|| if world::is_small() { 20_000 } else { 1_000_000 });
static WORLD: LazyLock<World> = LazyLock::new(World::new);

fn main() {
    divan::main();
}

/// What the machine's memory can do: updates of random cache lines, on huge pages, of as much memory
/// as the home timelines take.
#[divan::bench(threads = [1, 2], sample_count = 50)]
fn ceiling(bencher: Bencher<'_, '_>) {
    let bytes = *USERS as usize * HOME_IDS_MAX * size_of::<u64>();
    let halves = [(); 2].map(|()| {
        let mut half = MmapMut::map_anon(bytes / 2).unwrap();
        #[cfg(target_os = "linux")]
        half.advise(memmap2::Advice::HugePage).unwrap();
        half.fill(1);
        Mutex::new(half)
    });
    let turns = AtomicUsize::new(0);
    bencher.counter(ItemsCount::new(BATCH)).bench(|| {
        let turn = turns.fetch_add(1, Ordering::Relaxed);
        // Each thread has one half to itself; alone, it takes them in turn.
        let mut half = halves[turn % 2]
            .try_lock()
            .or_else(|_| halves[(turn + 1) % 2].try_lock())
            .unwrap();
        let lines: &mut [[u64; 8]] = bytemuck::cast_slice_mut(&mut half);
        let lines_len = u32::try_from(lines.len()).unwrap();
        let mut random = Random(turn as u64);
        for _ in 0..BATCH {
            let line = random.below(lines_len) as usize;
            lines[line][0] = turn as u64;
        }
    });
}

/// Batches of posts of random authors with 200 random followers each.
#[divan::bench(threads = [1, 2], args = [64, 256], sample_count = 100)]
fn batch(bencher: Bencher<'_, '_>, posts: u32) {
    let deliveries = move |random: &mut Random| {
        (0..posts)
            .map(|_| WORLD.deliver(1 + random.below(AUTHORS), None))
            .collect()
    };
    WORLD.bench(bencher, posts * FOLLOWERS, deliveries);
}

/// Posts of authors with so many followers each, 64,000 deliveries in a batch: the cost of one
/// delivery must not depend on the number. A chunk has 8,000 followers at most.
#[divan::bench(args = CROWDS, sample_count = 100)]
fn followers(bencher: Bencher<'_, '_>, crowd: u32) {
    let (users, crowd) = (*USERS, crowd.min(*USERS));
    let (step, chunk) = (users / crowd, crowd.min(8_000));
    let deliveries = move |random: &mut Random| {
        (0..BATCH / chunk)
            .map(|_| {
                let author = first_author(crowd) + random.below(step);
                // Begin anywhere, as long as there is a whole chunk from there on.
                let first = random.below(users - step * chunk + 1);
                let mut delivery = WORLD.deliver(author, first.checked_sub(1).map(UserId));
                delivery.followers_max = chunk as usize;
                delivery
            })
            .collect()
    };
    WORLD.bench(bencher, BATCH, deliveries);
}

/// One post alone to so many followers, as on a quiet evening: there is less to do at once, so that
/// more of the time is spent on waiting for memory.
#[divan::bench(args = [200, 1_000, 8_000], sample_count = 1_000)]
fn alone(bencher: Bencher<'_, '_>, crowd: u32) {
    let deliveries = move |random: &mut Random| {
        let author = match crowd {
            FOLLOWERS => 1 + random.below(AUTHORS),
            crowd => first_author(crowd) + random.below(*USERS / crowd),
        };
        vec![WORLD.deliver(author, None)]
    };
    WORLD.bench(bencher, crowd, deliveries);
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
    let mut random = Random(1);
    let mut edges: Vec<_> = (1..=authors)
        .flat_map(|author| (0..followers).map(move |_| author))
        .map(|author| (UserId(author), UserId(random.below(*USERS))))
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

/// Numbers of followers of the authors who have more than [`FOLLOWERS`]. There are as many of each
/// kind as make one entry a user.
const CROWDS: [u32; 3] = [1_000, 8_000, 1_000_000];

/// The first of the authors with so many followers.
const fn first_author(crowd: u32) -> u32 {
    AUTHORS + 1 + crowd
}

struct World {
    homes: HomeTimelines,
    lists: FollowerLists,
    engine: FanOut,
    posts: AtomicU64,
}

impl World {
    fn new() -> Self {
        let (homes, users) = (HomeTimelines::new(HOME_IDS_MAX), *USERS);
        let now = Timestamp::from_ms(0);
        for user in 0..users {
            // Their rings are not all full at the same moment.
            let ids = HOME_IDS_MAX as u64 - u64::from(user % 32);
            let ids: Vec<_> = (1..=ids).rev().map(post_id).collect();
            let token = homes.begin(UserId(user), now);
            assert!(homes.finish(UserId(user), token, &ids, true));
        }
        let lists = FollowerLists::new();
        let mut random = Random(1);
        for author in 1..=AUTHORS {
            let mut followers: Vec<_> = (0..FOLLOWERS).map(|_| random.below(users)).collect();
            followers.sort_unstable();
            let edges = followers.into_iter().map(|id| (UserId(author), UserId(id)));
            lists.load(edges);
        }
        for crowd in CROWDS.map(|crowd| crowd.min(users)) {
            let step = users / crowd;
            for nth in 0..step {
                let ids = (0..crowd).map(|n| n * step + random.below(step));
                let author = UserId(first_author(crowd) + nth);
                lists.load(ids.map(|id| (author, UserId(id))));
            }
        }
        let (home_bytes, entries) = (homes.memory_bytes() as f64, homes.stats().entries as f64);
        let list_bytes = lists.memory_bytes() as f64 / lists.entries() as f64;
        println!(
            "{:.2} bytes a timeline entry, {list_bytes:.2} bytes a follower list entry",
            home_bytes / entries
        );
        Self {
            homes,
            lists,
            engine: FanOut::new(),
            posts: AtomicU64::new(HOME_IDS_MAX as u64),
        }
    }

    fn deliver(&self, author: u32, after: Option<UserId>) -> Delivery {
        Delivery {
            post: post_id(self.posts.fetch_add(1, Ordering::Relaxed)),
            author: UserId(author),
            after,
            followers_max: 10_000,
        }
    }

    /// Measures calls of the engine, each with the deliveries that `deliveries` draws.
    fn bench(
        &self,
        bencher: Bencher<'_, '_>,
        items: u32,
        deliveries: impl Fn(&mut Random) -> Vec<Delivery> + Sync,
    ) {
        thread_local! {
            static RANDOM: RefCell<Option<Random>> = const { RefCell::new(None) };
        }
        static THREADS: AtomicU64 = AtomicU64::new(0);
        bencher
            .counter(ItemsCount::new(items))
            .with_inputs(|| {
                RANDOM.with_borrow_mut(|random| {
                    let seed = || Random(THREADS.fetch_add(1, Ordering::Relaxed));
                    deliveries(random.get_or_insert_with(seed))
                })
            })
            .bench_refs(|deliveries| self.engine.push(&self.homes, &self.lists, deliveries));
    }
}

/// The `n`th post, some time after the one before.
fn post_id(n: u64) -> PostId {
    PostId(n << 22)
}

/// Numbers without any order in them (SplitMix64), the same ones in each run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        // The upper half scaled to the range; the bias is far below what a benchmark notices.
        (((mixed >> 32) * u64::from(end)) >> 32) as u32
    }
}
