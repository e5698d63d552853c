use ripple_api::{ApiLimits, Rate};
use ripple_store::{QueueLimits, Store, embedded::EmbeddedOptions};
use serde_json::json;

use crate::app::{ADMIN_TOKEN, App, Setup, problem};

fn limited(reads: Rate, writes: Rate, sign_ups: Rate) -> Setup {
    Setup {
        rate_limit: true,
        limits: ApiLimits {
            reads,
            writes,
            sign_ups,
            ..ApiLimits::default()
        },
        ..Setup::default()
    }
}

#[tokio::test]
async fn a_caller_who_asks_too_often_gets_429() {
    let plenty = Rate::new(1_000, 1_000);
    let app = App::start_with(limited(Rate::new(1, 3), Rate::new(1, 2), plenty)).await;
    let (ada, bob) = (app.member("ada").await, app.member("bob").await);
    let read = |token: &str| app.get("/v1/me").bearer_auth(token).send();
    for _ in 0..3 {
        assert_eq!(read(&ada.token).await.unwrap().status(), 200);
    }
    let answer = read(&ada.token).await.unwrap();
    assert_eq!(answer.headers()["retry-after"], "1");
    problem(answer, 429).await;
    // Each user has a rate of his own, writing has another than reading, and the admin has none.
    assert_eq!(read(&bob.token).await.unwrap().status(), 200);
    let write = || {
        app.post("/v1/posts")
            .bearer_auth(&ada.token)
            .json(&json!({"text": "a"}))
            .send()
    };
    assert_eq!(write().await.unwrap().status(), 201);
    assert_eq!(write().await.unwrap().status(), 201);
    problem(write().await.unwrap(), 429).await;
    for _ in 0..10 {
        let answer = app
            .get("/v1/admin/queues")
            .bearer_auth(ADMIN_TOKEN)
            .send()
            .await;
        assert_eq!(answer.unwrap().status(), 200);
        assert_eq!(app.get("/healthz").send().await.unwrap().status(), 200);
    }
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    assert_eq!(read(&ada.token).await.unwrap().status(), 200);
}

#[tokio::test]
async fn sign_ups_and_wrong_tokens_are_counted_by_address() {
    let plenty = Rate::new(1_000, 1_000);
    let app = App::start_with(limited(Rate::new(1, 2), plenty, Rate::new(1, 2))).await;
    let sign_up = |handle: &str| {
        app.post("/v1/users")
            .json(&json!({"handle": handle}))
            .send()
    };
    assert_eq!(sign_up("ada").await.unwrap().status(), 201);
    assert_eq!(sign_up("bob").await.unwrap().status(), 201);
    problem(sign_up("eve").await.unwrap(), 429).await;
    let guess = |n: usize| app.get("/v1/me").bearer_auth(format!("rpl_{n}")).send();
    problem(guess(1).await.unwrap(), 401).await;
    problem(guess(2).await.unwrap(), 401).await;
    problem(guess(3).await.unwrap(), 429).await;
}

#[tokio::test]
async fn a_full_backlog_refuses_posts_and_keeps_what_was_accepted() {
    let setup = |workers| Setup {
        workers,
        store: EmbeddedOptions {
            queue_limits: QueueLimits {
                jobs_max: 3,
                ..QueueLimits::default()
            },
            ..EmbeddedOptions::default()
        },
        ..Setup::default()
    };
    let app = App::start_with(setup(false)).await;
    let ada = app.member("ada").await;
    let mut accepted = 0;
    let refused = loop {
        let request = app.post("/v1/posts").bearer_auth(&ada.token);
        let answer = request.json(&json!({"text": "a"})).send().await.unwrap();
        if answer.status() != 201 {
            break answer;
        }
        accepted += 1;
        assert!(accepted < 10);
    };
    let retry_after: u32 = refused.headers()["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!(retry_after >= 1);
    problem(refused, 503).await;
    // Reading goes on, and so does what waits as soon as somebody works.
    assert_eq!(
        app.ids(&ada.token, "/v1/timelines/home").await.len(),
        accepted
    );
    let app = app.restart(setup(true)).await;
    let post = loop {
        let request = app.post("/v1/posts").bearer_auth(&ada.token);
        let answer = request.json(&json!({"text": "b"})).send().await.unwrap();
        if answer.status() == 201 {
            break answer.json().await.unwrap();
        }
        problem(answer, 503).await;
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    app.indexed(&ada, &post).await;
    assert_eq!(
        app.ids(&ada.token, "/v1/timelines/public").await.len(),
        accepted + 1
    );
}

#[tokio::test]
async fn a_store_that_takes_no_writes_gets_503() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    app.store.close().await;
    let request = app.post("/v1/posts").bearer_auth(&ada.token);
    let answer = request.json(&json!({"text": "a"})).send().await.unwrap();
    assert!(answer.headers().contains_key("retry-after"));
    let refused = problem(answer, 503).await;
    assert!(!refused.to_string().contains("reason"), "{refused}");
    problem(app.get("/readyz").send().await.unwrap(), 503).await;
    assert_eq!(app.get("/healthz").send().await.unwrap().status(), 200);
}
