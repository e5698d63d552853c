//! How the server treats connections: slow ones, many of them, and all of them at the end.

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use ripple_api::{ApiLimits, ServerLimits};
use serde_json::json;

use crate::{
    app::{App, Setup, body, text},
    raw::Raw,
};

fn impatient() -> Setup {
    Setup {
        limits: ApiLimits {
            body_ms_max: 300,
            ..ApiLimits::default()
        },
        server: ServerLimits {
            header_ms_max: 300,
            ..ServerLimits::default()
        },
        ..Setup::default()
    }
}

#[tokio::test]
async fn a_slow_header_gets_408_and_the_connection_is_closed() {
    let app = App::start_with(impatient()).await;
    for beginning in [
        "G",
        "GET / HTTP/1.1\r\nHost: x\r\n",
        "GET / HTTP/1.1\r\nX: y",
    ] {
        let mut raw = Raw::open(app.address).await;
        raw.send(beginning).await;
        let answer = raw.until_closed().await;
        assert!(
            answer.starts_with("HTTP/1.1 408 Request Timeout\r\n"),
            "{answer}"
        );
        assert!(answer.contains("application/problem+json"), "{answer}");
        assert!(answer.ends_with('}'), "{answer}");
    }
}

#[tokio::test]
async fn a_header_that_trickles_in_is_slow_too() {
    let app = App::start_with(impatient()).await;
    let mut raw = Raw::open(app.address).await;
    raw.send("GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: ").await;
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(600) && raw.try_send(b"a").await {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let answer = raw.until_closed().await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
}

#[tokio::test]
async fn an_idle_connection_is_closed_without_a_word() {
    let app = App::start_with(impatient()).await;
    let mut raw = Raw::open(app.address).await;
    assert_eq!(raw.until_closed().await, "");

    let mut raw = Raw::open(app.address).await;
    raw.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let answer = raw.until_closed().await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{answer}");
}

#[tokio::test]
async fn a_slow_body_gets_408_and_the_connection_is_closed() {
    let app = App::start_with(impatient()).await;
    let ada = app.member("ada").await;
    let head = format!(
        "POST /v1/posts HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n",
        ada.token
    );
    for beginning in [
        format!("{head}Content-Length: 100\r\n\r\n{{\"text\":"),
        format!("{head}Transfer-Encoding: chunked\r\n\r\n5\r\n{{\"tex\r\n"),
    ] {
        let mut raw = Raw::open(app.address).await;
        raw.send(beginning).await;
        let answer = raw.until_closed().await;
        assert!(
            answer.starts_with("HTTP/1.1 408 Request Timeout\r\n"),
            "{answer}"
        );
        assert!(answer.contains("connection: close"), "{answer}");
        assert!(answer.contains("application/problem+json"), "{answer}");
    }
}

#[tokio::test]
async fn what_is_no_http_gets_400() {
    let app = App::start().await;
    for bytes in [
        &b"hello\r\n\r\n"[..],
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\r\n\r\n",
    ] {
        let mut raw = Raw::open(app.address).await;
        raw.send(bytes).await;
        let answer = raw.until_closed().await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    }
}

#[tokio::test]
async fn a_request_names_one_host() {
    let app = App::start().await;
    for (head, status) in [
        ("GET /healthz HTTP/1.1\r\n", 400),
        ("GET /healthz HTTP/1.1\r\nHost: a\r\nHost: a\r\n", 400),
        ("GET http://a/healthz HTTP/1.1\r\nHost: a\r\n", 200),
        ("GET /healthz HTTP/1.0\r\n", 200),
    ] {
        let mut raw = Raw::open(app.address).await;
        raw.send(format!("{head}Connection: close\r\n\r\n")).await;
        let answer = raw.until_closed().await;
        let begins = format!("{} {status} ", &head[head.find("HTTP/").unwrap()..][..8]);
        assert!(answer.starts_with(&begins), "{head}: {answer}");
        assert!(answer.contains("\r\nrequest-id: "), "{head}: {answer}");
    }
}

#[tokio::test]
async fn connections_past_the_bound_wait_for_a_place() {
    let setup = Setup {
        server: ServerLimits {
            connections_max: 2,
            header_ms_max: 500,
            ..ServerLimits::default()
        },
        ..Setup::default()
    };
    let app = App::start_with(setup).await;
    let _first = Raw::open(app.address).await;
    let _second = Raw::open(app.address).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    let begun = Instant::now();
    let mut third = Raw::open(app.address).await;
    third
        .send("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .await;
    let answer = third.until_closed().await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    // Idle connections are closed after their time, and only then is there a place.
    assert!(
        begun.elapsed() > Duration::from_millis(200),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test]
async fn head_is_get_without_a_body() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let path = "/v1/timelines/home";
    let get = app.get(path).bearer_auth(&ada.token).send().await.unwrap();
    let head = app
        .request(reqwest::Method::HEAD, path)
        .bearer_auth(&ada.token);
    let head = head.send().await.unwrap();
    assert_eq!(head.status(), StatusCode::OK);
    assert_eq!(
        head.headers()["content-type"],
        get.headers()["content-type"]
    );
    assert_eq!(
        head.headers()["content-length"],
        get.headers()["content-length"]
    );
    assert_eq!(head.text().await.unwrap(), "");
}

#[tokio::test]
async fn every_answer_has_a_request_id() {
    let app = App::start().await;
    for path in ["/healthz", "/v1/me", "/nothing", "/openapi.json"] {
        let answer = app.get(path).send().await.unwrap();
        assert!(!answer.headers()["request-id"].is_empty(), "{path}");
    }
    let answer = app
        .get("/healthz")
        .header("Request-Id", "from-the-client.1");
    assert_eq!(
        answer.send().await.unwrap().headers()["request-id"],
        "from-the-client.1"
    );
    let answer = app.get("/healthz").header("Request-Id", "a b\"<");
    assert_ne!(
        answer.send().await.unwrap().headers()["request-id"],
        "a b\"<"
    );
}

#[tokio::test]
async fn a_shutdown_lets_requests_under_way_finish() {
    let app = App::start_with(Setup {
        workers: false,
        ..Setup::default()
    })
    .await;
    let ada = app.member("ada").await;
    let waiting = app.post("/v1/posts").bearer_auth(&ada.token);
    let waiting = waiting
        .header("Prefer", "wait=10")
        .json(&json!({"text": "a"}));
    let answer = tokio::spawn(waiting.send());
    tokio::time::sleep(Duration::from_millis(300)).await;
    let begun = Instant::now();
    app.stop().await;
    let post = body(answer.await.unwrap().unwrap(), StatusCode::CREATED).await;
    assert_eq!(text(&post["text"]), "a");
    assert!(
        begun.elapsed() < Duration::from_secs(4),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test]
async fn a_shutdown_cuts_what_does_not_finish() {
    let setup = Setup {
        server: ServerLimits {
            drain_ms_max: 300,
            ..ServerLimits::default()
        },
        ..Setup::default()
    };
    let app = App::start_with(setup).await;
    let ada = app.member("ada").await;
    let mut raw = Raw::open(app.address).await;
    raw.send(format!(
        "POST /v1/posts HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n",
        ada.token
    ))
    .await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let begun = Instant::now();
    app.stop().await;
    assert!(
        begun.elapsed() < Duration::from_secs(3),
        "{:?}",
        begun.elapsed()
    );
}
