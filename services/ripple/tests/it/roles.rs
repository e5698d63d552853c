//! Several processes on one store: any number of each role, started and stopped in any order.

use std::{sync::Arc, time::Duration};

use reqwest::{Method, StatusCode};
use ripple_domain::Tier;
use rustix::process::Signal;
use serde_json::json;
use tokio::sync::Mutex;

use crate::{
    client::{Client, eventually, id_of, queues_are_empty},
    place::{Place, on_every_store},
    process::Server,
};

on_every_store! { redis:
    the_roles_work_together_in_any_order
    what_one_process_changes_the_others_see_at_once
    posts_to_too_many_followers_are_merged_when_they_read
    a_rolling_restart_under_load_loses_nothing
}

on_every_store! { redis_cluster:
    the_roles_work_together_in_any_order
    what_one_process_changes_the_others_see_at_once
    posts_to_too_many_followers_are_merged_when_they_read
    a_rolling_restart_under_load_loses_nothing
}

const API: &[&str] = &["--role", "api"];
const FOLLOWERS: &[&str] = &["--role", "worker", "--tiers", "followers"];
const PUBLIC: &[&str] = &["--role", "worker", "--tiers", "public"];

fn worst_case(tier: Tier) -> Duration {
    Duration::from_millis(tier.worst_case_ms().unsigned_abs())
}

async fn is_on(client: &Client, page: &str, id: u64) -> bool {
    client.ids(page, 0).await.contains(&id)
}

async fn the_roles_work_together_in_any_order(place: Place) {
    // The workers come first: there is nothing to do yet.
    let followers = place.start_with(FOLLOWERS);
    let api = place.start_with(API);
    let ada = Client::sign_up(&api.url, "ada").await;
    let grace = Client::sign_up(&api.url, "grace").await;
    grace.done(Method::PUT, "/v1/users/ada/follow").await;
    assert!(grace.ids("/v1/timelines/home", 0).await.is_empty());
    let first = id_of(&ada.publish("ripples #one").await);
    let home = "/v1/timelines/home";
    eventually(home, worst_case(Tier::Followers), async || {
        is_on(&grace, home, first).await
    })
    .await;
    // A worker answers those who run it, and nobody else.
    let worker = Client::nobody(&followers.url);
    for path in ["/healthz", "/readyz", "/metrics"] {
        worker.get_text(path).await;
    }
    let request = worker.request(Method::GET, "/v1/timelines/public");
    assert_eq!(worker.call(request).await.0, StatusCode::NOT_FOUND);

    // Nobody does the public tier's jobs yet: they wait.
    assert!(!is_on(&grace, "/v1/tags/one/posts", first).await);
    let public = place.start_with(PUBLIC);
    for page in ["/v1/tags/one/posts", "/v1/keywords/ripples/posts"] {
        eventually(page, worst_case(Tier::Public), async || {
            is_on(&grace, page, first).await
        })
        .await;
    }

    // A worker that is killed has others to take over.
    let second_worker = place.start_with(FOLLOWERS);
    followers.kill();
    let second = id_of(&ada.publish("ripples #two").await);
    eventually(home, worst_case(Tier::Followers), async || {
        is_on(&grace, home, second).await
    })
    .await;
    queues_are_empty(&Client::admin(&api.url, place.data())).await;
    drop((public, second_worker));
}

async fn what_one_process_changes_the_others_see_at_once(place: Place) {
    let (one, two) = (place.start(), place.start_with(API));
    let ada = Client::sign_up(&one.url, "ada").await;
    let grace = Client::sign_up(&one.url, "grace").await;
    let grace_elsewhere = grace.at(&two.url);
    grace_elsewhere
        .done(Method::PUT, "/v1/users/ada/follow")
        .await;
    assert!(grace.ids("/v1/timelines/home", 0).await.is_empty());
    for round in 0..20 {
        let text = format!("ripples {round}");
        let post = ada.publish(&text).await;
        let id = id_of(&post);
        let path = format!("/v1/posts/{id}");
        // Caches everywhere have seen it as it was.
        for reader in [&grace, &grace_elsewhere] {
            assert_eq!(reader.get(&path).await["text"], text.as_str());
        }
        eventually("home", worst_case(Tier::Followers), async || {
            is_on(&grace_elsewhere, "/v1/timelines/home", id).await
        })
        .await;

        let edit = ada.request(Method::PATCH, &path);
        let edit = edit.json(&json!({"text": "other words"}));
        assert_eq!(ada.call(edit).await.0, StatusCode::OK);
        assert_eq!(grace_elsewhere.get(&path).await["text"], "other words");
        let home = grace_elsewhere.get("/v1/timelines/home").await;
        assert_eq!(home["items"][0]["text"], "other words");

        ada.done(Method::PUT, "/v1/users/grace/block").await;
        let (status, _) = grace_elsewhere
            .call(grace_elsewhere.request(Method::GET, &path))
            .await;
        assert_eq!(status, StatusCode::NOT_FOUND, "blocked");
        ada.done(Method::DELETE, "/v1/users/grace/block").await;
        assert_eq!(grace_elsewhere.get(&path).await["text"], "other words");

        ada.done(Method::DELETE, &path).await;
        let (status, _) = grace_elsewhere
            .call(grace_elsewhere.request(Method::GET, &path))
            .await;
        assert_eq!(status, StatusCode::NOT_FOUND, "deleted");
        assert!(!is_on(&grace_elsewhere, "/v1/timelines/home", id).await);
    }
}

/// Every process is stopped and started once, one after the other, while clients post.
async fn a_rolling_restart_under_load_loses_nothing(place: Place) {
    const CLIENTS: usize = 4;
    let mut apis = [place.start_with(API), place.start_with(API)];
    let mut workers = [
        (FOLLOWERS, place.start_with(FOLLOWERS)),
        (FOLLOWERS, place.start_with(FOLLOWERS)),
        (PUBLIC, place.start_with(PUBLIC)),
    ];
    let follower = Client::sign_up(&apis[0].url, "follower").await;
    let urls = Arc::new(Mutex::new(apis.each_ref().map(|api| api.url.clone())));
    let acknowledged = Arc::new(Mutex::new(Vec::new()));
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let mut clients = Vec::new();
    for n in 0..CLIENTS {
        let author = Client::sign_up(&apis[0].url, &format!("author{n}")).await;
        follower
            .done(Method::PUT, &format!("/v1/users/author{n}/follow"))
            .await;
        let (urls, acknowledged, stop) = (
            Arc::clone(&urls),
            Arc::clone(&acknowledged),
            Arc::clone(&stop),
        );
        clients.push(tokio::spawn(async move {
            for n in n.. {
                if stop.load(std::sync::atomic::Ordering::Relaxed) {
                    return;
                }
                // What a load balancer does: another process, when one does not answer.
                let url = urls.lock().await[n % 2].clone();
                let author = author.at(&url);
                let request = author.request(Method::POST, "/v1/posts");
                let request = request.json(&json!({"text": format!("post {n} #load")}));
                let Ok(answer) = request.send().await else {
                    continue;
                };
                match answer.status() {
                    StatusCode::CREATED => {
                        if let Ok(post) = answer.json().await {
                            acknowledged.lock().await.push(id_of(&post));
                        }
                    }
                    StatusCode::SERVICE_UNAVAILABLE => {}
                    status => panic!("{status}"),
                }
            }
        }));
    }
    let end = async |mut server: Server| {
        tokio::time::sleep(Duration::from_millis(300)).await;
        server.signal(Signal::TERM);
        let status = server.wait(Duration::from_secs(15)).unwrap();
        assert_eq!(status.code(), Some(0), "{}", server.log());
    };
    for place_of_worker in &mut workers {
        let (role, worker) = place_of_worker;
        let fresh = place.start_with(role);
        end(std::mem::replace(worker, fresh)).await;
    }
    for (index, api) in apis.iter_mut().enumerate() {
        let fresh = place.start_with(API);
        urls.lock().await[index].clone_from(&fresh.url);
        end(std::mem::replace(api, fresh)).await;
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    for client in clients {
        client.await.unwrap();
    }

    let mut expected = acknowledged.lock().await.clone();
    assert!(expected.len() > 20, "{}", expected.len());
    expected.sort_unstable_by(|a, b| b.cmp(a));
    let url = &apis[0].url;
    queues_are_empty(&Client::admin(url, place.data())).await;
    for page in ["/v1/timelines/home", "/v1/tags/load/posts"] {
        let shown = follower.at(url).ids(page, 0).await;
        let missing = expected.iter().filter(|id| !shown.contains(id)).count();
        assert_eq!(missing, 0, "{page}");
        let mut once = shown.clone();
        once.dedup();
        assert_eq!(once, shown, "{page}");
    }
}

async fn posts_to_too_many_followers_are_merged_when_they_read(place: Place) {
    let worker = place.start_with(&[FOLLOWERS, &["--push-followers-max", "2"]].concat());
    let apis = [place.start_with(API), place.start_with(API)];
    let ada = Client::sign_up(&apis[0].url, "ada").await;
    let mut readers = Vec::new();
    for (name, api) in ["grace", "linus", "edsger"]
        .into_iter()
        .zip(apis.iter().cycle())
    {
        let reader = Client::sign_up(&api.url, name).await;
        reader.done(Method::PUT, "/v1/users/ada/follow").await;
        assert!(reader.ids("/v1/timelines/home", 0).await.is_empty());
        readers.push(reader);
    }
    let mut posts = Vec::new();
    for n in 0..4 {
        let post = id_of(&ada.publish(&format!("post {n}")).await);
        posts.insert(0, post);
        let receipt = format!("/v1/posts/{post}/delivery");
        eventually(&receipt, worst_case(Tier::Followers), async || {
            let receipt = ada.get(&receipt).await;
            receipt["followers"]["state"] == "done" && receipt["followers"]["delivered"] == 3
        })
        .await;
        for reader in &readers {
            assert_eq!(reader.ids("/v1/timelines/home", 0).await, posts);
        }
    }
    let metrics = Client::nobody(&worker.url).get_text("/metrics").await;
    let pushed = metrics
        .lines()
        .find_map(|line| line.strip_prefix("ripple_deliveries_total "));
    // The worker does not know before how many they are.
    assert_eq!(pushed, Some("3"), "only the first was pushed");
}
