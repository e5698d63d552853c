//! The command line: help, usage errors, and where the secrets lie.

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt,
    process::Stdio,
};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    client::Client,
    process::{Server, ripple, run, run_well, text_of},
};

#[test]
fn help_explains_every_option() {
    for command in ["serve", "import", "export", "rebuild", "token", "health"] {
        let output = ripple([command, "--help"]).output().unwrap();
        assert!(output.status.success());
        insta::assert_snapshot!(format!("help_{command}"), text_of(&output).0);
    }
    let output = ripple(["--help"]).output().unwrap();
    let help = text_of(&output).0;
    let commands = help.split("\nOptions:").next().unwrap();
    insta::assert_snapshot!("help", commands);
}

#[test]
fn wrong_usage_is_told_apart_from_failure() {
    for (args, said) in [
        (&["--listen", "nowhere"] as &[_], "127.0.0.1:8080"),
        (&["--store", "redis+cluster://"], "names no node"),
        (&["--store", "postgres://127.0.0.1"], "redis://"),
        (&["--role", "api"], "one process"),
        (&["--role", "worker"], "one process"),
        (&["--tiers", "followers,friends"], "no such tier"),
        (&["--tiers", ""], "no such tier"),
        (&["--push-followers-max", "many"], "a number of followers"),
        (&["--home-memory", "much"], "--home-memory"),
        (&["--public-url", "ripple.example"], "https"),
        (&["--admin-token", "short"], "16"),
        (&["--no-such-option"], "--no-such-option"),
        (&["no-such-command"], "no-such-command"),
        (&["import", "follows"], "<FILE>"),
        (&["import", "likes", "-"], "follows"),
        (&["rebuild", "everything"], "home, topics, feeds"),
        (&["token", "not a handle"], "a-z"),
    ] {
        let output = ripple(args).output().unwrap();
        let (_, error) = text_of(&output);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {error}");
        assert!(error.contains(said), "{args:?}: {error}");
    }
}

#[test]
fn passwords_are_not_shown() {
    for address in ["redis://:sesame@h:1:2", "redis://:sesame@h"] {
        for args in [&["serve", "--help"] as &[_], &["serve", "--no-such-option"]] {
            let output = ripple(args).env("RIPPLE_STORE", address).output().unwrap();
            let (text, error) = text_of(&output);
            assert!(
                !format!("{text}{error}").contains("sesame"),
                "{text}{error}"
            );
        }
    }
    let output = ripple(["--store", "redis://:sesame@h:1:2"])
        .output()
        .unwrap();
    let (_, error) = text_of(&output);
    assert!(
        error.contains("--store") && !error.contains("sesame"),
        "{error}"
    );
}

#[test]
fn what_cannot_be_done_is_a_failure() {
    let data = TempDir::new().unwrap();
    for (args, said) in [
        (&["token", "nobody"] as &[_], "there is no user nobody"),
        (
            &["import", "posts", "/no/such/file"],
            "/no/such/file: No such file",
        ),
        (
            &["export", "posts", "--url", "http://127.0.0.1:9"],
            "admin token is needed",
        ),
        (
            &[
                "export",
                "posts",
                "--url",
                "http://127.0.0.1:9",
                "--admin-token",
                "x",
            ],
            "cannot be reached",
        ),
        (
            &[
                "export",
                "posts",
                "--url",
                "https://127.0.0.1:9",
                "--admin-token",
                "x",
            ],
            "http only",
        ),
    ] {
        let output = run(data.path(), args);
        let (_, error) = text_of(&output);
        assert_eq!(output.status.code(), Some(1), "{args:?}: {error}");
        assert!(error.contains(said), "{args:?}: {error}");
    }
}

#[test]
fn a_mistyped_folder_is_not_taken_for_an_empty_one() {
    let data = TempDir::new().unwrap();
    let mistyped = data.path().join("dta");
    for command in [
        &["export", "posts"] as &[_],
        &["rebuild", "topics"],
        &["token", "ada"],
    ] {
        let output = run(&mistyped, command);
        let (_, error) = text_of(&output);
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert!(error.contains("there is no data folder"), "{error}");
    }
    assert!(!mistyped.exists());
}

#[test]
fn every_option_can_stand_in_the_environment() {
    let data = TempDir::new().unwrap();
    let folder = data.path().join("elsewhere");
    let imported = ripple(["import", "posts", "-"])
        .env("RIPPLE_DATA", &folder)
        .output()
        .unwrap();
    assert!(imported.status.success(), "{imported:?}");
    assert!(folder.join("FORMAT").exists());
    for (name, value) in [
        ("RIPPLE_LISTEN", "nowhere"),
        ("RIPPLE_STORE", "nowhere"),
        ("RIPPLE_ROLE", "api"),
        ("RIPPLE_TIERS", "friends"),
        ("RIPPLE_REGISTRATION", "perhaps"),
        ("RIPPLE_RATE_LIMIT", "perhaps"),
        ("RIPPLE_LOG", "loud"),
        ("RIPPLE_PUBLIC_URL", "nowhere"),
        ("RIPPLE_HOME_MEMORY", "much"),
        ("RIPPLE_ACCEPT_LOSS", "perhaps"),
        ("RIPPLE_DRAIN_TIMEOUT", "-1"),
        ("RIPPLE_ADMIN_TOKEN", "short"),
    ] {
        let output = ripple(["serve"]).env(name, value).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{name}: {output:?}");
    }
}

#[tokio::test]
async fn the_admin_token_is_made_once_and_private() {
    let data = TempDir::new().unwrap();
    let path = data.path().join("admin.token");
    let server = Server::start(data.path());
    let token = fs::read_to_string(&path).unwrap();
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert!(!server.log().contains(token.trim()));
    Client::admin(&server.url, data.path())
        .get("/v1/admin/queues")
        .await;
    let stranger = Client::nobody(&server.url);
    let (status, _) = stranger
        .call(stranger.request(Method::GET, "/v1/admin/queues"))
        .await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    server.kill();

    let server = Server::start(data.path());
    assert_eq!(fs::read_to_string(&path).unwrap(), token);
    server.kill();

    let server = Server::start_with(data.path(), &["--admin-token", "0123456789abcdef"]);
    let admin = Client::nobody(&server.url).with_token("0123456789abcdef");
    admin.get("/v1/admin/queues").await;
}

#[test]
fn a_log_in_json_tells_where_the_server_is() {
    let data = TempDir::new().unwrap();
    let mut command = ripple(["serve", "--listen", "127.0.0.1:0", "--log", "json"]);
    command.arg("--data").arg(data.path());
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let ready = lines.next().unwrap().unwrap();
    child.kill().unwrap();
    let output = child.wait_with_output().unwrap();
    let ready: Value = serde_json::from_str(&ready).unwrap();
    assert_eq!(ready["message"], "ready", "{ready}");
    let address = ready["address"].as_str().unwrap();
    assert_eq!(ready["public_url"], format!("http://{address}"));
    assert!(output.stdout.is_empty(), "{output:?}");
}

#[tokio::test]
async fn registration_is_open_on_a_loopback_address_unless_it_is_closed() {
    let data = TempDir::new().unwrap();
    let server = Server::start(data.path());
    Client::sign_up(&server.url, "ada").await;
    server.kill();

    for (handle, options) in [
        ("grace", ["--registration", "closed"]),
        ("linus", ["--listen", "0.0.0.0:0"]),
    ] {
        let server = Server::start_with(data.path(), &options);
        let url = server.url.replace("0.0.0.0", "127.0.0.1");
        let user = json!({"handle": handle});
        let (status, _) = Client::nobody(&url).post("/v1/users", user.clone()).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{options:?}");
        let admin = Client::admin(&url, data.path());
        assert_eq!(admin.post("/v1/users", user).await.0, StatusCode::CREATED);
    }
}

#[test]
fn an_address_that_readers_cannot_reach_is_warned_of() {
    let data = TempDir::new().unwrap();
    for (options, is_warned) in [
        (&["--listen", "0.0.0.0:0"][..], true),
        (
            &["--listen", "0.0.0.0:0", "--public-url", "https://a.example"],
            false,
        ),
        (&[], false),
    ] {
        let server = Server::start_with(data.path(), options);
        let log = server.log();
        assert_eq!(
            log.contains("--public-url"),
            is_warned,
            "{options:?}: {log}"
        );
        server.kill();
    }
}

#[tokio::test]
async fn a_token_is_printed_for_a_user_who_exists() {
    let data = TempDir::new().unwrap();
    let server = Server::start(data.path());
    Client::sign_up(&server.url, "ada").await;
    let through_server = run_well(data.path(), &["token", "Ada", "--url", &server.url]);
    let output = run(data.path(), &["token", "grace", "--url", &server.url]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    server.kill();
    let offline = run_well(data.path(), &["token", "ada"]);

    let server = Server::start(data.path());
    for token in [through_server, offline] {
        let ada = Client::nobody(&server.url).with_token(token.trim());
        assert_eq!(ada.get("/v1/me").await["handle"], "ada");
    }
}
