use std::time::Duration;

use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

use crate::app::{ADMIN_TOKEN, App, Member, Setup, body, fields, problem, text};

async fn post(app: &App, author: &Member, key: &str, post: &Value) -> Response {
    let request = app.post("/v1/posts").bearer_auth(&author.token);
    let request = request.header("Idempotency-Key", key).json(post);
    request.send().await.unwrap()
}

async fn created(answer: Response) -> Value {
    body(answer, StatusCode::CREATED).await
}

#[tokio::test]
async fn the_same_request_makes_one_post_also_over_a_restart() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let content = json!({"text": "once"});
    let first = created(post(&app, &ada, "k", &content).await).await;
    let again = post(&app, &ada, "k", &content).await;
    assert_eq!(
        again.headers()["location"],
        format!("/v1/posts/{}", text(&first["id"]))
    );
    assert_eq!(created(again).await, first);

    let app = app.restart(Setup::default()).await;
    assert_eq!(created(post(&app, &ada, "k", &content).await).await, first);
    assert_eq!(app.ids(&ada.token, "/v1/users/ada/posts").await.len(), 1);
    // Without a key, or with another one, it is another post.
    created(post(&app, &ada, "k2", &content).await).await;
    assert_eq!(app.ids(&ada.token, "/v1/users/ada/posts").await.len(), 2);
}

#[tokio::test]
async fn another_body_with_the_same_key_gets_422() {
    let app = App::start().await;
    let (ada, bob) = (app.member("ada").await, app.member("bob").await);
    created(post(&app, &ada, "k", &json!({"text": "one"})).await).await;
    problem(post(&app, &ada, "k", &json!({"text": "two"})).await, 422).await;
    // Keys are each user's own.
    created(post(&app, &bob, "k", &json!({"text": "two"})).await).await;
}

#[tokio::test]
async fn the_answer_stays_the_same_whatever_happens_meanwhile() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let first = created(post(&app, &ada, "first", &json!({"text": "one"})).await).await;
    let reply = json!({"text": "two", "reply_to": first["id"]});
    let second = created(post(&app, &ada, "second", &reply).await).await;
    let path = format!("/v1/posts/{}", text(&first["id"]));
    let deleted = app.delete(&path).bearer_auth(&ada.token).send().await;
    assert_eq!(deleted.unwrap().status(), StatusCode::NO_CONTENT);
    assert_eq!(
        created(post(&app, &ada, "second", &reply).await).await,
        second
    );
}

#[tokio::test]
async fn while_the_first_is_under_way_the_second_gets_409() {
    let setup = Setup {
        workers: false,
        ..Setup::default()
    };
    let app = App::start_with(setup).await;
    let ada = app.member("ada").await;
    let content = json!({"text": "one"});
    // Nobody works, so the first request waits.
    let waiting = app.post("/v1/posts").bearer_auth(&ada.token);
    let waiting = waiting
        .header("Idempotency-Key", "k")
        .header("Prefer", "wait=2");
    let first = tokio::spawn(waiting.json(&content).send());
    tokio::time::sleep(Duration::from_millis(300)).await;
    let second = post(&app, &ada, "k", &content).await;
    assert!(second.headers().contains_key("retry-after"));
    problem(second, 409).await;
    let first = created(first.await.unwrap().unwrap()).await;
    assert_eq!(created(post(&app, &ada, "k", &content).await).await, first);
}

#[tokio::test]
async fn many_at_once_make_one_post() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let requests = (0..20).map(|_| {
        let request = app.post("/v1/posts").bearer_auth(&ada.token);
        let request = request
            .header("Idempotency-Key", "k")
            .json(&json!({"text": "once"}));
        tokio::spawn(request.send())
    });
    let mut answers = Vec::new();
    for request in requests.collect::<Vec<_>>() {
        answers.push(request.await.unwrap().unwrap().status().as_u16());
    }
    assert!(answers.contains(&201), "{answers:?}");
    assert!(
        answers.iter().all(|status| [201, 409].contains(status)),
        "{answers:?}"
    );
    assert_eq!(app.ids(&ada.token, "/v1/users/ada/posts").await.len(), 1);
}

#[tokio::test]
async fn a_sign_up_sent_again_gives_the_same_token() {
    let app = App::start().await;
    let sign_up = |app: &App, handle: &str| {
        let request = app.post("/v1/users").header("Idempotency-Key", "k");
        request.json(&json!({"handle": handle})).send()
    };
    let first = created(sign_up(&app, "ada").await.unwrap()).await;
    assert_eq!(created(sign_up(&app, "ada").await.unwrap()).await, first);
    let app = app.restart(Setup::default()).await;
    assert_eq!(created(sign_up(&app, "ada").await.unwrap()).await, first);
    assert_eq!(
        app.json(&text(&first["token"]), "/v1/me").await["handle"],
        "ada"
    );
    problem(sign_up(&app, "bob").await.unwrap(), 422).await;
}

#[tokio::test]
async fn a_token_asked_for_again_is_the_same_token() {
    let app = App::start().await;
    app.member("ada").await;
    let ask = |app: &App, key: &str| {
        let request = app
            .post("/v1/admin/users/ada/tokens")
            .bearer_auth(ADMIN_TOKEN);
        request.header("Idempotency-Key", key).send()
    };
    let first = created(ask(&app, "k").await.unwrap()).await;
    let app = app.restart(Setup::default()).await;
    assert_eq!(created(ask(&app, "k").await.unwrap()).await, first);
    assert_ne!(created(ask(&app, "l").await.unwrap()).await, first);
    let me = app.json(&text(&first["token"]), "/v1/me").await;
    assert_eq!(me["handle"], "ada");
}

#[tokio::test]
async fn a_key_that_is_none_gets_422() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    for key in ["", &"k".repeat(256)] {
        let answer = post(&app, &ada, key, &json!({"text": "one"})).await;
        assert_eq!(fields(&problem(answer, 422).await), ["Idempotency-Key"]);
    }
    created(post(&app, &ada, &"k".repeat(255), &json!({"text": "one"})).await).await;
    let request = app.post("/v1/posts").bearer_auth(&ada.token);
    let request = request
        .header("Idempotency-Key", "a")
        .header("Idempotency-Key", "b");
    let answer = request.json(&json!({"text": "one"})).send().await.unwrap();
    problem(answer, 422).await;
}

#[tokio::test]
async fn a_refused_request_does_not_use_up_its_key() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    problem(post(&app, &ada, "k", &json!({"text": ""})).await, 422).await;
    created(post(&app, &ada, "k", &json!({"text": "one"})).await).await;
}
