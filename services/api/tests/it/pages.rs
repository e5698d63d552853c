use reqwest::Method;
use serde_json::{Value, json};

use crate::app::{App, Member, Setup, ids, problem, text};

async fn publish_many(app: &App, author: &Member, n: usize) -> Vec<String> {
    let mut posts = Vec::new();
    for n in 0..n {
        let post = app
            .publish(author, json!({"text": format!("post {n}")}))
            .await;
        posts.insert(0, text(&post["id"]));
    }
    posts
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
async fn pages_are_walked_both_ways() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let posts = publish_many(&app, &ada, 7).await;
    let last = app.json(&ada.token, "/v1/users/ada/posts?limit=1").await;
    app.indexed(&ada, &last["items"][0]).await;
    for page in [
        "/v1/timelines/home",
        "/v1/users/ada/posts",
        "/v1/timelines/public",
    ] {
        let down = walk(&app, &ada.token, &format!("{page}?limit=3")).await;
        assert_eq!(down.concat(), posts, "{page}");
        assert_eq!(down.len(), 3, "{page}");

        let up = format!("{page}?limit=2&after={}", posts[6]);
        let mut up = walk(&app, &ada.token, &up).await;
        up.reverse();
        assert_eq!(up.concat(), posts[..6], "{page}");

        let between = format!("{page}?before={}&after={}", posts[1], posts[4]);
        assert_eq!(app.ids(&ada.token, &between).await, posts[2..4], "{page}");
        let none = format!("{page}?before={}", posts[6]);
        let none = app.json(&ada.token, &none).await;
        assert_eq!((&none["items"], &none["next"]), (&json!([]), &Value::Null));
    }
}

#[tokio::test]
async fn twenty_by_default_and_no_next_at_the_end() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let posts = publish_many(&app, &ada, 20).await;
    let page = app.json(&ada.token, "/v1/timelines/home").await;
    assert_eq!(ids(&page), posts);
    assert_eq!(page["next"], Value::Null);
    publish_many(&app, &ada, 1).await;
    let page = app.json(&ada.token, "/v1/timelines/home").await;
    assert_eq!(ids(&page)[1..], posts[..19]);
    let next = format!("/v1/timelines/home?limit=20&before={}", posts[18]);
    assert_eq!(page["next"], next);
}

#[tokio::test]
async fn links_name_the_neighbours() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let posts = publish_many(&app, &ada, 3).await;
    let link = async |query: String| {
        let request = app.get(&format!("/v1/timelines/home?{query}"));
        let answer = request.bearer_auth(&ada.token).send().await.unwrap();
        let link = answer.headers().get("link");
        link.map(|link| link.to_str().unwrap().replace("/v1/timelines/home?", ""))
    };
    let down = link("limit=1".into()).await.unwrap();
    let expected = format!(
        "<limit=1&before={0}>; rel=\"next\", <limit=1&after={0}>; rel=\"prev\"",
        posts[0]
    );
    assert_eq!(down, expected);
    let up = link(format!("limit=1&after={}", posts[2])).await.unwrap();
    let expected = format!(
        "<limit=1&after={0}>; rel=\"next\", <limit=1&before={0}>; rel=\"prev\"",
        posts[1]
    );
    assert_eq!(up, expected);
    assert_eq!(link(format!("after={}", posts[0])).await, None);
}

#[tokio::test]
async fn a_cursor_stays_valid_when_its_post_is_deleted() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let posts = publish_many(&app, &ada, 5).await;
    let path = format!("/v1/posts/{}", posts[2]);
    app.delete(&path)
        .bearer_auth(&ada.token)
        .send()
        .await
        .unwrap();
    let page = format!("/v1/timelines/home?before={}", posts[2]);
    assert_eq!(app.ids(&ada.token, &page).await, posts[3..]);
    let page = format!("/v1/timelines/home?after={}", posts[2]);
    assert_eq!(app.ids(&ada.token, &page).await, posts[..2]);
}

#[tokio::test]
async fn a_page_is_full_although_posts_are_hidden() {
    let app = App::start().await;
    let (ada, bob, eve) = (
        app.member("ada").await,
        app.member("bob").await,
        app.member("eve").await,
    );
    app.follow(&eve, &ada).await;
    app.follow(&eve, &bob).await;
    let shown = publish_many(&app, &ada, 3).await;
    publish_many(&app, &bob, 40).await;
    app.relate(&eve, Method::PUT, "mute", &bob).await;
    let page = app.json(&eve.token, "/v1/timelines/home?limit=3").await;
    assert_eq!((ids(&page), &page["next"]), (shown, &Value::Null));
}

#[tokio::test]
async fn as_of_stays_before_what_is_not_done() {
    let setup = Setup {
        workers: false,
        ..Setup::default()
    };
    let app = App::start_with(setup).await;
    let ada = app.member("ada").await;
    let as_of = async |path: &str| text(&app.json(&ada.token, path).await["as_of"]);
    let before = as_of("/v1/timelines/home").await;
    let request = app.post("/v1/posts").bearer_auth(&ada.token);
    let answer = request.json(&json!({"text": "one"})).send().await.unwrap();
    let post: Value = answer.json().await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    for path in [
        "/v1/timelines/home",
        "/v1/timelines/public",
        "/v1/tags/x/posts",
    ] {
        let as_of = as_of(path).await;
        assert!(as_of >= before, "{path}");
        assert!(as_of < text(&post["created_at"]), "{path}");
    }
    // An author's page is written in the commit.
    assert!(as_of("/v1/users/ada/posts").await > text(&post["created_at"]));
}

#[tokio::test]
async fn a_home_timeline_is_the_same_after_a_restart() {
    let app = App::start().await;
    let (ada, bob) = (app.member("ada").await, app.member("bob").await);
    app.follow(&bob, &ada).await;
    let posts = publish_many(&app, &ada, 5).await;
    assert_eq!(app.ids(&bob.token, "/v1/timelines/home").await, posts);
    let app = app.restart(Setup::default()).await;
    assert_eq!(app.ids(&bob.token, "/v1/timelines/home").await, posts);
}

#[tokio::test]
async fn tag_and_keyword_pages_are_found_in_any_spelling() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let post = app.publish(&ada, json!({"text": "Grüße #Rust"})).await;
    app.indexed(&ada, &post).await;
    for page in [
        "/v1/tags/rust/posts",
        "/v1/tags/RUST/posts",
        "/v1/tags/ｒｕｓｔ/posts",
        "/v1/tags/%23rust/posts",
        "/v1/tags/%EF%BC%83Rust/posts",
        "/v1/keywords/grüße/posts",
        "/v1/keywords/GRÜSSE/posts",
    ] {
        assert_eq!(
            app.ids(&ada.token, page).await,
            [text(&post["id"])],
            "{page}"
        );
    }
    for page in ["/v1/tags/rus/posts", "/v1/keywords/rus/posts"] {
        assert!(app.ids(&ada.token, page).await.is_empty(), "{page}");
    }
}

#[tokio::test]
async fn what_can_be_no_tag_or_keyword_has_no_page_and_no_feed() {
    let app = App::start().await;
    for (kind, names) in [
        (
            "tags",
            ["%23", "%23%23rust", "ru%20st", "1", "rust!", "a%2Fb", "%00"],
        ),
        (
            "keywords",
            ["the", "%20", "two%20words", "12", "%23rust", "a%2Fb", "%00"],
        ),
    ] {
        for name in names {
            for path in [
                format!("/v1/{kind}/{name}/posts"),
                format!("/{kind}/{name}/feed.atom"),
            ] {
                problem(app.get(&path).send().await.unwrap(), 404).await;
            }
            let page = app.get(&format!("/{kind}/{name}")).send().await.unwrap();
            assert_eq!(page.status(), 404, "{kind} {name}");
        }
    }
}
