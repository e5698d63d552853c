//! Authors who post while something fails, and what must be there afterwards.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::RangeInclusive,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use ripple_domain::{JobKind, PostId, Tier, UserId, Window};
use ripple_store::{CommitError, Fate, Idempotency, PostCommit, Settlement, Store, StoreError};
use tokio::task::JoinSet;

use super::comes;
use crate::harness::{new_post, new_user, token};

/// Long enough that no lease ends within a test.
const LEASE_MS: u32 = 600_000;

/// Authors who post one post after the other.
pub(super) struct Load {
    authors: Vec<UserId>,
    known: Arc<Known>,
    tasks: JoinSet<()>,
}

#[derive(Default)]
struct Known {
    ending: AtomicBool,
    said: Mutex<Said>,
}

/// What the authors have been told.
#[derive(Default)]
struct Said {
    acknowledged: BTreeMap<PostId, Acknowledged>,
    /// Texts of posts of which nobody knows whether they are there.
    unknown: BTreeSet<String>,
    /// Requests that were refused.
    refused: usize,
    /// The longest time to an answer, whatever it was.
    longest: Duration,
}

#[derive(Debug)]
struct Acknowledged {
    author: UserId,
    text: String,
    at: Instant,
}

impl Load {
    /// So many authors begin. Every other one sends each request under a key, again and again until it is
    /// acknowledged; the others send theirs once.
    pub(super) async fn begin(store: &Arc<dyn Store>, authors: usize) -> Self {
        let mut load = Self {
            authors: Vec::new(),
            known: Arc::default(),
            tasks: JoinSet::new(),
        };
        for index in 0..authors {
            let name = format!("author_{index}");
            let created = store.create_user(new_user(&name), token(&name), None).await;
            load.authors.push(created.unwrap().value.id);
        }
        for (index, author) in load.authors.iter().enumerate() {
            let repeats = index % 2 == 0;
            let task = write(store.clone(), load.known.clone(), *author, repeats);
            load.tasks.spawn(task);
        }
        load
    }

    /// Posts that were acknowledged so far, by author.
    fn acknowledged(&self) -> Vec<usize> {
        let said = self.known.said.lock().unwrap();
        let by = |author| {
            let posts = said.acknowledged.values();
            posts.filter(|post| post.author == author).count()
        };
        self.authors.iter().map(|author| by(*author)).collect()
    }

    /// Waits until every author has got so many more posts acknowledged.
    pub(super) async fn goes_on(&self, posts: usize) {
        let before = self.acknowledged();
        comes("posts of every author", async || {
            let now = self.acknowledged();
            now.iter()
                .zip(&before)
                .all(|(now, before)| now >= &(before + posts))
        })
        .await;
    }

    /// Lets the authors come to an end: every request that is repeated is acknowledged.
    pub(super) async fn end(mut self) -> Written {
        self.known.ending.store(true, Ordering::SeqCst);
        while let Some(ended) = self.tasks.join_next().await {
            ended.unwrap();
        }
        let said = std::mem::take(&mut *self.known.said.lock().unwrap());
        Written {
            authors: self.authors,
            said,
        }
    }
}

async fn write(store: Arc<dyn Store>, known: Arc<Known>, author: UserId, repeats: bool) {
    for index in 0_u32.. {
        if known.ending.load(Ordering::SeqCst) {
            return;
        }
        let text = format!("post {index} of {author}");
        let mut key = [0; 32];
        key[..4].copy_from_slice(&index.to_be_bytes());
        key[4..8].copy_from_slice(&author.0.to_be_bytes());
        let idempotency = repeats.then_some(Idempotency { key, request: key });
        loop {
            let commit = PostCommit {
                post: new_post(author, &text),
                idempotency,
                trace: None,
            };
            let begun = Instant::now();
            let answer = store.create_post(commit).await;
            let at = Instant::now();
            {
                let mut said = known.said.lock().unwrap();
                said.longest = said.longest.max(at - begun);
                said.refused += usize::from(answer.is_err());
                match answer {
                    Ok(post) => {
                        let post_id = post.value.id;
                        let acknowledged = Acknowledged { author, text, at };
                        said.acknowledged.insert(post_id, acknowledged);
                        break;
                    }
                    Err(CommitError::Store(StoreError::Unavailable { .. })) => {
                        if !repeats {
                            said.unknown.insert(text);
                            break;
                        }
                    }
                    Err(CommitError::Store(StoreError::Overloaded { .. })) => {
                        if !repeats {
                            break;
                        }
                    }
                    Err(error) => {
                        drop(said);
                        panic!("{error:?}");
                    }
                }
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// What some authors have written.
pub(super) struct Written {
    authors: Vec<UserId>,
    said: Said,
}

impl Written {
    /// Posts that were acknowledged.
    pub(super) fn len(&self) -> usize {
        self.said.acknowledged.len()
    }

    /// Requests that were refused, those that were repeated included.
    pub(super) fn refused(&self) -> usize {
        self.said.refused
    }

    /// The longest time that a request took to its answer, whatever that was.
    pub(super) fn longest(&self) -> Duration {
        self.said.longest
    }

    /// Everything that was acknowledged is there, once and whole: the post, its place in the timeline, the
    /// count and both jobs. Beside it there is nothing but what nobody was told of, whole as well. This
    /// does the jobs.
    pub(super) async fn assert_exact(&self, store: &Arc<dyn Store>) {
        let lost = self.lost(store).await;
        assert!(lost.is_empty(), "{} are lost: {lost:?}", lost.len());
    }

    /// [`Written::assert_exact`], but what was acknowledged in this time may be lost, as a whole; how many
    /// posts are.
    pub(super) async fn assert_exact_but_for(
        &self,
        store: &Arc<dyn Store>,
        time: RangeInclusive<Instant>,
    ) -> usize {
        let lost = self.lost(store).await;
        for post in &lost {
            assert!(time.contains(&post.at), "lost: {post:?}, not in {time:?}");
        }
        lost.len()
    }

    /// What is not there of what was acknowledged; all else is as it should be.
    async fn lost(&self, store: &Arc<dyn Store>) -> Vec<&Acknowledged> {
        let mut there = BTreeSet::new();
        let mut unknown = self.said.unknown.clone();
        for author in &self.authors {
            let author = *author;
            let ids = store.posts_of(&[author], Window::NEWEST, 1_000_000).await;
            let ids = ids.unwrap();
            let counts = store.user_counts(author).await.unwrap();
            assert_eq!(counts.posts, ids.len() as u64, "the count of {author}");
            let posts = store.posts(&ids).await.unwrap();
            for (id, post) in ids.iter().zip(posts) {
                let post = post.unwrap_or_else(|| panic!("{id} is there in half"));
                assert_eq!(post.author, author);
                match self.said.acknowledged.get(id) {
                    Some(acknowledged) => assert_eq!(post.text, acknowledged.text),
                    None => assert!(
                        unknown.remove(&post.text),
                        "{id} ({:?}) is there twice, or though it was refused",
                        post.text
                    ),
                }
                assert!(there.insert(*id), "{id} is there twice");
            }
        }
        for tier in Tier::ALL {
            assert_eq!(jobs_of(store, tier).await, there, "jobs of the {tier} tier");
        }
        let acknowledged = self.said.acknowledged.iter();
        let lost = acknowledged.filter(|(id, _)| !there.contains(id));
        lost.map(|(_, post)| post).collect()
    }
}

/// Does all jobs of a tier; the posts that they were for.
async fn jobs_of(store: &Arc<dyn Store>, tier: Tier) -> BTreeSet<PostId> {
    let mut posts = BTreeSet::new();
    loop {
        let claims = store.claim(tier, 1_000, LEASE_MS).await.unwrap();
        if claims.is_empty() {
            return posts;
        }
        for claim in &claims {
            let post = match claim.job.kind {
                JobKind::Deliver { post, .. } | JobKind::Index { post } => post,
                JobKind::Replay { .. } => panic!("{claim:?}"),
            };
            assert!(posts.insert(post), "two jobs for {post}");
        }
        let settlements = claims.iter().map(|claim| Settlement {
            lease: claim.lease,
            fate: Fate::Ack,
            progress: None,
        });
        let settled = store.settle(settlements.collect()).await.unwrap();
        assert!(settled.into_iter().all(|held| held));
    }
}
