//! Runs against a real server: what holds, and what the generator must notice.

use std::{
    collections::BTreeSet,
    path::Path,
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use ripple_load_tests::{
    deployment::{Deployment, DeploymentSpec, Store, find_ripple},
    report::model::{Report, TierLatency},
    run::{RunOptions, Target, run},
    scenario::{Arrivals, Fault, FaultKind, Herd, Operation, Scenario, find},
};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::proxy::{Lie, Proxy};

const LOAD_TESTS: &str = env!("CARGO_BIN_EXE_ripple-load-tests");

fn own() -> DeploymentSpec {
    let ripple = find_ripple(None).unwrap_or_else(|error| panic!("{error}"));
    DeploymentSpec::new(Store::Embedded, ripple)
}

/// The built-in smoke test on a world of a few.
fn small(duration_s: f64) -> Scenario {
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

/// Runs the program with a scenario that is written to a file.
fn program(scenario: &Scenario, folder: &Path, further: &[&str]) -> Command {
    let file = folder.join("scenario.toml");
    std::fs::write(&file, toml::to_string(scenario).unwrap()).unwrap();
    let mut command = Command::new(LOAD_TESTS);
    command
        .arg("run")
        .arg(file)
        .args(["--quiet", "--out"])
        .arg(folder);
    command.args(further).stdin(Stdio::null());
    command
}

fn text(output: &Output) -> String {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

fn report_in(folder: &Path) -> Report {
    let report = std::fs::read(folder.join("report.json")).unwrap();
    serde_json::from_slice(&report).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_exit_status_tells_whether_the_promises_held() {
    let server = Deployment::start(&own()).await.unwrap();
    for (lie, status) in [(Lie::None, 0), (Lie::Drop, 1)] {
        let proxy = Proxy::start(server.url(), lie).await;
        let folder = TempDir::new().unwrap();
        let further = ["--url", &proxy.url, "--admin-token", server.admin_token()];
        let mut command = program(&small(1.5), folder.path(), &further);
        let output = tokio::task::spawn_blocking(move || command.output())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            output.status.code(),
            Some(status),
            "{lie:?}: {}",
            text(&output)
        );
        assert_eq!(report_in(folder.path()).holds(), status == 0);
    }
    server.shut_down().await.unwrap();
}

#[test]
fn a_run_that_is_interrupted_reports_what_there_is_and_leaves_no_process() {
    let folder = TempDir::new().unwrap();
    let spec = own();
    let ripple = spec.ripple.to_str().unwrap();
    let mut command = program(&small(600.0), folder.path(), &["--ripple", ripple]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    std::thread::sleep(Duration::from_secs(6));
    let pid = Pid::from_raw(child.id().try_into().unwrap()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    let begun = Instant::now();
    let output = child.wait_with_output().unwrap();
    assert!(
        begun.elapsed() < Duration::from_secs(30),
        "{}",
        text(&output)
    );
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let report = report_in(folder.path());
    assert!(
        (1.0..20.0).contains(&report.duration_s),
        "{}",
        report.duration_s
    );
    let address = report
        .target
        .url
        .strip_prefix("http://")
        .unwrap()
        .to_owned();
    assert!(
        std::net::TcpStream::connect(address).is_err(),
        "the server is still there"
    );
}

/// The server stands still, so that what follows the load would be waited for for a minute.
#[test]
fn a_signal_ends_the_waiting_and_a_second_one_the_program() {
    let folder = TempDir::new().unwrap();
    let ripple = own().ripple;
    let mut scenario = small(1.0);
    scenario.faults = vec![Fault {
        at_s: 0.5,
        kind: FaultKind::Stop,
        for_s: 60.0,
    }];
    for (signals, status) in [
        (&[Signal::TERM][..], None),
        (&[Signal::INT, Signal::TERM], Some(130)),
    ] {
        let further = ["--ripple", ripple.to_str().unwrap()];
        let mut command = program(&scenario, folder.path(), &further);
        command.env("TMPDIR", folder.path());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        std::thread::sleep(Duration::from_secs(8));
        let pid = Pid::from_raw(child.id().try_into().unwrap()).unwrap();
        let begun = Instant::now();
        for signal in signals {
            kill_process(pid, *signal).unwrap();
        }
        let output = child.wait_with_output().unwrap();
        let text = text(&output);
        assert!(begun.elapsed() < Duration::from_secs(40), "{text}");
        if status.is_some() {
            assert_eq!(output.status.code(), status, "{text}");
        } else {
            assert!(text.contains("posts accepted"), "{text}");
        }
        let left = std::fs::read_dir(folder.path()).unwrap();
        let names = left.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let left: Vec<_> = names.filter(|name| name.starts_with("ripple-")).collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

#[test]
fn a_folder_that_cannot_be_written_to_is_noticed_before_the_run() {
    let begun = Instant::now();
    let output = Command::new(LOAD_TESTS)
        .args(["run", "soak", "--out", "/proc/nope"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output).contains("cannot write to /proc/nope"),
        "{}",
        text(&output)
    );
    assert!(begun.elapsed() < Duration::from_secs(30));
}

#[test]
fn faults_of_somebody_elses_server_are_refused_before_the_load() {
    let folder = TempDir::new().unwrap();
    let mut scenario = small(600.0);
    scenario.faults = find("crash").unwrap().faults;
    let further = ["--url", "http://127.0.0.1:9", "--admin-token", "secret"];
    let output = program(&scenario, folder.path(), &further)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = text(&output);
    assert!(text.contains("kills or stops its server"), "{text}");
}

#[test]
fn a_scenario_that_cannot_be_run_is_refused_by_name() {
    let output = Command::new(LOAD_TESTS)
        .args(["run", "stedy"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output).contains("no scenario `stedy`"),
        "{}",
        text(&output)
    );
}
