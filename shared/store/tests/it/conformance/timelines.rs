//! Author timelines and the post log: windows of ids from the facts.

use ripple_domain::{Direction, PostId, Timestamp, UserId, Window};

use crate::harness::{Rig, imported};

/// What `posts_of` must answer, from all ids of these authors.
fn expected(all: &[PostId], window: Window, limit: usize) -> Vec<PostId> {
    let mut ids: Vec<PostId> = all
        .iter()
        .copied()
        .filter(|id| window.contains(*id))
        .collect();
    ids.sort_unstable();
    if window.direction == Direction::NewestFirst {
        ids.reverse();
    }
    ids.truncate(limit);
    ids
}

/// Windows of both directions whose bounds are `ids`, lie next to them, or are open.
pub(crate) fn windows(ids: &[PostId]) -> Vec<Window> {
    let mut bounds = vec![None, Some(PostId(0)), Some(PostId::MAX)];
    for id in ids {
        bounds.extend([id.0 - 1, id.0, id.0 + 1].map(|id| Some(PostId(id))));
    }
    let mut windows = Vec::new();
    for before in &bounds {
        for after in &bounds {
            for direction in [Direction::NewestFirst, Direction::OldestFirst] {
                windows.push(Window {
                    before: *before,
                    after: *after,
                    direction,
                });
            }
        }
    }
    windows
}

pub(crate) async fn timelines_are_merged_in_every_window(mut rig: Rig) {
    let [ada, bob, eve] = rig.users().await;
    let mut all = Vec::new();
    for round in 0..12 {
        let author = [ada, bob, ada][round % 3];
        all.push((author, rig.post(author, "hello").await));
        rig.post(eve, "somebody else").await;
        rig.pass_ms(i64::from(round % 2 == 0));
    }
    let (_, deleted) = all.remove(5);
    rig.delete(deleted).await;
    let of = |authors: &[UserId]| -> Vec<PostId> {
        let of_these = all.iter().filter(|(author, _)| authors.contains(author));
        of_these.map(|(_, id)| *id).collect()
    };
    for _ in 0..2 {
        for authors in [
            &[ada, bob][..],
            &[bob],
            &[bob, bob],
            &[UserId(999), ada],
            &[],
        ] {
            let of_these = of(authors);
            for window in windows(&[of_these.last().copied().unwrap_or(deleted), deleted]) {
                for limit in [0, 1, 3, 100] {
                    let found = rig.store().posts_of(authors, window, limit).await.unwrap();
                    let expected = expected(&of_these, window, limit);
                    assert_eq!(found, expected, "{authors:?} {window:?} {limit}");
                }
            }
        }
        rig.restart().await;
    }
}

pub(crate) async fn the_post_log_is_paged_by_time(mut rig: Rig) {
    let [ada, bob] = rig.users().await;
    let start = rig.now();
    let mut all = Vec::new();
    for round in 0..10 {
        let author = if round % 2 == 0 { ada } else { bob };
        all.push(rig.post(author, "hello").await);
        rig.pass_ms(i64::from(round % 3 == 0) * 10);
    }
    rig.delete(all.remove(4)).await;
    // Ids of one moment are in the order of partitions.
    all.sort_unstable();
    for _ in 0..2 {
        for (from, to) in [
            (0, 1_000),
            (10, 20),
            (0, 0),
            (1, 10),
            (10, 11),
            (-5, 10),
            (20, 10),
        ] {
            let (from, to) = (start.plus_ms(from), start.plus_ms(to));
            let expected = all
                .iter()
                .copied()
                .filter(|id| from <= id.time() && id.time() < to);
            let expected: Vec<PostId> = expected.collect();
            let mut found = Vec::new();
            loop {
                let after = found.last().copied();
                let page = rig.store().post_log(from, to, after, 3).await.unwrap();
                assert!(page.len() <= 3);
                found.extend(page.iter().map(|post| post.id));
                if page.is_empty() {
                    break;
                }
            }
            assert_eq!(found, expected, "{from} {to}");
        }
        rig.restart().await;
    }
}

pub(crate) async fn the_timelines_of_many_authors_are_merged(rig: Rig) {
    const AUTHORS: u16 = 2_500;
    let now = rig.now();
    let lines = (0..AUTHORS).map(|n| {
        let mut line = imported(0, &format!("user_{n}"), "hello");
        line.key[..2].copy_from_slice(&n.to_be_bytes());
        // The order of times is none of the order of authors.
        line.post.created_at = Some(now.plus_ms(-1_000 * i64::from(n % 100)));
        line
    });
    rig.store().import_posts(lines.collect()).await.unwrap();
    let authors: Vec<UserId> = (1..=u32::from(AUTHORS)).map(UserId).collect();
    let store = rig.store();
    let mut newest_first = Vec::new();
    for author in &authors {
        newest_first.extend(rig.timeline_of(*author).await);
    }
    newest_first.sort_by(|a, b| b.cmp(a));
    assert_eq!(newest_first.len(), usize::from(AUTHORS));

    let page = |window, limit| store.posts_of(&authors, window, limit);
    assert_eq!(page(Window::NEWEST, 5_000).await.unwrap(), newest_first);
    assert_eq!(page(Window::NEWEST, 70).await.unwrap(), newest_first[..70]);
    let window = Window::of_page(Some(newest_first[69]), None);
    assert_eq!(page(window, 70).await.unwrap(), newest_first[70..140]);
    let window = Window::of_page(None, Some(newest_first[140]));
    let mut upwards = page(window, 70).await.unwrap();
    upwards.reverse();
    assert_eq!(upwards, newest_first[70..140]);
}

pub(crate) async fn the_post_log_of_a_time_without_ids_is_empty(rig: Rig) {
    let author = rig.user("author").await;
    let post = rig.post(author, "hello").await;
    let at = |ms| Timestamp::from_ms(ms);
    let log = async |from, to, after| {
        let posts = rig.store().post_log(from, to, after, 9).await.unwrap();
        posts.iter().map(|post| post.id).collect::<Vec<_>>()
    };
    // Ids exist for the years 2000 to 2069.
    assert_eq!(log(at(0), at(1_000), None).await, []);
    let (from, to) = (at(4_000_000_000_000), at(4_100_000_000_000));
    assert_eq!(log(from, to, None).await, []);
    assert_eq!(log(at(i64::MIN), at(i64::MAX), None).await, [post]);
    assert_eq!(log(at(0), at(i64::MAX), Some(post)).await, []);
    assert_eq!(log(at(0), rig.now(), Some(post)).await, []);
}
