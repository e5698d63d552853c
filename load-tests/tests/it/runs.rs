//! Runs against a real server: what holds, and what the generator must notice.

use std::collections::BTreeSet;

use ripple_load_tests::{
    deployment::{Deployment, DeploymentSpec, Store, find_ripple},
    report::model::{Report, TierLatency},
    run::{RunOptions, Target, run},
    scenario::{Arrivals, Fault, FaultKind, Herd, Operation, Scenario, find},
};
use tokio_util::sync::CancellationToken;

use crate::proxy::{Lie, Proxy};

pub(crate) fn own() -> DeploymentSpec {
    let ripple = find_ripple(None).unwrap_or_else(|error| panic!("{error}"));
    DeploymentSpec::new(Store::Embedded, ripple)
}

/// The built-in smoke test on a world of a few.
pub(crate) fn small(duration_s: f64) -> Scenario {
    let mut scenario = find("smoke").unwrap();
    scenario.duration_s = duration_s;
    scenario.warm_up_s = 0.5;
    scenario.world.users = 200;
    scenario.world.followers_max = 150;
    scenario.rates.values_mut().for_each(|rate| *rate *= 0.5);
    scenario.verify.all = true;
    scenario
}

async fn run_on(scenario: &Scenario, target: Target) -> Report {
    let options = RunOptions {
        target,
        is_quiet: true,
        stop: CancellationToken::new(),
    };
    Box::pin(run(scenario, &options))
        .await
        .unwrap_or_else(|error| panic!("{error}"))
}

fn broken(report: &Report) -> Vec<&str> {
    let verdicts = report.verdicts.iter().filter(|verdict| !verdict.held);
    verdicts.map(|verdict| verdict.what.as_str()).collect()
}

fn tier<'a>(report: &'a Report, name: &str, seen_by: &str) -> &'a TierLatency {
    let mut tiers = report.tiers.iter();
    let found = tiers.find(|tier| tier.tier == name && tier.seen_by == seen_by);
    found.unwrap_or_else(|| panic!("no {name} by {seen_by}: {:?}", report.tiers))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_short_run_keeps_the_promises_and_measures_every_tier() {
    let report = run_on(&small(4.0), Target::Own(own())).await;
    assert!(report.holds(), "{:#?}", report.verdicts);
    let names: BTreeSet<&str> = report.operations.iter().map(|o| o.name.as_str()).collect();
    let wanted = [
        "celebrity",
        "feed",
        "follow",
        "home",
        "keyword",
        "post",
        "tag",
    ];
    assert_eq!(names, wanted.into());
    for operation in &report.operations {
        assert_eq!(operation.scheduled, operation.good, "{operation:?}");
        assert!(operation.latency.min > 100, "{operation:?}");
    }
    for (name, seen_by) in [
        ("author", "answer"),
        ("followers", "home page"),
        ("followers", "home page of the last follower"),
        ("followers", "receipt"),
        ("public", "tag page"),
        ("public", "keyword page"),
        ("public", "Atom feed"),
        ("public", "receipt"),
    ] {
        let tier = tier(&report, name, seen_by);
        assert!(tier.latency.count > 0 && tier.not_seen == 0, "{tier:?}");
    }
    let verification = &report.verification;
    assert!(
        verification.accepted > 200 && verification.uncertain == 0,
        "{verification:?}"
    );
    assert_eq!(verification.pages["home timeline"], 190);
    assert_eq!(verification.pages["public page"], 1);
    assert!(verification.pages["tag feed"] > 10);
    assert!(verification.pages.len() == 6 && verification.expected > 1_000);
    let second = &report.seconds[2];
    assert!(
        second.good["post"] > 20 && second.backlog.contains_key("followers"),
        "{second:?}"
    );
    assert!(second.memory_bytes["ripple"] > 1_000_000, "{second:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stands_still_shows_in_the_maximum_and_in_the_percentiles() {
    let mut scenario = small(10.0);
    scenario.arrivals = Arrivals::Constant;
    scenario.rates = [(Operation::Post, 100.0)].into();
    scenario.faults = vec![Fault {
        at_s: 4.0,
        kind: FaultKind::Stop,
        for_s: 2.0,
    }];
    let report = run_on(&scenario, Target::Own(own())).await;
    assert!(report.holds(), "{:#?}", report.verdicts);
    let author = &tier(&report, "author", "answer").latency;
    assert!(author.count.abs_diff(1_000) <= 1, "{author:?}");
    assert!((1_900_000..2_600_000).contains(&author.max), "{author:?}");
    // A fifth of the requests was due in those two seconds and waited for what was left of them: a tenth
    // of all for more than one second, a twentieth for more than one and a half.
    let at = |percentile| {
        author
            .curve
            .iter()
            .find(|(p, _)| *p == percentile)
            .unwrap()
            .1
    };
    assert!(at(75.0) < 300_000, "{author:?}");
    assert!(author.p90.abs_diff(1_000_000) < 250_000, "{author:?}");
    assert!(at(95.0).abs_diff(1_500_000) < 250_000, "{author:?}");
    let fault = &report.faults[0];
    assert!((fault.to_s - fault.from_s - 2.0).abs() < 0.3, "{fault:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_loses_nothing() {
    let mut scenario = small(6.0);
    scenario.faults = vec![Fault {
        at_s: 2.0,
        kind: FaultKind::Kill,
        for_s: 0.0,
    }];
    let report = run_on(&scenario, Target::Own(own())).await;
    assert!(report.holds(), "{:#?}", report.verdicts);
    let bad: u64 = report.operations.iter().flat_map(|o| o.bad.values()).sum();
    assert!(
        bad > 0,
        "nobody noticed the crash: {:#?}",
        report.operations
    );
    assert_eq!(
        report.verification.uncertain, 0,
        "posts are sent until their fate is known"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_and_a_doubled_post_are_reported() {
    let server = Deployment::start(&own()).await.unwrap();
    let (missing, doubled) = ("posts missing on a page", "posts more than once on a page");
    for (lie, wanted, page) in [
        (Lie::None, &[][..], ""),
        (Lie::Drop, &[missing], "/v1/timelines/home of "),
        (Lie::DropPublic, &[missing], "/v1/timelines/public"),
        (Lie::DropFeed, &[missing], "/tags/"),
        (Lie::Double, &[doubled], "/v1/timelines/home of "),
    ] {
        let proxy = Proxy::start(server.url(), lie).await;
        let target = Target::Given {
            url: proxy.url.clone(),
            admin_token: server.admin_token().to_owned(),
        };
        let report = run_on(&small(2.0), target).await;
        assert_eq!(
            broken(&report),
            wanted,
            "{lie:?}: {:#?}",
            report.verification
        );
        let Some(named) = [&report.verification.missing, &report.verification.doubled]
            .into_iter()
            .find(|named| !named.is_empty())
        else {
            assert_eq!(lie, Lie::None);
            continue;
        };
        assert!(
            named.iter().all(|wrong| wrong.post == named[0].post),
            "{named:?}"
        );
        assert!(named[0].page.starts_with(page), "{named:?}");
    }
    server.shut_down().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_post_that_is_stored_twice_is_doubled_whoever_else_posts_to_the_server() {
    let server = Deployment::start(&own()).await.unwrap();
    let proxy = Proxy::start(server.url(), Lie::Again).await;
    let target = Target::Given {
        url: proxy.url.clone(),
        admin_token: server.admin_token().to_owned(),
    };
    let report = run_on(&small(2.0), target).await;
    let verification = &report.verification;
    let wanted = ["posts more than once on a page"];
    assert_eq!(broken(&report), wanted, "{verification:#?}");
    let copies: BTreeSet<&str> = verification
        .doubled
        .iter()
        .map(|doubled| doubled.post.as_str())
        .collect();
    assert_eq!(copies.len(), 1, "{verification:#?}");
    server.shut_down().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_reader_of_a_herd_comes_once_and_from_the_cold() {
    let mut scenario = small(3.0);
    scenario.world.warm = Some(50);
    scenario.herds = vec![Herd {
        at_s: 1.0,
        readers: 150,
    }];
    let report = run_on(&scenario, Target::Own(own())).await;
    assert!(report.holds(), "{:#?}", report.verdicts);
    let mut operations = report.operations.iter();
    let herd = operations
        .find(|operation| operation.name == "herd")
        .unwrap();
    assert_eq!((herd.scheduled, herd.good), (150, 150), "{herd:?}");
}
