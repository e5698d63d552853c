//! Posts: their commit with its jobs, edits, deletions, counts.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU32, Ordering},
};

use ripple_domain::{
    JobKind, Post, PostCounts, PostEdit, PostId, Tier, UserId, Visibility, text::Tag,
};
use ripple_store::{CommitError, PostCommit};

use tokio::task::JoinSet;

use crate::harness::{Rig, START, new_post};

const NO_POST: PostId = PostId(12_345);

/// The jobs that can be claimed in a tier, by what they do.
async fn kinds(rig: &Rig, tier: Tier) -> Vec<JobKind> {
    let claims = rig.claim(tier, 100).await;
    claims.iter().map(|claim| claim.job.kind).collect()
}

pub(crate) async fn a_commit_holds_the_post_its_timeline_and_its_jobs(rig: Rig) {
    let ada = rig.user("ada").await;
    let post = rig.commit(new_post(ada, "hello")).await;
    assert!(!post.replayed);
    let post = post.value;
    assert_eq!(rig.get(post.id).await, post);
    assert_eq!(rig.timeline_of(ada).await, [post.id]);
    for (tier, kind) in [
        (Tier::Followers, JobKind::deliver(post.id)),
        (Tier::Public, JobKind::Index { post: post.id }),
    ] {
        let claim = rig.claim_one(tier).await;
        assert_eq!(claim.job.kind, kind);
        assert_eq!((claim.job.accepted_at, claim.job.attempts), (rig.now(), 0));
        assert_eq!(claim.job.deadline, rig.now().plus_ms(tier.worst_case_ms()));
        assert_eq!(claim.job.expires_at, rig.now().plus_ms(tier.useful_ms()));
        assert!(claim.durable_at >= claim.job.accepted_at);
    }
}

pub(crate) async fn a_commit_is_whole_after_a_crash(mut rig: Rig) {
    let [ada, bob] = rig.users().await;
    let mut posts = rig.posts(ada, 20).await;
    rig.direct(bob, &[ada]).await;
    for _ in 0..2 {
        rig.kill().await;
        assert_eq!(rig.timeline_of(ada).await, posts);
        assert_eq!(rig.timeline_of(bob).await.len(), 1);
        let delivered = kinds(&rig, Tier::Followers).await;
        let indexed = kinds(&rig, Tier::Public).await;
        for post in &posts {
            assert!(delivered.contains(&JobKind::deliver(*post)));
            assert!(indexed.contains(&JobKind::Index { post: *post }));
        }
        assert_eq!(
            (delivered.len(), indexed.len()),
            (posts.len() + 1, posts.len())
        );
        posts.insert(0, rig.post(ada, "one more").await);
    }
}

pub(crate) async fn only_listed_posts_are_indexed(rig: Rig) {
    let ada = rig.user("ada").await;
    for visibility in [
        Visibility::Unlisted,
        Visibility::Followers,
        Visibility::Direct,
    ] {
        let mut post = new_post(ada, "hello");
        post.visibility = visibility;
        let id = rig.commit(post).await.value.id;
        assert_eq!(kinds(&rig, Tier::Followers).await, [JobKind::deliver(id)]);
        assert_eq!(kinds(&rig, Tier::Public).await, [], "{visibility:?}");
    }
}

pub(crate) async fn a_post_keeps_all_that_it_was_given(mut rig: Rig) {
    let [ada, bob, eve] = rig.users().await;
    let answered = rig.post(bob, "question").await;
    let mut new = new_post(ada, "a #Café, @user_2 …\u{0}\u{FFFE}");
    new.visibility = Visibility::Followers;
    new.recipients = vec![rig.user_ref(bob).await];
    new.mentions = vec![rig.user_ref(eve).await];
    new.tags = vec![Tag {
        folded: "café".into(),
        display: "Café".into(),
    }];
    new.link = Some("https://example.org/?a=b#c".into());
    new.language = Some("fr".into());
    new.reply_to = Some(answered);
    new.repost_of = Some(answered);
    new.received_at = START.plus_ms(-7);
    let post = rig.commit(new.clone()).await.value;
    assert_eq!(
        *post,
        Post {
            id: post.id,
            author: new.author,
            text: new.text,
            visibility: new.visibility,
            recipients: new.recipients,
            mentions: new.mentions,
            tags: new.tags,
            link: new.link,
            language: new.language,
            reply_to: new.reply_to,
            repost_of: new.repost_of,
            counts: PostCounts::default(),
            received_at: new.received_at,
            accepted_at: rig.now(),
            edited_at: None,
            revision: 0,
        }
    );
    rig.restart().await;
    assert_eq!(rig.get(post.id).await, post);
}

pub(crate) async fn a_post_of_nobody_is_refused_and_nothing_happens(rig: Rig) {
    rig.user("ada").await;
    let commit = PostCommit {
        post: new_post(UserId(999), "hello"),
        idempotency: None,
        trace: None,
    };
    let refused = rig.store().create_post(commit).await;
    assert!(
        matches!(refused, Err(CommitError::NotFound { .. })),
        "{refused:?}"
    );
    assert_eq!(rig.timeline_of(UserId(999)).await, []);
    assert_eq!(kinds(&rig, Tier::Followers).await, []);
}

pub(crate) async fn jobs_carry_the_trace_of_their_request(mut rig: Rig) {
    let ada = rig.user("ada").await;
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        .parse()
        .ok();
    let commit = PostCommit {
        post: new_post(ada, "hello"),
        idempotency: None,
        trace,
    };
    let post = rig.store().create_post(commit).await.unwrap().value.id;
    rig.kill().await;
    for tier in Tier::ALL {
        assert_eq!(rig.claim_one(tier).await.job.trace, trace);
    }
    rig.store()
        .edit_post(post, ada, PostEdit::default(), trace)
        .await
        .unwrap();
    assert_eq!(rig.claim_one(Tier::Public).await.job.trace, trace);
    rig.store()
        .delete_post(post, Some(ada), trace)
        .await
        .unwrap();
    assert_eq!(rig.claim_one(Tier::Public).await.job.trace, trace);
}

pub(crate) async fn answers_and_reposts_are_counted_while_they_stand(mut rig: Rig) {
    let [ada, bob] = rig.users().await;
    let original = rig.post(ada, "original").await;
    let mut made = Vec::new();
    for (reply_to, repost_of) in [
        (Some(original), None),
        (Some(original), None),
        (None, Some(original)),
    ] {
        let mut post = new_post(bob, "about it");
        (post.reply_to, post.repost_of) = (reply_to, repost_of);
        made.push(rig.commit(post).await.value.id);
    }
    let counts = |replies, reposts| PostCounts {
        replies,
        reposts,
        favourites: 0,
    };
    assert_eq!(rig.get(original).await.counts, counts(2, 1));
    assert_eq!(rig.get(original).await.revision, 0, "counts are no edit");
    rig.delete(made[0]).await;
    rig.delete(made[2]).await;
    for _ in 0..2 {
        assert_eq!(rig.get(original).await.counts, counts(1, 0));
        rig.restart().await;
    }

    rig.delete(original).await;
    let mut orphan = new_post(bob, "too late");
    orphan.reply_to = Some(original);
    rig.commit(orphan).await;
    rig.delete(made[1]).await;
}

pub(crate) async fn posts_are_answered_in_the_order_of_the_question(rig: Rig) {
    let ada = rig.user("ada").await;
    let (one, two) = (rig.post(ada, "one").await, rig.post(ada, "two").await);
    rig.delete(one).await;
    let found = rig.store().posts(&[two, NO_POST, one, two]).await.unwrap();
    let found: Vec<_> = found
        .iter()
        .map(|post| post.as_ref().map(|post| post.id))
        .collect();
    assert_eq!(found, [Some(two), None, None, Some(two)]);
    assert!(rig.store().posts(&[]).await.unwrap().is_empty());
}

pub(crate) async fn an_edit_changes_where_something_is_given(mut rig: Rig) {
    let ada = rig.user("ada").await;
    let mut new = new_post(ada, "hello");
    new.link = Some("https://example.org".into());
    let post = rig.commit(new).await.value;
    rig.pass_ms(5);
    let edited = rig.rewrite(ada, post.id, "hello again").await;
    let mut expected = Post::clone(&post);
    expected.text = "hello again".into();
    (expected.edited_at, expected.revision) = (Some(rig.now()), 1);
    assert_eq!(*edited, expected);

    let edit = PostEdit {
        link: Some(None),
        visibility: Some(Visibility::Unlisted),
        ..PostEdit::default()
    };
    rig.pass_ms(5);
    let edited = rig
        .store()
        .edit_post(post.id, ada, edit, None)
        .await
        .unwrap();
    (expected.link, expected.visibility) = (None, Visibility::Unlisted);
    (expected.edited_at, expected.revision) = (Some(rig.now()), 2);
    assert_eq!(*edited, expected);
    for _ in 0..2 {
        assert_eq!(*rig.get(post.id).await, expected);
        assert_eq!(rig.timeline_of(ada).await, [post.id]);
        rig.restart().await;
    }
}

pub(crate) async fn only_the_author_edits_and_only_what_there_is(rig: Rig) {
    let [ada, bob] = rig.users().await;
    let post = rig.post(ada, "mine").await;
    rig.drop_jobs().await;
    let edit = async |id, editor| {
        rig.store()
            .edit_post(id, editor, PostEdit::default(), None)
            .await
    };
    assert!(matches!(edit(post, bob).await, Err(CommitError::Forbidden { user }) if user == bob));
    assert!(matches!(
        edit(NO_POST, ada).await,
        Err(CommitError::NotFound { .. })
    ));
    assert_eq!(rig.get(post).await.revision, 0);
    rig.delete(post).await;
    assert!(matches!(
        edit(post, ada).await,
        Err(CommitError::NotFound { .. })
    ));
    assert_eq!(kinds(&rig, Tier::Followers).await, []);
}

pub(crate) async fn an_edit_enqueues_what_brings_the_pages_in_line(rig: Rig) {
    use Visibility::{Direct, Followers, Public, Unlisted};
    let ada = rig.user("ada").await;
    for (from, to, is_delivered, is_indexed) in [
        (Public, Public, false, true),
        (Public, Followers, false, true),
        (Unlisted, Unlisted, false, false),
        (Unlisted, Direct, false, false),
        (Direct, Followers, true, false),
        (Direct, Unlisted, true, false),
        (Direct, Public, true, true),
    ] {
        let mut post = new_post(ada, "hello");
        post.visibility = from;
        let post = rig.commit(post).await.value.id;
        rig.drop_jobs().await;
        rig.show_to(ada, post, to).await;
        let (delivered, indexed) = (
            kinds(&rig, Tier::Followers).await,
            kinds(&rig, Tier::Public).await,
        );
        let expected = is_delivered.then_some(JobKind::deliver(post));
        assert_eq!(delivered, Vec::from_iter(expected), "{from:?} {to:?}");
        let expected = is_indexed.then_some(JobKind::Index { post });
        assert_eq!(indexed, Vec::from_iter(expected), "{from:?} {to:?}");
    }
}

pub(crate) async fn a_deletion_holds_at_once_and_for_good(mut rig: Rig) {
    let ada = rig.user("ada").await;
    let posts = rig.posts(ada, 3).await;
    rig.drop_jobs().await;
    rig.store()
        .delete_post(posts[1], Some(ada), None)
        .await
        .unwrap();
    assert_eq!(
        kinds(&rig, Tier::Public).await,
        [JobKind::Index { post: posts[1] }]
    );
    for _ in 0..2 {
        assert_eq!(rig.timeline_of(ada).await, [posts[0], posts[2]]);
        assert_eq!(rig.store().posts(&[posts[1]]).await.unwrap(), [None]);
        assert_eq!(rig.store().receipt(posts[1]).await.unwrap(), None);
        let again = rig.store().delete_post(posts[1], Some(ada), None).await;
        assert!(
            matches!(again, Err(CommitError::NotFound { .. })),
            "{again:?}"
        );
        rig.kill().await;
    }
}

pub(crate) async fn the_author_deletes_and_an_admin_does(rig: Rig) {
    let [ada, bob] = rig.users().await;
    let posts = rig.posts(ada, 2).await;
    let refused = rig.store().delete_post(posts[0], Some(bob), None).await;
    assert!(matches!(refused, Err(CommitError::Forbidden { user }) if user == bob));
    assert_eq!(rig.timeline_of(ada).await, posts);
    rig.store().delete_post(posts[0], None, None).await.unwrap();
    rig.store()
        .delete_post(posts[1], Some(ada), None)
        .await
        .unwrap();
    assert_eq!(rig.timeline_of(ada).await, []);
    let nothing = rig.store().delete_post(NO_POST, None, None).await;
    assert!(matches!(nothing, Err(CommitError::NotFound { .. })));
}

/// While one task edits, what was acknowledged before a read began is what the read finds, or newer.
pub(crate) async fn no_read_is_older_than_what_was_acknowledged(rig: Rig) {
    let ada = rig.user("ada").await;
    let post = rig.post(ada, "0").await;
    let acknowledged = Arc::new(AtomicU32::new(0));
    let ending = Arc::new(AtomicBool::new(false));
    let mut readers = JoinSet::new();
    for _ in 0..4 {
        let (store, acknowledged, ending) =
            (rig.store().clone(), acknowledged.clone(), ending.clone());
        readers.spawn(async move {
            let mut newest = 0;
            loop {
                let least = acknowledged.load(Ordering::SeqCst).max(newest);
                let Some(read) = store.posts(&[post]).await.unwrap().remove(0) else {
                    assert!(ending.load(Ordering::SeqCst));
                    return;
                };
                assert!(read.revision >= least, "{} after {least}", read.revision);
                assert_eq!(read.text, read.revision.to_string());
                newest = read.revision;
                tokio::task::yield_now().await;
            }
        });
    }
    for revision in 1..=150 {
        rig.rewrite(ada, post, &revision.to_string()).await;
        acknowledged.store(revision, Ordering::SeqCst);
        assert_eq!(rig.get(post).await.revision, revision);
    }
    ending.store(true, Ordering::SeqCst);
    rig.delete(post).await;
    assert_eq!(rig.store().posts(&[post]).await.unwrap(), [None]);
    readers.join_all().await;
}
