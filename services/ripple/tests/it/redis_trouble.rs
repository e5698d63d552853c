//! A Redis that cannot be reached, is full, or has nothing to say for long: what clients see of it.

use std::time::{Duration, Instant};

use reqwest::{Method, RequestBuilder, StatusCode, header::RETRY_AFTER};
use serde_json::json;

use crate::{
    client::{Client, eventually, id_of, queues_are_empty},
    place::Place,
    process::Server,
    servers::{Proxy, set_max_memory},
};

const HOME: &str = "/v1/timelines/home";
/// Whoever cannot be served knows it after so long, at the latest.
const REFUSAL_TIME_MAX: Duration = Duration::from_secs(15);
/// When all is well again, a post has come everywhere after so long, on a busy machine.
const BACK_TIME_MAX: Duration = Duration::from_secs(20);

fn post(author: &Client, text: &str) -> RequestBuilder {
    let request = author.request(Method::POST, "/v1/posts");
    let request = request.header("Idempotency-Key", text);
    request.json(&json!({"text": format!("{text} #trouble")}))
}

/// The request is refused in time, and told when to come again.
async fn is_refused(request: RequestBuilder) {
    let begun = Instant::now();
    let answer = request.send().await.unwrap();
    let waited = begun.elapsed();
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.headers().contains_key(RETRY_AFTER));
    assert!(waited < REFUSAL_TIME_MAX, "{waited:?}");
}

async fn is_accepted(author: &Client, text: &str) -> u64 {
    let (status, answer) = author.call(post(author, text)).await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    id_of(&answer)
}

async fn is_back(server: &Server) {
    let nobody = Client::nobody(&server.url);
    eventually("a ready server", BACK_TIME_MAX, async || {
        let request = nobody.request(Method::GET, "/readyz");
        nobody.call(request).await.0 == StatusCode::OK
    })
    .await;
}

/// Pages have these posts, newest first, and nothing else.
async fn have_exactly(reader: &Client, posts: &[u64]) {
    for page in [HOME, "/v1/tags/trouble/posts", "/v1/timelines/public"] {
        eventually(page, BACK_TIME_MAX, async || {
            reader.ids(page, 0).await.len() >= posts.len()
        })
        .await;
        assert_eq!(reader.ids(page, 0).await, posts, "{page}");
    }
}

async fn unreachable_and_back(trouble: fn(&Proxy)) {
    let place = Place::redis();
    let proxy = Proxy::new(place.port()).await;
    let server = Server::start_with(place.data(), &["--store", &proxy.url()]);
    let ada = Client::sign_up(&server.url, "ada").await;
    let grace = Client::sign_up(&server.url, "grace").await;
    grace.done(Method::PUT, "/v1/users/ada/follow").await;
    assert!(grace.ids(HOME, 0).await.is_empty());
    let before = is_accepted(&ada, "before").await;

    trouble(&proxy);
    tokio::join!(
        is_refused(post(&ada, "during")),
        is_refused(post(&ada, "during_too")),
        is_refused(grace.request(Method::GET, HOME)),
        is_refused(grace.request(Method::GET, "/readyz")),
    );
    let nobody = Client::nobody(&server.url);
    nobody.get("/healthz").await;

    proxy.restore();
    is_back(&server).await;
    let during = is_accepted(&ada, "during").await;
    assert_eq!(is_accepted(&ada, "during").await, during);
    let during_too = is_accepted(&ada, "during_too").await;
    let after = is_accepted(&ada, "after").await;
    let mut posts = [after, during_too, during, before];
    posts.sort_unstable_by(|a, b| b.cmp(a));
    have_exactly(&grace, &posts).await;
    queues_are_empty(&Client::admin(&server.url, place.data())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_way_that_is_cut_refuses_until_it_is_restored() {
    unreachable_and_back(Proxy::cut).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_way_that_swallows_everything_refuses_until_it_is_restored() {
    unreachable_and_back(Proxy::hold).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_server_refuses_posts_and_serves_pages() {
    let place = Place::redis();
    let mut redis = place.connect();
    let server = place.start();
    let ada = Client::sign_up(&server.url, "ada").await;
    let grace = Client::sign_up(&server.url, "grace").await;
    grace.done(Method::PUT, "/v1/users/ada/follow").await;
    assert!(grace.ids(HOME, 0).await.is_empty());
    let first = is_accepted(&ada, "first").await;
    have_exactly(&grace, &[first]).await;
    // Their jobs are still to be done when there is no room.
    let admin = Client::admin(&server.url, place.data());
    let both = async |what: &str| {
        for tier in ["followers", "public"] {
            let path = format!("/v1/admin/queues/{tier}/{what}");
            admin.done(Method::POST, &path).await;
        }
    };
    both("pause").await;
    let second = is_accepted(&ada, "second").await;
    let direct = json!({"text": "for you", "visibility": "direct", "recipients": ["grace"]});
    let (status, answer) = ada.post("/v1/posts", direct).await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");

    set_max_memory(&mut redis, 1);
    both("resume").await;
    for text in ["third", "fourth"] {
        is_refused(post(&ada, text)).await;
    }
    let nobody = Client::nobody(&server.url);
    let sign_up = nobody.request(Method::POST, "/v1/users");
    is_refused(sign_up.json(&json!({"handle": "late"}))).await;
    // What was accepted arrives.
    queues_are_empty(&admin).await;
    let direct = id_of(&answer);
    assert_eq!(grace.ids(HOME, 0).await, [direct, second, first]);
    assert_eq!(ada.ids("/v1/users/ada/posts", 0).await.len(), 3);
    assert_eq!(
        grace.ids("/v1/tags/trouble/posts", 0).await,
        [second, first]
    );
    let path = format!("/v1/posts/{first}");
    assert_eq!(grace.get(&path).await["text"], "first #trouble");
    for page in ["/tags/trouble/feed.json", "/public/feed.atom", "/readyz"] {
        nobody.get_text(page).await;
    }

    set_max_memory(&mut redis, 0);
    let third = is_accepted(&ada, "third").await;
    for page in ["/v1/tags/trouble/posts", "/v1/timelines/public"] {
        eventually(page, BACK_TIME_MAX, async || {
            grace.ids(page, 0).await == [third, second, first]
        })
        .await;
    }
    eventually(HOME, BACK_TIME_MAX, async || {
        grace.ids(HOME, 0).await == [third, direct, second, first]
    })
    .await;
    Client::sign_up(&server.url, "late").await;
    queues_are_empty(&admin).await;
}

/// Longer than any time limit on the way to the server.
const IDLE: Duration = Duration::from_millis(6_500);

async fn idle_worker_loses_no_job(place: Place) {
    let _worker = place.start_with(&["--role", "worker"]);
    let api = place.start_with(&["--role", "api"]);
    let ada = Client::sign_up(&api.url, "ada").await;
    let grace = Client::sign_up(&api.url, "grace").await;
    grace.done(Method::PUT, "/v1/users/ada/follow").await;
    assert!(grace.ids(HOME, 0).await.is_empty());
    tokio::time::sleep(IDLE).await;
    let id = is_accepted(&ada, "after_a_pause").await;
    let on_page = async |page| grace.ids(page, 0).await == [id];
    for page in [HOME, "/v1/tags/trouble/posts"] {
        eventually(page, Duration::from_secs(2), async || on_page(page).await).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_without_work_for_long_loses_no_job() {
    idle_worker_loses_no_job(Place::redis()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_without_work_for_long_loses_no_job_on_a_cluster() {
    idle_worker_loses_no_job(Place::redis_cluster()).await;
}
