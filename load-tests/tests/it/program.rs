//! The program: what it takes, what it ends with, and what it leaves behind.

use std::{
    path::Path,
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use ripple_load_tests::{
    deployment::Deployment,
    report::model::Report,
    scenario::{Fault, FaultKind, Scenario, find},
};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::{
    proxy::{Lie, Proxy},
    runs::{own, small},
};

const LOAD_TESTS: &str = env!("CARGO_BIN_EXE_ripple-load-tests");

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

/// Runs the program with these words.
fn said(words: &[&str]) -> Output {
    Command::new(LOAD_TESTS).args(words).output().unwrap()
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
async fn the_exit_status_tells_whether_the_promises_held_and_still_hold() {
    let server = Deployment::start(&own()).await.unwrap();
    let mut folders = Vec::new();
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
        assert!(folder.path().join("report.html").is_file());
        folders.push(folder);
    }
    let reports = folders.iter().map(|folder| {
        let report = folder.path().join("report.json");
        report.to_str().unwrap().to_owned()
    });
    let reports: Vec<String> = reports.collect();
    for (before, after, status) in [(0, 1, 1), (1, 0, 0)] {
        let output = said(&["compare", &reports[before], &reports[after]]);
        assert_eq!(output.status.code(), Some(status), "{}", text(&output));
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
    let output = said(&["run", "soak", "--out", "/proc/nope"]);
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
    let output = said(&["run", "stedy"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output).contains("no scenario `stedy`"),
        "{}",
        text(&output)
    );
}

#[test]
fn a_built_in_scenario_is_printed_as_a_file_that_can_be_run() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("mine.toml");
    let output = said(&["scenarios", "thundering-herd"]);
    std::fs::write(&file, &output.stdout).unwrap();
    let file = file.to_str().unwrap();
    assert_eq!(find(file).unwrap(), find("thundering-herd").unwrap());

    // A file has its text already.
    let output = said(&["scenarios", file]);
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    assert!(
        text(&output).contains("no built-in scenario"),
        "{}",
        text(&output)
    );
}

#[test]
fn the_scenario_of_the_documentation_can_be_run() {
    const PAGE: &str = include_str!("../../../docs/load-tests.md");
    let (_, example) = PAGE.split_once("```toml\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("evening.toml");
    std::fs::write(&file, example).unwrap();
    let scenario = find(file.to_str().unwrap()).unwrap();
    assert!(scenario.herds.len() == 1 && scenario.faults.len() == 1);
}
