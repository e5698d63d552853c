//! Processes that die, and whose disk fails: the test runs itself again as a child.

use std::{
    env, fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use ripple_domain::PostId;
use ripple_store::{CommitError, Store, StoreError};
use tokio::time::timeout;

use super::{assert_whole, author, open, post};

/// In the child: the folder to work in.
const FOLDER: &str = "RIPPLE_TEST_CHILD_FOLDER";

/// The folder, in the child.
fn in_child() -> Option<PathBuf> {
    env::var_os(FOLDER).map(PathBuf::from)
}

/// Runs the test `name` of this module again in a child, by way of `launcher` where there is one.
fn run_again(name: &str, folder: &Path, launcher: &[&str]) -> Child {
    let own = env::current_exe().unwrap();
    let own = own.to_str().unwrap();
    let name = format!("{}::{name}", module_path!().split_once("::").unwrap().1);
    let mut words = launcher.to_vec();
    words.extend([own, "--exact", &name, "--nocapture"]);
    Command::new(words[0])
        .args(&words[1..])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}", words[0]))
}

/// Says that a post was acknowledged.
fn tell(id: PostId, text: &str) {
    println!("\nacknowledged {id} {text}");
}

/// What the child has told.
fn told(line: &str) -> Option<(PostId, String)> {
    let (id, text) = line.strip_prefix("acknowledged ")?.split_once(' ')?;
    Some((id.parse().unwrap(), text.to_owned()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_process_loses_nothing_that_it_acknowledged() {
    if let Some(folder) = in_child() {
        let store = open(&folder).await.unwrap();
        author(store.as_ref()).await;
        for index in 0.. {
            let text = format!("post {index}");
            tell(post(store.as_ref(), &text).await.unwrap(), &text);
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let mut posts = Vec::new();
    for round in 1..=3 {
        let name = "a_killed_process_loses_nothing_that_it_acknowledged";
        let mut child = run_again(name, folder.path(), &[]);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        while posts.len() < 200 * round {
            posts.extend(told(&lines.next().unwrap().unwrap()));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        posts.extend(lines.map_while(Result::ok).filter_map(|line| told(&line)));
        assert_whole(open(folder.path()).await.unwrap().as_ref(), &posts).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_fsync_is_the_end() {
    let control = |folder: &Path| folder.join("fiu").to_str().unwrap().to_owned();
    if let Some(folder) = in_child() {
        return live_through_a_failed_fsync(&folder.join("data"), &control(&folder)).await;
    }
    assert!(
        Command::new("fiu-run").arg("-h").output().is_ok(),
        "fiu-run is missing: install fiu-utils"
    );
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("data")).unwrap();
    let control = control(folder.path());
    let launcher = ["fiu-run", "-x", "-f", &control];
    let child = run_again("a_failed_fsync_is_the_end", folder.path(), &launcher);
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    let posts: Vec<_> = text.lines().filter_map(told).collect();
    assert_eq!(posts.len(), 20, "{text}");
    let store = open(&folder.path().join("data")).await.unwrap();
    assert_whole(store.as_ref(), &posts).await;
}

async fn live_through_a_failed_fsync(folder: &Path, control: &str) {
    let store = open(folder).await.unwrap();
    author(store.as_ref()).await;
    for index in 0..20 {
        let text = format!("post {index}");
        tell(post(store.as_ref(), &text).await.unwrap(), &text);
    }
    switch_faults(control, "enable");
    assert_unavailable(post(store.as_ref(), "the disk fails").await);
    let reason = timeout(Duration::from_secs(10), store.failed())
        .await
        .unwrap();
    assert!(!reason.is_empty());

    // A second try that succeeds has not written what the first one did not.
    switch_faults(control, "disable");
    for _ in 0..3 {
        assert_unavailable(post(store.as_ref(), "the disk works again").await);
    }
    assert!(store.ready().await.is_err());
    timeout(Duration::from_secs(10), store.failed())
        .await
        .unwrap();
    store.close().await;
}

/// Makes every fsync of this process fail, or lets them succeed again.
fn switch_faults(control: &str, switch: &str) {
    let own_id = std::process::id().to_string();
    for function in ["fsync", "fdatasync"] {
        let command = format!("{switch} name=posix/io/sync/{function}");
        let switched = || {
            let mut control_tool = Command::new("fiu-ctrl");
            control_tool.args(["-f", control, "-c", &command, &own_id]);
            control_tool.status().unwrap().success()
        };
        // The tool writes into a pipe that the other side opens anew after each command, and dies of
        // it where it comes too early. The command may be given again.
        assert!((0..20).any(|_| switched()), "fiu-ctrl {command}");
    }
}

fn assert_unavailable(posted: Result<PostId, CommitError>) {
    let is_unavailable = matches!(
        posted,
        Err(CommitError::Store(StoreError::Unavailable { .. }))
    );
    assert!(is_unavailable, "{posted:?}");
}
