//! The embedded store's fan-out engine at full size, beside what the memory of the same machine can do.

use std::{
    io,
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

use fastrand::Rng;
use memmap2::MmapMut;
use ripple_domain::{PostId, Timestamp, UserId};
use ripple_store::{
    Delivery,
    embedded::{FanOut, FollowerLists, HomeTimelines},
    home::HOME_IDS_MAX,
};
use sysinfo::System;

use super::{Parts, ROUNDS, median};

/// Authors `1..=AUTHORS` have [`FOLLOWERS`] followers each, anywhere among the users.
pub const AUTHORS: u32 = 10_000;
/// See [`AUTHORS`].
pub const FOLLOWERS: u32 = 200;
/// Deliveries of one call where the number is fixed: a worker's batch.
pub const BATCH: u32 = 64_000;
/// The followers of one chunk.
pub const CHUNK: u32 = 8_000;
/// Numbers of followers of the authors who have more than [`FOLLOWERS`]. There are as many of each kind
/// as make one entry a user.
pub const CROWDS: [u32; 3] = [1_000, CHUNK, 1_000_000];

/// Users at full size.
const USERS_MAX: u32 = 1_000_000;
/// Fewer show nothing: their timelines would lie in the processor's caches.
const USERS_MIN: u32 = 20_000;
/// A user's home timeline and his share of the memory that is written to for comparison.
const USER_BYTES: u64 = 16 * 1_024;
/// Posts of one call in [`measure`].
const POSTS: u32 = 256;
/// Calls of a round, of about 0.1 s.
const CALLS: u32 = 80;

/// Home timelines, all of them warm and full, and who follows whom.
pub struct Engine {
    homes: HomeTimelines,
    lists: FollowerLists,
    engine: FanOut,
    posts: AtomicU64,
    users: u32,
}

impl Engine {
    /// Timelines of so many users.
    pub fn new(users: u32) -> Self {
        let homes = HomeTimelines::new(HOME_IDS_MAX);
        let now = Timestamp::from_ms(0);
        for user in 0..users {
            // They are not all full at the same moment.
            let ids = HOME_IDS_MAX as u64 - u64::from(user % 32);
            let ids: Vec<_> = (1..=ids).rev().map(post_id).collect();
            let warming = homes.begin(UserId(user), now);
            homes.finish(UserId(user), warming, &ids, true);
        }
        let lists = FollowerLists::new();
        let mut random = Rng::with_seed(1);
        for author in 1..=AUTHORS {
            let mut followers: Vec<_> = (0..FOLLOWERS).map(|_| random.u32(..users)).collect();
            followers.sort_unstable();
            lists.load(followers.into_iter().map(|id| (UserId(author), UserId(id))));
        }
        for crowd in CROWDS.map(|crowd| crowd.min(users)) {
            let step = users / crowd;
            for nth in 0..step {
                let ids = (0..crowd).map(|n| n * step + random.u32(..step));
                let author = UserId(first_author(crowd) + nth);
                lists.load(ids.map(|id| (author, UserId(id))));
            }
        }
        Self {
            homes,
            lists,
            engine: FanOut::new(),
            posts: AtomicU64::new(HOME_IDS_MAX as u64),
            users,
        }
    }

    /// Bytes of an entry of a home timeline.
    #[expect(clippy::cast_precision_loss, reason = "a figure to be shown")]
    pub fn entry_bytes(&self) -> f64 {
        self.homes.memory_bytes() as f64 / self.homes.stats().entries as f64
    }

    /// Bytes of an entry of a follower list.
    #[expect(clippy::cast_precision_loss, reason = "a figure to be shown")]
    pub fn follower_bytes(&self) -> f64 {
        self.lists.memory_bytes() as f64 / self.lists.entries() as f64
    }

    /// New posts of authors drawn by lot, with [`FOLLOWERS`] followers each.
    pub fn posts(&self, posts: u32, random: &mut Rng) -> Vec<Delivery> {
        (0..posts)
            .map(|_| self.delivery(1 + random.u32(..AUTHORS), None))
            .collect()
    }

    /// A new post of an author with so many followers, one of [`CROWDS`].
    pub fn post_to(&self, crowd: u32, random: &mut Rng) -> Delivery {
        let crowd = crowd.min(self.users);
        self.delivery(first_author(crowd) + random.u32(..self.users / crowd), None)
    }

    /// New posts of authors with so many followers, one of [`CROWDS`]; in all [`BATCH`] deliveries.
    pub fn posts_to(&self, crowd: u32, random: &mut Rng) -> Vec<Delivery> {
        let crowd = crowd.min(self.users);
        let (step, chunk) = (self.users / crowd, crowd.min(CHUNK));
        let posts = 0..BATCH / chunk;
        posts
            .map(|_| {
                // Begin anywhere, as long as there is a whole chunk from there on.
                let first = random.u32(..=self.users - step * chunk);
                let author = first_author(crowd) + random.u32(..step);
                let mut delivery = self.delivery(author, first.checked_sub(1).map(UserId));
                delivery.followers_max = chunk as usize;
                delivery
            })
            .collect()
    }

    fn delivery(&self, author: u32, after: Option<UserId>) -> Delivery {
        Delivery {
            post: post_id(self.posts.fetch_add(1, Ordering::Relaxed)),
            author: UserId(author),
            after,
            followers_max: 10_000,
        }
    }

    /// Does deliveries; returns how many there were.
    pub fn push(&self, deliveries: &[Delivery]) -> u64 {
        let pushed = self.engine.push(&self.homes, &self.lists, deliveries);
        pushed.iter().map(|it| it.pushed).sum()
    }
}

/// Memory that is written to at random, a cache line at a time: what a machine can do at all.
pub struct Ceiling(MmapMut);

impl Ceiling {
    /// So much of it, on huge pages where the system has them.
    ///
    /// # Errors
    /// When there is not so much.
    pub fn new(bytes: usize) -> io::Result<Self> {
        let mut memory = MmapMut::map_anon(bytes)?;
        // Without it the measurement is of smaller pages.
        #[cfg(target_os = "linux")]
        let _ = memory.advise(memmap2::Advice::HugePage);
        memory.fill(1);
        Ok(Self(memory))
    }

    /// Writes to so many lines.
    pub fn write(&mut self, lines: u32, random: &mut Rng) {
        let memory: &mut [[u64; 8]] = bytemuck::cast_slice_mut(&mut self.0);
        let end = u32::try_from(memory.len()).unwrap_or(u32::MAX);
        for number in 0..lines {
            memory[random.u32(..end) as usize][0] = number.into();
        }
    }
}

/// How many users there is memory for, a million at most.
pub(super) fn users_that_fit() -> u32 {
    let mut available = 0;
    if let Ok(mut system) = System::new() {
        system.refresh_memory();
        let limit = system.cgroup_limits().map(|limits| limits.free_memory);
        available = system.available_memory().min(limit.unwrap_or(u64::MAX));
    }
    // A quarter stays free.
    let users = available / 4 * 3 / USER_BYTES;
    u32::try_from(users)
        .unwrap_or(USERS_MAX)
        .clamp(USERS_MIN, USERS_MAX)
}

/// Measures timelines of so many users, with one thread.
///
/// # Errors
/// When there is not enough memory to compare with.
pub(super) fn measure(users: u32) -> io::Result<Parts> {
    let engine = Engine::new(users);
    let mut ceiling = Ceiling::new(users as usize * HOME_IDS_MAX * size_of::<u64>())?;
    let mut random = Rng::with_seed(1);
    let (mut rates, mut ratios, mut costs) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        let lines = CALLS * BATCH;
        ceiling.write(lines, &mut random);
        let most = f64::from(lines) / begun.elapsed().as_secs_f64();
        let rate = engine.rate(&mut random, |random| engine.posts(POSTS, random));
        let few = engine.rate(&mut random, |random| engine.posts_to(CROWDS[0], random));
        let many = engine.rate(&mut random, |random| engine.posts_to(CROWDS[2], random));
        rates.push(rate);
        ratios.push(rate / most);
        costs.push(few / many);
    }
    Ok(Parts {
        users,
        deliveries_per_s: median(rates),
        of_ceiling: median(ratios),
        entry_bytes: engine.entry_bytes(),
        cost_ratio: median(costs),
    })
}

impl Engine {
    /// Deliveries a second.
    #[expect(clippy::cast_precision_loss, reason = "a figure to be shown")]
    fn rate(&self, random: &mut Rng, draw: impl Fn(&mut Rng) -> Vec<Delivery>) -> f64 {
        let calls: Vec<_> = (0..CALLS).map(|_| draw(random)).collect();
        let begun = Instant::now();
        let done: u64 = calls.iter().map(|deliveries| self.push(deliveries)).sum();
        done as f64 / begun.elapsed().as_secs_f64()
    }
}

/// The first of the authors with so many followers.
const fn first_author(crowd: u32) -> u32 {
    AUTHORS + 1 + crowd
}

/// The `n`th post, some time after the one before.
fn post_id(n: u64) -> PostId {
    PostId(n << 22)
}
