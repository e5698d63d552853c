//! Deployments: real processes.

use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use reqwest::{Client, Method};
use ripple_load_tests::{
    api::{Api, json},
    deployment::{Deployment, DeploymentError, DeploymentSpec, GENERATOR, Store, find_ripple},
};
use serde_json::json;

/// A deployment on a store.
pub(crate) async fn start(store: Store) -> Deployment {
    Deployment::start(&spec(store)).await.unwrap()
}

fn spec(store: Store) -> DeploymentSpec {
    DeploymentSpec::new(store, find_ripple(None).unwrap())
}

async fn sign_up(deployment: &Deployment, handle: &str) {
    let api = Api::new(deployment.url(), deployment.admin_token()).unwrap();
    let request = api.of_admin(Method::POST, "/v1/users");
    json(request.json(&json!({ "handle": handle })))
        .await
        .unwrap();
}

async fn is_there(deployment: &Deployment, handle: &str) -> bool {
    let url = format!("{}/v1/users/{handle}", deployment.url());
    let answer = Client::new().get(url).send().await;
    answer.is_ok_and(|answer| answer.status().is_success())
}

fn runs(process: u32) -> bool {
    let state = std::fs::read_to_string(format!("/proc/{process}/stat"));
    // Behind the name stands the state; what has ended and was not noticed is a zombie.
    state.is_ok_and(|state| !state.contains(") Z "))
}

/// The ids of the processes whose command lines name a text, that no other process has.
fn processes_with(text: &str) -> Vec<u32> {
    let ids = std::fs::read_dir("/proc").unwrap();
    let ids = ids.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    let names = |id: &u32| {
        let line = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(text)
    };
    ids.filter(names).collect()
}

fn ids(deployment: &Deployment) -> Vec<u32> {
    let processes = deployment.processes().into_iter();
    processes.map(|(_, id)| id).collect()
}

async fn a_crash_keeps_what_was_accepted(store: Store) {
    let deployment = start(store).await;
    sign_up(&deployment, "ada").await;
    let before = ids(&deployment);
    deployment.kill_and_restart().await.unwrap();
    let after = ids(&deployment);
    assert_eq!(before.len(), after.len());
    assert!(!runs(before[before.len() - 1]), "Ripple is another process");
    let is_same = |index: &usize| before[*index] == after[*index];
    assert_eq!((0..after.len()).filter(is_same).count(), after.len() - 1);
    assert!(is_there(&deployment, "ada").await);
    sign_up(&deployment, "bob").await;
    deployment.shut_down().await.unwrap();
    assert!(!after.into_iter().any(runs));
}

#[tokio::test]
async fn a_crash_keeps_what_was_accepted_on_embedded() {
    a_crash_keeps_what_was_accepted(Store::Embedded).await;
}

#[tokio::test]
async fn a_crash_keeps_what_was_accepted_on_redis() {
    a_crash_keeps_what_was_accepted(Store::Redis).await;
}

#[tokio::test]
async fn a_crash_keeps_what_was_accepted_on_a_cluster() {
    a_crash_keeps_what_was_accepted(Store::RedisCluster).await;
}

#[tokio::test]
async fn a_stopped_server_answers_when_it_goes_on() {
    const STOPPED: Duration = Duration::from_millis(500);
    let deployment = start(Store::Embedded).await;
    let begun = Instant::now();
    let read = async {
        // Not before it is stopped.
        tokio::time::sleep(STOPPED / 5).await;
        assert!(is_there(&deployment, "ada").await);
        begun.elapsed()
    };
    sign_up(&deployment, "ada").await;
    let (stopped, read) = tokio::join!(deployment.stop_for(STOPPED), read);
    stopped.unwrap();
    assert!(read >= STOPPED, "{read:?}");

    // It goes on also when nobody waits for it.
    let stop = deployment.stop_for(Duration::from_secs(1_000));
    tokio::time::timeout(Duration::from_millis(50), stop)
        .await
        .unwrap_err();
    assert!(is_there(&deployment, "ada").await);
}

#[tokio::test]
async fn roles_can_have_processes_of_their_own() {
    let spec = DeploymentSpec {
        split_roles: true,
        ..spec(Store::Redis)
    };
    let deployment = Deployment::start(&spec).await.unwrap();
    assert_eq!(deployment.command_lines().len(), 4);
    sign_up(&deployment, "ada").await;
    deployment.kill_and_restart().await.unwrap();
    assert!(is_there(&deployment, "ada").await);
    let figures = deployment.figures();
    let names: Vec<_> = figures.resident_bytes.keys().collect();
    let roles = ["ripple api", "ripple followers", "ripple public"];
    assert_eq!(names, [&[GENERATOR, "redis-server"], &roles[..]].concat());
    deployment.shut_down().await.unwrap();

    let spec = DeploymentSpec {
        store: Store::Embedded,
        ..spec
    };
    let refused = Deployment::start(&spec).await.unwrap_err();
    assert!(matches!(refused, DeploymentError::SplitEmbedded));
}

#[tokio::test]
async fn figures_versions_and_command_lines_are_known() {
    let deployment = start(Store::Redis).await;
    let versions = deployment.versions();
    assert_eq!(versions["ripple"], env!("CARGO_PKG_VERSION"));
    assert!(versions["redis-server"].contains('.'), "{versions:?}");
    let lines = deployment.command_lines();
    assert!(lines[0].contains("--appendfsync always"), "{lines:?}");
    assert!(lines[1].contains("--rate-limit off"), "{lines:?}");
    assert!(!lines.concat().contains(deployment.admin_token()));

    let before = deployment.figures();
    for process in ["ripple", "redis-server"] {
        assert!(before.resident_bytes[process] > 1_000_000, "{before:?}");
    }
    // Processor time goes on over a restart: a new process has not used that much.
    let mut used_s = 0.0;
    for n in 0.. {
        used_s = deployment.figures().processor_s["ripple"];
        if used_s > 0.3 {
            break;
        }
        sign_up(&deployment, &format!("user{n}")).await;
    }
    deployment.kill_and_restart().await.unwrap();
    let after = deployment.figures();
    assert!(after.processor_s["ripple"] >= used_s, "{used_s} {after:?}");
}

#[tokio::test]
async fn a_server_that_does_not_start_shows_its_log() {
    let spec = DeploymentSpec {
        options: vec!["--no-such-option".to_owned()],
        ..spec(Store::Embedded)
    };
    let error = Deployment::start(&spec).await.unwrap_err().to_string();
    assert!(
        error.contains("ripple is not ready: it has ended"),
        "{error}"
    );
    assert!(
        error.contains("unexpected argument '--no-such-option'"),
        "{error}"
    );
    let spec = DeploymentSpec {
        redis_server: Some("/nowhere/redis-server".into()),
        ..self::spec(Store::Redis)
    };
    let error = Deployment::start(&spec).await.unwrap_err().to_string();
    assert!(
        error.starts_with("cannot run /nowhere/redis-server"),
        "{error}"
    );
}

#[tokio::test]
async fn processes_end_with_the_deployment() {
    let deployment = start(Store::Redis).await;
    let processes = ids(&deployment);
    assert_eq!(processes.len(), 2);
    assert!(processes.iter().all(|process| runs(*process)));
    drop(deployment);
    assert!(!processes.into_iter().any(runs));
}

#[tokio::test]
async fn somebody_elses_server_is_left_alone() {
    let own = start(Store::Embedded).await;
    sign_up(&own, "ada").await;
    let given = Deployment::given(&format!("{}/", own.url()), own.admin_token());
    assert_eq!(given.url(), own.url());
    assert!(is_there(&given, "ada").await);
    let refused = given.kill_and_restart().await.unwrap_err().to_string();
    assert!(
        refused.ends_with("only a server of the generator's own is killed"),
        "{refused}"
    );
    given.stop_for(Duration::ZERO).await.unwrap_err();
    let figures = given.figures();
    assert_eq!(figures.resident_bytes.len(), 1, "the generator's alone");
    assert_eq!(given.store(), None);
    given.shut_down().await.unwrap();
    assert!(is_there(&own, "ada").await);
}

/// The test runs itself in a process that is killed.
#[tokio::test]
async fn processes_end_with_a_generator_that_is_killed() {
    const FILE: &str = "LOAD_TESTS_COMMAND_LINE";
    if let Some(file) = std::env::var_os(FILE) {
        let deployment = start(Store::Embedded).await;
        let file = Path::new(&file);
        std::fs::write(file.with_extension("new"), &deployment.command_lines()[0]).unwrap();
        std::fs::rename(file.with_extension("new"), file).unwrap();
        std::future::pending::<()>().await;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("command-line");
    let mut generator = Command::new(std::env::current_exe().unwrap());
    generator.args([
        "--exact",
        "deployment::processes_end_with_a_generator_that_is_killed",
    ]);
    generator.env(FILE, &file).env("TMPDIR", folder.path());
    let mut generator = generator.spawn().unwrap();
    let begun = Instant::now();
    while !file.exists() {
        assert!(begun.elapsed() < Duration::from_secs(60));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let data = folder.path().to_str().unwrap();
    let processes = processes_with(&format!("{data}/ripple-load-"));
    assert_eq!(processes.len(), 1);
    generator.kill().unwrap();
    generator.wait().unwrap();
    let begun = Instant::now();
    while processes.iter().any(|process| runs(*process)) {
        assert!(begun.elapsed() < Duration::from_secs(30));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
