//! Stopping: what has begun is finished or given back, and nothing is lost.

use std::time::{Duration, Instant};

use ripple_domain::{StageState, Tier};
use ripple_workers::WorkerOptions;
use tokio_util::sync::CancellationToken;

use crate::{
    faulty::{Fault, Faulty, Op},
    town::{Town, Workers, eventually, only, quick, tagged},
};

#[tokio::test(flavor = "multi_thread")]
async fn workers_that_stop_and_start_lose_nothing() {
    let town = Town::open().await;
    let (author, reader) = town.author_and_reader().await;
    let mut posts = Vec::new();
    for _ in 0..10 {
        let options = WorkerOptions {
            // A lease that is not given back outlasts the test.
            lease_ms: 600_000,
            ..quick()
        };
        let workers = Workers::start(town.store.clone(), options);
        for _ in 0..20 {
            posts.push(town.publish(tagged(author, "rust")).await.id);
        }
        workers.stop().await;
        for tier in Tier::ALL {
            eventually("all was finished or given back", async || {
                town.store.tier_stats(tier).await.unwrap().in_flight == 0
            })
            .await;
        }
    }
    let workers = town.workers();
    town.all_idle().await;
    workers.stop().await;
    posts.reverse();
    assert_eq!(town.home(reader).await, posts);
    assert_eq!(town.tag_page("rust").await, posts);
}

#[tokio::test(flavor = "multi_thread")]
async fn work_under_way_is_finished_before_the_workers_return() {
    let town = Town::open().await;
    let (author, reader) = town.author_and_reader().await;
    let (go_on, begun) = (CancellationToken::new(), CancellationToken::new());
    let (until, at_work) = (go_on.clone(), begun.clone());
    let store = Faulty::new(town.store.clone(), move |op| match op {
        Op::PushHome(_) => {
            at_work.cancel();
            Some(Fault::WaitFor(until.clone()))
        }
        _ => None,
    });
    let workers = Workers::start(store, quick());
    let post = town.post(author, "under way").await;
    begun.cancelled().await;
    let after_the_stop = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        go_on.cancel();
    };
    tokio::join!(workers.stop(), after_the_stop);
    town.idle(Tier::Followers).await;
    assert_eq!(town.home(reader).await, [post]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_end_is_given_back_when_the_time_is_over() {
    let town = Town::open().await;
    let (author, reader) = town.author_and_reader().await;
    let begun = CancellationToken::new();
    let at_work = begun.clone();
    let store = Faulty::new(town.store.clone(), move |op| {
        matches!(op, Op::PushHome(_)).then(|| {
            at_work.cancel();
            Fault::WaitFor(CancellationToken::new())
        })
    });
    let options = WorkerOptions {
        // A lease that is not given back outlasts the test.
        lease_ms: 600_000,
        attempt_ms_max: 600_000,
        drain_ms: 200,
        ..only(Tier::Followers)
    };
    let workers = Workers::start(store, options);
    let post = town.post(author, "endless").await;
    begun.cancelled().await;
    let stopping = Instant::now();
    workers.stop().await;
    let took = stopping.elapsed();
    assert!(
        took >= Duration::from_millis(200) && took < Duration::from_secs(5),
        "{took:?}"
    );

    let claimable = town.store.tier_stats(Tier::Followers).await.unwrap();
    assert_eq!((claimable.ready, claimable.in_flight), (1, 0));
    let workers = Workers::start(town.store.clone(), only(Tier::Followers));
    town.idle(Tier::Followers).await;
    workers.stop().await;
    assert_eq!(town.home(reader).await, [post]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_fan_out_stops_after_its_chunk_and_goes_on_from_there() {
    let town = Town::open().await;
    let star = town.user("star").await;
    town.crowd("star", 35_000).await;
    let (go_on, begun) = (CancellationToken::new(), CancellationToken::new());
    let (until, at_work) = (go_on.clone(), begun.clone());
    let store = Faulty::new(town.store.clone(), move |op| match op {
        Op::PushHome(_) => {
            at_work.cancel();
            Some(Fault::WaitFor(until.clone()))
        }
        _ => None,
    });
    let workers = Workers::start(store.clone(), only(Tier::Followers));
    let post = town.post(star, "to all of you").await;
    begun.cancelled().await;
    let after_the_stop = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        go_on.cancel();
    };
    tokio::join!(workers.stop(), after_the_stop);
    assert_eq!(store.writes().len(), 1, "one chunk and no more");
    assert_eq!(
        town.store.tier_stats(Tier::Followers).await.unwrap().ready,
        1
    );

    let rest = Faulty::new(town.store.clone(), |_| None);
    let workers = Workers::start(rest.clone(), only(Tier::Followers));
    town.idle(Tier::Followers).await;
    workers.stop().await;
    assert_eq!(rest.writes().len(), 3, "the chunk before is not repeated");
    eventually("the receipt is written", async || {
        let stage = town.receipt(post).await.followers;
        (stage.state, stage.delivered) == (StageState::Done, 35_000)
    })
    .await;
}
