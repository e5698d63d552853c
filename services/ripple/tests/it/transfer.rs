//! Import and export, on a stopped data folder and through a running server.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    client::{Client, queues_are_empty},
    place::{Place, on_every_store},
    process::{Server, ripple, run, run_well, text_of},
};

const GRAPH: &str = "# follower followee\n\
                     ada grace\n\
                     Ada\tlinus 0.5\n\
                     one-handle\n\
                     grace ada\n\
                     \n\
                     ada grace\n\
                     ada ada\n";

const POSTS: &str = r#"{"author":"grace","text":"old #news","created_at":"2020-02-29T12:00:00.123Z","id":"a"}
{"author":"grace","text":"twice"}
{"author":"grace","text":"twice"}
{"author":"grace"}
{"author":"linus","text":"for you","visibility":"direct","recipients":["ada"],"created_at":"2021-01-01T00:00:00Z"}
{"author":"grace","text":"too late","created_at":"2999-01-01T00:00:00Z"}
{"author":"linus","text":"an answer","created_at":"2022-01-01T00:00:00Z","reply_to":"a"}
{"author":"linus","text":"","created_at":"2022-01-02T00:00:00Z","repost_of":"a"}
{"author":"linus","text":"","created_at":"2022-01-03T00:00:00Z","repost_of":"nothing"}
"#;

fn write(folder: &TempDir, name: &str, text: &str) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, text).unwrap();
    path
}

/// Imports the two files twice, and checks what is said of it.
fn import_twice(data: &Path, target: &[&str]) {
    let files = TempDir::new().unwrap();
    let graph = write(&files, "graph", GRAPH);
    let posts = write(&files, "posts", POSTS);
    for (what, file, said, again, bad) in [
        (
            "follows",
            &graph,
            "3 added, 1 known, 2 bad, 3 users created: 8 lines",
            "0 added, 4 known, 2 bad, 0 users created: 8 lines",
            [":4: ", ":8: "],
        ),
        (
            "posts",
            &posts,
            "6 added, 0 known, 1 left out, 2 bad, 0 users created: 9 lines",
            "0 added, 6 known, 1 left out, 2 bad, 0 users created: 9 lines",
            [
                ":4: missing field `text`",
                ":6: created_at lies in the future",
            ],
        ),
    ] {
        let file = file.to_str().unwrap();
        let command = [&["import", what, file], target].concat();
        for said in [said, again] {
            let output = run(data, &command);
            let (out, error) = text_of(&output);
            assert!(output.status.success(), "{out}{error}");
            assert!(out.starts_with(said), "{out}");
            for bad in bad {
                assert!(error.contains(&format!("{file}{bad}")), "{error}");
            }
            assert_eq!(error.lines().count(), bad.len(), "{error}");
        }
    }
}

/// Imports what was exported from the same folder.
fn add_nothing(data: &Path, target: &[&str], exported: &str) {
    let files = TempDir::new().unwrap();
    let file = write(&files, "exported", exported);
    let command = [&["import", "posts", file.to_str().unwrap()], target].concat();
    let said = run_well(data, &command);
    assert!(
        said.starts_with("0 added, 6 known, 0 bad, 0 users created"),
        "{said}"
    );
}

/// Checks that the imported posts are where they belong.
async fn check_imported(server: &Server, data: &Path) {
    queues_are_empty(&Client::admin(&server.url, data)).await;
    let token = run_well(data, &["token", "ada", "--url", &server.url]);
    let ada = Client::nobody(&server.url).with_token(token.trim());
    let home = ada.get("/v1/timelines/home").await;
    let texts: Vec<_> = home["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| &p["text"])
        .collect();
    let expected = ["twice", "twice", "", "an answer", "for you", "old #news"];
    assert_eq!(texts, expected);
    let old = &home["items"][5];
    assert_eq!(old["created_at"], "2020-02-29T12:00:00.123Z");
    assert_eq!(home["items"][2]["repost_of"]["id"], old["id"]);
    assert_eq!(home["items"][3]["reply_to"], old["id"]);
    assert_eq!(old["counts"]["reposts"], 1);
    let tagged = Client::nobody(&server.url).get("/v1/tags/news/posts").await;
    assert_eq!(tagged["items"][0]["text"], "old #news");
    let grace = ada.get("/v1/users/grace").await;
    assert_eq!(
        (&grace["followers"], &grace["posts"]),
        (&json!(1), &json!(3))
    );
}

on_every_store! {
    a_file_is_imported_into_a_store_that_nobody_serves_once
}

async fn a_file_is_imported_into_a_store_that_nobody_serves_once(place: Place) {
    import_twice(place.data(), &["--store", place.store()]);
    check_imported(&place.start(), place.data()).await;
}

#[tokio::test]
async fn a_file_is_imported_through_a_running_server_once() {
    let data = TempDir::new().unwrap();
    let server = Server::start(data.path());
    import_twice(data.path(), &["--url", &server.url]);
    check_imported(&server, data.path()).await;
    // A line is known by the same name on both ways.
    server.kill();
    let files = TempDir::new().unwrap();
    let posts = write(&files, "posts", POSTS);
    let said = run_well(data.path(), &["import", "posts", posts.to_str().unwrap()]);
    assert!(said.starts_with("0 added, 6 known"), "{said}");
}

#[tokio::test]
async fn imports_and_exports_are_the_admins() {
    let data = TempDir::new().unwrap();
    let server = Server::start(data.path());
    let ada = Client::sign_up(&server.url, "ada").await;
    for (method, path) in [
        (Method::POST, "/v1/admin/import/follows"),
        (Method::POST, "/v1/admin/import/posts"),
        (Method::GET, "/v1/admin/export/follows"),
        (Method::GET, "/v1/admin/export/posts"),
        (Method::POST, "/v1/admin/rebuild/topics"),
        (Method::POST, "/v1/admin/users/ada/tokens"),
        (Method::POST, "/v1/admin/tokens"),
    ] {
        for (caller, refused) in [
            (Client::nobody(&server.url), StatusCode::UNAUTHORIZED),
            (ada.clone(), StatusCode::FORBIDDEN),
        ] {
            let request = caller.request(method.clone(), path).body("ada grace");
            assert_eq!(caller.call(request).await.0, refused, "{path}");
        }
    }
}

#[tokio::test]
async fn an_import_is_bounded_and_names_what_it_skipped() {
    let data = TempDir::new().unwrap();
    let server = Server::start(data.path());
    let admin = Client::admin(&server.url, data.path());
    let import = async |body: Vec<u8>| {
        let request = admin.request(Method::POST, "/v1/admin/import/follows");
        admin.call(request.body(body)).await
    };
    let (status, answer) = import(b"ada grace\n\xff\ngrace\n".to_vec()).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!((&answer["added"], &answer["bad"]), (&json!(1), &json!(2)));
    assert_eq!(answer["bad_lines"][0]["line"], 2);
    assert_eq!(answer["bad_lines"][1]["line"], 3);

    // More lines than an answer names, and more bytes than a body may have.
    let (status, answer) = import(b"bad\n".repeat(5_000)).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(answer["bad"], 5_000);
    assert_eq!(answer["bad_lines"].as_array().unwrap().len(), 1_000);
    let (status, _) = import(vec![b'#'; 4 * 1_024 * 1_024 + 1]).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    let (status, answer) = import(vec![b'#'; 4 * 1_024 * 1_024]).await;
    assert_eq!(status, StatusCode::OK, "{answer}");

    for path in [
        "/v1/admin/rebuild/everything",
        "/v1/admin/users/linus/tokens",
    ] {
        let (status, _) = admin.call(admin.request(Method::POST, path)).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn read_models_are_rebuilt_from_the_facts() {
    let data = TempDir::new().unwrap();
    import_twice(data.path(), &[]);
    let said = run_well(data.path(), &["rebuild", "topics"]);
    assert!(
        said.starts_with("6 posts go through the public tier again"),
        "{said}"
    );
    let server = Server::start(data.path());
    check_imported(&server, data.path()).await;
    for what in ["home", "topics", "feeds"] {
        run_well(data.path(), &["rebuild", what, "--url", &server.url]);
    }
    check_imported(&server, data.path()).await;
}

#[test]
fn a_file_of_which_nothing_can_be_used_is_a_failure() {
    let data = TempDir::new().unwrap();
    let files = TempDir::new().unwrap();
    let many = write(&files, "many", &"nonsense\n".repeat(1_000));
    let output = run(data.path(), &["import", "follows", many.to_str().unwrap()]);
    let (out, error) = text_of(&output);
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(out.contains("1,000 bad"), "{out}");
    assert!(error.contains("800 bad lines more"), "{error}");
    assert!(error.lines().count() < 210, "{error}");
}

#[test]
fn an_import_that_was_killed_goes_on_without_duplicates() {
    const LINES: usize = 20_000;
    let data = TempDir::new().unwrap();
    let files = TempDir::new().unwrap();
    let mut posts = String::new();
    for n in 0..LINES {
        // Every text comes twice, so that equal lines must be told apart.
        let text = format!("post {} #many", n / 2);
        writeln!(
            posts,
            "{}",
            json!({"author": format!("author{}", n / 2 % 100), "text": text})
        )
        .unwrap();
    }
    let file = write(&files, "posts", &posts);
    let mut killed_midway = 0;
    for _ in 0..8 {
        let mut import = ripple(["import", "posts"])
            .arg(&file)
            .arg("--data")
            .arg(data.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(fastrand::u64(100..700)));
        if import.try_wait().unwrap().is_none() {
            killed_midway += 1;
        }
        import.kill().unwrap();
        import.wait().unwrap();
    }
    assert!(
        killed_midway > 0,
        "the machine is too fast for this test: give it more lines"
    );
    let said = run_well(data.path(), &["import", "posts", file.to_str().unwrap()]);
    assert!(said.contains(" 0 bad"), "{said}");
    let exported = run_well(data.path(), &["export", "posts"]);
    assert_eq!(exported.lines().count(), LINES);
    let mut texts: Vec<String> = exported.lines().map(text_of_line).collect();
    texts.sort_unstable();
    let pairs = texts.chunks(2).all(|pair| pair[0] == pair[1]);
    texts.dedup();
    assert!(pairs && texts.len() == LINES / 2);
}

fn text_of_line(line: &str) -> String {
    let line: Value = serde_json::from_str(line).unwrap();
    line["text"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn what_was_exported_gives_the_same_pages_elsewhere() {
    let data = TempDir::new().unwrap();
    import_twice(data.path(), &[]);
    let follows = run_well(data.path(), &["export", "follows"]);
    let posts = run_well(data.path(), &["export", "posts"]);
    add_nothing(data.path(), &[], &posts);
    let server = Server::start(data.path());
    add_nothing(data.path(), &["--url", &server.url], &posts);
    for (what, exported) in [("follows", &follows), ("posts", &posts)] {
        let streamed = run_well(data.path(), &["export", what, "--url", &server.url]);
        assert_eq!(&streamed, exported, "{what}");
    }
    server.kill();

    let elsewhere = TempDir::new().unwrap();
    let files = TempDir::new().unwrap();
    for (what, exported) in [("follows", &follows), ("posts", &posts)] {
        let file = write(&files, what, exported);
        run_well(elsewhere.path(), &["import", what, file.to_str().unwrap()]);
    }
    let sorted = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort_unstable();
        lines
    };
    let follows_again = run_well(elsewhere.path(), &["export", "follows"]);
    assert_eq!(sorted(&follows_again), sorted(&follows));
    let without_ids = |text: &str| {
        let lines = text.lines().map(|line| {
            let mut line: Value = serde_json::from_str(line).unwrap();
            line.as_object_mut().unwrap().remove("id");
            line.to_string()
        });
        lines.collect::<Vec<_>>()
    };
    let posts_again = run_well(elsewhere.path(), &["export", "posts"]);
    add_nothing(elsewhere.path(), &[], &posts);
    add_nothing(elsewhere.path(), &[], &posts_again);
    assert_eq!(without_ids(&posts_again), without_ids(&posts));
    check_imported(&Server::start(elsewhere.path()), elsewhere.path()).await;
}
