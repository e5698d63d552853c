use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::app::{App, body, fields, ids, problem, text};

#[tokio::test]
async fn signing_up_gives_a_user_and_a_token() {
    let app = App::start().await;
    let request = app.post("/v1/users");
    let request = request.json(&json!({"handle": "Ada_99", "display_name": " Ada ", "bio": "hi"}));
    let answer = request.send().await.unwrap();
    assert_eq!(answer.headers()["location"], "/v1/users/ada_99");
    let created = body(answer, StatusCode::CREATED).await;
    assert_eq!(created["user"]["handle"], "ada_99");
    assert_eq!(created["user"]["display_name"], "Ada");
    let me = app.json(&text(&created["token"]), "/v1/me").await;
    assert_eq!(me, created["user"]);
    // Handles are compared without case.
    let other = app.get("/v1/users/ADA_99").send().await.unwrap();
    assert_eq!(body(other, StatusCode::OK).await, created["user"]);
}

#[tokio::test]
async fn a_taken_handle_gets_409() {
    let app = App::start().await;
    app.member("ada").await;
    for handle in ["ada", "ADA"] {
        let request = app.post("/v1/users").json(&json!({"handle": handle}));
        problem(request.send().await.unwrap(), 409).await;
    }
}

#[tokio::test]
async fn a_profile_is_changed_in_parts() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let change = async |change: serde_json::Value| {
        let request = app.patch("/v1/me").bearer_auth(&ada.token).json(&change);
        body(request.send().await.unwrap(), StatusCode::OK).await
    };
    let user = change(json!({"display_name": "Ada L."})).await;
    assert_eq!(
        (&user["display_name"], &user["bio"]),
        (&json!("Ada L."), &json!(""))
    );
    let user = change(json!({"bio": "First programmer."})).await;
    assert_eq!(user["display_name"], "Ada L.");
    assert_eq!(user["bio"], "First programmer.");
    let user = change(json!({"bio": ""})).await;
    assert_eq!(user["bio"], "");
    assert_eq!(app.json(&ada.token, "/v1/users/ada").await, user);
}

#[tokio::test]
async fn relations_are_set_and_ended_as_often_as_one_likes() {
    let app = App::start().await;
    let (ada, bob) = (app.member("ada").await, app.member("bob").await);
    for kind in ["follow", "mute", "block"] {
        for method in [Method::PUT, Method::PUT, Method::DELETE, Method::DELETE] {
            app.relate(&ada, method, kind, &bob).await;
        }
        let path = format!("/v1/users/ada/{kind}");
        let answer = app.put(&path).bearer_auth(&ada.token).send().await.unwrap();
        problem(answer, 422).await;
    }
    app.follow(&ada, &bob).await;
    app.follow(&ada, &bob).await;
    let user = app.json(&ada.token, "/v1/users/bob").await;
    assert_eq!(
        (&user["followers"], &user["following"]),
        (&json!(1), &json!(0))
    );
    assert_eq!(app.json(&ada.token, "/v1/me").await["following"], 1);
}

#[tokio::test]
async fn followers_and_following_are_paged_both_ways() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let mut expected = Vec::new();
    for n in 0..7 {
        let fan = app.member(&format!("fan{n}")).await;
        app.follow(&fan, &ada).await;
        app.follow(&ada, &fan).await;
        expected.insert(0, fan.id);
        // Others in between must not show.
        app.member(&format!("other{n}")).await;
    }
    for list in ["followers", "following"] {
        let first = format!("/v1/users/ada/{list}?limit=3");
        let down = walk(&app, &ada.token, &first).await;
        assert_eq!(down.concat(), expected, "{list}");
        assert_eq!(down.iter().map(Vec::len).collect::<Vec<_>>(), [3, 3, 1]);

        let up = format!("/v1/users/ada/{list}?limit=3&after={}", ada.id);
        let mut up = walk(&app, &ada.token, &up).await;
        up.reverse();
        assert_eq!(up.concat(), expected, "{list}");

        let between = format!(
            "/v1/users/ada/{list}?before={}&after={}",
            expected[1], expected[4]
        );
        assert_eq!(app.ids(&ada.token, &between).await, expected[2..4]);
    }
    let users = app.json(&ada.token, "/v1/users/ada/followers").await;
    assert_eq!(users["items"][0]["handle"], "fan6");
}

/// The pages from `path` on, as `next` leads.
async fn walk(app: &App, token: &str, path: &str) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut path = Some(path.to_owned());
    while let Some(here) = path {
        let page = app.json(token, &here).await;
        pages.push(ids(&page));
        path = page["next"].as_str().map(str::to_owned);
    }
    pages
}

#[tokio::test]
async fn unknown_fields_of_a_profile_get_400() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let request = app
        .patch("/v1/me")
        .bearer_auth(&ada.token)
        .json(&json!({"handle": "eve"}));
    problem(request.send().await.unwrap(), 400).await;
    let request = app.post("/v1/users").json(&json!({"display_name": "Eve"}));
    problem(request.send().await.unwrap(), 400).await;
    let request = app
        .post("/v1/users")
        .json(&json!({"handle": "-", "display_name": ""}));
    let both = problem(request.send().await.unwrap(), 422).await;
    assert_eq!(fields(&both), ["handle", "display_name"]);
}
