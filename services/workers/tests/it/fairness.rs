//! A small fan-out never waits for a large one.

use std::sync::atomic::{AtomicUsize, Ordering};

use ripple_domain::{StageState, Tier, plan::CHUNK_FOLLOWERS_MAX};
use ripple_workers::WorkerOptions;
use tokio_util::sync::CancellationToken;

use crate::{
    faulty::{Fault, Faulty, Op},
    town::{Town, Workers, eventually, only},
};

#[tokio::test(flavor = "multi_thread")]
async fn ten_followers_do_not_wait_for_200_000() {
    const CROWD: usize = 200_000;
    let town = Town::open().await;
    let (star, ada) = (town.user("star").await, town.user("ada").await);
    town.crowd("star", CROWD).await;
    town.crowd("ada", 10).await;

    // The large fan-out is held in its third chunk until the small post is accepted.
    let (go_on, third) = (CancellationToken::new(), CancellationToken::new());
    let (until, reached) = (go_on.clone(), third.clone());
    let chunks = AtomicUsize::new(0);
    let store = Faulty::new(town.store.clone(), move |op| match op {
        Op::PushHome(_) if chunks.fetch_add(1, Ordering::SeqCst) == 2 => {
            reached.cancel();
            Some(Fault::WaitFor(until.clone()))
        }
        _ => None,
    });
    // One batch at a time, so that only the order decides.
    let options = WorkerOptions {
        concurrency: 1,
        ..only(Tier::Followers)
    };
    let workers = Workers::start(store.clone(), options);
    let large = town.post(star, "to all of you").await;
    third.cancelled().await;
    eventually("the receipt shows the first chunk", async || {
        let stage = town.receipt(large).await.followers;
        stage.state == StageState::Running && stage.total == CROWD as u64
    })
    .await;
    let small = town.post(ada, "to ten of you").await;
    go_on.cancel();
    town.idle(Tier::Followers).await;
    workers.stop().await;

    let pushes = store.writes();
    let of = |post| {
        pushes
            .iter()
            .position(|op| matches!(op, Op::PushHome(posts) if posts.contains(&post)))
    };
    assert_eq!(
        of(small),
        Some(3),
        "right after the chunk that was under way"
    );
    let chunks = pushes
        .iter()
        .filter(|op| matches!(op, Op::PushHome(posts) if posts.contains(&large)));
    assert_eq!(chunks.count(), CROWD / CHUNK_FOLLOWERS_MAX);
    eventually("both receipts are written", async || {
        let (large, small) = (
            town.receipt(large).await.followers,
            town.receipt(small).await.followers,
        );
        (large.state, large.delivered, small.delivered) == (StageState::Done, CROWD as u64, 10)
    })
    .await;
}
