//! Who sees what, and how soon that changes.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app::{App, Member, body, problem, text};

struct Cast {
    app: App,
    author: Member,
    follower: Member,
    named: Member,
    addressed: Member,
    stranger: Member,
    blocked: Member,
}

impl Cast {
    async fn gather() -> Self {
        let app = App::start().await;
        let cast = Self {
            author: app.member("author").await,
            follower: app.member("follower").await,
            named: app.member("named").await,
            addressed: app.member("addressed").await,
            stranger: app.member("stranger").await,
            blocked: app.member("blocked").await,
            app,
        };
        cast.app.follow(&cast.follower, &cast.author).await;
        cast.app.follow(&cast.blocked, &cast.author).await;
        cast.app
            .relate(&cast.author, Method::PUT, "block", &cast.blocked)
            .await;
        cast
    }

    async fn publish(&self, visibility: &str) -> Value {
        let post = json!({
            "text": "for @named",
            "visibility": visibility,
            "recipients": ["addressed"],
        });
        let post = self.app.publish(&self.author, post).await;
        if visibility == "public" {
            self.app.indexed(&self.author, &post).await;
        }
        post
    }

    async fn sees(&self, member: Option<&Member>, path: &str) -> bool {
        let mut request = self.app.get(path);
        if let Some(member) = member {
            request = request.bearer_auth(&member.token);
        }
        let answer = request.send().await.unwrap();
        if answer.status() == StatusCode::OK {
            return true;
        }
        problem(answer, 404).await;
        false
    }

    async fn lists(&self, member: Option<&Member>, path: &str, post: &Value) -> bool {
        let mut request = self.app.get(path);
        if let Some(member) = member {
            request = request.bearer_auth(&member.token);
        }
        let page = body(request.send().await.unwrap(), StatusCode::OK).await;
        let items = page["items"].as_array().unwrap();
        items.iter().any(|item| item["id"] == post["id"])
    }
}

#[tokio::test]
async fn every_reader_sees_what_the_visibility_says_and_no_more() {
    let cast = Cast::gather().await;
    let everybody = [
        "author",
        "follower",
        "named",
        "addressed",
        "stranger",
        "nobody",
    ];
    for (visibility, readers, home_of, on_public_page) in [
        (
            "public",
            &everybody[..],
            &["author", "follower", "addressed"][..],
            true,
        ),
        (
            "unlisted",
            &everybody[..],
            &["author", "follower", "addressed"][..],
            false,
        ),
        (
            "followers",
            &["author", "follower", "named", "addressed"][..],
            &["author", "follower", "addressed"][..],
            false,
        ),
        (
            "direct",
            &["author", "addressed"][..],
            &["author", "addressed"][..],
            false,
        ),
    ] {
        let post = cast.publish(visibility).await;
        let path = format!("/v1/posts/{}", text(&post["id"]));
        for (name, member) in [
            ("author", Some(&cast.author)),
            ("follower", Some(&cast.follower)),
            ("named", Some(&cast.named)),
            ("addressed", Some(&cast.addressed)),
            ("stranger", Some(&cast.stranger)),
            ("blocked", Some(&cast.blocked)),
            ("nobody", None),
        ] {
            let may_see = readers.contains(&name);
            let case = format!("{visibility} post, {name}");
            assert_eq!(cast.sees(member, &path).await, may_see, "{case}");
            let authored = cast.lists(member, "/v1/users/author/posts", &post).await;
            assert_eq!(authored, may_see, "{case}, author page");
            let public = cast.lists(member, "/v1/timelines/public", &post).await;
            assert_eq!(public, on_public_page && may_see, "{case}, public page");
            if member.is_some() {
                let home = cast.lists(member, "/v1/timelines/home", &post).await;
                assert_eq!(home, home_of.contains(&name), "{case}, home");
            }
        }
    }
}

#[tokio::test]
async fn following_shows_older_posts_and_unfollowing_hides_them_at_once() {
    let app = App::start().await;
    let (ada, bob) = (app.member("ada").await, app.member("bob").await);
    let post = app
        .publish(&ada, json!({"text": "one", "visibility": "followers"}))
        .await;
    let home = async || app.ids(&bob.token, "/v1/timelines/home").await;
    assert!(home().await.is_empty());
    app.follow(&bob, &ada).await;
    assert_eq!(home().await, [text(&post["id"])]);
    app.relate(&bob, Method::DELETE, "follow", &ada).await;
    assert!(home().await.is_empty());
    let path = format!("/v1/posts/{}", text(&post["id"]));
    problem(
        app.get(&path).bearer_auth(&bob.token).send().await.unwrap(),
        404,
    )
    .await;
}

#[tokio::test]
async fn a_block_works_both_ways_and_at_once() {
    let app = App::start().await;
    let (ada, bob) = (app.member("ada").await, app.member("bob").await);
    app.follow(&bob, &ada).await;
    app.follow(&ada, &bob).await;
    app.publish(&ada, json!({"text": "by ada"})).await;
    app.publish(&bob, json!({"text": "by bob"})).await;
    let sizes = async || {
        let ada = app.ids(&ada.token, "/v1/timelines/home").await.len();
        (ada, app.ids(&bob.token, "/v1/timelines/home").await.len())
    };
    assert_eq!(sizes().await, (2, 2));
    app.relate(&ada, Method::PUT, "block", &bob).await;
    assert_eq!(sizes().await, (1, 1));
    app.relate(&ada, Method::DELETE, "block", &bob).await;
    let later = sizes().await;
    assert!(later == (2, 2) || later == (1, 1), "both alike: {later:?}");
}

#[tokio::test]
async fn a_mute_hides_from_the_home_timeline_alone() {
    let app = App::start().await;
    let (ada, bob) = (app.member("ada").await, app.member("bob").await);
    app.follow(&bob, &ada).await;
    let post = app.publish(&ada, json!({"text": "one"})).await;
    app.relate(&bob, Method::PUT, "mute", &ada).await;
    assert!(app.ids(&bob.token, "/v1/timelines/home").await.is_empty());
    assert_eq!(
        app.ids(&bob.token, "/v1/users/ada/posts").await,
        [text(&post["id"])]
    );
    app.relate(&bob, Method::DELETE, "mute", &ada).await;
    assert_eq!(
        app.ids(&bob.token, "/v1/timelines/home").await,
        [text(&post["id"])]
    );
}

#[tokio::test]
async fn what_a_repost_passes_on_is_hidden_from_whom_it_is_hidden() {
    let app = App::start().await;
    let (ada, bob, eve) = (
        app.member("ada").await,
        app.member("bob").await,
        app.member("eve").await,
    );
    app.follow(&eve, &bob).await;
    let post = app.publish(&ada, json!({"text": "one"})).await;
    app.publish(&bob, json!({"repost_of": post["id"]})).await;
    let quote = app
        .publish(&bob, json!({"text": "see", "repost_of": post["id"]}))
        .await;
    assert_eq!(app.ids(&eve.token, "/v1/timelines/home").await.len(), 2);
    app.relate(&ada, Method::PUT, "block", &eve).await;
    let home = app.json(&eve.token, "/v1/timelines/home").await;
    assert_eq!(home["items"].as_array().unwrap().len(), 1);
    assert_eq!(home["items"][0]["id"], quote["id"]);
    assert_eq!(home["items"][0]["repost_of"], Value::Null);
}

#[tokio::test]
async fn a_repost_without_words_goes_where_its_original_goes() {
    let cast = Cast::gather().await;
    let app = &cast.app;
    let poster = app.member("poster").await;
    let repost = async || {
        let original = app.publish(&cast.author, json!({"text": "one"})).await;
        let repost = json!({"repost_of": original["id"]});
        let repost = app.publish(&poster, repost).await;
        app.indexed(&poster, &repost).await;
        (original, repost)
    };
    let sees = async |member: Option<&Member>, repost: &Value| {
        let path = format!("/v1/posts/{}", text(&repost["id"]));
        let alone = cast.sees(member, &path).await;
        for page in ["/v1/users/poster/posts", "/v1/timelines/public"] {
            assert_eq!(cast.lists(member, page, repost).await, alone, "{page}");
        }
        alone
    };
    let (original, first) = repost().await;
    let readers = [Some(&cast.follower), Some(&cast.stranger), None];
    for reader in readers {
        assert!(sees(reader, &first).await);
    }
    assert!(!sees(Some(&cast.blocked), &first).await);
    app.relate(&cast.stranger, Method::PUT, "mute", &cast.author)
        .await;
    assert!(!sees(Some(&cast.stranger), &first).await);

    let path = format!("/v1/posts/{}", text(&original["id"]));
    let narrower = app.patch(&path).bearer_auth(&cast.author.token);
    let narrower = narrower.json(&json!({"visibility": "followers"}));
    assert_eq!(narrower.send().await.unwrap().status(), StatusCode::OK);
    assert!(sees(Some(&cast.follower), &first).await);
    assert!(!sees(None, &first).await);

    let (original, second) = repost().await;
    let path = format!("/v1/posts/{}", text(&original["id"]));
    let deleted = app.delete(&path).bearer_auth(&cast.author.token);
    assert_eq!(deleted.send().await.unwrap().status(), 204);
    for reader in [Some(&cast.follower), Some(&poster), None] {
        assert!(!sees(reader, &second).await);
    }
}
