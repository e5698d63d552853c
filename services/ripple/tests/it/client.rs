//! Clients of the web API.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

/// Somebody who calls the API: with a user's token, the admin's, or none.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    base: String,
    token: Option<String>,
}

/// The state of a post on the pages of one reader.
impl Client {
    /// Somebody without a token.
    pub(crate) fn nobody(url: &str) -> Self {
        Self {
            http: reqwest::Client::new(),
            base: url.to_owned(),
            token: None,
        }
    }

    /// The admin of the server with this data folder.
    pub(crate) fn admin(url: &str, data: &Path) -> Self {
        let token = std::fs::read_to_string(data.join("admin.token")).unwrap();
        Self::nobody(url).with_token(token.trim())
    }

    /// Creates a user.
    pub(crate) async fn sign_up(url: &str, handle: &str) -> Self {
        let nobody = Self::nobody(url);
        let (status, answer) = nobody.post("/v1/users", json!({"handle": handle})).await;
        assert_eq!(status, StatusCode::CREATED, "{answer}");
        nobody.with_token(answer["token"].as_str().unwrap())
    }

    /// The same caller at another address: that of a restarted server.
    pub(crate) fn at(&self, url: &str) -> Self {
        Self {
            base: url.to_owned(),
            ..Self::nobody(url)
        }
        .with_token_of(self)
    }

    pub(crate) fn with_token(self, token: &str) -> Self {
        Self {
            token: Some(token.to_owned()),
            ..self
        }
    }

    fn with_token_of(self, other: &Self) -> Self {
        Self {
            token: other.token.clone(),
            ..self
        }
    }

    /// A request with the caller's token.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        let request = request.timeout(Duration::from_secs(30));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// The status and the body of an answer; null where it is not JSON.
    pub(crate) async fn call(&self, request: RequestBuilder) -> (StatusCode, Value) {
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let body = answer.bytes().await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> (StatusCode, Value) {
        self.call(self.request(Method::POST, path).json(&body))
            .await
    }

    /// Reads something that is there.
    pub(crate) async fn get(&self, path: &str) -> Value {
        let (status, body) = self.call(self.request(Method::GET, path)).await;
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        body
    }

    /// Reads a document that is there as text.
    pub(crate) async fn get_text(&self, path: &str) -> String {
        let answer = self.request(Method::GET, path).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        answer.text().await.unwrap()
    }

    /// Calls what answers without a body.
    pub(crate) async fn done(&self, method: Method, path: &str) {
        let (status, body) = self.call(self.request(method, path)).await;
        assert_eq!(status, StatusCode::NO_CONTENT, "{path}: {body}");
    }

    /// Publishes a text; returns the post.
    pub(crate) async fn publish(&self, text: &str) -> Value {
        let (status, post) = self.post("/v1/posts", json!({"text": text})).await;
        assert_eq!(status, StatusCode::CREATED, "{post}");
        post
    }

    /// The ids on a page, newest first, down to the first one at or below `floor`.
    pub(crate) async fn ids(&self, path: &str, floor: u64) -> Vec<u64> {
        let mut ids = Vec::new();
        let mut next = Some(format!("{path}?limit=100"));
        while let Some(path) = next {
            let page = self.get(&path).await;
            for item in page["items"].as_array().unwrap() {
                let id = id_of(item);
                if id <= floor {
                    return ids;
                }
                ids.push(id);
            }
            next = page["next"].as_str().map(str::to_owned);
        }
        ids
    }
}

/// The id of a post as a number.
pub(crate) fn id_of(post: &Value) -> u64 {
    post["id"].as_str().unwrap().parse().unwrap()
}

/// Asks again and again until the answer is yes; returns how long that took. Fails after `time_max`.
pub(crate) async fn eventually(
    what: &str,
    time_max: Duration,
    ask: impl AsyncFn() -> bool,
) -> Duration {
    let begun = Instant::now();
    loop {
        if ask().await {
            return begun.elapsed();
        }
        assert!(
            begun.elapsed() < time_max,
            "{what}: not within {time_max:?}"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits until the queues of all tiers are empty.
pub(crate) async fn queues_are_empty(admin: &Client) {
    eventually("empty queues", Duration::from_secs(60), async || {
        let queues = admin.get("/v1/admin/queues").await;
        let tiers = queues["tiers"].as_array().unwrap();
        assert!(tiers.iter().all(|tier| tier["dead"] == 0), "{queues}");
        let waits = |tier: &Value| {
            ["ready", "delayed", "in_flight"]
                .iter()
                .any(|state| tier[state] != 0)
        };
        !tiers.iter().any(waits)
    })
    .await;
}
