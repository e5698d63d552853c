//! Leases: they run out, are taken over, lengthened, and fence whoever held them.

use ripple_domain::{JobKind, Stage, StageState, Tier, UserId};
use ripple_store::{Claim, Fate, IndexWrite, Lease, Settlement, StageProgress};

use crate::harness::{LEASE_MS, Rig};

const TIER: Tier = Tier::Followers;
const LEASE: i64 = LEASE_MS as i64;

async fn one_job(rig: &Rig) -> Claim {
    let author = rig.user("author").await;
    rig.post(author, "hello").await;
    rig.claim_one(TIER).await
}

fn every_fate(rig: &Rig, claim: &Claim) -> [Fate; 5] {
    let kind = JobKind::Deliver {
        post: claim.job.kind.post().unwrap(),
        after: Some(UserId(9)),
        delivered: 9,
        started_at: None,
    };
    [
        Fate::Ack,
        Fate::Continue { kind },
        Fate::Retry {
            at: rig.now(),
            error: "late".into(),
        },
        Fate::Dead {
            error: "late".into(),
        },
        Fate::Release,
    ]
}

pub(crate) async fn a_lease_that_runs_out_is_taken_over(rig: Rig) {
    let first = one_job(&rig).await;
    rig.pass_ms(LEASE - 1);
    assert!(rig.claim(TIER, 10).await.is_empty());
    rig.pass_ms(1);
    let second = rig.claim_one(TIER).await;
    assert_eq!(
        (second.job.id, second.job.kind),
        (first.job.id, first.job.kind)
    );
    assert_ne!(second.lease, first.lease);
    assert!(rig.claim(TIER, 10).await.is_empty());
    assert!(rig.settle(&second, Fate::Ack).await);
    rig.pass_ms(LEASE);
    assert!(rig.claim(TIER, 10).await.is_empty());
}

pub(crate) async fn whoever_lost_his_lease_changes_nothing(rig: Rig) {
    let stale = one_job(&rig).await;
    let post = stale.job.kind.post().unwrap();
    rig.pass_ms(LEASE);
    let held = rig.claim_one(TIER).await;
    let before = rig.store().receipt(post).await.unwrap();
    let progress = StageProgress {
        author_done_at: rig.now(),
        stage: Stage {
            state: StageState::Done,
            total: 99,
            delivered: 99,
            started_at: None,
            done_at: Some(rig.now()),
        },
    };
    for fate in every_fate(&rig, &stale) {
        let settled = rig
            .settle_with(&stale, fate.clone(), Some(progress.clone()))
            .await;
        assert!(!settled, "{fate:?}");
        assert_eq!(rig.store().receipt(post).await.unwrap(), before, "{fate:?}");
        let stats = rig.store().tier_stats(TIER).await.unwrap();
        let counts = (stats.ready, stats.delayed, stats.in_flight, stats.dead);
        assert_eq!(counts, (0, 0, 1, 0), "{fate:?}");
    }
    assert_eq!(
        rig.store().extend(&[stale.lease, held.lease], LEASE_MS),
        [false, true]
    );
    assert!(rig.settle(&held, Fate::Ack).await);
    for fate in every_fate(&rig, &held) {
        assert!(!rig.settle(&held, fate).await);
    }
    assert_eq!(rig.store().extend(&[held.lease], LEASE_MS), [false]);
}

/// The lease has ended when it ran out, not only when another worker holds the job.
pub(crate) async fn a_lease_that_ran_out_is_fenced_before_anybody_takes_over(rig: Rig) {
    let stale = one_job(&rig).await;
    rig.pass_ms(LEASE);
    for fate in every_fate(&rig, &stale) {
        assert!(!rig.settle(&stale, fate).await);
    }
    assert_eq!(rig.store().extend(&[stale.lease], LEASE_MS), [false]);
    let held = rig.claim_one(TIER).await;
    assert_eq!(held.job.id, stale.job.id);
}

pub(crate) async fn a_late_index_write_changes_nothing(rig: Rig) {
    let author = rig.user("author").await;
    let post = rig.post(author, "hello").await;
    let stale = rig.claim_one(Tier::Public).await;
    rig.pass_ms(LEASE);
    let held = rig.claim_one(Tier::Public).await;
    let write = |lease: Lease| IndexWrite {
        lease,
        post,
        revision: 0,
        topics: vec![ripple_domain::Topic::Public],
        progress: StageProgress {
            author_done_at: rig.now(),
            stage: Stage::default(),
        },
    };
    let page = async || {
        let newest = ripple_domain::Window::NEWEST;
        rig.store()
            .topic_page(&ripple_domain::Topic::Public, newest, 10)
            .await
            .unwrap()
    };
    let indexed = rig.store().index(vec![write(stale.lease)]).await.unwrap();
    assert_eq!((indexed[0].acked, indexed[0].touched.len()), (false, 0));
    assert!(page().await.is_empty());
    let indexed = rig.store().index(vec![write(held.lease)]).await.unwrap();
    assert!(indexed[0].acked);
    assert_eq!(page().await, [post]);
}

pub(crate) async fn a_lease_can_be_lengthened(rig: Rig) {
    let claim = one_job(&rig).await;
    for _ in 0..3 {
        rig.pass_ms(LEASE - 1);
        assert_eq!(rig.store().extend(&[claim.lease], LEASE_MS), [true]);
        assert!(rig.claim(TIER, 10).await.is_empty());
    }
    rig.pass_ms(LEASE - 1);
    assert!(rig.settle(&claim, Fate::Ack).await);
    assert!(rig.store().extend(&[], LEASE_MS).is_empty());
}

pub(crate) async fn leases_can_be_lengthened_outside_the_runtime(rig: Rig) {
    let claim = one_job(&rig).await;
    rig.pass_ms(LEASE - 1);
    let (store, lease) = (rig.store().clone(), claim.lease);
    let heartbeat = std::thread::spawn(move || store.extend(&[lease], LEASE_MS));
    assert_eq!(heartbeat.join().unwrap(), [true]);
    rig.pass_ms(LEASE - 1);
    assert!(rig.settle(&claim, Fate::Ack).await);
}

pub(crate) async fn each_claim_has_the_lease_that_it_asked_for(rig: Rig) {
    let claim = one_job(&rig).await;
    rig.settle(&claim, Fate::Release).await;
    let long = rig
        .store()
        .claim(TIER, 1, 10 * LEASE_MS)
        .await
        .unwrap()
        .remove(0);
    rig.pass_ms(10 * LEASE - 1);
    assert!(rig.settle(&long, Fate::Release).await);
    rig.store().claim(TIER, 1, 1).await.unwrap();
    rig.pass_ms(1);
    rig.claim_one(TIER).await;
}

pub(crate) async fn a_lease_from_before_a_crash_is_fenced(mut rig: Rig) {
    let stale = one_job(&rig).await;
    rig.kill().await;
    let held = rig.claim_one(TIER).await;
    assert_ne!(held.lease, stale.lease);
    for fate in every_fate(&rig, &stale) {
        assert!(!rig.settle(&stale, fate).await);
    }
    assert!(rig.settle(&held, Fate::Ack).await);
}

/// All settlements of one lease race: one of them counts.
pub(crate) async fn a_lease_is_used_once(rig: Rig) {
    let claim = one_job(&rig).await;
    let mut tasks = tokio::task::JoinSet::new();
    for fate in every_fate(&rig, &claim).into_iter().cycle().take(20) {
        let (store, lease) = (rig.store().clone(), claim.lease);
        tasks.spawn(async move {
            let settlement = Settlement {
                lease,
                fate,
                progress: None,
            };
            store.settle(vec![settlement]).await.unwrap()[0]
        });
    }
    let counted = tasks
        .join_all()
        .await
        .into_iter()
        .filter(|held| *held)
        .count();
    assert_eq!(counted, 1);
}
