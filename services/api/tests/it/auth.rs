use reqwest::StatusCode;
use ripple_api::Registration;
use serde_json::json;

use crate::app::{ADMIN_TOKEN, App, Setup, body, problem};

#[tokio::test]
async fn without_a_token_or_with_a_wrong_one_the_answer_is_401() {
    let app = App::start().await;
    let never = "rpl_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned();
    let member = app.member("ada").await;
    for authorization in [
        None,
        Some(String::new()),
        Some("Bearer".into()),
        Some("Bearer ".into()),
        Some(format!("Bearer {never}")),
        Some(format!("Bearer {}x", member.token)),
        Some(format!("Basic {}", member.token)),
        Some(member.token.clone()),
    ] {
        for path in ["/v1/me", "/v1/timelines/home", "/v1/admin/queues"] {
            let mut request = app.get(path);
            if let Some(authorization) = &authorization {
                request = request.header("Authorization", authorization);
            }
            let answer = request.send().await.unwrap();
            assert_eq!(
                answer.headers()["www-authenticate"],
                "Bearer realm=\"ripple\""
            );
            problem(answer, 401).await;
        }
    }
    let answer = app
        .get("/v1/me")
        .header("Authorization", format!("bEARER {}", member.token));
    assert_eq!(answer.send().await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn a_wrong_token_is_refused_where_none_is_needed() {
    let app = App::start().await;
    app.member("ada").await;
    for path in [
        "/v1/timelines/public",
        "/v1/users/ada",
        "/v1/users/ada/posts",
    ] {
        assert_eq!(app.get(path).send().await.unwrap().status(), StatusCode::OK);
        problem(
            app.get(path).bearer_auth("rpl_x").send().await.unwrap(),
            401,
        )
        .await;
    }
}

#[tokio::test]
async fn users_are_no_admins_and_the_admin_is_no_user() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    for (method, path) in [
        ("GET", "/v1/admin/queues"),
        ("POST", "/v1/admin/queues/public/pause"),
        ("POST", "/v1/admin/queues/public/resume"),
        ("GET", "/v1/admin/queues/public/dead"),
        ("DELETE", "/v1/admin/queues/public/dead"),
        ("POST", "/v1/admin/queues/public/dead/replay"),
        ("POST", "/v1/admin/queues/public/dead/1/replay"),
        ("DELETE", "/v1/admin/queues/public/dead/1"),
        ("POST", "/v1/admin/replay"),
    ] {
        let request = || app.request(method.parse().unwrap(), path);
        problem(request().send().await.unwrap(), 401).await;
        problem(request().bearer_auth(&ada.token).send().await.unwrap(), 403).await;
    }
    for path in ["/v1/me", "/v1/timelines/home"] {
        let answer = app.get(path).bearer_auth(ADMIN_TOKEN).send().await.unwrap();
        problem(answer, 403).await;
    }
}

#[tokio::test]
async fn closed_registration_needs_the_admin_token() {
    let setup = Setup {
        registration: Registration::Closed,
        ..Setup::default()
    };
    let app = App::start_with(setup).await;
    let ada = app.member("ada").await;
    let sign_up = || app.post("/v1/users").json(&json!({"handle": "bob"}));
    problem(sign_up().send().await.unwrap(), 401).await;
    problem(sign_up().bearer_auth(&ada.token).send().await.unwrap(), 403).await;
    let created = sign_up().bearer_auth(ADMIN_TOKEN).send().await.unwrap();
    body(created, StatusCode::CREATED).await;
}

#[tokio::test]
async fn tokens_have_256_random_bits_and_are_stored_hashed() {
    let app = App::start().await;
    let (ada, bob) = (app.member("ada").await, app.member("bob").await);
    assert_ne!(ada.token, bob.token);
    for member in [&ada, &bob] {
        let random = member.token.strip_prefix("rpl_").unwrap();
        // 43 characters of base64url carry 256 bits.
        assert_eq!(random.len(), 43);
        assert!(
            random
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
        );
    }
    let folder = app.stop().await;
    let mut files = vec![folder.path().to_owned()];
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(
                std::fs::read_dir(path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        } else {
            let bytes = std::fs::read(&path).unwrap();
            let holds = |token: &str| bytes.windows(token.len()).any(|w| w == token.as_bytes());
            assert!(!holds(&ada.token) && !holds(&bob.token), "{path:?}");
        }
    }
}
