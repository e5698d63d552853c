use std::{
    collections::BTreeSet,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64},
    },
    thread,
};

use ripple_domain::{PostId, Timestamp, UserId};

use super::*;
use crate::{Home, home::HOME_IDS_MAX};

fn deliver(post: u64, author: u32) -> Delivery {
    Delivery {
        post: PostId(post),
        author: UserId(author),
        after: None,
        followers_max: usize::MAX,
    }
}

fn warm(homes: &HomeTimelines, user: u32) {
    let token = homes.begin(UserId(user), NOW);
    assert!(homes.finish(UserId(user), token, &[], true));
}

fn ids(homes: &HomeTimelines, user: u32) -> Vec<u64> {
    match homes.home(UserId(user), NOW) {
        Home::Warm { ids, .. } => ids.into_iter().map(|id| id.0).collect(),
        Home::Cold => panic!("{user} is cold"),
    }
}

#[test]
fn a_batch_reaches_warm_followers_and_counts_them() {
    let (homes, lists, engine) = (
        HomeTimelines::new(HOME_IDS_MAX),
        FollowerLists::default(),
        FanOut::default(),
    );
    // Followers 1, 5,000, 10,000 … in several shards; every second one is warm, the last shards
    // do not even exist.
    for n in 0..20 {
        lists.insert(UserId(1), UserId(1 + n * 5_000));
        if n % 2 == 0 && n < 10 {
            warm(&homes, 1 + n * 5_000);
        }
    }
    lists.insert(UserId(2), UserId(1));
    let pushed = engine.push(
        &homes,
        &lists,
        &[
            deliver(10, 1),
            deliver(11, 2),
            deliver(12, 3),
            deliver(13, 1),
        ],
    );
    let answer = |followers, pushed| Pushed {
        followers,
        pushed,
        next: None,
    };
    assert_eq!(
        pushed,
        [answer(20, 5), answer(1, 1), answer(0, 0), answer(20, 5)]
    );
    assert_eq!(ids(&homes, 1), [13, 11, 10]);
    assert_eq!(ids(&homes, 10_001), [13, 10]);
    assert!(engine.push(&homes, &lists, &[]).is_empty());
}

#[test]
fn a_chunk_ends_where_the_next_one_begins() {
    let (homes, lists, engine) = (
        HomeTimelines::new(HOME_IDS_MAX),
        FollowerLists::default(),
        FanOut::default(),
    );
    for follower in 1..=5_000 {
        lists.insert(UserId(1), UserId(follower));
        warm(&homes, follower);
    }
    let (mut after, mut chunks) = (None, 0);
    loop {
        let delivery = Delivery {
            after,
            followers_max: 1_000,
            ..deliver(7, 1)
        };
        let pushed = engine.push(&homes, &lists, &[delivery])[0];
        assert_eq!((pushed.followers, pushed.pushed), (1_000, 1_000));
        chunks += 1;
        after = pushed.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(chunks, 5);
    assert!((1..=5_000).all(|user| ids(&homes, user) == [7]));
}

#[test]
fn more_than_a_bucket_and_more_than_a_batch_arrive() {
    let (homes, lists, engine) = (
        HomeTimelines::new(HOME_IDS_MAX),
        FollowerLists::default(),
        FanOut::default(),
    );
    for follower in 1..=4_000 {
        lists.insert(UserId(1), UserId(follower));
    }
    warm(&homes, 1);
    warm(&homes, 4_000);
    let deliveries: Vec<_> = (1..=700)
        .map(|post| deliver(post << 22, 1))
        .chain((0..DELIVERIES_MAX as u64).map(|_| deliver(9, 2)))
        .chain([deliver(701 << 22, 1)])
        .collect();
    let pushed = engine.push(&homes, &lists, &deliveries);
    assert_eq!(pushed.len(), deliveries.len());
    assert_eq!(
        pushed.iter().map(|pushed| pushed.pushed).sum::<u64>(),
        2 * 701
    );
    for user in [1, 4_000] {
        assert!(
            ids(&homes, user).iter().eq((1..=701)
                .rev()
                .map(|post| post << 22)
                .collect::<Vec<_>>()
                .iter())
        );
    }
}

#[test]
fn what_lies_at_or_below_the_floor_is_not_pushed() {
    let (homes, lists, engine) = (
        HomeTimelines::new(HOME_IDS_MAX),
        FollowerLists::new(),
        FanOut::new(),
    );
    lists.insert(UserId(1), UserId(9));
    let token = homes.begin(UserId(9), NOW);
    assert!(homes.finish(
        UserId(9),
        token,
        &[PostId(51 << 22), PostId(50 << 22)],
        false
    ));
    let posts = [49 << 22, 50 << 22, (50 << 22) + 1, 51 << 22, 52 << 22];
    let pushed = engine.push(&homes, &lists, &posts.map(|post| deliver(post, 1)));
    let pushed: Vec<_> = pushed.iter().map(|pushed| pushed.pushed).collect();
    assert_eq!(pushed, [0, 0, 1, 1, 1]);
    assert_eq!(ids(&homes, 9), [52 << 22, 51 << 22, (50 << 22) + 1]);
}

const NOW: Timestamp = Timestamp::from_ms(0);

const AUTHORS: u32 = 20;
const USERS: u32 = 200;
/// Users lie in several shards.
const STRIDE: u32 = 200;

/// The facts of a small world that several threads change and read.
struct World {
    homes: HomeTimelines,
    lists: FollowerLists,
    engine: FanOut,
    author_timelines: Vec<Mutex<BTreeSet<PostId>>>,
    posts: AtomicU64,
    is_over: AtomicBool,
}

impl World {
    fn new() -> Self {
        let lists = FollowerLists::default();
        for author in 0..AUTHORS {
            for user in (0..USERS).filter(|user| follows(*user, author)) {
                lists.insert(UserId(author), UserId(user * STRIDE));
            }
        }
        Self {
            homes: HomeTimelines::new(96),
            lists,
            engine: FanOut::default(),
            author_timelines: (0..AUTHORS).map(|_| Mutex::default()).collect(),
            posts: AtomicU64::new(1),
            is_over: AtomicBool::new(false),
        }
    }

    /// Commits a batch of posts, then carries them out in chunks, some of them twice.
    fn post(&self, seed: u64) {
        let commit = |n: u64| {
            let author = draw(seed + n, AUTHORS);
            let id = PostId(self.posts.fetch_add(1, Ordering::SeqCst) << 20);
            self.author_timelines[author as usize]
                .lock()
                .unwrap()
                .insert(id);
            deliver(id.0, author)
        };
        let mut todo: Vec<_> = (0..1 + u64::from(draw(seed, 40))).map(commit).collect();
        for delivery in &mut todo {
            delivery.followers_max = 50;
        }
        if draw(seed + 1, 4) == 0 {
            self.engine.push(&self.homes, &self.lists, &todo);
        }
        while !todo.is_empty() {
            let pushed = self.engine.push(&self.homes, &self.lists, &todo);
            let rest = todo.iter().zip(pushed).filter_map(|(delivery, pushed)| {
                let after = Some(pushed.next?);
                Some(Delivery { after, ..*delivery })
            });
            todo = rest.collect();
        }
    }

    fn facts(&self, user: u32) -> BTreeSet<PostId> {
        let authors = (0..AUTHORS).filter(|author| follows(user, *author));
        authors
            .flat_map(|author| {
                self.author_timelines[author as usize]
                    .lock()
                    .unwrap()
                    .clone()
            })
            .collect()
    }

    fn rebuild(&self, user: u32) {
        let token = self.homes.begin(UserId(user * STRIDE), NOW);
        let facts = self.facts(user);
        let ids: Vec<_> = facts.iter().rev().take(96).copied().collect();
        self.homes
            .finish(UserId(user * STRIDE), token, &ids, ids.len() == facts.len());
    }

    fn check(&self, user: u32) -> bool {
        let Home::Warm { ids, floor } = self.homes.home(UserId(user * STRIDE), NOW) else {
            return false;
        };
        let facts = self.facts(user);
        let due = facts.iter().rev().filter(|id| Some(**id) > floor);
        assert!(due.eq(&ids), "timeline of {user}");
        true
    }
}

fn follows(user: u32, author: u32) -> bool {
    (user * 7 + author * 13) % 5 < 2
}

/// A number below `end`, without any order in it.
fn draw(seed: u64, end: u32) -> u32 {
    let mixed = (seed ^ (seed >> 31)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    ((mixed >> 33) % u64::from(end)) as u32
}

/// What a thread that rebuilds does before it may end, and again and again: it cools, then rebuilds.
/// So the last of all that is done to timelines is a rebuild, with no other of the same timeline begun
/// after it, and that finishes.
const STEPS: u64 = 50;

#[test]
fn no_post_falls_between_a_rebuild_and_a_fan_out_on_many_threads() {
    let world = World::new();
    let rebuilds_are_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let (world, rebuilds_are_over) = (&world, &rebuilds_are_over);
        let post = move |thread: u64, n: u64| world.post(thread << 40 | n << 8);
        let posting: Vec<_> = (0..2)
            .map(|thread| scope.spawn(move || (0..300).for_each(|n| post(thread, n))))
            .collect();
        // One goes on until the last rebuild is over, so that each of them meets posts.
        scope.spawn(move || {
            (0_u64..)
                .take_while(|n| *n < 300 || !rebuilds_are_over.load(Ordering::SeqCst))
                .for_each(|n| post(2, n));
        });
        let rebuilding: Vec<_> = (0..2_u64)
            .map(|thread| {
                scope.spawn(move || {
                    let goes_on =
                        |n: &u64| !n.is_multiple_of(STEPS) || !world.is_over.load(Ordering::SeqCst);
                    for n in (0_u64..).take_while(goes_on) {
                        let user = draw(thread << 40 | n, USERS);
                        match n % STEPS {
                            0 => world.homes.cool(UserId(user * STRIDE)),
                            1 => drop(world.homes.cool_until(300_000)),
                            _ => world.rebuild(user),
                        }
                    }
                })
            })
            .collect();
        let posted: Vec<_> = posting.into_iter().map(|thread| thread.join()).collect();
        world.is_over.store(true, Ordering::SeqCst);
        let rebuilt: Vec<_> = rebuilding.into_iter().map(|thread| thread.join()).collect();
        rebuilds_are_over.store(true, Ordering::SeqCst);
        assert!(posted.iter().chain(&rebuilt).all(Result::is_ok));
    });
    let warm = (0..USERS).filter(|user| world.check(*user)).count();
    assert!(warm > 0);
    (0..USERS).for_each(|user| world.rebuild(user));
    world.post(5);
    assert!((0..USERS).all(|user| world.check(user)));
}
