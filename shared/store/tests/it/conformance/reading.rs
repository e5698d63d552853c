//! Pages as they are read: full, without seam, and of nothing that the reader may not see.

use std::collections::BTreeSet;

use ripple_domain::{Direction, PostId, RelationKind, Topic, UserId, Visibility, Window};
use ripple_store::{
    home::HOME_IDS_MAX,
    reading::{IDS_A_PAGE_MAX, Page, read_page, read_post},
};

use crate::harness::{Rig, new_post};

/// Reads a home timeline page by page downwards, as a client does.
pub(super) async fn page_down(rig: &Rig, reader: UserId, limit: usize) -> Vec<PostId> {
    let mut found: Vec<PostId> = Vec::new();
    loop {
        let window = Window::of_page(found.last().copied(), None);
        let page = rig.home_page(reader, window, limit).await;
        assert!(page.len() <= limit);
        found.extend(&page);
        if page.len() < limit {
            return found;
        }
    }
}

/// And upwards from the first post; newest first.
pub(super) async fn page_up(rig: &Rig, reader: UserId, limit: usize) -> Vec<PostId> {
    let mut found: Vec<PostId> = Vec::new();
    loop {
        let after = found.last().copied().unwrap_or(PostId(0));
        let page = rig
            .home_page(reader, Window::of_page(None, Some(after)), limit)
            .await;
        assert!(
            page.is_sorted_by(|a, b| a > b),
            "newest first whatever the direction"
        );
        found.extend(page.iter().rev());
        if page.len() < limit {
            found.reverse();
            return found;
        }
    }
}

pub(crate) async fn the_author_sees_his_post_at_once(rig: Rig) {
    let [ada, bob] = rig.users().await;
    rig.follow(ada, bob).await;
    assert_eq!(rig.home_of(ada).await, [], "warm from now on");
    let post = rig.post(ada, "mine").await;
    assert_eq!(rig.home_of(ada).await, [post], "before any job has run");
    rig.drain().await;
    assert_eq!(rig.home_of(ada).await, [post]);
    let page = Page::Topic(Topic::Author(ada));
    let shown = read_page(rig.store().as_ref(), None, &page, Window::NEWEST, 10)
        .await
        .unwrap()
        .shown;
    assert_eq!(shown[0].post.id, post);
}

pub(crate) async fn nobody_has_no_home(rig: Rig) {
    let page = read_page(rig.store().as_ref(), None, &Page::Home, Window::NEWEST, 10).await;
    assert!(page.unwrap().shown.is_empty());
    assert!(rig.home_of(UserId(999)).await.is_empty());
}

pub(crate) async fn what_may_not_be_seen_is_gone_at_the_next_read(rig: Rig) {
    use RelationKind::{Block, Follow, Mute};
    let [reader, ada, bob] = rig.users().await;
    rig.follow(reader, ada).await;
    rig.follow(reader, bob).await;
    let of_bob = rig.posts(bob, 3).await;
    rig.pass_ms(1);
    let of_ada = rig.posts(ada, 3).await;
    rig.drain().await;
    let all = [of_ada.clone(), of_bob.clone()].concat();
    let seen = async || rig.home_of(reader).await;
    assert_eq!(seen().await, all);
    for (from, kind, to, hides) in [
        (reader, Mute, ada, true),
        (reader, Block, ada, true),
        (ada, Block, reader, true),
        (reader, Follow, ada, false),
    ] {
        rig.relate(from, kind, to, hides).await;
        assert_eq!(seen().await, of_bob, "{kind:?}");
        rig.relate(from, kind, to, !hides).await;
        assert_eq!(seen().await, all, "{kind:?}, and it comes back");
    }
    rig.show_to(ada, of_ada[1], Visibility::Direct).await;
    assert_eq!(
        seen().await,
        [&[of_ada[0], of_ada[2]], &of_bob[..]].concat()
    );
    rig.show_to(ada, of_ada[1], Visibility::Followers).await;
    rig.drain().await;
    assert_eq!(seen().await, all);
    rig.delete(of_ada[0]).await;
    assert_eq!(seen().await, all[1..]);
    let edited = rig.rewrite(ada, of_ada[1], "edited").await;
    let shown = read_page(
        rig.store().as_ref(),
        Some(reader),
        &Page::Home,
        Window::NEWEST,
        1,
    )
    .await
    .unwrap()
    .shown;
    assert_eq!(shown[0].post, edited);
}

/// More posts in a row are hidden than one request looks at, on a home timeline and on a topic's page,
/// downwards and upwards.
pub(crate) async fn a_page_breaks_off_in_a_very_long_run_of_hidden_posts(rig: Rig) {
    let [reader, ada, bob, eve] = rig.users().await;
    let oldest = rig.post(ada, "oldest").await;
    for followee in [ada, bob, eve] {
        rig.follow(reader, followee).await;
    }
    let half = IDS_A_PAGE_MAX / 2 + 1_000;
    for author in [bob, eve] {
        rig.pass_ms(1_000);
        rig.many_posts(author, half).await;
        rig.relate(reader, RelationKind::Mute, author, true).await;
    }
    rig.pass_ms(1_000);
    let newest = rig.post(ada, "newest").await;
    rig.drain().await;

    for page in [Page::Home, Page::Topic(Topic::Public)] {
        if page != Page::Home {
            // Who blocks is hidden everywhere.
            rig.relate(bob, RelationKind::Block, reader, true).await;
            rig.relate(eve, RelationKind::Block, reader, true).await;
        }
        for (up, expected) in [(false, [newest, oldest]), (true, [oldest, newest])] {
            let mut window = match up {
                true => Window::of_page(None, Some(PostId(0))),
                false => Window::NEWEST,
            };
            let (mut found, mut pages) = (Vec::new(), 0);
            loop {
                let store = rig.store().as_ref();
                let read = read_page(store, Some(reader), &page, window, 10).await;
                let read = read.unwrap();
                found.extend(read.shown.iter().map(|shown| shown.post.id));
                pages += 1;
                let Some(at) = read.broke_off_at else { break };
                assert!(window.contains(at), "it goes on");
                window = window.beyond(at);
            }
            assert_eq!((&found[..], pages), (&expected[..], 2), "{page:?} up: {up}");
        }
    }
    let full = read_page(
        rig.store().as_ref(),
        Some(reader),
        &Page::Home,
        Window::NEWEST,
        1,
    );
    assert_eq!(full.await.unwrap().broke_off_at, None, "a full page");
}

/// Pages from which every second post is hidden, of which the timeline itself knows nothing.
pub(crate) async fn a_page_is_short_only_at_the_end(rig: Rig) {
    let [reader, ada, bob] = rig.users().await;
    rig.follow(reader, ada).await;
    rig.follow(reader, bob).await;
    let mut shown = Vec::new();
    for _ in 0..8 {
        rig.many_posts(bob, 25).await;
        rig.pass_ms(1);
        let of_ada = rig.many_posts(ada, 5).await;
        shown.splice(0..0, of_ada);
        rig.pass_ms(1);
    }
    assert_eq!(rig.home_of(reader).await.len(), 100);
    rig.relate(reader, RelationKind::Mute, bob, true).await;
    for limit in [1, 7, 20, 40, 100] {
        assert_eq!(
            page_down(&rig, reader, limit).await,
            shown,
            "pages of {limit}"
        );
        assert_eq!(
            page_up(&rig, reader, limit).await,
            shown,
            "pages of {limit}"
        );
    }
    assert_eq!(rig.home_page(reader, Window::NEWEST, 40).await.len(), 40);
}

/// Past what a warm timeline holds, reading goes on without a seam, a gap or a duplicate.
pub(crate) async fn a_home_timeline_has_no_artificial_end(rig: Rig) {
    let [reader, ada, bob] = rig.users().await;
    rig.follow(reader, ada).await;
    rig.follow(reader, bob).await;
    let mut all = BTreeSet::new();
    for _ in 0..11 {
        all.extend(rig.many_posts(ada, 50).await);
        all.extend(rig.many_posts(bob, 50).await);
        all.insert(rig.direct(bob, &[reader]).await);
        rig.pass_ms(1);
    }
    rig.drain().await;
    assert!(all.len() > HOME_IDS_MAX + 300);
    for round in 0..3 {
        let expected: Vec<PostId> = all.iter().rev().copied().collect();
        assert_eq!(
            page_down(&rig, reader, 100).await,
            expected,
            "round {round}"
        );
        assert_eq!(page_up(&rig, reader, 100).await, expected, "round {round}");
        // On both sides of where the kept ids end.
        for at in [
            HOME_IDS_MAX - 2,
            HOME_IDS_MAX - 1,
            HOME_IDS_MAX,
            HOME_IDS_MAX + 1,
        ] {
            let (before, after) = (Some(expected[at - 1]), Some(expected[at]));
            let down = rig
                .home_page(reader, Window::of_page(before, None), 9)
                .await;
            assert_eq!(down, expected[at..at + 9], "round {round}, {at}");
            let up = rig.home_page(reader, Window::of_page(None, after), 9).await;
            assert_eq!(up, expected[at - 9..at], "round {round}, {at}");
        }
        for _ in 0..7 {
            all.insert(rig.post(ada, "newer").await);
        }
        rig.drain().await;
    }
}

pub(crate) async fn a_cursor_stays_valid_when_its_post_is_deleted(rig: Rig) {
    let [reader, ada] = rig.users().await;
    rig.follow(reader, ada).await;
    let mut posts = rig.posts(ada, 6).await;
    rig.home_of(reader).await;
    let cursor = posts.remove(3);
    rig.delete(cursor).await;
    let page = rig
        .home_page(reader, Window::of_page(Some(cursor), None), 10)
        .await;
    assert_eq!(page, posts[3..]);
    let page = rig
        .home_page(reader, Window::of_page(None, Some(cursor)), 2)
        .await;
    assert_eq!(page, posts[1..3], "the page next to the cursor");
    let between = Window::of_page(Some(posts[0]), Some(posts[4]));
    assert_eq!(rig.home_page(reader, between, 10).await, posts[1..4]);
    assert_eq!(
        rig.home_page(reader, between, 2).await,
        posts[1..3],
        "the newest of them"
    );
    let empty = Window {
        direction: Direction::OldestFirst,
        ..Window::of_page(Some(posts[2]), Some(posts[2]))
    };
    assert_eq!(rig.home_page(reader, empty, 10).await, []);
}

pub(crate) async fn a_page_of_a_topic_hides_what_the_reader_may_not_see(rig: Rig) {
    let [ada, bob, eve] = rig.users().await;
    let public = rig.post(ada, "public").await;
    rig.drain().await;
    let page = async |viewer, topic: &Topic| -> Vec<PostId> {
        let page = Page::Topic(topic.clone());
        let shown = read_page(rig.store().as_ref(), viewer, &page, Window::NEWEST, 10)
            .await
            .unwrap()
            .shown;
        shown.iter().map(|shown| shown.post.id).collect()
    };
    let author = Topic::Author(ada);
    let mut ids = vec![public];
    for visibility in [
        Visibility::Unlisted,
        Visibility::Followers,
        Visibility::Direct,
    ] {
        let mut post = new_post(ada, "less public");
        post.visibility = visibility;
        ids.insert(0, rig.commit(post).await.value.id);
    }
    rig.follow(bob, ada).await;
    assert_eq!(page(None, &author).await, ids[2..], "public and unlisted");
    assert_eq!(page(Some(eve), &author).await, ids[2..]);
    assert_eq!(
        page(Some(bob), &author).await,
        ids[1..],
        "and for followers"
    );
    assert_eq!(page(Some(ada), &author).await, ids);

    for viewer in [None, Some(eve), Some(ada)] {
        assert_eq!(page(viewer, &Topic::Public).await, [public]);
    }
    rig.relate(ada, RelationKind::Block, eve, true).await;
    for topic in [&author, &Topic::Public] {
        assert_eq!(page(Some(eve), topic).await, []);
    }
    // Before the job that takes it from the page has run.
    rig.show_to(ada, public, Visibility::Unlisted).await;
    assert_eq!(page(None, &Topic::Public).await, []);
    rig.show_to(ada, public, Visibility::Public).await;
    rig.delete(public).await;
    assert_eq!(page(None, &Topic::Public).await, []);
    assert_eq!(page(None, &author).await, ids[2..3]);
}

pub(crate) async fn a_repost_shows_its_original_while_that_may_be_seen(rig: Rig) {
    let [reader, ada, bob] = rig.users().await;
    rig.follow(reader, ada).await;
    let original = rig.post(bob, "original").await;
    let mut bare = new_post(ada, "");
    bare.repost_of = Some(original);
    let mut quote = new_post(ada, "listen to this");
    quote.repost_of = Some(original);
    let (bare, quote) = (
        rig.commit(bare).await.value.id,
        rig.commit(quote).await.value.id,
    );
    let home = async || -> Vec<(PostId, Option<PostId>)> {
        let shown = read_page(
            rig.store().as_ref(),
            Some(reader),
            &Page::Home,
            Window::NEWEST,
            10,
        )
        .await;
        let ids = |shown: &ripple_store::reading::Shown| {
            let original = shown.original.as_ref();
            (shown.post.id, original.map(|original| original.post.id))
        };
        shown.unwrap().shown.iter().map(ids).collect()
    };
    let both = [(quote, Some(original)), (bare, Some(original))];
    let words = [(quote, None)];
    assert_eq!(home().await, both);
    for kind in [RelationKind::Mute, RelationKind::Block] {
        rig.relate(reader, kind, bob, true).await;
        assert_eq!(home().await, words, "{kind:?}");
        rig.relate(reader, kind, bob, false).await;
        assert_eq!(home().await, both, "{kind:?}");
    }
    rig.show_to(bob, original, Visibility::Followers).await;
    assert_eq!(home().await, words);
    rig.delete(original).await;
    assert_eq!(home().await, words);
    assert!(
        read_post(rig.store().as_ref(), Some(reader), bare)
            .await
            .unwrap()
            .is_none()
    );
}

pub(crate) async fn a_repost_of_one_that_lost_its_words_shows_what_that_passes_on(rig: Rig) {
    let [reader, ada, bob] = rig.users().await;
    let original = rig.post(bob, "original").await;
    let repost = async |author, text: &str, of| {
        let mut repost = new_post(author, text);
        repost.repost_of = Some(of);
        rig.commit(repost).await.value.id
    };
    let quote = repost(ada, "listen to this", original).await;
    let bare = repost(reader, "", quote).await;
    let again = repost(reader, "", bare).await;
    let shown = async |id| {
        let shown = read_post(rig.store().as_ref(), Some(reader), id).await;
        shown.unwrap().map(|shown| shown.original.unwrap().post.id)
    };
    assert_eq!(shown(bare).await, Some(quote));
    rig.rewrite(ada, quote, "").await;
    assert_eq!(shown(bare).await, Some(original));
    assert_eq!(shown(again).await, None, "no chain is followed");
    rig.relate(reader, RelationKind::Mute, bob, true).await;
    assert_eq!(shown(bare).await, None);
    rig.relate(reader, RelationKind::Mute, bob, false).await;
    rig.delete(original).await;
    assert_eq!(shown(bare).await, None);
}

pub(crate) async fn a_post_is_shown_to_those_who_may_see_it(rig: Rig) {
    let [ada, bob, eve] = rig.users().await;
    let direct = rig.direct(ada, &[bob]).await;
    let shown = async |viewer| {
        read_post(rig.store().as_ref(), viewer, direct)
            .await
            .unwrap()
            .map(|shown| shown.post.id)
    };
    assert_eq!(shown(Some(ada)).await, Some(direct));
    assert_eq!(shown(Some(bob)).await, Some(direct));
    assert_eq!((shown(Some(eve)).await, shown(None).await), (None, None));
    rig.relate(ada, RelationKind::Block, bob, true).await;
    assert_eq!(shown(Some(bob)).await, None);
    rig.delete(direct).await;
    assert_eq!(shown(Some(ada)).await, None);
}
