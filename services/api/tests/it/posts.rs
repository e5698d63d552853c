use reqwest::StatusCode;
use ripple_domain::{JobKind, PostId, Tier};
use ripple_store::Queue;
use serde_json::{Value, json};

use crate::app::{ADMIN_TOKEN, App, Member, Setup, body, fields, problem, text};

fn path(post: &Value) -> String {
    format!("/v1/posts/{}", text(&post["id"]))
}

#[tokio::test]
async fn a_post_is_made_and_read() {
    let app = App::start().await;
    let (ada, bob) = (app.member("ada").await, app.member("bob").await);
    let request = app.post("/v1/posts").bearer_auth(&ada.token).json(&json!({
        "text": "  Hello, @bob and @nobody: #Rust!  ",
        "visibility": "unlisted",
        "recipients": ["BOB", "bob"],
        "link": "https://example.org/?a=b#c",
        "language": "en-GB",
    }));
    let answer = request.send().await.unwrap();
    let location = answer.headers()["location"].to_str().unwrap().to_owned();
    let post = body(answer, StatusCode::CREATED).await;
    assert_eq!(location, path(&post));
    assert_eq!(post["text"], "Hello, @bob and @nobody: #Rust!");
    assert_eq!(post["visibility"], "unlisted");
    assert_eq!(post["recipients"], json!(["bob"]));
    assert_eq!(post["link"], "https://example.org/?a=b#c");
    assert_eq!(post["language"], "en-GB");
    assert_eq!(post["mentions"], json!(["bob"]));
    assert_eq!(post["tags"], json!(["Rust"]));
    assert_eq!(post["author"]["handle"], "ada");
    assert_eq!(
        post["url"],
        format!("https://ripple.example/posts/{}", text(&post["id"]))
    );
    assert_eq!(app.json(&bob.token, &location).await, post);
    assert_eq!(app.json(&ada.token, "/v1/me").await["posts"], 1);
}

#[tokio::test]
async fn a_text_of_5000_characters_of_any_kind_is_accepted() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    for character in ["a", "é", "🦀"] {
        let long = character.repeat(5_000);
        let post = app
            .publish(&ada, json!({"text": format!(" {long}\n")}))
            .await;
        assert_eq!(post["text"], long);
    }
}

#[tokio::test]
async fn replies_and_reposts() {
    let app = App::start().await;
    let (ada, bob) = (app.member("ada").await, app.member("bob").await);
    let post = app.publish(&ada, json!({"text": "first"})).await;
    let reply = app
        .publish(&bob, json!({"text": "yes", "reply_to": post["id"]}))
        .await;
    assert_eq!(reply["reply_to"], post["id"]);
    let repost = app.publish(&bob, json!({"repost_of": post["id"]})).await;
    assert_eq!(repost["text"], "");
    assert_eq!(repost["repost_of"]["id"], post["id"]);
    assert_eq!(repost["repost_of"]["repost_of"], Value::Null);
    // A repost without words stands for what it passes on.
    let again = app
        .publish(&ada, json!({"text": " ", "repost_of": repost["id"]}))
        .await;
    assert_eq!(again["repost_of"]["id"], post["id"]);
    let quote = app
        .publish(&ada, json!({"text": "see", "repost_of": reply["id"]}))
        .await;
    assert_eq!(quote["repost_of"]["id"], reply["id"]);
    let counts = &app.json(&ada.token, &path(&post)).await["counts"];
    assert_eq!(
        counts,
        &json!({"replies": 1, "reposts": 2, "favourites": 0})
    );
}

#[tokio::test]
async fn what_is_not_for_everybody_is_not_reposted() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    for (visibility, status) in [
        ("public", 201),
        ("unlisted", 201),
        ("followers", 422),
        ("direct", 422),
    ] {
        let post = json!({"text": "x", "visibility": visibility, "recipients": ["ada"]});
        let post = app.publish(&ada, post).await;
        let request = app.post("/v1/posts").bearer_auth(&ada.token);
        let answer = request
            .json(&json!({"repost_of": post["id"]}))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), status, "{visibility}");
        if status == 422 {
            assert_eq!(fields(&problem(answer, 422).await), ["repost_of"]);
        }
    }
}

#[tokio::test]
async fn nobody_refers_to_what_he_may_not_see() {
    let app = App::start().await;
    let (ada, eve) = (app.member("ada").await, app.member("eve").await);
    let secret = app
        .publish(&ada, json!({"text": "x", "visibility": "followers"}))
        .await;
    for field in ["reply_to", "repost_of"] {
        let body = json!({"text": "y", field: secret["id"]});
        let request = app.post("/v1/posts").bearer_auth(&eve.token).json(&body);
        assert_eq!(
            fields(&problem(request.send().await.unwrap(), 422).await),
            [field]
        );
    }
}

async fn edit(app: &App, member: &Member, post: &Value, change: Value) -> reqwest::Response {
    let request = app
        .patch(&path(post))
        .bearer_auth(&member.token)
        .json(&change);
    request.send().await.unwrap()
}

#[tokio::test]
async fn an_edit_holds_from_the_next_read_on() {
    let app = App::start().await;
    let (ada, bob) = (app.member("ada").await, app.member("bob").await);
    app.follow(&bob, &ada).await;
    let post = json!({"text": "one", "link": "https://example.org/"});
    let post = app.publish(&ada, post).await;
    let edited = edit(&app, &ada, &post, json!({"text": " two "})).await;
    let edited = body(edited, StatusCode::OK).await;
    assert_eq!(edited["text"], "two");
    assert_eq!(edited["link"], "https://example.org/");
    assert!(edited["edited_at"].is_string());
    for token in [&ada.token, &bob.token] {
        let home = app.json(token, "/v1/timelines/home").await;
        assert_eq!(home["items"][0], edited);
    }
    let edited = edit(&app, &ada, &post, json!({"link": null})).await;
    assert_eq!(body(edited, StatusCode::OK).await["link"], Value::Null);
    let narrowed = edit(&app, &ada, &post, json!({"visibility": "followers"})).await;
    body(narrowed, StatusCode::OK).await;
    problem(app.get(&path(&post)).send().await.unwrap(), 404).await;
}

#[tokio::test]
async fn an_edit_of_nothing_changes_nothing() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let post = app.publish(&ada, json!({"text": "one"})).await;
    let same = edit(&app, &ada, &post, json!({})).await;
    assert_eq!(body(same, StatusCode::OK).await, post);
}

#[tokio::test]
async fn an_edit_is_held_to_the_rules_of_a_post() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let post = app.publish(&ada, json!({"text": "one"})).await;
    for (change, field) in [
        (json!({"text": " "}), "text"),
        (json!({"text": "x".repeat(5_001)}), "text"),
        (json!({"link": "x"}), "link"),
        (json!({"visibility": "direct"}), "recipients"),
    ] {
        let answer = edit(&app, &ada, &post, change).await;
        assert_eq!(fields(&problem(answer, 422).await), [field]);
    }
    for change in [
        json!({"reply_to": "1"}),
        json!({"visibility": null, "text": 5}),
    ] {
        problem(edit(&app, &ada, &post, change).await, 400).await;
    }
}

#[tokio::test]
async fn only_the_author_edits_and_only_he_or_an_admin_deletes() {
    let app = App::start().await;
    let (ada, eve) = (app.member("ada").await, app.member("eve").await);
    for (visibility, status) in [("public", 403), ("followers", 404)] {
        let post = json!({"text": "one", "visibility": visibility});
        let post = app.publish(&ada, post).await;
        problem(
            edit(&app, &eve, &post, json!({"text": "two"})).await,
            status,
        )
        .await;
        let delivery = format!("{}/delivery", path(&post));
        for request in [app.delete(&path(&post)), app.get(&delivery)] {
            let answer = request.bearer_auth(&eve.token).send().await.unwrap();
            problem(answer, status).await;
        }
        for request in [
            app.delete(&path(&post)),
            app.get(&delivery),
            app.patch(&path(&post)),
        ] {
            problem(request.send().await.unwrap(), 401).await;
        }
        for token in [&ada.token, ADMIN_TOKEN] {
            app.json(token, &delivery).await;
        }
        let answer = app
            .delete(&path(&post))
            .bearer_auth(ADMIN_TOKEN)
            .send()
            .await;
        assert_eq!(answer.unwrap().status(), StatusCode::NO_CONTENT);
        let answer = app
            .delete(&path(&post))
            .bearer_auth(ADMIN_TOKEN)
            .send()
            .await;
        problem(answer.unwrap(), 404).await;
    }
}

#[tokio::test]
async fn a_deletion_holds_from_the_next_read_on() {
    let app = App::start().await;
    let (ada, bob) = (app.member("ada").await, app.member("bob").await);
    app.follow(&bob, &ada).await;
    let post = app.publish(&ada, json!({"text": "one #gone"})).await;
    app.indexed(&ada, &post).await;
    let repost = app.publish(&bob, json!({"repost_of": post["id"]})).await;
    let answer = app
        .delete(&path(&post))
        .bearer_auth(&ada.token)
        .send()
        .await;
    assert_eq!(answer.unwrap().status(), StatusCode::NO_CONTENT);

    for path in [path(&post), format!("{}/delivery", path(&post))] {
        problem(
            app.get(&path).bearer_auth(&ada.token).send().await.unwrap(),
            404,
        )
        .await;
    }
    problem(
        app.delete(&path(&post))
            .bearer_auth(&ada.token)
            .send()
            .await
            .unwrap(),
        404,
    )
    .await;
    for page in [
        "/v1/timelines/home",
        "/v1/timelines/public",
        "/v1/users/ada/posts",
    ] {
        assert_eq!(
            app.ids(&bob.token, page).await,
            Vec::<String>::new(),
            "{page}"
        );
    }
    // What nobody sees any more can still be deleted by its author.
    let answer = app
        .delete(&path(&repost))
        .bearer_auth(&bob.token)
        .send()
        .await;
    assert_eq!(answer.unwrap().status(), StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_receipt_tells_how_far_a_post_has_come() {
    let app = App::start().await;
    let (ada, bob) = (app.member("ada").await, app.member("bob").await);
    app.follow(&bob, &ada).await;
    let post = app.publish(&ada, json!({"text": "one"})).await;
    app.indexed(&ada, &post).await;
    let receipt = app
        .json(&ada.token, &format!("{}/delivery", path(&post)))
        .await;
    assert_eq!(receipt["post_id"], post["id"]);
    for stage in ["author", "followers", "public"] {
        assert_eq!(receipt[stage]["state"], "done", "{receipt}");
        assert!(receipt[stage]["latency_ms"].is_u64(), "{receipt}");
    }
    assert_eq!(receipt["followers"]["total"], 1);
    let pages = receipt["public"]["pages"].as_array().unwrap();
    assert!(pages.contains(&json!("/v1/timelines/public")), "{receipt}");
    for page in pages {
        let ids = app.ids(&bob.token, page.as_str().unwrap()).await;
        assert_eq!(ids, [text(&post["id"])], "{page}");
    }
}

#[tokio::test]
async fn prefer_wait_answers_when_the_followers_have_it() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let request = app.post("/v1/posts").bearer_auth(&ada.token);
    let request = request.header("Prefer", "respond-async, wait=30");
    let answer = request.json(&json!({"text": "one"})).send().await.unwrap();
    assert_eq!(answer.headers()["preference-applied"], "wait=10");
    let post = body(answer, StatusCode::CREATED).await;
    let receipt = app
        .json(&ada.token, &format!("{}/delivery", path(&post)))
        .await;
    assert_eq!(receipt["followers"]["state"], "done");
}

#[tokio::test]
async fn prefer_wait_answers_at_its_time_when_nobody_works() {
    let setup = Setup {
        workers: false,
        ..Setup::default()
    };
    let app = App::start_with(setup).await;
    let ada = app.member("ada").await;
    let begun = std::time::Instant::now();
    let request = app
        .post("/v1/posts")
        .bearer_auth(&ada.token)
        .header("Prefer", "wait=1");
    let answer = request.json(&json!({"text": "one"})).send().await.unwrap();
    assert_eq!(answer.headers()["preference-applied"], "wait=1");
    body(answer, StatusCode::CREATED).await;
    assert!((900..3_000).contains(&begun.elapsed().as_millis()));
    // The author sees it all the same.
    assert_eq!(app.ids(&ada.token, "/v1/timelines/home").await.len(), 1);
}

#[tokio::test]
async fn a_traceparent_reaches_the_jobs() {
    let setup = Setup {
        workers: false,
        ..Setup::default()
    };
    let app = App::start_with(setup).await;
    let ada = app.member("ada").await;
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    for (sent, expected) in [(trace, Some(trace)), ("nonsense", None)] {
        let request = app
            .post("/v1/posts")
            .bearer_auth(&ada.token)
            .header("traceparent", sent);
        let answer = request.json(&json!({"text": "one"})).send().await.unwrap();
        let post = body(answer, StatusCode::CREATED).await;
        let id = PostId(text(&post["id"]).parse().unwrap());
        for tier in Tier::ALL {
            let jobs = app.store.claim(tier, 10, 1_000).await.unwrap();
            let job = jobs
                .iter()
                .find(|claim| claim.job.kind.post() == Some(id))
                .unwrap();
            assert!(matches!(
                job.job.kind,
                JobKind::Deliver { .. } | JobKind::Index { .. }
            ));
            let carried = job.job.trace.map(|trace| trace.to_string());
            assert_eq!(carried.as_deref(), expected);
        }
    }
}
