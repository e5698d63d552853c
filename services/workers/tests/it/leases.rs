//! Leases: a worker that stalls is replaced and fenced; one that only computes is not.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use ripple_domain::{StageState, Tier};
use ripple_workers::WorkerOptions;
use tokio_util::sync::CancellationToken;

use crate::{
    faulty::{Fault, Faulty, Op},
    town::{Town, Workers, eventually, only, tagged},
};

/// Whether a call is the work of a tier on posts.
fn is_work(op: &Op) -> bool {
    matches!(op, Op::PushHome(_) | Op::Index(_))
}

/// A worker that freezes in the middle of a job, its heartbeat included, as when its process is
/// stopped or cut off from the store.
async fn stall(tier: Tier) {
    let town = Town::open().await;
    let (author, reader) = town.author_and_reader().await;
    let (thaw, begun) = (CancellationToken::new(), CancellationToken::new());
    let (until, at_work) = (thaw.clone(), begun.clone());
    let frozen = Faulty::new(town.store.clone(), move |op| match op {
        Op::Extend => Some(Fault::Fail),
        _ if is_work(op) => {
            at_work.cancel();
            Some(Fault::WaitFor(until.clone()))
        }
        _ => None,
    });
    let options = WorkerOptions {
        lease_ms: 150,
        ..only(tier)
    };
    let stale = Workers::start(frozen.clone(), options.clone());
    let post = town.publish(tagged(author, "rust")).await.id;
    begun.cancelled().await;

    let other = Workers::start(town.store.clone(), options);
    town.idle(tier).await;
    eventually("the receipt is written", async || {
        let receipt = town.receipt(post).await;
        let done = [receipt.followers.state, receipt.public.state];
        done.contains(&StageState::Done)
    })
    .await;
    let receipt = town.receipt(post).await;
    thaw.cancel();
    stale.stop().await;
    other.stop().await;

    assert!(
        frozen.writes().iter().any(is_work),
        "the stale worker went on"
    );
    assert!(!frozen.settled().contains(&true), "and settled nothing");
    assert_eq!(town.receipt(post).await, receipt);
    let shown = match tier {
        Tier::Followers => town.home(reader).await,
        Tier::Public => town.tag_page("rust").await,
    };
    assert_eq!(shown, [post], "on the page once");
    assert_eq!(town.store.tier_stats(tier).await.unwrap().dead, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stalled_worker_is_replaced_and_changes_nothing_afterwards() {
    for tier in Tier::ALL {
        stall(tier).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_runtime_costs_no_lease() {
    const LEASE: Duration = Duration::from_millis(600);
    let town = Town::open().await;
    let (author, reader) = town.author_and_reader().await;
    let (go_on, begun) = (CancellationToken::new(), CancellationToken::new());
    let (until, at_work) = (go_on.clone(), begun.clone());
    let store = Faulty::new(town.store.clone(), move |op| {
        is_work(op).then(|| {
            at_work.cancel();
            Fault::WaitFor(until.clone())
        })
    });
    let options = WorkerOptions {
        lease_ms: 600,
        ..only(Tier::Followers)
    };
    let workers = Workers::start(store.clone(), options);
    let post = town.post(author, "long work").await;
    begun.cancelled().await;

    // Both threads of the runtime compute and never yield; this test has a thread of its own.
    let ends = Instant::now() + 4 * LEASE;
    let compute = move || async move {
        while Instant::now() < ends {
            std::hint::spin_loop();
        }
    };
    let busy = [(); 2].map(|()| tokio::spawn(compute()));
    while Instant::now() < ends {
        thread::sleep(Duration::from_millis(20));
        let claimed = town.store.claim(Tier::Followers, 10, 600).await.unwrap();
        assert!(claimed.is_empty(), "the lease ran out");
    }
    for task in busy {
        task.await.unwrap();
    }
    go_on.cancel();
    town.idle(Tier::Followers).await;
    workers.stop().await;
    assert_eq!(*store.settled(), [true]);
    assert_eq!(town.home(reader).await, [post]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_heartbeat_survives_a_panic_in_the_store() {
    let town = Town::open().await;
    let (author, reader) = town.author_and_reader().await;
    let (go_on, begun) = (CancellationToken::new(), CancellationToken::new());
    let (until, at_work) = (go_on.clone(), begun.clone());
    let panicked = AtomicBool::new(false);
    let store = Faulty::new(town.store.clone(), move |op| match op {
        Op::Extend if !panicked.swap(true, Ordering::SeqCst) => Some(Fault::Panic),
        _ if is_work(op) => {
            at_work.cancel();
            Some(Fault::WaitFor(until.clone()))
        }
        _ => None,
    });
    let options = WorkerOptions {
        // Writing down the panic's backtrace takes its time on a busy machine.
        lease_ms: 2_000,
        ..only(Tier::Followers)
    };
    let workers = Workers::start(store.clone(), options);
    let post = town.post(author, "long work").await;
    begun.cancelled().await;
    tokio::time::sleep(Duration::from_millis(5_000)).await;
    go_on.cancel();
    town.idle(Tier::Followers).await;
    workers.stop().await;
    assert_eq!(*store.settled(), [true]);
    assert_eq!(town.home(reader).await, [post]);
}
