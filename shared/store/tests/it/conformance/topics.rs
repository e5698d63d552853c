//! Topic indexes: brought in line with the posts, whatever order the writes come in.

use ripple_domain::{JobKind, PostId, Stage, StageState, Tier, Topic, UserId, Window};
use ripple_store::{IndexWrite, Indexed, StageProgress};

use super::timelines::windows;
use crate::harness::Rig;

fn tag(text: &str) -> Topic {
    Topic::Tag(text.into())
}

fn sorted(mut topics: Vec<Topic>) -> Vec<Topic> {
    topics.sort();
    topics
}

async fn page(rig: &Rig, topic: &Topic) -> Vec<PostId> {
    rig.store()
        .topic_page(topic, Window::NEWEST, 100)
        .await
        .unwrap()
}

/// Claims a job and writes with it, as if the post had these topics in this revision.
async fn write(rig: &Rig, post: PostId, revision: u32, topics: &[Topic]) -> Indexed {
    rig.store()
        .enqueue(vec![JobKind::Index { post }])
        .await
        .unwrap();
    let claim = rig.claim_one(Tier::Public).await;
    let write = IndexWrite {
        lease: claim.lease,
        post,
        revision,
        topics: topics.to_vec(),
        progress: StageProgress {
            author_done_at: rig.now(),
            stage: Stage {
                state: StageState::Done,
                ..Stage::default()
            },
        },
    };
    let indexed = rig.store().index(vec![write]).await.unwrap().remove(0);
    assert!(indexed.acked);
    assert!(
        rig.claim(Tier::Public, 1).await.is_empty(),
        "acked with the write"
    );
    indexed
}

async fn one_post(rig: &Rig) -> (UserId, PostId) {
    let ada = rig.user("ada").await;
    let post = rig.post(ada, "hello").await;
    rig.drop_jobs().await;
    (ada, post)
}

pub(crate) async fn a_post_is_on_the_pages_of_its_topics(mut rig: Rig) {
    let (_, post) = one_post(&rig).await;
    let topics = [Topic::Public, tag("rust"), Topic::Keyword("rust".into())];
    let indexed = write(&rig, post, 0, &topics).await;
    assert_eq!(sorted(indexed.touched), sorted(topics.to_vec()));
    for _ in 0..2 {
        for topic in &topics {
            assert_eq!(page(&rig, topic).await, [post]);
        }
        assert_eq!(page(&rig, &tag("rus")).await, []);
        assert_eq!(page(&rig, &tag("rustic")).await, []);
        assert_eq!(page(&rig, &Topic::Keyword("rust\0".into())).await, []);
        rig.restart().await;
    }
}

pub(crate) async fn a_write_enters_and_leaves_by_the_difference(mut rig: Rig) {
    let (_, post) = one_post(&rig).await;
    write(&rig, post, 0, &[Topic::Public, tag("a"), tag("b")]).await;
    let indexed = write(&rig, post, 1, &[Topic::Public, tag("b"), tag("c")]).await;
    let touched = sorted(indexed.touched);
    assert_eq!(
        touched,
        sorted(vec![Topic::Public, tag("a"), tag("b"), tag("c")])
    );
    for _ in 0..2 {
        assert_eq!(page(&rig, &Topic::Public).await, [post]);
        assert_eq!(page(&rig, &tag("a")).await, []);
        assert_eq!(page(&rig, &tag("b")).await, [post]);
        assert_eq!(page(&rig, &tag("c")).await, [post]);
        rig.restart().await;
    }
}

pub(crate) async fn a_repeated_write_changes_nothing(rig: Rig) {
    let (_, post) = one_post(&rig).await;
    for round in 0..3 {
        let indexed = write(&rig, post, 4, &[Topic::Public, tag("a")]).await;
        assert_eq!(indexed.touched.is_empty(), round > 0, "{indexed:?}");
        assert_eq!(page(&rig, &Topic::Public).await, [post]);
        assert_eq!(page(&rig, &tag("a")).await, [post]);
    }
}

pub(crate) async fn a_write_from_an_older_revision_changes_nothing(mut rig: Rig) {
    let (_, post) = one_post(&rig).await;
    write(&rig, post, 2, &[Topic::Public, tag("new")]).await;
    for _ in 0..2 {
        let indexed = write(&rig, post, 1, &[Topic::Public, tag("old")]).await;
        assert!(indexed.touched.is_empty(), "{indexed:?}");
        assert_eq!(page(&rig, &tag("old")).await, []);
        assert_eq!(page(&rig, &tag("new")).await, [post]);
        rig.restart().await;
    }
    let receipt = rig.store().receipt(post).await.unwrap().unwrap();
    assert_eq!(sorted(receipt.pages), [Topic::Public, tag("new")]);
}

pub(crate) async fn a_deleted_post_leaves_and_stays_away(mut rig: Rig) {
    let (_, post) = one_post(&rig).await;
    write(&rig, post, 0, &[Topic::Public, tag("a")]).await;
    rig.delete(post).await;
    rig.drain().await;
    for _ in 0..2 {
        assert_eq!(page(&rig, &Topic::Public).await, []);
        assert_eq!(page(&rig, &tag("a")).await, []);
        // A worker that had read the post before it was deleted writes only now.
        let indexed = write(&rig, post, 0, &[Topic::Public, tag("a")]).await;
        assert!(indexed.touched.is_empty(), "{indexed:?}");
        rig.restart().await;
    }
}

pub(crate) async fn a_deletion_that_is_indexed_first_wins(rig: Rig) {
    let (_, post) = one_post(&rig).await;
    assert!(write(&rig, post, u32::MAX, &[]).await.touched.is_empty());
    assert!(
        write(&rig, post, 3, &[Topic::Public])
            .await
            .touched
            .is_empty()
    );
    assert_eq!(page(&rig, &Topic::Public).await, []);
}

/// One post twice in a batch, whose writes are in any order, beside others.
pub(crate) async fn a_batch_is_as_its_writes_one_by_one(rig: Rig) {
    let ada = rig.user("ada").await;
    let posts = rig.posts(ada, 3).await;
    rig.drop_jobs().await;
    let order = [(0, 1), (0, 0), (1, 0), (0, 2), (2, 0), (1, 0)];
    let kinds = order.map(|(index, _)| JobKind::Index { post: posts[index] });
    rig.store().enqueue(kinds.to_vec()).await.unwrap();
    let claims = rig.claim(Tier::Public, 10).await;
    assert_eq!(claims.len(), order.len());
    let writes = order
        .iter()
        .zip(&claims)
        .map(|((index, revision), claim)| IndexWrite {
            lease: claim.lease,
            post: posts[*index],
            revision: *revision,
            topics: vec![Topic::Public, tag(&format!("{index}_{revision}"))],
            progress: StageProgress {
                author_done_at: rig.now(),
                stage: Stage::default(),
            },
        });
    let indexed = rig.store().index(writes.collect()).await.unwrap();
    assert!(indexed.iter().all(|one| one.acked));
    let touched: Vec<usize> = indexed.iter().map(|one| one.touched.len()).collect();
    assert_eq!(touched, [2, 0, 2, 3, 2, 0]);
    assert_eq!(page(&rig, &Topic::Public).await, posts);
    assert_eq!(page(&rig, &tag("0_2")).await, [posts[0]]);
    assert_eq!(page(&rig, &tag("0_1")).await, []);
    assert!(rig.claim(Tier::Public, 10).await.is_empty());
    assert!(rig.store().index(vec![]).await.unwrap().is_empty());
}

pub(crate) async fn index_writes_survive_a_crash_or_are_done_again(mut rig: Rig) {
    let ada = rig.user("ada").await;
    let posts = rig.posts(ada, 5).await;
    rig.drain().await;
    rig.kill().await;
    rig.drain().await;
    assert_eq!(page(&rig, &Topic::Public).await, posts);
}

pub(crate) async fn a_topic_is_read_in_every_window(rig: Rig) {
    let [ada, bob] = rig.users().await;
    let mut posts = Vec::new();
    for round in 0..6 {
        let author = if round % 2 == 0 { ada } else { bob };
        posts.push(rig.post(author, "hello").await);
        rig.pass_ms(1);
    }
    rig.drain().await;
    let of_ada: Vec<PostId> = posts.iter().copied().step_by(2).collect();
    for (topic, ids) in [(Topic::Public, posts), (Topic::Author(ada), of_ada)] {
        for window in windows(&[ids[1], ids[2]]) {
            for limit in [0, 2, 100] {
                let found = rig.store().topic_page(&topic, window, limit).await.unwrap();
                let mut expected: Vec<PostId> = ids
                    .iter()
                    .copied()
                    .filter(|id| window.contains(*id))
                    .collect();
                if window.direction == ripple_domain::Direction::NewestFirst {
                    expected.reverse();
                }
                expected.truncate(limit);
                assert_eq!(found, expected, "{topic:?} {window:?} {limit}");
            }
        }
    }
}
