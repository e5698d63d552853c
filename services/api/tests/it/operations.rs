use std::sync::Arc;

use reqwest::StatusCode;
use ripple_domain::Tier;
use ripple_store::{Fate, Queue, Settlement};
use serde_json::{Value, json};

use crate::app::{ADMIN_TOKEN, App, Setup, body, fields, ids, problem};

async fn admin(app: &App, method: &str, path: &str) -> reqwest::Response {
    let path = format!("/v1/admin{path}");
    let request = app.request(method.parse().unwrap(), &path);
    request.bearer_auth(ADMIN_TOKEN).send().await.unwrap()
}

async fn admin_json(app: &App, path: &str) -> Value {
    body(admin(app, "GET", path).await, StatusCode::OK).await
}

#[tokio::test]
async fn a_healthy_server_says_so() {
    let app = App::start().await;
    for path in ["/healthz", "/readyz"] {
        let answer = app.get(path).send().await.unwrap();
        assert_eq!(body(answer, StatusCode::OK).await, json!({"status": "ok"}));
    }
}

#[tokio::test]
async fn metrics_are_rendered_as_prometheus_text() {
    let setup = Setup {
        render_metrics: Arc::new(|| "ripple_queue_jobs 0\n".to_owned()),
        ..Setup::default()
    };
    let app = App::start_with(setup).await;
    let answer = app.get("/metrics").send().await.unwrap();
    let content_type = answer.headers()["content-type"].to_str().unwrap();
    assert_eq!(content_type, "text/plain; version=0.0.4; charset=utf-8");
    assert_eq!(answer.text().await.unwrap(), "ripple_queue_jobs 0\n");
}

#[tokio::test]
async fn a_panic_gets_500_and_tells_nothing() {
    let setup = Setup {
        render_metrics: Arc::new(|| panic!("the secret is 42")),
        ..Setup::default()
    };
    let app = App::start_with(setup).await;
    let answer = app.get("/metrics").send().await.unwrap();
    assert!(answer.headers().contains_key("request-id"));
    let problem = problem(answer, 500).await;
    assert!(!problem.to_string().contains("42"), "{problem}");
    assert_eq!(
        app.get("/healthz").send().await.unwrap().status(),
        StatusCode::OK
    );
}

#[tokio::test]
async fn a_paused_tier_goes_on_when_it_is_resumed() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    for _ in 0..2 {
        let answer = admin(&app, "POST", "/queues/public/pause").await;
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    }
    let post = app.publish(&ada, json!({"text": "one"})).await;
    let queues = admin_json(&app, "/queues").await;
    let [followers, public] = queues["tiers"].as_array().unwrap().as_slice() else {
        panic!("two tiers: {queues}");
    };
    assert_eq!(
        (&followers["tier"], &followers["paused"]),
        (&json!("followers"), &json!(false))
    );
    assert_eq!(
        (&public["tier"], &public["paused"]),
        (&json!("public"), &json!(true))
    );
    assert_eq!(public["ready"], 1);
    assert!(public["oldest_age_ms"].is_u64());
    let answer = admin(&app, "POST", "/queues/public/resume").await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    app.indexed(&ada, &post).await;
    for path in ["/queues/author/pause", "/queues/x/resume"] {
        problem(admin(&app, "POST", path).await, 404).await;
    }
}

/// A server without workers, with this many posts whose followers jobs were given up.
async fn with_dead_letters(n: usize) -> App {
    let setup = Setup {
        workers: false,
        ..Setup::default()
    };
    let app = App::start_with(setup).await;
    let ada = app.member("ada").await;
    for _ in 0..n {
        let request = app.post("/v1/posts").bearer_auth(&ada.token);
        let answer = request.json(&json!({"text": "one"})).send().await.unwrap();
        body(answer, StatusCode::CREATED).await;
    }
    let claims = app.store.claim(Tier::Followers, n, 10_000).await.unwrap();
    assert_eq!(claims.len(), n);
    let settlements = claims.iter().map(|claim| Settlement {
        lease: claim.lease,
        fate: Fate::Dead {
            error: "poison".into(),
        },
        progress: None,
    });
    app.store.settle(settlements.collect()).await.unwrap();
    // A settlement is in force at once, but durable, and so listed, a little later.
    while ids(&admin_json(&app, "/queues/followers/dead").await).len() < n {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    app
}

#[tokio::test]
async fn dead_letters_are_listed_in_pages() {
    let app = with_dead_letters(5).await;
    let all = admin_json(&app, "/queues/followers/dead").await;
    let all_ids = ids(&all);
    assert_eq!(all_ids.len(), 5);
    let letter = &all["items"][0];
    assert_eq!(
        (&letter["kind"], &letter["error"]),
        (&json!("deliver"), &json!("poison"))
    );
    let page = admin_json(&app, "/queues/followers/dead?limit=2").await;
    assert_eq!(ids(&page), all_ids[..2]);
    let next = page["next"].as_str().unwrap().replace("/v1/admin", "");
    assert_eq!(ids(&admin_json(&app, &next).await), all_ids[2..4]);
    let up = format!("/queues/followers/dead?limit=2&after={}", all_ids[3]);
    assert_eq!(ids(&admin_json(&app, &up).await), all_ids[1..3]);
    assert!(ids(&admin_json(&app, "/queues/public/dead").await).is_empty());
    problem(
        admin(&app, "GET", "/queues/followers/dead?before=x").await,
        422,
    )
    .await;
}

#[tokio::test]
async fn dead_letters_are_replayed_and_purged() {
    let app = with_dead_letters(5).await;
    let letters = ids(&admin_json(&app, "/queues/followers/dead").await);
    let one = |n: usize| format!("/queues/followers/dead/{}", letters[n]);
    let replay = format!("{}/replay", one(0));
    assert_eq!(
        admin(&app, "POST", &replay).await.status(),
        StatusCode::NO_CONTENT
    );
    problem(admin(&app, "POST", &replay).await, 404).await;
    assert_eq!(
        admin(&app, "DELETE", &one(1)).await.status(),
        StatusCode::NO_CONTENT
    );
    problem(admin(&app, "DELETE", &one(1)).await, 404).await;
    problem(admin(&app, "DELETE", "/queues/followers/dead/x").await, 404).await;
    let queues = admin_json(&app, "/queues").await;
    assert_eq!(
        (&queues["tiers"][0]["dead"], &queues["tiers"][0]["ready"]),
        (&json!(3), &json!(1))
    );
    let answer = admin(&app, "POST", "/queues/followers/dead/replay").await;
    assert_eq!(body(answer, StatusCode::OK).await, json!({"count": 3}));
    let answer = admin(&app, "DELETE", "/queues/followers/dead").await;
    assert_eq!(body(answer, StatusCode::OK).await, json!({"count": 0}));
}

#[tokio::test]
async fn posts_of_a_time_go_through_a_tier_again() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let first = app.publish(&ada, json!({"text": "one"})).await;
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    let second = app.publish(&ada, json!({"text": "two"})).await;
    app.indexed(&ada, &second).await;
    let replay = |replay: Value| {
        let request = app.post("/v1/admin/replay").bearer_auth(ADMIN_TOKEN);
        request.json(&replay).send()
    };
    for (from, to, jobs) in [
        (
            json!("2020-01-01T00:00:00Z"),
            json!("2060-01-01T00:00:00+09:00"),
            2,
        ),
        (first["created_at"].clone(), second["created_at"].clone(), 1),
        (first["created_at"].clone(), first["created_at"].clone(), 0),
    ] {
        for tier in ["followers", "public"] {
            let answer = replay(json!({"tier": tier, "from": from, "to": to}))
                .await
                .unwrap();
            assert_eq!(
                body(answer, StatusCode::ACCEPTED).await,
                json!({"jobs": jobs})
            );
        }
    }
    app.indexed(&ada, &second).await;
    assert_eq!(app.ids(&ada.token, "/v1/timelines/public").await.len(), 2);
    assert_eq!(app.ids(&ada.token, "/v1/timelines/home").await.len(), 2);
    let wrong = json!({"tier": "author", "from": "yesterday", "to": "2020-01-01"});
    let refused = problem(replay(wrong).await.unwrap(), 422).await;
    assert_eq!(fields(&refused), ["tier", "from", "to"]);
    let wrong =
        json!({"tier": "public", "from": "2021-01-01T00:00:00Z", "to": "2020-01-01T00:00:00Z"});
    assert_eq!(
        fields(&problem(replay(wrong).await.unwrap(), 422).await),
        ["to"]
    );
    problem(replay(json!({"tier": "public"})).await.unwrap(), 400).await;
}
