//! Bodies that a refused request leaves behind: whether the connection goes on, and that the client is
//! told so before it sends its next request there.

use std::time::Duration;

use crate::{
    app::{ADMIN_TOKEN, App},
    raw::Raw,
};

fn import(token: &str, rest: &str) -> String {
    format!(
        "POST /v1/admin/import/follows HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n{rest}\r\n\r\n"
    )
}

#[tokio::test]
async fn a_long_rest_closes_the_connection_and_the_answer_says_so() {
    let app = App::start().await;
    let mib_4 = 4 * 1024 * 1024;
    for (token, length, status) in [
        (ADMIN_TOKEN, mib_4 + 1, 413),
        ("wrong", mib_4, 401),
        ("wrong", 64 * 1024 + 1, 401),
    ] {
        let mut raw = Raw::open(app.address).await;
        raw.send(import(token, &format!("Content-Length: {length}")))
            .await;
        raw.send("#".repeat(length)).await;
        let answer = raw.until_closed().await;
        let begins = format!("HTTP/1.1 {status} ");
        assert!(answer.starts_with(&begins), "{length}: {answer}");
        assert!(
            answer.contains("\r\nconnection: close\r\n"),
            "{length}: {answer}"
        );
    }
}

#[tokio::test]
async fn a_short_rest_leaves_the_connection_as_it_was() {
    let app = App::start().await;
    for (announced, body) in [
        ("Content-Length: 11", "ada grace\n\n".to_owned()),
        (
            "Transfer-Encoding: chunked",
            "b\r\nada grace\n\n\r\n0\r\n\r\n".to_owned(),
        ),
        ("Content-Length: 65536", "#".repeat(64 * 1024)),
    ] {
        let mut raw = Raw::open(app.address).await;
        for _ in 0..3 {
            raw.send(import("wrong", announced)).await;
            // The refusal is ready before the body is there.
            tokio::time::sleep(Duration::from_millis(20)).await;
            raw.send(&body).await;
            let answer = raw.answer().await;
            assert!(answer.starts_with("HTTP/1.1 401 "), "{announced}: {answer}");
            assert!(
                !answer.contains("connection: close"),
                "{announced}: {answer}"
            );
        }
        raw.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await;
        let answer = raw.answer().await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{announced}: {answer}");
    }
}

#[tokio::test]
async fn a_rest_that_does_not_come_is_not_waited_for() {
    let app = App::start().await;
    for (announced, beginning) in [
        ("Content-Length: 11", "ada"),
        ("Transfer-Encoding: chunked", "b\r\nada"),
        // Who asks first is not told to go on.
        ("Expect: 100-continue\r\nContent-Length: 11", ""),
    ] {
        let mut raw = Raw::open(app.address).await;
        raw.send(import("wrong", announced)).await;
        raw.send(beginning).await;
        let answer = raw.until_closed().await;
        assert!(answer.starts_with("HTTP/1.1 401 "), "{announced}: {answer}");
        assert!(
            answer.contains("connection: close"),
            "{announced}: {answer}"
        );
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{answer}");
    }
}

#[tokio::test]
async fn a_long_answer_is_whole_although_a_body_is_left() {
    let app = App::start().await;
    let long = "GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\n";
    let mut raw = Raw::open(app.address).await;
    // More than goes onto the way at once: the last of it must wait for who reads slowly.
    raw.send(format!("{long}\r\n").repeat(12)).await;
    raw.send(format!("{long}Content-Length: 100000\r\n\r\n"))
        .await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let mut lengths = Vec::new();
    for _ in 0..12 {
        lengths.push(raw.answer().await.len());
    }
    let last = raw.until_closed().await;
    let whole = lengths[0];
    assert_eq!(lengths, [whole; 12]);
    assert_eq!(last.len(), whole + "connection: close\r\n".len());
}
