//! What a data folder is refused for.

use std::fs;

use tempfile::TempDir;

use crate::{
    client::Client,
    process::{Server, run, run_well, text_of},
};

#[tokio::test]
async fn a_second_process_on_the_same_folder_is_refused() {
    let data = TempDir::new().unwrap();
    let server = Server::start(data.path());
    for command in [
        &["serve", "--listen", "127.0.0.1:0"] as &[_],
        &["export", "posts"],
    ] {
        let output = run(data.path(), command);
        let (_, error) = text_of(&output);
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert!(error.contains("in use by another process"), "{error}");
    }
    Client::sign_up(&server.url, "ada").await;
}

#[test]
fn a_folder_of_a_newer_version_is_refused() {
    let data = TempDir::new().unwrap();
    run_well(data.path(), &["import", "posts", "-"]);
    let format = data.path().join("FORMAT");
    let known: u32 = fs::read_to_string(&format).unwrap().trim().parse().unwrap();
    fs::write(&format, format!("{}\n", known + 1)).unwrap();

    let output = run(data.path(), &["serve", "--listen", "127.0.0.1:0"]);
    let (_, error) = text_of(&output);
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains("newer"), "{error}");
    assert_eq!(
        fs::read_to_string(&format).unwrap(),
        format!("{}\n", known + 1)
    );
}

#[test]
fn an_address_in_use_is_refused() {
    let data = TempDir::new().unwrap();
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap().to_string();
    let output = run(data.path(), &["serve", "--listen", &address]);
    let (_, error) = text_of(&output);
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(
        error.contains(&format!("cannot listen on {address}")),
        "{error}"
    );
}
