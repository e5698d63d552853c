//! Tokens that the admin makes, many at once.

use std::collections::HashSet;

use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};

use crate::app::{ADMIN_TOKEN, App, Setup, body, fields, problem, text};

fn ask(app: &App, handles: &[&str]) -> RequestBuilder {
    let request = app.post("/v1/admin/tokens").bearer_auth(ADMIN_TOKEN);
    request.json(&json!({ "handles": handles }))
}

async fn tokens(request: RequestBuilder) -> Vec<Value> {
    let answer = body(request.send().await.unwrap(), StatusCode::CREATED).await;
    answer["tokens"].as_array().unwrap().clone()
}

#[tokio::test]
async fn each_user_gets_a_token_of_his_own() {
    let app = App::start().await;
    let (ada, bob) = (app.member("ada").await, app.member("bob").await);
    let made = tokens(ask(&app, &["bob", "ADA", "bob"])).await;
    let whose: Vec<_> = made.iter().map(|made| text(&made["handle"])).collect();
    assert_eq!(whose, ["bob", "ada", "bob"]);
    let mut different = HashSet::from([ada.token, bob.token]);
    for token in &different {
        app.json(token, "/v1/me").await;
    }
    for made in &made {
        let token = text(&made["token"]);
        assert_eq!(app.json(&token, "/v1/me").await["handle"], made["handle"]);
        assert!(different.insert(token));
    }
}

#[tokio::test]
async fn where_one_is_unknown_nobody_gets_a_token() {
    let app = App::start().await;
    app.member("ada").await;
    let request = ask(&app, &["ada", "grace", "no handle"]).header("Idempotency-Key", "k");
    let refused = problem(request.send().await.unwrap(), 422).await;
    assert_eq!(fields(&refused), ["handles[1]", "handles[2]"]);
    // A server with the same secret tells what her token would have been.
    let other = App::start().await;
    other.member("ada").await;
    let request = ask(&other, &["ada"]).header("Idempotency-Key", "k");
    let token = text(&tokens(request).await[0]["token"]);
    other.json(&token, "/v1/me").await;
    let request = app.get("/v1/me").bearer_auth(&token);
    problem(request.send().await.unwrap(), 401).await;
}

#[tokio::test]
async fn there_are_bounds_to_the_handles_of_a_request() {
    let app = App::start().await;
    // None is shorter in JSON.
    let longest = |n| format!("{n:030}");
    let handles: Vec<String> = (0..1_001).map(longest).collect();
    let handles: Vec<&str> = handles.iter().map(String::as_str).collect();
    for handles in [&[], &handles[..]] {
        let refused = problem(ask(&app, handles).send().await.unwrap(), 422).await;
        assert_eq!(fields(&refused), ["handles"]);
    }
    for handle in &handles[..1_000] {
        app.member(handle).await;
    }
    assert_eq!(tokens(ask(&app, &handles[..1_000])).await.len(), 1_000);
}

#[tokio::test]
async fn tokens_asked_for_again_are_the_same_tokens() {
    let app = App::start().await;
    for handle in ["ada", "bob"] {
        app.member(handle).await;
    }
    let with_key = |app: &App, key: &str| ask(app, &["ada", "bob"]).header("Idempotency-Key", key);
    let first = tokens(with_key(&app, "k")).await;
    assert_ne!(first[0]["token"], first[1]["token"]);
    let app = app.restart(Setup::default()).await;
    assert_eq!(tokens(with_key(&app, "k")).await, first);
    assert_ne!(tokens(with_key(&app, "l")).await, first);
    assert_ne!(tokens(ask(&app, &["ada", "bob"])).await, first);
}

#[tokio::test]
async fn tokens_are_made_for_the_admin_alone() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let request = || {
        let request = app.post("/v1/admin/tokens");
        request.json(&json!({ "handles": ["ada"] }))
    };
    problem(request().send().await.unwrap(), 401).await;
    problem(request().bearer_auth(&ada.token).send().await.unwrap(), 403).await;
}
