//! Worlds are loaded into a real server.

use reqwest::{Method, StatusCode};
use ripple_load_tests::{
    api::{Api, bearer, json},
    deployment::Store,
    population::{Graph, Progress, handle, load},
};
use serde_json::Value;

use crate::deployment::start;

async fn a_world_is_loaded_as_it_was_drawn(store: Store) {
    let deployment = start(store).await;
    let api = Api::new(deployment.url(), deployment.admin_token()).unwrap();
    let graph = Graph::power_law(3_000, 20.0, 1_000, 1);
    let users: Vec<u32> = (0..graph.users()).rev().step_by(2).collect();
    let mut seen = Progress::default();
    let progress = |done: Progress| {
        assert!(done.follows >= seen.follows && done.tokens >= seen.tokens);
        seen = done;
    };
    let loaded = load(&api, &graph, &users, progress).await.unwrap();
    assert_eq!(loaded.follows_added, graph.follows());
    assert_eq!(loaded.users_created, 3_000);
    assert_eq!(loaded.tokens.len(), users.len());
    assert_eq!((seen.follows, seen.tokens), (graph.follows(), 1_500));

    let get = async |token: &str, path: &str| {
        let request = api.of(&bearer(token).unwrap(), Method::GET, path);
        json(request).await.unwrap()
    };
    let mut ids = Vec::new();
    for (user, token) in users.iter().zip(&loaded.tokens).step_by(50) {
        let me = get(token, "/v1/me").await;
        assert_eq!(me["handle"], handle(*user).as_str());
        assert_eq!(me["followers"], graph.followers_of(*user).len());
        assert_eq!(me["following"], graph.followees_of(*user).len());
        ids.push(me["id"].as_str().unwrap().parse::<u32>().unwrap());
    }
    assert!(
        ids.is_sorted_by(|a, b| a > b),
        "in the order of users: {ids:?}"
    );
    let most = get(&loaded.tokens[0], "/v1/users/u0").await;
    assert_eq!(most["followers"], 1_000);

    // What is there already stays.
    let again = load(&api, &graph, &[], |_| {}).await.unwrap();
    assert_eq!((again.follows_added, again.users_created), (0, 0));
    deployment.shut_down().await.unwrap();
}

#[tokio::test]
async fn a_world_is_loaded_on_embedded() {
    a_world_is_loaded_as_it_was_drawn(Store::Embedded).await;
}

#[tokio::test]
async fn a_world_is_loaded_on_redis() {
    a_world_is_loaded_as_it_was_drawn(Store::Redis).await;
}

#[tokio::test]
async fn what_the_server_refuses_is_told() {
    let deployment = start(Store::Embedded).await;
    let api = Api::new(deployment.url(), "not the admin's").unwrap();
    let graph = Graph::power_law(10, 2.0, 5, 1);
    let refused = load(&api, &graph, &[], |_| {})
        .await
        .unwrap_err()
        .to_string();
    let expected = "/v1/admin/import/follows answers 401";
    assert!(refused.starts_with(expected), "{refused}");
    let api = Api::new(deployment.url(), deployment.admin_token()).unwrap();
    let unknown = load(&api, &graph, &[10], |_| {})
        .await
        .unwrap_err()
        .to_string();
    assert!(
        unknown.starts_with("/v1/admin/tokens answers 422"),
        "{unknown}"
    );
    let request = api.request(Method::GET, "/v1/users/u9");
    assert_eq!(request.send().await.unwrap().status(), StatusCode::OK);
    let user: Value = json(api.request(Method::GET, "/v1/users/u0"))
        .await
        .unwrap();
    assert_eq!(user["followers"], 5);
}
