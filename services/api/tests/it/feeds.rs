//! Feeds as readers fetch them.

use std::collections::HashSet;

use atom_syndication::Feed;
use reqwest::{Method, Response, StatusCode};
use ripple_domain::{Timestamp, Topic};
use ripple_store::{Clock, FeedFormat, FeedKey, ReadModels, embedded::EmbeddedOptions};
use serde_json::{Value, json};

use crate::app::{App, Member, Setup, fields, problem, text};

const FORMATS: [(&str, &str); 3] = [
    ("feed.atom", "application/atom+xml; charset=utf-8"),
    ("feed.rss", "application/rss+xml; charset=utf-8"),
    ("feed.json", "application/feed+json"),
];

/// A server whose clock stands still, two members, and a public post.
async fn with_post() -> (App, Member, Value) {
    let app = App::start_with(Setup {
        store: EmbeddedOptions {
            clock: Clock::manual(Timestamp::from_ms(1_772_366_400_123)),
            ..EmbeddedOptions::default()
        },
        ..Setup::default()
    })
    .await;
    let ada = app.member("ada").await;
    let post = publish(&app, &ada, json!({"text": "Lighthouses at #Café"})).await;
    (app, ada, post)
}

/// Publishes a post and waits until its public pages show it.
async fn publish(app: &App, author: &Member, post: Value) -> Value {
    let post = app.publish(author, post).await;
    app.indexed(author, &post).await;
    post
}

async fn get(app: &App, path: &str) -> Response {
    app.get(path).send().await.unwrap()
}

async fn get_if(app: &App, path: &str, condition: &str, value: &str) -> Response {
    app.get(path).header(condition, value).send().await.unwrap()
}

fn header<'a>(answer: &'a Response, name: &str) -> &'a str {
    answer.headers()[name].to_str().unwrap()
}

/// An Atom feed.
async fn atom(app: &App, path: &str) -> Feed {
    let answer = get(app, path).await;
    assert_eq!(answer.status(), StatusCode::OK, "{path}");
    Feed::read_from(&*answer.bytes().await.unwrap()).unwrap()
}

fn titles(feed: &Feed) -> Vec<&str> {
    feed.entries
        .iter()
        .map(|entry| &*entry.title.value)
        .collect()
}

fn link<'a>(feed: &'a Feed, rel: &str) -> Option<&'a str> {
    let link = feed.links.iter().find(|link| link.rel == rel);
    link.map(|link| link.href.as_str())
}

/// The path and query of a link of the site.
fn path(url: &str) -> &str {
    url.strip_prefix("https://ripple.example").unwrap()
}

#[tokio::test]
async fn every_subject_has_a_feed_of_every_format() {
    let (app, _, post) = with_post().await;
    for subject in [
        "/public",
        "/tags/caf%C3%A9",
        "/keywords/lighthouses",
        "/users/ada",
    ] {
        for (document, content_type) in FORMATS {
            let path = format!("{subject}/{document}");
            let answer = get(&app, &path).await;
            assert_eq!(answer.status(), StatusCode::OK, "{path}");
            assert_eq!(header(&answer, "content-type"), content_type);
            assert_eq!(
                header(&answer, "cache-control"),
                "public, max-age=0, must-revalidate"
            );
            assert!(header(&answer, "etag").starts_with('"'));

            let head = app.request(Method::HEAD, &path).send().await.unwrap();
            assert_eq!(head.status(), StatusCode::OK);
            for name in [
                "content-type",
                "content-length",
                "etag",
                "last-modified",
                "cache-control",
            ] {
                assert_eq!(header(&head, name), header(&answer, name), "{path} {name}");
            }
            assert!(head.bytes().await.unwrap().is_empty());

            let body = answer.text().await.unwrap();
            assert!(
                body.contains(&format!("https://ripple.example{path}")),
                "{body}"
            );
            assert!(body.contains(post["url"].as_str().unwrap()), "{body}");
        }
    }
}

#[tokio::test]
async fn any_spelling_of_a_subject_leads_to_its_feed() {
    let (app, ..) = with_post().await;
    for spelling in ["/tags/CAF%C3%89", "/tags/cafe%CC%81", "/tags/%23Caf%C3%A9"] {
        let feed = atom(&app, &format!("{spelling}/feed.atom")).await;
        assert_eq!(feed.entries.len(), 1, "{spelling}");
        let own = link(&feed, "self").unwrap();
        assert_eq!(own, "https://ripple.example/tags/caf%C3%A9/feed.atom");
        assert_eq!(feed.id, "tag:ripple.example,2026:tags/caf%C3%A9");
    }
    assert_eq!(
        atom(&app, "/keywords/LIGHTHOUSES/feed.atom")
            .await
            .entries
            .len(),
        1
    );
    assert_eq!(atom(&app, "/users/ADA/feed.atom").await.entries.len(), 1);
}

#[tokio::test]
async fn what_is_not_there_is_a_problem_and_what_is_empty_is_a_feed() {
    let (app, ..) = with_post().await;
    for path in [
        "/users/nobody/feed.atom",
        "/users/-/feed.rss",
        "/tags/a%20b/feed.json",
        "/tags/%23/feed.atom",
        "/keywords/%20/feed.atom",
        "/public/feed.xml",
        "/tags/x/feed",
    ] {
        problem(get(&app, path).await, 404).await;
    }
    problem(get(&app, "/tags/%FF/feed.atom").await, 400).await;
    let invalid = problem(get(&app, "/public/feed.atom?before=x").await, 422).await;
    assert_eq!(fields(&invalid), ["before"]);
    problem(app.post("/public/feed.atom").send().await.unwrap(), 405).await;

    let empty = atom(&app, "/tags/unused/feed.atom").await;
    assert!(empty.entries.is_empty());
    assert_eq!(link(&empty, "next"), None);
}

#[tokio::test]
async fn a_client_that_has_the_document_is_told_so() {
    let (app, ada, post) = with_post().await;
    let clock = ripple_store::Store::clock(&*app.store);
    for (document, _) in FORMATS {
        let path = format!("/tags/caf%C3%A9/{document}");
        get(&app, &path).await;
        clock.advance_ms(60_000);
        let first = get(&app, &path).await;
        let (etag, date) = (header(&first, "etag"), header(&first, "last-modified"));
        for (condition, value, status) in [
            ("if-none-match", etag, 304),
            ("if-none-match", "\"other\"", 200),
            ("if-modified-since", date, 304),
            ("if-modified-since", "Sun, 01 Mar 2026 11:00:00 GMT", 200),
        ] {
            let answer = get_if(&app, &path, condition, value).await;
            assert_eq!(answer.status(), status, "{condition}: {value}");
            for name in ["etag", "last-modified", "cache-control"] {
                assert_eq!(
                    header(&answer, name),
                    header(&first, name),
                    "{condition}: {name}"
                );
            }
            assert_eq!(answer.bytes().await.unwrap().is_empty(), status == 304);
        }
    }

    // Before the public tier has done anything about them: an edit, another name, a deletion.
    let public = "/public/feed.json";
    let mut seen = HashSet::new();
    let mut validators = {
        let first = get(&app, public).await;
        (
            header(&first, "etag").to_owned(),
            header(&first, "last-modified").to_owned(),
        )
    };
    let id = text(&post["id"]);
    let changes = [
        (
            Method::PATCH,
            format!("/v1/posts/{id}"),
            json!({"text": "Edited"}),
        ),
        (
            Method::PATCH,
            "/v1/me".to_owned(),
            json!({"display_name": "Ada L."}),
        ),
        (Method::DELETE, format!("/v1/posts/{id}"), json!(null)),
    ];
    for (method, path, body) in changes {
        let request = app.request(method, &path).bearer_auth(&ada.token);
        let answer = request.json(&body).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}");
        let (etag, date) = &validators;
        let answer = get_if(&app, public, "if-modified-since", date).await;
        assert_eq!(answer.status(), StatusCode::OK, "{path}: {date}");
        let answer = get_if(&app, public, "if-none-match", etag).await;
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        assert!(seen.insert(etag.clone()));
        validators = (
            header(&answer, "etag").to_owned(),
            header(&answer, "last-modified").to_owned(),
        );
    }
    let left: Value = get(&app, public).await.json().await.unwrap();
    assert_eq!(left["items"], json!([]));
}

#[tokio::test]
async fn pages_lead_from_the_newest_post_to_the_oldest_and_back() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    for n in 0..120 {
        app.publish(&ada, json!({"text": format!("post {n}")}))
            .await;
    }
    let newest_first: Vec<_> = (0..120).rev().map(|n| format!("post {n}")).collect();

    let (mut pages, mut next) = (Vec::new(), Some("/users/ada/feed.atom".to_owned()));
    while let Some(here) = next {
        let feed = atom(&app, &here).await;
        assert_eq!(path(link(&feed, "self").unwrap()), here);
        assert_eq!(link(&feed, "first").is_some(), !pages.is_empty());
        next = link(&feed, "next").map(|url| path(url).to_owned());
        pages.push(feed);
    }
    let walked: Vec<_> = pages.iter().flat_map(titles).collect();
    assert_eq!(walked, newest_first);
    assert_eq!(
        pages
            .iter()
            .map(|page| page.entries.len())
            .collect::<Vec<_>>(),
        [50, 50, 20]
    );
    let ids: HashSet<_> = pages.iter().map(|page| page.id.as_str()).collect();
    assert_eq!(ids.len(), 1);

    let back = atom(&app, path(link(&pages[2], "previous").unwrap())).await;
    assert_eq!(titles(&back), titles(&pages[1]));
    let back = atom(&app, path(link(&back, "previous").unwrap())).await;
    assert_eq!(titles(&back), titles(&pages[0]));

    let older = path(link(&pages[0], "next").unwrap());
    let answer = get(&app, older).await;
    let etag = header(&answer, "etag");
    assert_eq!(
        get_if(&app, older, "if-none-match", etag).await.status(),
        304
    );

    let json: Value = get(&app, "/users/ada/feed.json")
        .await
        .json()
        .await
        .unwrap();
    let next: Value = get(&app, path(json["next_url"].as_str().unwrap()))
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(next["items"][0]["title"], "post 69");
}

#[tokio::test]
async fn feeds_show_what_everybody_may_see() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    for visibility in ["unlisted", "followers", "direct"] {
        let recipients = if visibility == "direct" {
            json!(["ada"])
        } else {
            json!([])
        };
        let post = json!({
            "text": format!("{visibility} #seen"), "visibility": visibility, "recipients": recipients,
        });
        app.publish(&ada, post).await;
    }
    publish(&app, &ada, json!({"text": "public #seen"})).await;
    for path in [
        "/public/feed.atom",
        "/tags/seen/feed.atom",
        "/keywords/public/feed.atom",
    ] {
        assert_eq!(titles(&atom(&app, path).await), ["public #seen"], "{path}");
    }
    // A token opens nothing more: the document is everybody's.
    let own = app
        .get("/users/ada/feed.atom")
        .bearer_auth(&ada.token)
        .send()
        .await
        .unwrap();
    let own = Feed::read_from(&*own.bytes().await.unwrap()).unwrap();
    assert_eq!(titles(&own), ["public #seen", "unlisted #seen"]);
}

#[tokio::test]
async fn a_repost_names_whom_it_passes_on_and_goes_with_the_original() {
    let app = App::start().await;
    let (ada, bob) = (app.member("ada").await, app.member("bob").await);
    let original = app.publish(&ada, json!({"text": "Look"})).await;
    app.publish(&bob, json!({"repost_of": original["id"]}))
        .await;

    let feed = atom(&app, "/users/bob/feed.atom").await;
    let entry = &feed.entries[0];
    assert_eq!(entry.title.value, "bob reposted ada: Look");
    assert_eq!(
        (&*entry.authors[0].name, &*entry.contributors[0].name),
        ("bob", "ada")
    );
    let via = entry.links.iter().find(|link| link.rel == "via").unwrap();
    assert_eq!(via.href, text(&original["url"]));
    let html = entry.content.as_ref().unwrap().value.as_deref().unwrap();
    assert!(
        html.contains("<blockquote") && html.contains("ada (@ada)"),
        "{html}"
    );

    let path = format!("/v1/posts/{}", text(&original["id"]));
    let deleted = app
        .delete(&path)
        .bearer_auth(&ada.token)
        .send()
        .await
        .unwrap();
    assert_eq!(deleted.status(), StatusCode::NO_CONTENT);
    assert!(atom(&app, "/users/bob/feed.atom").await.entries.is_empty());
}

#[tokio::test]
async fn documents_that_are_read_are_kept_rendered() {
    let (app, ada, _) = with_post().await;
    let key = |base_url: &str| FeedKey {
        topic: Topic::Public,
        format: FeedFormat::Rss,
        base_url: base_url.into(),
    };
    let own = key("https://ripple.example");
    assert_eq!(app.store.feed_document(&own).await.unwrap(), None);
    get(&app, "/public/feed.rss").await;
    let before = app.store.feed_document(&own).await.unwrap().unwrap();
    let other = key("https://other.example");
    app.store
        .put_feed_document(other.clone(), before.clone())
        .await
        .unwrap();

    publish(&app, &ada, json!({"text": "Newer"})).await;
    let refresh = async || {
        let topics = [Topic::Public, Topic::Tag("unread".into())];
        ripple_api::refresh_feeds(&*app.store, &topics)
            .await
            .unwrap();
        app.store.feed_document(&own).await.unwrap().unwrap()
    };
    let after = refresh().await;
    assert_ne!(before.fingerprint, after.fingerprint);
    assert!(after.last_modified > before.last_modified);
    // Nothing changed since: the same document serves.
    assert_eq!(refresh().await, after);
    assert_eq!(
        *get(&app, "/public/feed.rss").await.bytes().await.unwrap(),
        *after.body
    );

    let warm = app
        .store
        .warm_feeds(&Topic::Tag("unread".into()))
        .await
        .unwrap();
    assert_eq!(warm, []);
    // Processes may be reached at different addresses: each has its documents.
    let other = app.store.feed_document(&other).await.unwrap().unwrap();
    assert_eq!(other.fingerprint, after.fingerprint);
    assert!(String::from_utf8_lossy(&other.body).contains("https://other.example/"));
}
