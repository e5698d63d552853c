//! Author timelines and the post log: windows of ids from the facts.

use ripple_domain::{Direction, PostId, UserId, Window};

use crate::harness::Rig;

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
