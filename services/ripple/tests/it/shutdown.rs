//! SIGTERM under load: the process ends in time, and nothing that it acknowledged is lost.

use std::{sync::Arc, time::Duration};

use reqwest::{Method, StatusCode};
use rustix::process::Signal;
use serde_json::json;
use tokio::sync::Mutex;

use crate::{
    client::{Client, id_of, queues_are_empty},
    place::{Place, on_every_store},
};

const CLIENTS: usize = 8;

/// Publishes until the server answers no more; what was acknowledged is in the list.
async fn publish_until_the_end(client: Client, acknowledged: Arc<Mutex<Vec<u64>>>) {
    for n in 0.. {
        let text = json!({"text": format!("post {n} #load")});
        let request = client.request(Method::POST, "/v1/posts").json(&text);
        let Ok(answer) = request.send().await else {
            return;
        };
        match answer.status() {
            StatusCode::CREATED => {
                // The answer itself may be cut off; then the client cannot know.
                let Ok(post) = answer.json().await else {
                    return;
                };
                acknowledged.lock().await.push(id_of(&post));
            }
            StatusCode::SERVICE_UNAVAILABLE => {}
            status => panic!("{status}"),
        }
    }
}

on_every_store! {
    sigterm_drains_and_loses_nothing
}

async fn sigterm_drains_and_loses_nothing(place: Place) {
    for (name, signal) in [("term", Signal::TERM), ("int", Signal::INT)] {
        let mut server = place.start();
        let follower = Client::sign_up(&server.url, name).await;
        let acknowledged = Arc::new(Mutex::new(Vec::new()));
        let mut clients = Vec::new();
        for n in 0..CLIENTS {
            let author = Client::sign_up(&server.url, &format!("{name}{n}")).await;
            follower
                .done(Method::PUT, &format!("/v1/users/{name}{n}/follow"))
                .await;
            let publishing = publish_until_the_end(author, Arc::clone(&acknowledged));
            clients.push(tokio::spawn(publishing));
        }
        // A connection that never says anything must not hold up the end.
        let address = server.url.trim_start_matches("http://");
        let idle = tokio::net::TcpStream::connect(address).await.unwrap();
        tokio::time::sleep(Duration::from_millis(500)).await;

        server.signal(signal);
        let status = server.wait(Duration::from_secs(10));
        let status = status.unwrap();
        assert_eq!(status.code(), Some(0), "{}", server.log());
        drop(idle);
        for client in clients {
            client.await.unwrap();
        }

        let mut expected = acknowledged.lock().await.clone();
        assert!(expected.len() > CLIENTS, "{}", expected.len());
        expected.sort_unstable_by(|a, b| b.cmp(a));
        let server = place.start();
        queues_are_empty(&Client::admin(&server.url, place.data())).await;
        let follower = follower.at(&server.url);
        for page in [
            "/v1/timelines/home",
            "/v1/timelines/public",
            "/v1/tags/load/posts",
        ] {
            let shown = follower.ids(page, 0).await;
            let missing = expected.iter().filter(|id| !shown.contains(id)).count();
            assert_eq!(missing, 0, "{page}");
            let mut once = shown.clone();
            once.dedup();
            assert_eq!(once, shown, "{page}");
        }
    }
}
