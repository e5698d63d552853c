//! A disk that fails: the process ends rather than acknowledge what may be lost.

use std::{process::Command, time::Duration};

use reqwest::Method;
use serde_json::json;
use tempfile::TempDir;

use crate::{
    client::{Client, id_of},
    process::Server,
};

#[tokio::test]
async fn a_failed_fsync_ends_the_process_at_once() {
    let data = TempDir::new().unwrap();
    let control = TempDir::new().unwrap();
    let control = control.path().join("fiu");
    let control = control.to_str().unwrap();
    let mut server = Server::start_through(data.path(), &["fiu-run", "-x", "-f", control]);
    let ada = Client::sign_up(&server.url, "ada").await;
    let post = ada.publish("before").await;

    let fail = ["-f", control, "-c", "enable name=posix/io/sync/*"];
    let mut fiu_ctrl = Command::new("fiu-ctrl");
    fiu_ctrl.args(fail).arg(server.id().to_string());
    assert!(fiu_ctrl.status().unwrap().success());
    let request = ada.request(Method::POST, "/v1/posts");
    let answer = request.json(&json!({"text": "never"})).send().await;
    let refused = answer.map_or(true, |answer| !answer.status().is_success());
    assert!(refused, "acknowledged what is not on the disk");
    let status = server.wait(Duration::from_secs(10));
    assert_eq!(status.and_then(|status| status.code()), Some(1));
    assert!(
        server.log().contains("the store has failed"),
        "{}",
        server.log()
    );

    let server = Server::start(data.path());
    let ada = ada.at(&server.url);
    let shown = ada.ids("/v1/users/ada/posts", 0).await;
    assert!(shown.contains(&id_of(&post)), "{shown:?}");
    ada.publish("after").await;
}
