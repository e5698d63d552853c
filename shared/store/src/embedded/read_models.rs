use std::sync::Arc;

use async_trait::async_trait;
use ripple_domain::{Post, PostId, Receipt, Stage, StageState, Tier, Topic, UserId, Window};

use super::{
    EmbeddedStore, blocking,
    commands::{index, jobs},
    effect::Effect,
    facts::into_store_error,
    key::Key,
    record::{IndexedRecord, StageRecord, decode},
    scan,
    settling::Settling,
};
use crate::{
    Delivery, Facts, FeedDocument, FeedKey, Home, IndexWrite, Indexed, Pushed, ReadModels,
    StoreError, Warming, home::RebuildTurns,
};

/// Fan-outs to up to this many followers are done in place; larger ones go to a thread of their own.
const FOLLOWERS_IN_PLACE_MAX: usize = 2_000;

#[async_trait]
impl ReadModels for EmbeddedStore {
    async fn push_home(&self, deliveries: Vec<Delivery>) -> Result<Vec<Pushed>, StoreError> {
        let followers = |delivery: &Delivery| {
            self.memory
                .followers
                .len(delivery.author)
                .min(delivery.followers_max)
        };
        let in_place = deliveries.iter().map(followers).sum::<usize>() <= FOLLOWERS_IN_PLACE_MAX;
        let memory = Arc::clone(&self.memory);
        let push = move || {
            Ok(memory
                .fan_out
                .push(&memory.homes, &memory.followers, &deliveries))
        };
        if in_place {
            push()
        } else {
            blocking(push).await
        }
    }

    async fn pull(&self, author: UserId) -> Result<bool, StoreError> {
        Ok(self.memory.pull(author))
    }

    async fn push_inboxes(&self, post: PostId, recipients: &[UserId]) -> Result<(), StoreError> {
        let recipients = recipients.to_vec();
        let place = self.writer.place().await;
        // The entry is on disk before the ack of the job that wrote it, since commits keep their
        // order; so a crash that loses it brings the job back.
        let entered = self.writer.hand_in(place, move |tx| {
            for user in recipients {
                tx.put(&Key::Inbox(user, post), []);
                tx.then(Effect::HomePush(user, post));
            }
            Ok(())
        });
        entered.answer().await.map_err(into_store_error)
    }

    async fn inbox(
        &self,
        user: UserId,
        window: Window,
        limit: usize,
    ) -> Result<Vec<PostId>, StoreError> {
        scan::ids(&self.keyspace, |id| Key::Inbox(user, id).bytes(), window)
            .take(limit)
            .collect()
    }

    async fn read_home(&self, user: UserId) -> Result<(Home, Vec<UserId>), StoreError> {
        let home = self.memory.homes.home(user, self.memory.clock.now());
        Ok((home, self.memory.pulled_followees(user)))
    }

    fn rebuild_turns(&self) -> &RebuildTurns {
        &self.rebuild_turns
    }

    async fn home_begin(&self, user: UserId) -> Result<Warming, StoreError> {
        let token = self.memory.homes.begin(user, self.memory.clock.now());
        Ok(Warming { user, token })
    }

    async fn home_finish(
        &self,
        warming: Warming,
        ids: &[PostId],
        complete: bool,
    ) -> Result<bool, StoreError> {
        Ok(self
            .memory
            .homes
            .finish(warming.user, warming.token, ids, complete))
    }

    async fn home_cool(&self, user: UserId) -> Result<(), StoreError> {
        self.memory.homes.cool(user);
        Ok(())
    }

    async fn home_cool_all(&self) -> Result<(), StoreError> {
        let memory = Arc::clone(&self.memory);
        blocking(move || {
            memory.cool_all_homes();
            Ok(())
        })
        .await
    }

    async fn index(&self, writes: Vec<IndexWrite>) -> Result<Vec<Indexed>, StoreError> {
        let place = self.writer.place().await;
        let now = self.memory.clock.now();
        // The leases are used up first, so that no other worker can settle these jobs; the jobs leave
        // the queue with the commit, so that pages never look complete before they are.
        let mut settling = Settling::new(&self.memory);
        let mut held = Vec::with_capacity(writes.len());
        for write in writes {
            let job = settling.begin(write.lease, now);
            held.push((write, job));
        }
        let indexed = self.writer.hand_in(place, move |tx| {
            let mut done = Vec::with_capacity(held.len());
            for (write, queued) in held {
                let Some(queued) = queued else {
                    done.push(Indexed {
                        acked: false,
                        touched: Vec::new(),
                    });
                    continue;
                };
                let touched = index::apply(tx, write.post, write.revision, write.topics)?;
                jobs::write_stage(tx, write.post, queued.job.tier(), write.progress)?;
                jobs::ack(tx, &queued.job);
                done.push(Indexed {
                    acked: true,
                    touched,
                });
            }
            Ok((done, settling))
        });
        // Where nothing was written, whoever holds the leases may try again, one by one.
        let indexed = indexed.answer().await;
        indexed
            .map(|(done, _settling)| done)
            .map_err(into_store_error)
    }

    async fn topic_page(
        &self,
        topic: &Topic,
        window: Window,
        limit: usize,
    ) -> Result<Vec<PostId>, StoreError> {
        if let Topic::Author(author) = topic {
            return self.posts_of(&[*author], window, limit).await;
        }
        scan::ids(&self.keyspace, |id| Key::Topic(topic, id).bytes(), window)
            .take(limit)
            .collect()
    }

    async fn feed_document(&self, key: &FeedKey) -> Result<Option<Arc<FeedDocument>>, StoreError> {
        Ok(self.memory.feeds.get(key, self.memory.clock.now()))
    }

    async fn put_feed_document(
        &self,
        key: FeedKey,
        document: Arc<FeedDocument>,
    ) -> Result<(), StoreError> {
        self.memory
            .feeds
            .put(key, document, self.memory.clock.now());
        Ok(())
    }

    async fn warm_feeds(&self, topic: &Topic) -> Result<Vec<FeedKey>, StoreError> {
        Ok(self.memory.feeds.warm(topic, self.memory.clock.now()))
    }

    async fn clear_feeds(&self) -> Result<(), StoreError> {
        self.memory.feeds.clear();
        Ok(())
    }

    async fn receipt(&self, id: PostId) -> Result<Option<Receipt>, StoreError> {
        let Some(post) = self.post(id)? else {
            return Ok(None);
        };
        let followers = self.stage(id, Tier::Followers)?;
        let public = self.stage(id, Tier::Public)?;
        let pages = match self.get("an index entry", &Key::Indexed(id))? {
            Some(record) => {
                let IndexedRecord::V1 { topics, .. } = decode("index entry", &record)?;
                topics
            }
            None => Vec::new(),
        };
        let records = [&followers, &public].into_iter().flatten();
        let author_done_at = records
            .map(|StageRecord::V1 { author_done_at, .. }| *author_done_at)
            .next();
        let author = Stage {
            state: StageState::Done,
            total: 1,
            delivered: 1,
            started_at: Some(post.received_at),
            done_at: Some(author_done_at.unwrap_or(post.accepted_at)),
        };
        let stage = |record: Option<StageRecord>| {
            record.map_or_else(Stage::default, |StageRecord::V1 { stage, .. }| stage)
        };
        Ok(Some(Receipt {
            post: id,
            accepted_at: post.received_at,
            author,
            followers: stage(followers),
            public: public_stage(&post, public.map(|record| stage(Some(record)))),
            pages,
        }))
    }

    async fn delivered(&self, post: PostId, tier: Tier) {
        let watch = self.memory.watchers.watch(post, tier);
        let is_done = |record: Option<StageRecord>| {
            record.is_some_and(|StageRecord::V1 { stage, .. }| stage.state == StageState::Done)
        };
        // Read after getting in line, so that a delivery between the two is not missed.
        if !self.stage(post, tier).is_ok_and(is_done) {
            watch.woken().await;
        }
    }
}

impl EmbeddedStore {
    fn stage(&self, post: PostId, tier: Tier) -> Result<Option<StageRecord>, StoreError> {
        let record = self.get("a receipt", &Key::Stage(post, tier))?;
        record.map(|record| decode("receipt", &record)).transpose()
    }
}

/// A post that is not public and never was has nothing to do in the public tier.
fn public_stage(post: &Post, stage: Option<Stage>) -> Stage {
    match stage {
        Some(stage) => stage,
        None if post.is_listed() || post.revision > 0 => Stage::default(),
        None => Stage {
            state: StageState::Skipped,
            ..Stage::default()
        },
    }
}
