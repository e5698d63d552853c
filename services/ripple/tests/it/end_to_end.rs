//! The way of a post from its author to everybody else, over real HTTP.

use std::{collections::BTreeSet, time::Duration};

use reqwest::{Method, StatusCode};
use ripple_domain::Tier;
use serde_json::{Value, json};

use crate::{
    client::{Client, eventually, id_of},
    place::{Place, on_every_store},
};

const TEXT: &str = "Ripples spread: #Café, #서울, #東京 and #مرحبا by @grace";
const TAGS: [&str; 4] = ["Café", "서울", "東京", "مرحبا"];

fn worst_case(tier: Tier) -> Duration {
    Duration::from_millis(tier.worst_case_ms().unsigned_abs())
}

async fn shows(client: &Client, page: &str, post: &Value) -> bool {
    client.ids(page, 0).await == [id_of(post)]
}

/// The pages that are everybody's and show the post when the public tier is done.
fn public_pages() -> Vec<String> {
    let tags = TAGS.map(|tag| format!("/v1/tags/{tag}/posts"));
    let mut pages = tags.to_vec();
    pages.push("/v1/tags/CAFÉ/posts".to_owned());
    pages.push("/v1/keywords/ripples/posts".to_owned());
    pages.push("/v1/keywords/Spread/posts".to_owned());
    pages.push("/v1/timelines/public".to_owned());
    pages
}

fn feeds() -> Vec<String> {
    let subjects = ["/public", "/tags/東京", "/keywords/ripples", "/users/ada"];
    let formats = ["atom", "rss", "json"];
    let feeds = subjects
        .iter()
        .flat_map(|subject| formats.map(|format| format!("{subject}/feed.{format}")));
    feeds.collect()
}

on_every_store! {
    a_post_reaches_everybody_who_waits_for_it
    a_change_holds_from_the_next_read_on
    the_process_tells_how_it_is
}

async fn a_post_reaches_everybody_who_waits_for_it(place: Place) {
    let server = place.start();
    let url = &server.url;
    let ada = Client::sign_up(url, "ada").await;
    let grace = Client::sign_up(url, "grace").await;
    let nobody = Client::nobody(url);
    grace.done(Method::PUT, "/v1/users/ada/follow").await;
    // A warm home timeline: from here on posts are pushed to it.
    assert!(grace.ids("/v1/timelines/home", 0).await.is_empty());

    let post = ada.publish(TEXT).await;
    // The author's own views, on the very next read.
    for page in ["/v1/timelines/home", "/v1/users/ada/posts"] {
        assert!(shows(&ada, page, &post).await, "{page}");
    }
    let path = format!("/v1/posts/{}", id_of(&post));
    assert_eq!(ada.get(&path).await["text"], TEXT);

    let followers = eventually(
        "the follower's home",
        worst_case(Tier::Followers),
        async || shows(&grace, "/v1/timelines/home", &post).await,
    )
    .await;
    for page in public_pages() {
        eventually(&page, worst_case(Tier::Public), async || {
            shows(&nobody, &page, &post).await
        })
        .await;
    }
    for feed in feeds() {
        eventually(&feed, worst_case(Tier::Public), async || {
            nobody.get_text(&feed).await.contains("Ripples spread")
        })
        .await;
    }
    let receipt_path = format!("{path}/delivery");
    eventually("the receipt", worst_case(Tier::Public), async || {
        let receipt = ada.get(&receipt_path).await;
        ["author", "followers", "public"]
            .iter()
            .all(|stage| receipt[stage]["state"] == "done")
    })
    .await;
    let receipt = ada.get(&receipt_path).await;
    for stage in ["author", "followers", "public"] {
        assert!(receipt[stage]["latency_ms"].is_u64(), "{stage}: {receipt}");
    }
    assert_eq!(
        receipt["followers"]["delivered"],
        receipt["followers"]["total"]
    );
    let pages = receipt["public"]["pages"].as_array().unwrap();
    assert!(pages.len() >= TAGS.len() + 3, "{receipt}");
    eprintln!("the follower saw the post after {followers:?}; the receipt: {receipt}");
}

async fn a_change_holds_from_the_next_read_on(place: Place) {
    let server = place.start();
    let url = &server.url;
    let ada = Client::sign_up(url, "ada").await;
    let grace = Client::sign_up(url, "grace").await;
    let nobody = Client::nobody(url);
    grace.done(Method::PUT, "/v1/users/ada/follow").await;
    grace.ids("/v1/timelines/home", 0).await;
    let post = ada.publish("one #first ripples").await;
    let path = format!("/v1/posts/{}", id_of(&post));
    let everywhere = [
        "/v1/timelines/home",
        "/v1/users/ada/posts",
        "/v1/timelines/public",
    ];
    for page in everywhere.into_iter().chain(["/v1/tags/first/posts"]) {
        eventually(page, worst_case(Tier::Public), async || {
            shows(&grace, page, &post).await
        })
        .await;
    }

    let edit = ada
        .request(Method::PATCH, &path)
        .json(&json!({"text": "two #second"}));
    assert_eq!(ada.call(edit).await.0, StatusCode::OK);
    for page in everywhere {
        assert_eq!(
            grace.get(page).await["items"][0]["text"],
            "two #second",
            "{page}"
        );
    }
    let feed = nobody.get_text("/public/feed.atom").await;
    assert!(
        feed.contains("two #second") && !feed.contains("one #first"),
        "{feed}"
    );
    for (page, shown) in [
        ("/v1/tags/second/posts", true),
        ("/v1/tags/first/posts", false),
    ] {
        eventually(page, worst_case(Tier::Public), async || {
            shows(&nobody, page, &post).await == shown
        })
        .await;
    }

    grace.done(Method::DELETE, "/v1/users/ada/follow").await;
    assert!(grace.ids("/v1/timelines/home", 0).await.is_empty());
    grace.done(Method::PUT, "/v1/users/ada/follow").await;
    assert!(shows(&grace, "/v1/timelines/home", &post).await);

    ada.done(Method::DELETE, &path).await;
    for page in everywhere.into_iter().chain(["/v1/tags/second/posts"]) {
        assert!(grace.ids(page, 0).await.is_empty(), "{page}");
    }
    for feed in [
        "/public/feed.atom",
        "/tags/second/feed.json",
        "/users/ada/feed.rss",
    ] {
        assert!(!nobody.get_text(feed).await.contains("two "), "{feed}");
    }
    let (status, _) = grace.call(grace.request(Method::GET, &path)).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

async fn the_process_tells_how_it_is(place: Place) {
    let server = place.start();
    let ada = Client::sign_up(&server.url, "ada").await;
    let nobody = Client::nobody(&server.url);
    ada.publish("hello #metrics").await;
    eventually("the public page", worst_case(Tier::Public), async || {
        !nobody.ids("/v1/timelines/public", 0).await.is_empty()
    })
    .await;
    for path in ["/healthz", "/readyz"] {
        let answer = nobody.request(Method::GET, path).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
    }
    eventually("the metrics", worst_case(Tier::Public), async || {
        let metrics = nobody.get_text("/metrics").await;
        [
            "ripple_tier_latency_seconds_bucket{tier=\"followers\",le=\"0.001\"}",
            "ripple_tier_latency_seconds_bucket{tier=\"public\",le=\"60\"}",
            "ripple_queue_jobs{",
            "ripple_queue_oldest_age_seconds",
            "ripple_http_request_duration_seconds_bucket{",
            "process_resident_memory_bytes",
        ]
        .iter()
        .all(|series| metrics.contains(series))
    })
    .await;
    let metrics = nobody.get_text("/metrics").await;
    let families: BTreeSet<&str> = metrics
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|sample| family(&metrics, sample.split(['{', ' ']).next().unwrap()))
        .collect();
    for family in families {
        for keyword in ["HELP", "TYPE"] {
            let line = format!("# {keyword} {family} ");
            let count = metrics.lines().filter(|it| it.starts_with(&line)).count();
            assert_eq!(count, 1, "{line}in\n{metrics}");
        }
    }
}

/// The metric that a sample belongs to: those of a histogram have names of their own.
fn family<'a>(metrics: &str, sample: &'a str) -> &'a str {
    ["_bucket", "_sum", "_count"]
        .iter()
        .filter_map(|suffix| sample.strip_suffix(suffix))
        .find(|name| metrics.contains(&format!("# TYPE {name} histogram")))
        .unwrap_or(sample)
}
