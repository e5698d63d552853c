//! The OpenAPI document held against the router, and snapshots of every kind of document.

use std::collections::HashSet;

use insta::{assert_json_snapshot, dynamic_redaction, internals::Content, with_settings};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::app::{ADMIN_TOKEN, App, body, text};

const METHODS: [&str; 5] = ["get", "put", "post", "patch", "delete"];

#[tokio::test]
async fn every_documented_operation_is_served() {
    let app = App::start().await;
    let answer = app.get("/openapi.json").send().await.unwrap();
    let document = body(answer, StatusCode::OK).await;
    assert!(text(&document["openapi"]).starts_with("3.1"));
    let mut names = HashSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let concrete = path.replace("{id}", "1").replace("{tier}", "public");
        let concrete = concrete.replace("{document}", "feed.atom");
        let concrete: String = concrete.replace("{handle}", "ada").replace(['{', '}'], "");
        for method in METHODS {
            let request = app.request(method.to_uppercase().parse().unwrap(), &concrete);
            let answer = request.send().await.unwrap();
            let (status, answer) = (answer.status(), answer.text().await.unwrap());
            let case = format!("{method} {path}: {answer}");
            assert!(!answer.contains("urn:ripple:problem:no-route"), "{case}");
            let documented = item.get(method).is_some();
            assert_eq!(
                status != StatusCode::METHOD_NOT_ALLOWED,
                documented,
                "{case}"
            );
        }
        for method in METHODS.iter().filter_map(|method| item.get(method)) {
            assert!(
                method["summary"].is_string() || method["description"].is_string(),
                "{path}"
            );
            assert!(names.insert(text(&method["operationId"])), "{path}");
            let answers = method["responses"].as_object().unwrap();
            assert!(answers.contains_key("default"), "{path}");
            assert!(
                answers
                    .values()
                    .all(|answer| answer["description"].is_string()),
                "{path}"
            );
        }
    }
}

#[tokio::test]
async fn every_reference_of_the_document_leads_somewhere() {
    let app = App::start().await;
    let answer = app.get("/openapi.json").send().await.unwrap();
    let document = body(answer, StatusCode::OK).await;
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                found.extend(fields.get("$ref").map(text));
                fields.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 20);
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

#[tokio::test]
async fn the_operations_that_were_promised_are_documented() {
    let app = App::start().await;
    let answer = app.get("/openapi.json").send().await.unwrap();
    let document = body(answer, StatusCode::OK).await;
    for (path, methods) in [
        ("/v1/users", &["post"][..]),
        ("/v1/users/{handle}", &["get"]),
        ("/v1/me", &["get", "patch"]),
        ("/v1/users/{handle}/posts", &["get"]),
        ("/v1/users/{handle}/followers", &["get"]),
        ("/v1/users/{handle}/following", &["get"]),
        ("/v1/users/{handle}/follow", &["put", "delete"]),
        ("/v1/users/{handle}/mute", &["put", "delete"]),
        ("/v1/users/{handle}/block", &["put", "delete"]),
        ("/v1/posts", &["post"]),
        ("/v1/posts/{id}", &["get", "patch", "delete"]),
        ("/v1/posts/{id}/delivery", &["get"]),
        ("/v1/timelines/home", &["get"]),
        ("/v1/timelines/public", &["get"]),
        ("/v1/tags/{tag}/posts", &["get"]),
        ("/v1/keywords/{keyword}/posts", &["get"]),
        ("/healthz", &["get"]),
        ("/readyz", &["get"]),
        ("/metrics", &["get"]),
        ("/v1/admin/queues", &["get"]),
        ("/v1/admin/queues/{tier}/pause", &["post"]),
        ("/v1/admin/queues/{tier}/resume", &["post"]),
        ("/v1/admin/queues/{tier}/dead", &["get", "delete"]),
        ("/v1/admin/queues/{tier}/dead/replay", &["post"]),
        ("/v1/admin/queues/{tier}/dead/{id}", &["delete"]),
        ("/v1/admin/queues/{tier}/dead/{id}/replay", &["post"]),
        ("/v1/admin/replay", &["post"]),
    ] {
        let item = &document["paths"][path];
        let served: Vec<_> = METHODS
            .into_iter()
            .filter(|m| item.get(*m).is_some())
            .collect();
        assert_eq!(served, methods, "{path}");
    }
}

#[tokio::test]
async fn the_documentation_can_be_read() {
    let app = App::start().await;
    let answer = app.get("/docs/").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(answer.text().await.unwrap().contains("swagger"));
}

/// Takes a snapshot with what differs from run to run left out.
fn snapshot(name: &str, value: &Value) {
    with_settings!({ sort_maps => true }, {
        assert_json_snapshot!(name, value, {
            ".**.id" => "[id]",
            ".**.post_id" => "[id]",
            ".**.reply_to" => dynamic_redaction(|value, _| redact(value, "[id]")),
            ".**.token" => "[token]",
            ".**.url" => dynamic_redaction(|value, _| {
                let url = value.as_str().unwrap();
                format!("{}/[id]", url.rsplit_once('/').unwrap().0)
            }),
            ".**.next" => dynamic_redaction(|value, _| redact(value, "[path]")),
            ".**.created_at" => "[time]",
            ".**.edited_at" => dynamic_redaction(|value, _| redact(value, "[time]")),
            ".**.accepted_at" => "[time]",
            ".**.started_at" => dynamic_redaction(|value, _| redact(value, "[time]")),
            ".**.done_at" => dynamic_redaction(|value, _| redact(value, "[time]")),
            ".**.as_of" => "[time]",
            ".**.ready" => "[jobs]",
            ".**.in_flight" => "[jobs]",
            ".**.done_per_s" => "[rate]",
            ".**.p50" => "[ms]",
            ".**.p99" => "[ms]",
            ".**.max" => "[ms]",
            ".**.oldest_age_ms" => dynamic_redaction(|value, _| redact(value, "[ms]")),
            ".**.latency_ms" => dynamic_redaction(|value, _| match value {
                Content::Map(_) => value,
                value => redact(value, "[ms]"),
            }),
        });
    });
}

/// Replaces a value, but not null.
fn redact(value: Content, with: &str) -> Content {
    match value {
        Content::None | Content::Unit => value,
        _ => with.into(),
    }
}

#[tokio::test]
async fn the_documents_of_every_resource() {
    let app = App::start().await;
    let request = app.post("/v1/users");
    let request = request.json(&json!({"handle": "ada", "display_name": "Ada", "bio": "Hi."}));
    let created = body(request.send().await.unwrap(), StatusCode::CREATED).await;
    snapshot("created_user", &created);
    let ada = crate::app::Member {
        handle: "ada".into(),
        id: text(&created["user"]["id"]),
        token: text(&created["token"]),
    };
    let bob = app.member("bob").await;
    app.follow(&bob, &ada).await;
    let first = app.publish(&ada, json!({"text": "Hello, world"})).await;
    let post = json!({
        "text": "To you",
        "visibility": "direct",
        "recipients": ["ada", "bob"],
        "link": "https://example.org/a",
        "language": "en",
        "reply_to": first["id"],
        "repost_of": first["id"],
    });
    let post = app.publish(&bob, post).await;
    snapshot("post", &post);
    app.indexed(&ada, &first).await;
    let path = format!("/v1/posts/{}", text(&first["id"]));
    let edited = app
        .patch(&path)
        .bearer_auth(&ada.token)
        .json(&json!({"text": "Hello, all"}));
    snapshot(
        "edited_post",
        &body(edited.send().await.unwrap(), StatusCode::OK).await,
    );
    app.indexed(&ada, &first).await;
    let receipt = app.json(&ada.token, &format!("{path}/delivery")).await;
    snapshot("receipt", &receipt);
    snapshot("user", &app.json(&bob.token, "/v1/users/ada").await);
    snapshot(
        "users",
        &app.json(&bob.token, "/v1/users/ada/followers").await,
    );
    snapshot(
        "home",
        &app.json(&bob.token, "/v1/timelines/home?limit=1").await,
    );
    snapshot("queues", &app.json(ADMIN_TOKEN, "/v1/admin/queues").await);
}

#[tokio::test]
async fn the_documents_of_problems() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let post = async |body: &'static str| {
        let request = app.post("/v1/posts").bearer_auth(&ada.token);
        let request = request
            .header("Content-Type", "application/json")
            .body(body);
        request.send().await.unwrap().json::<Value>().await.unwrap()
    };
    let get = async |path: &str, token: &str| {
        let request = app.get(path).bearer_auth(token);
        request.send().await.unwrap().json::<Value>().await.unwrap()
    };
    let taken = app.post("/v1/users").json(&json!({"handle": "ada"}));
    let taken: Value = taken.send().await.unwrap().json().await.unwrap();
    let anonymous: Value = app
        .get("/v1/me")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let problems = json!({
        "malformed json": post("{").await,
        "wrong type": post(r#"{"text": "a", "recipients": [5]}"#).await,
        "unknown field": post(r#"{"colour": "red"}"#).await,
        "invalid fields": post(r#"{"text": "", "link": "x", "recipients": ["nobody"]}"#).await,
        "invalid page": get("/v1/timelines/home?limit=0&before=x", &ada.token).await,
        "no token": anonymous,
        "wrong token": get("/v1/me", "rpl_x").await,
        "not the admin": get("/v1/admin/queues", &ada.token).await,
        "no such post": get("/v1/posts/1", &ada.token).await,
        "no route": get("/v1/nothing", &ada.token).await,
        "wrong method": get("/v1/posts", &ada.token).await,
        "handle taken": taken,
    });
    with_settings!({ sort_maps => true }, { assert_json_snapshot!("problems", problems) });
}
