//! Imports and exports.

use ripple_domain::{JobKind, PostId, RelationKind, Tier, UserId, Visibility};
use ripple_store::{FollowLine, ImportCounts, ImportedPost};

use crate::harness::{Rig, handle, imported, token};

fn line(follower: &str, followee: &str) -> FollowLine {
    FollowLine {
        follower: handle(follower),
        followee: handle(followee),
    }
}

fn counts(added: u64, known: u64, users_created: u64) -> ImportCounts {
    ImportCounts {
        added,
        known,
        left_out: 0,
        users_created,
    }
}

async fn id(rig: &Rig, name: &str) -> UserId {
    rig.store()
        .user_by_handle(&handle(name))
        .await
        .unwrap()
        .unwrap()
        .id
}

pub(crate) async fn imported_follows_create_users_and_count_what_is_known(mut rig: Rig) {
    let ada = rig.user("ada").await;
    let lines = vec![line("bob", "ada"), line("bob", "Eve"), line("BOB", "ada")];
    let done = rig.store().import_follows(lines.clone()).await.unwrap();
    assert_eq!(done, counts(2, 1, 2));
    let (bob, eve) = (id(&rig, "bob").await, id(&rig, "eve").await);
    assert_eq!((bob, eve), (UserId(2), UserId(3)), "ids stay dense");
    rig.kill().await;
    assert_eq!(
        rig.store().import_follows(lines).await.unwrap(),
        counts(0, 3, 0)
    );
    let mut followees = rig.store().followees(bob).await.unwrap();
    followees.sort_unstable();
    assert_eq!(followees, [ada, eve]);
    assert_eq!(
        rig.store().user_by_token(&token("bob")).await.unwrap(),
        None
    );
    assert_eq!(
        rig.store().import_follows(vec![]).await.unwrap(),
        counts(0, 0, 0)
    );
}

pub(crate) async fn an_imported_follow_backfills_the_home_timeline(rig: Rig) {
    let [ada, bob] = rig.users().await;
    let post = rig.post(ada, "before").await;
    rig.drain().await;
    assert_eq!(rig.home_of(bob).await, []);
    rig.store()
        .import_follows(vec![line("user_1", "user_0")])
        .await
        .unwrap();
    assert_eq!(rig.home_of(bob).await, [post]);
}

pub(crate) async fn imported_posts_are_posts(rig: Rig) {
    let bob = rig.user("bob").await;
    let then = rig.now().plus_ms(-86_400_000);
    let mut first = imported(1, "Ada", "hello @bob and @nobody, to @eve");
    first.post.created_at = Some(then);
    first.post.visibility = Visibility::Unlisted;
    first.mentions = vec![handle("bob"), handle("nobody")];
    first.recipients = vec![handle("eve")];
    let done = rig
        .store()
        .import_posts(vec![first, imported(2, "bob", "now")])
        .await
        .unwrap();
    assert_eq!(done, counts(2, 0, 2));
    let (ada, eve) = (id(&rig, "ada").await, id(&rig, "eve").await);
    assert!(
        rig.store()
            .user_by_handle(&handle("nobody"))
            .await
            .unwrap()
            .is_none()
    );

    let post = rig.get(rig.timeline_of(ada).await[0]).await;
    assert_eq!(
        (post.author, post.created_at(), post.accepted_at),
        (ada, then, rig.now())
    );
    assert_eq!(post.mentions, [rig.user_ref(bob).await]);
    assert_eq!(post.recipients, [rig.user_ref(eve).await]);
    let now = rig.timeline_of(bob).await[0];
    assert_eq!(now.time(), rig.now());

    let delivered = rig.claim(Tier::Followers, 10).await;
    // They are due at the same moment, so either may go first.
    let mut delivered: Vec<_> = delivered
        .iter()
        .map(|claim| claim.job.kind.post())
        .collect();
    delivered.sort_unstable();
    assert_eq!(delivered, [Some(post.id), Some(now)]);
    assert_eq!(
        rig.claim_one(Tier::Public).await.job.kind,
        JobKind::Index { post: now }
    );
}

pub(crate) async fn a_key_that_was_imported_is_skipped_for_good(mut rig: Rig) {
    let two = || vec![imported(1, "ada", "one"), imported(2, "ada", "two")];
    assert_eq!(
        rig.store().import_posts(two()).await.unwrap(),
        counts(2, 0, 1)
    );
    let ada = id(&rig, "ada").await;
    let posts = rig.timeline_of(ada).await;
    rig.kill().await;
    rig.drop_jobs().await;
    rig.restart().await;
    rig.pass_ms(400 * 86_400_000);
    rig.store().housekeep().await.unwrap();
    let mut lines = two();
    lines.extend([imported(3, "ada", "three"), imported(3, "ada", "three")]);
    assert_eq!(
        rig.store().import_posts(lines).await.unwrap(),
        counts(1, 3, 0)
    );
    let after = rig.timeline_of(ada).await;
    assert_eq!((after.len(), &after[1..]), (3, &posts[..]));
    rig.delete(after[0]).await;
    let again = rig
        .store()
        .import_posts(vec![imported(3, "ada", "three")])
        .await
        .unwrap();
    assert_eq!(again, counts(0, 1, 0), "a deleted post does not come back");
}

pub(crate) async fn imported_posts_refer_to_each_other_by_their_keys(mut rig: Rig) {
    let (first, nothing) = (Some([1; 16]), Some([9; 16]));
    let mut answer = imported(2, "bob", "an answer");
    answer.reply_to = first;
    let lines = vec![imported(1, "ada", "first"), answer];
    assert_eq!(
        rig.store().import_posts(lines).await.unwrap(),
        counts(2, 0, 2)
    );
    rig.kill().await;
    let mut passed_on = imported(3, "bob", "");
    passed_on.repost_of = first;
    let mut of_nothing = imported(4, "bob", "");
    of_nothing.repost_of = nothing;
    let mut with_words = imported(5, "bob", "my words");
    (with_words.repost_of, with_words.reply_to) = (nothing, nothing);
    let lines = vec![passed_on, of_nothing, with_words];
    let left_out = ImportCounts {
        left_out: 1,
        ..counts(2, 0, 0)
    };
    assert_eq!(rig.store().import_posts(lines).await.unwrap(), left_out);

    let (ada, bob) = (id(&rig, "ada").await, id(&rig, "bob").await);
    let first = rig.get(rig.timeline_of(ada).await[0]).await;
    assert_eq!((first.counts.replies, first.counts.reposts), (1, 1));
    let mut references = Vec::new();
    for id in rig.timeline_of(bob).await {
        let post = rig.get(id).await;
        references.push((post.reply_to, post.repost_of));
    }
    assert_eq!(
        references,
        [(None, None), (None, Some(first.id)), (Some(first.id), None)]
    );
}

pub(crate) async fn imported_posts_are_in_the_order_of_their_times(rig: Rig) {
    let start = rig.now().plus_ms(-1_000_000);
    let mut lines = Vec::new();
    for (key, ms) in [(1, 500), (2, 100), (3, 900), (4, 500)] {
        let mut line = imported(key, "ada", &ms.to_string());
        line.post.created_at = Some(start.plus_ms(ms));
        lines.push(line);
    }
    rig.store().import_posts(lines).await.unwrap();
    let ada = id(&rig, "ada").await;
    let newest = rig.post(ada, "now").await;
    let timeline = rig.timeline_of(ada).await;
    assert_eq!(timeline[0], newest);
    let times: Vec<u64> = timeline[1..]
        .iter()
        .map(|id| id.time().ms_since(start))
        .collect();
    assert_eq!(times, [900, 500, 500, 100]);
}

pub(crate) async fn an_export_has_each_follow_once_in_a_fixed_order(mut rig: Rig) {
    let lines: Vec<FollowLine> = (0..20)
        .map(|n| line(&format!("user_{}", n % 5), &format!("user_{}", 10 - n % 7)))
        .collect();
    let mut expected = Vec::new();
    rig.store().import_follows(lines.clone()).await.unwrap();
    for line in lines {
        let (from, to) = (&line.follower, &line.followee);
        expected.push((id(&rig, from.as_str()).await, id(&rig, to.as_str()).await));
    }
    let (from, to) = expected.remove(0);
    rig.relate(from, RelationKind::Follow, to, false).await;
    rig.relate(from, RelationKind::Mute, to, true).await;
    expected.retain(|follow| *follow != (from, to));
    expected.sort_unstable();
    expected.dedup();

    let mut first = None;
    for limit in [1, 7, 1_000] {
        let mut found = Vec::new();
        loop {
            let after = found.last().copied();
            let page = rig.store().export_follows(after, limit).await.unwrap();
            assert!(page.len() <= limit);
            if page.is_empty() {
                break;
            }
            found.extend(page);
        }
        assert_eq!(
            *first.get_or_insert(found.clone()),
            found,
            "the order is fixed"
        );
        found.sort_unstable();
        assert_eq!(found, expected, "pages of {limit}");
        rig.restart().await;
    }
}

pub(crate) async fn an_export_can_be_imported_again(rig: Rig) {
    rig.store()
        .import_follows(vec![line("a", "b"), line("b", "c"), line("c", "a")])
        .await
        .unwrap();
    let exported = rig.store().export_follows(None, 100).await.unwrap();
    let mut lines = Vec::new();
    for (from, to) in exported {
        let (from, to) = (rig.user_ref(from).await, rig.user_ref(to).await);
        lines.push(line(from.handle.as_str(), to.handle.as_str()));
    }
    assert_eq!(
        rig.store().import_follows(lines).await.unwrap(),
        counts(0, 3, 0)
    );
}

/// A line as an export tells of a post.
async fn exported(rig: &Rig, key: u8, id: PostId) -> ImportedPost {
    let post = rig.get(id).await;
    let author = rig.user_ref(post.author).await.handle;
    let mut line = imported(key, author.as_str(), &post.text);
    line.post.created_at = Some(post.created_at());
    line.exported_from = Some(id);
    line
}

pub(crate) async fn an_export_of_posts_adds_nothing_where_it_came_from(mut rig: Rig) {
    let [ada, bob] = rig.users().await;
    let ids = [
        rig.post(ada, "one").await,
        rig.post(ada, "edited").await,
        rig.post(bob, "deleted").await,
    ];
    let mut lines = Vec::new();
    for (key, id) in (1..).zip(ids) {
        lines.push(exported(&rig, key, id).await);
    }
    rig.rewrite(ada, ids[1], "better").await;
    rig.delete(ids[2]).await;
    rig.drop_jobs().await;
    rig.restart().await;
    for _ in 0..2 {
        let done = rig.store().import_posts(lines.clone()).await.unwrap();
        assert_eq!(done, counts(0, 3, 0));
    }
    assert!(rig.claim(Tier::Followers, 10).await.is_empty());

    // What the file says beyond the store's own posts is new, and finds what it answers.
    let mut answer = imported(4, "user_1", "an answer");
    answer.reply_to = Some([1; 16]);
    let done = rig.store().import_posts(vec![answer]).await.unwrap();
    assert_eq!(done, counts(1, 0, 0));
    assert_eq!(rig.get(ids[0]).await.counts.replies, 1);
    assert_eq!(rig.timeline_of(ada).await, [ids[1], ids[0]]);
}

pub(crate) async fn a_foreign_line_with_the_id_of_a_post_is_not_lost(rig: Rig) {
    let [ada, _] = rig.users().await;
    let (post, gone) = (rig.post(ada, "mine").await, rig.post(ada, "gone").await);
    let mut lines = Vec::new();
    for (key, id) in [
        (1, post),
        (2, post),
        (3, post),
        (4, post),
        (5, gone),
        (6, gone),
    ] {
        lines.push(exported(&rig, key, id).await);
    }
    rig.delete(gone).await;
    let earlier = post.time().plus_ms(-1);
    lines[0].post.text = "another's".into();
    lines[1].author = handle("user_1");
    lines[2].post.created_at = Some(earlier);
    lines[3].post.created_at = None;
    lines[4].author = handle("nobody_yet");
    lines[5].post.created_at = Some(earlier);
    let done = rig.store().import_posts(lines).await.unwrap();
    assert_eq!(done, counts(6, 0, 1));
}
