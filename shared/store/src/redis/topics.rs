//! The pages of topics: for each a sorted set of post ids, in the partition of the topic's name.
//!
//! A post and its topics lie in different partitions. So the post's own record says where it may be
//! before any page is touched, and where it is when all are as they should be. A worker that breaks off
//! between the two leaves the job to another one, which then knows where to look.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use redis::Value;
use ripple_domain::{Direction, PostId, Tier, Timestamp, Topic, Window};

use super::{
    RedisStore,
    error::store_error,
    key::Key,
    link::{Commands, by_partition, decode},
    script::Script,
    stage_record::encode_stage,
    topic_names::{pack_topics, unpack_topics},
};
use crate::{IndexWrite, Indexed, Lease, StoreError};

const INDEXING: &str = "indexing posts";
const READING: &str = "reading a topic's page";
const DAY_MS: i64 = 24 * 3_600_000;

/// What is to be done for a post.
enum Plan {
    /// The lease has ended.
    Lost,
    /// The pages are as they should be.
    Same,
    /// It may be on these pages, and belongs on those of its write.
    Change {
        before: BTreeSet<Topic>,
        note: Vec<u8>,
    },
}

/// What is to be done on a topic's page.
#[derive(Default)]
struct Change {
    posts: Vec<(PostId, u32, bool)>,
}

impl RedisStore {
    pub(super) async fn index_posts(
        &self,
        writes: Vec<IndexWrite>,
    ) -> Result<Vec<Indexed>, StoreError> {
        // Of a post that comes more than once, one write after the other.
        let mut times: HashMap<PostId, usize> = HashMap::new();
        let mut rounds: Vec<(Vec<usize>, Vec<IndexWrite>)> = Vec::new();
        for (index, write) in writes.into_iter().enumerate() {
            let time = times.entry(write.post).or_default();
            if rounds.len() == *time {
                rounds.push(Default::default());
            }
            let (places, round) = &mut rounds[*time];
            places.push(index);
            round.push(write);
            *time += 1;
        }
        let mut indexed = BTreeMap::new();
        for (places, round) in rounds {
            indexed.extend(places.into_iter().zip(self.index_round(round).await?));
        }
        Ok(indexed.into_values().collect())
    }

    /// Brings the indexes in line with posts of which each comes once.
    async fn index_round(&self, mut writes: Vec<IndexWrite>) -> Result<Vec<Indexed>, StoreError> {
        let now = self.options.clock.now().as_ms();
        // The answers come by partition.
        let mut order: Vec<usize> = (0..writes.len()).collect();
        order.sort_by_key(|index| writes[*index].post.partition());
        let packed: Vec<Vec<u8>> = writes
            .iter_mut()
            .map(|write| {
                write.topics.sort_unstable();
                pack_topics(&write.topics)
            })
            .collect::<Result<_, _>>()?;

        let begin = by_partition(
            order
                .iter()
                .map(|index| (writes[*index].post.partition(), *index)),
            |commands, index| {
                let write = &writes[index];
                let args = (
                    lease_args(&write.lease, write.post, now),
                    write.revision,
                    &packed[index][..],
                );
                commands.script(Script::BeginIndex, &[Key::Indexed(write.post)], args);
            },
        );
        let answers = self.commit_batch(INDEXING, &begin).await?;
        let mut plans: BTreeMap<usize, Plan> = BTreeMap::new();
        for (index, answer) in order.iter().zip(answers.into_iter().flatten()) {
            plans.insert(*index, plan(answer)?);
        }

        self.change_pages(&writes, &plans, now).await?;

        let mut indexed: Vec<Indexed> = writes
            .iter()
            .map(|_| Indexed {
                acked: false,
                touched: Vec::new(),
            })
            .collect();
        order.retain(|index| !matches!(plans.get(index), Some(Plan::Lost) | None));
        let finish = by_partition(
            order
                .iter()
                .map(|index| (writes[*index].post.partition(), *index)),
            |commands, index| {
                let write = &writes[index];
                let (revision, topics, note) = match plans.get(&index) {
                    Some(Plan::Change { note, .. }) => {
                        (write.revision.to_string(), &packed[index][..], &note[..])
                    }
                    _ => (String::new(), &[][..], &[][..]),
                };
                let args = (
                    lease_args(&write.lease, write.post, now),
                    write.post.0,
                    &encode_stage(&write.progress)[..],
                    revision,
                    topics,
                    note,
                );
                commands.script(Script::FinishIndex, &[Key::Indexed(write.post)], args);
            },
        );
        let answers = self.commit_batch(INDEXING, &finish).await?;
        let mut done = Vec::with_capacity(order.len());
        for (index, answer) in order.into_iter().zip(answers.into_iter().flatten()) {
            let accepted_at: Option<i64> = decode(answer).map_err(store_error(INDEXING))?;
            done.extend(accepted_at.map(Timestamp::from_ms));
            indexed[index].acked = accepted_at.is_some();
            if let Some(Plan::Change { before, .. }) = plans.remove(&index)
                && indexed[index].acked
            {
                let after = writes[index].topics.iter().cloned();
                // A topic in both shows an edited post.
                let touched: BTreeSet<Topic> = before.into_iter().chain(after).collect();
                indexed[index].touched = touched.into_iter().collect();
            }
        }
        self.jobs_done(Tier::Public, done);
        Ok(indexed)
    }

    /// Brings the pages in line: each that is concerned is touched once.
    async fn change_pages(
        &self,
        writes: &[IndexWrite],
        plans: &BTreeMap<usize, Plan>,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let mut changes: BTreeMap<&Topic, Change> = BTreeMap::new();
        for (index, plan) in plans {
            let Plan::Change { before, .. } = plan else {
                continue;
            };
            let write = &writes[*index];
            for topic in before {
                if write.topics.binary_search(topic).is_err() {
                    let change = changes.entry(topic).or_default();
                    change.posts.push((write.post, write.revision, false));
                }
            }
            for topic in &write.topics {
                let change = changes.entry(topic).or_default();
                change.posts.push((write.post, write.revision, true));
            }
        }
        let day = now_ms.div_euclid(DAY_MS);
        let all = by_partition(
            changes
                .into_iter()
                .map(|(topic, change)| (Key::Topic(topic).partition(), (topic, change))),
            |commands, (topic, change)| {
                let mut args = vec![day.to_string()];
                for (post, revision, enters) in change.posts {
                    args.extend([post.to_string(), revision.to_string()]);
                    args.push(u8::from(enters).to_string());
                }
                commands.script(Script::IndexTopic, &[Key::Topic(topic)], args);
            },
        );
        for answer in self
            .commit_batch(INDEXING, &all)
            .await?
            .into_iter()
            .flatten()
        {
            decode::<u32>(answer).map_err(store_error(INDEXING))?;
        }
        Ok(())
    }

    pub(super) async fn ids_of_topic(
        &self,
        topic: &Topic,
        window: Window,
        limit: usize,
    ) -> Result<Vec<PostId>, StoreError> {
        if let Topic::Author(author) = topic {
            return self
                .merged_author_timelines(&[*author], window, limit)
                .await;
        }
        self.sorted_ids(READING, &Key::Topic(topic), window, limit)
            .await
    }

    /// The ids in a sorted set whose members are their own scores, in the window's order.
    pub(super) async fn sorted_ids(
        &self,
        what: &'static str,
        key: &Key<'_>,
        window: Window,
        limit: usize,
    ) -> Result<Vec<PostId>, StoreError> {
        let Some((low, high)) = window.bounds() else {
            return Ok(Vec::new());
        };
        let mut commands = Commands::new(key.partition());
        match window.direction {
            Direction::NewestFirst => {
                let args = (high.0, low.0, "BYSCORE", "REV", "LIMIT", 0, limit);
                commands.add("ZRANGE", key, args)
            }
            Direction::OldestFirst => {
                let args = (low.0, high.0, "BYSCORE", "LIMIT", 0, limit);
                commands.add("ZRANGE", key, args)
            }
        };
        let ids: Vec<u64> = self.link.one(&commands).await.map_err(store_error(what))?;
        Ok(ids.into_iter().map(PostId).collect())
    }
}

/// By what the scripts check the lease of a post's job: the prefix of its queue, the job, the token, the
/// time.
fn lease_args(lease: &Lease, post: PostId, now_ms: i64) -> (Vec<u8>, String, Vec<u8>, i64) {
    const NAME: &[u8] = b"jobs";
    let mut queue = Key::Jobs(post.partition(), lease.tier).name();
    queue.truncate(queue.len() - NAME.len());
    let token = lease.token.to_be_bytes().to_vec();
    (queue, format!("{:016}", lease.job.0), token, now_ms)
}

fn plan(answer: Value) -> Result<Plan, StoreError> {
    let answer: Vec<Vec<u8>> = decode(answer).map_err(store_error(INDEXING))?;
    let parts: Vec<&[u8]> = answer.iter().map(Vec::as_slice).collect();
    match parts[..] {
        [b"lost"] => Ok(Plan::Lost),
        [b"same"] => Ok(Plan::Same),
        [b"change", before, note] => Ok(Plan::Change {
            before: unpack_topics(before)?.into_iter().collect(),
            note: note.to_vec(),
        }),
        _ => Err(StoreError::Corrupt {
            what: "answer of a script",
        }),
    }
}
