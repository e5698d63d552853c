//! Posters, workers that die, readers, and users who change their minds, all at once.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use ripple_domain::{PostId, RelationKind, Tier, UserId, Window};
use ripple_store::{
    Clock, PostCommit, Settlement, Store, home,
    reading::{Page, read_page},
};
use tokio::{task::JoinSet, time::timeout};

use crate::harness::{Harness, Rig, new_post, progress, pull, push};

const RUN: Duration = Duration::from_secs(2);
const LEASE_MS: u32 = 100;
const FOLLOWERS: usize = 12;

/// What the tasks share.
#[derive(Clone)]
struct Scene {
    store: Arc<dyn Store>,
    ending: Arc<AtomicBool>,
    /// They post.
    authors: [UserId; 2],
    /// They follow the first author throughout, and the second one now and then.
    followers: [UserId; FOLLOWERS],
    /// What was acknowledged.
    posted: Arc<Mutex<Vec<(UserId, PostId)>>>,
}

pub(super) async fn no_post_falls_between<H: Harness + 'static>() {
    let mut rig = Rig::new::<H>().await;
    rig.settings.clock = Clock::system();
    rig.restart().await;
    let scene = Scene {
        store: rig.store().clone(),
        ending: Arc::default(),
        authors: rig.users().await,
        followers: {
            let mut followers = [UserId(0); FOLLOWERS];
            for (index, follower) in followers.iter_mut().enumerate() {
                *follower = rig.user(&format!("follower_{index}")).await;
                rig.follow(*follower, UserId(1)).await;
            }
            followers
        },
        posted: Arc::default(),
    };
    assert_eq!(scene.authors[0], UserId(1));
    let mut workers = JoinSet::new();
    for seed in 1..=3 {
        workers.spawn(scene.clone().work(Draw(seed)));
    }
    let mut others = JoinSet::new();
    others.spawn(scene.clone().post_and_look());
    others.spawn(scene.clone().post());
    others.spawn(scene.clone().relate(Draw(21)));
    for seed in 11..=12 {
        others.spawn(scene.clone().rebuild(Draw(seed)));
    }
    // Ends early when a task has failed.
    if let Ok(Some(failed)) = timeout(RUN, others.join_next()).await {
        failed.unwrap();
    }
    scene.ending.store(true, Ordering::SeqCst);
    others.join_all().await;
    workers.join_all().await;

    tokio::time::sleep(Duration::from_millis(2 * u64::from(LEASE_MS))).await;
    rig.drain().await;
    let posted = scene.posted.lock().unwrap().clone();
    assert!(posted.len() > 20, "{} posts", posted.len());
    for follower in scene.followers {
        let relations = scene
            .store
            .relations(follower, &scene.authors)
            .await
            .unwrap();
        let mut expected: Vec<PostId> = posted
            .iter()
            .filter(|(author, _)| {
                let index = scene.authors.iter().position(|one| one == author);
                relations[index.unwrap()].follows
            })
            .map(|(_, post)| *post)
            .collect();
        expected.sort_unstable_by(|a, b| b.cmp(a));
        let home = rig
            .home_page(follower, Window::NEWEST, expected.len() + 10)
            .await;
        assert_eq!(home, expected, "of {follower}");
    }
}

impl Scene {
    fn goes_on(&self) -> bool {
        !self.ending.load(Ordering::SeqCst)
    }

    async fn post_as(&self, author: UserId) -> PostId {
        let commit = PostCommit {
            post: new_post(author, "hello"),
            idempotency: None,
            trace: None,
        };
        let post = self.store.create_post(commit).await.unwrap().value.id;
        self.posted.lock().unwrap().push((author, post));
        post
    }

    /// The second author posts as fast as the workers can carry it.
    async fn post(self) {
        while self.goes_on() {
            self.post_as(self.authors[1]).await;
            while self.backlog().await > 20 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    }

    async fn backlog(&self) -> u64 {
        let stats = self.store.tier_stats(Tier::Followers).await.unwrap();
        stats.ready + stats.in_flight
    }

    /// The first author posts, and when the fan-out is done every follower sees the post.
    async fn post_and_look(self) {
        while self.goes_on() {
            let post = self.post_as(self.authors[0]).await;
            let delivered = self.store.delivered(post, Tier::Followers);
            if timeout(Duration::from_secs(10), delivered).await.is_err() {
                panic!("{post} is not delivered, backlog {}", self.backlog().await);
            }
            for follower in self.followers {
                let (store, window) = (self.store.as_ref(), Window::NEWEST);
                let page = read_page(store, Some(follower), &Page::Home, window, 100).await;
                let ids: Vec<PostId> = page
                    .unwrap()
                    .shown
                    .iter()
                    .map(|shown| shown.post.id)
                    .collect();
                // Posts come so fast that an old one may have left the first page.
                let is_past = ids.len() == 100 && ids.last() > Some(&post);
                assert!(is_past || ids.contains(&post), "{follower} misses {post}");
                assert!(ids.is_sorted_by(|a, b| a > b), "{follower}: {ids:?}");
            }
        }
    }

    /// A worker with tiny chunks, who now and then leaves the pushes out, does one twice, or dies.
    async fn work(self, mut draw: Draw) {
        while self.goes_on() || self.backlog().await > 0 {
            let claims = self
                .store
                .claim(Tier::Followers, 2, LEASE_MS)
                .await
                .unwrap();
            if claims.is_empty() {
                let ready = self.store.job_ready(Tier::Followers);
                // It may miss jobs, so look again soon.
                let _ = timeout(Duration::from_millis(10), ready).await;
            }
            for claim in claims {
                let store = self.store.as_ref();
                let mut fate = match draw.below(8) {
                    0 => pull(store, claim.job.kind).await,
                    _ => push(store, claim.job.kind, 1 + draw.below(5)).await,
                };
                if draw.below(5) == 0 {
                    fate = push(store, claim.job.kind, 1 + draw.below(5)).await;
                }
                if draw.below(20) == 0 {
                    continue;
                }
                let settlement = Settlement {
                    lease: claim.lease,
                    progress: Some(progress(&claim, &fate)),
                    fate,
                };
                self.store.settle(vec![settlement]).await.unwrap();
            }
        }
    }

    /// Timelines are made cold and rebuilt all the time.
    async fn rebuild(self, mut draw: Draw) {
        while self.goes_on() {
            let follower = self.followers[draw.below(FOLLOWERS)];
            match draw.below(3) {
                0 => self.store.home_cool(follower).await.unwrap(),
                _ => drop(home::rebuild(self.store.as_ref(), follower).await.unwrap()),
            }
            tokio::task::yield_now().await;
        }
    }

    async fn relate(self, mut draw: Draw) {
        while self.goes_on() {
            let follower = self.followers[draw.below(FOLLOWERS)];
            let (kind, on) = (RelationKind::Follow, draw.below(2) == 0);
            let related = self.store.relate(follower, kind, self.authors[1], on);
            related.await.unwrap();
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
    }
}

/// Numbers that look random and are the same in every run (xorshift64).
struct Draw(u64);

impl Draw {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % n
    }
}
