//! Failing stores and poison jobs: nothing is lost, nothing comes twice, nobody waits for another.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use ripple_domain::{PostId, StageState, Tier};
use ripple_store::Clock;
use ripple_workers::WorkerOptions;
use tokio_util::sync::CancellationToken;

use crate::{
    faulty::{Fault, Faulty, Op},
    town::{Town, Workers, direct, eventually, new_post, only, quick, tagged},
};

/// Counts down from `times`: true so often, and then never again.
fn first(times: usize) -> impl Fn() -> bool + Send + Sync {
    let left = AtomicUsize::new(times);
    move || {
        let take = |left: usize| left.checked_sub(1);
        left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take)
            .is_ok()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_for_a_while_is_delivered_exactly_once() {
    let town = Town::open().await;
    let (author, reader) = town.author_and_reader().await;
    let friend = town.user("friend").await;
    town.warm(friend).await;
    let (fails, lies, panics) = (first(4), first(4), first(4));
    let store = Faulty::new(town.store.clone(), move |op| match op {
        Op::Extend | Op::Settle => None,
        _ if fails() => Some(Fault::Fail),
        Op::Index(_) | Op::Claim => None,
        _ if lies() => Some(Fault::FailAfter),
        _ if panics() => Some(Fault::Panic),
        _ => None,
    });
    let workers = Workers::start(store, quick());
    let public = town.publish(tagged(author, "rust")).await.id;
    let private = town.publish(direct(author, friend, "friend")).await.id;
    town.all_idle().await;
    workers.stop().await;

    assert_eq!(town.home(reader).await, [public]);
    assert_eq!(town.home(friend).await, [private]);
    assert_eq!(town.tag_page("rust").await, [public]);
    for tier in Tier::ALL {
        assert_eq!(town.store.tier_stats(tier).await.unwrap().dead, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_settlement_that_failed_is_made_up_for() {
    let town = Town::open().await;
    let (author, reader) = town.author_and_reader().await;
    let (fails, lies) = (first(2), first(1));
    let store = Faulty::new(town.store.clone(), move |op| match op {
        Op::Settle if fails() => Some(Fault::Fail),
        Op::Settle if lies() => Some(Fault::FailAfter),
        _ => None,
    });
    let workers = Workers::start(store.clone(), only(Tier::Followers));
    let post = town.post(author, "settled").await;
    town.idle(Tier::Followers).await;
    workers.stop().await;

    assert_eq!(town.home(reader).await, [post]);
    // The third call had done it, so the fourth found the lease used up.
    assert_eq!(*store.settled(), [false]);
}

/// A store on which the work on one post always goes wrong, in the way that `fault` says.
fn poisoned(
    town: &Town,
    poison: PostId,
    fault: impl Fn() -> Fault + Send + Sync + 'static,
) -> Arc<Faulty> {
    Faulty::new(town.store.clone(), move |op| match op {
        Op::PushHome(posts) | Op::Index(posts) if posts.contains(&poison) => Some(fault()),
        _ => None,
    })
}

/// Poisons one post among many in one batch, and follows it to the dead letters.
async fn poison(tier: Tier, fault: impl Fn() -> Fault + Send + Sync + 'static) -> String {
    let clock = Clock::manual(Clock::system().now());
    let town = Town::open_at(clock.clone()).await;
    let (author, reader) = town.author_and_reader().await;
    let posts = (0..50).map(|_| tagged(author, "rust")).collect();
    let posts = town.publish_together(tier, posts).await;
    let poison = posts[25];
    let options = WorkerOptions {
        // The clock of this store leaps, and leases must outlast that.
        lease_ms: 100_000_000,
        attempt_ms_max: 30,
        ..only(tier)
    };
    let workers = Workers::start(poisoned(&town, poison, fault), options);
    let shown = async || match tier {
        Tier::Followers => town.home(reader).await,
        Tier::Public => town.tag_page("rust").await,
    };
    // All others arrive in the first batch: the clock stands still, so nothing is tried twice.
    eventually("the others arrive", async || shown().await.len() == 49).await;
    let attempts_max = tier.retry_policy().attempts_max;
    eventually("the poison is given up", async || {
        clock.advance_ms(tier.retry_policy().delay_ms_max.into());
        town.store.tier_stats(tier).await.unwrap().dead == 1
    })
    .await;
    let after = town.publish(tagged(author, "rust")).await.id;
    eventually("work goes on", async || shown().await.contains(&after)).await;
    workers.stop().await;

    assert_eq!(shown().await.len(), 50, "nothing is lost and nothing twice");
    assert!(!shown().await.contains(&poison));
    let dead = town.store.dead_jobs(tier, None, 10).await.unwrap();
    assert_eq!((dead.len(), dead[0].job.kind.post()), (1, Some(poison)));
    assert_eq!(dead[0].job.attempts + 1, attempts_max);
    let receipt = town.receipt(poison).await;
    let stage = match tier {
        Tier::Followers => receipt.followers,
        Tier::Public => receipt.public,
    };
    assert_eq!(stage.state, StageState::Dead);

    // With the poison out of the world, a replay delivers.
    let workers = Workers::start(town.store.clone(), only(tier));
    town.store.replay_dead(tier, None).await.unwrap();
    eventually("the replayed job is done", async || {
        shown().await.contains(&poison)
    })
    .await;
    town.idle(tier).await;
    workers.stop().await;
    dead[0].error.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poison_job_dies_alone() {
    let error = poison(Tier::Followers, || Fault::Damaged).await;
    let expected = "exhausted after 20 attempts: pushing to the home timelines failed: ";
    assert!(error.starts_with(expected), "{error}");
    let error = poison(Tier::Public, || Fault::Damaged).await;
    let expected = "exhausted after 20 attempts: writing the indexes failed: ";
    assert!(error.starts_with(expected), "{error}");
}

/// It is out for hours, with more tries in them than a job has attempts.
#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_the_store_costs_no_post() {
    let clock = Clock::manual(Clock::system().now());
    let town = Town::open_at(clock.clone()).await;
    let (author, reader) = town.author_and_reader().await;
    let (is_out, tries) = (
        Arc::new(AtomicBool::new(true)),
        Arc::new(AtomicUsize::new(0)),
    );
    let (out, tried) = (is_out.clone(), tries.clone());
    let store = Faulty::new(town.store.clone(), move |op| match op {
        Op::PushHome(_) | Op::Index(_) if out.load(Ordering::SeqCst) => {
            tried.fetch_add(1, Ordering::SeqCst);
            Some(Fault::Fail)
        }
        _ => None,
    });
    let options = WorkerOptions {
        // The clock of this store leaps, and leases must outlast that.
        lease_ms: 100_000_000,
        ..quick()
    };
    let workers = Workers::start(store, options);
    let post = town.publish(tagged(author, "rust")).await.id;
    eventually("many tries", async || {
        clock.advance_ms(60_000);
        tries.load(Ordering::SeqCst) > 100
    })
    .await;
    is_out.store(false, Ordering::SeqCst);
    eventually("it arrives", async || {
        clock.advance_ms(5_000);
        town.home(reader).await == [post] && town.tag_page("rust").await == [post]
    })
    .await;
    town.all_idle().await;
    workers.stop().await;
    for tier in Tier::ALL {
        assert_eq!(town.store.tier_stats(tier).await.unwrap().dead, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panicking_handler_costs_nobody_else_anything() {
    for tier in Tier::ALL {
        let error = poison(tier, || Fault::Panic).await;
        let expected = "exhausted after 20 attempts: the attempt panicked: ";
        assert!(error.starts_with(expected), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_without_end_is_broken_off() {
    let error = poison(Tier::Followers, || Fault::WaitFor(CancellationToken::new())).await;
    let expected = "exhausted after 20 attempts: the attempt took longer than 30 ms";
    assert_eq!(error, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_inbox_that_fails_holds_up_no_other_post_of_its_batch() {
    let town = Town::open().await;
    let (author, reader) = town.author_and_reader().await;
    let friend = town.user("friend").await;
    town.warm(friend).await;
    let posts = vec![direct(author, friend, "friend"), new_post(author, "to all")];
    let posts = town.publish_together(Tier::Followers, posts).await;
    let fails = first(2);
    let store = Faulty::new(town.store.clone(), move |op| match op {
        Op::PushInboxes(_) if fails() => Some(Fault::Fail),
        _ => None,
    });
    let workers = Workers::start(store.clone(), only(Tier::Followers));
    town.idle(Tier::Followers).await;
    workers.stop().await;

    assert_eq!(town.home(friend).await, [posts[0]]);
    assert_eq!(town.home(reader).await, [posts[1]]);
    let expected = [Op::PushHome(vec![posts[1]]), Op::PushInboxes(posts[0])];
    assert_eq!(store.writes(), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_that_fails_or_panics_is_made_again() {
    let town = Town::open().await;
    let (author, reader) = town.author_and_reader().await;
    let (fails, panics) = (first(2), first(2));
    let store = Faulty::new(town.store.clone(), move |op| match op {
        Op::Claim if fails() => Some(Fault::Fail),
        Op::Claim if panics() => Some(Fault::Panic),
        _ => None,
    });
    let workers = Workers::start(store, only(Tier::Followers));
    let post = town.post(author, "claimed").await;
    town.idle(Tier::Followers).await;
    workers.stop().await;
    assert_eq!(town.home(reader).await, [post]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_settlement_that_panics_brings_the_job_back() {
    let town = Town::open().await;
    let (author, reader) = town.author_and_reader().await;
    let panics = first(2);
    let store = Faulty::new(town.store.clone(), move |op| match op {
        Op::Settle if panics() => Some(Fault::Panic),
        _ => None,
    });
    let options = WorkerOptions {
        lease_ms: 100,
        ..only(Tier::Followers)
    };
    let workers = Workers::start(store, options);
    let post = town.post(author, "settled").await;
    town.idle(Tier::Followers).await;
    tokio::time::sleep(Duration::from_millis(10)).await;
    workers.stop().await;
    assert_eq!(town.home(reader).await, [post]);
}
