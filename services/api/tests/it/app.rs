//! A running server with its store, and the calls that most tests make.

use std::{net::SocketAddr, path::Path, sync::Arc};

use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use ripple_api::{ApiLimits, ApiOptions, ApiState, Registration, ServerLimits};
use ripple_domain::Topic;
use ripple_store::{
    Store,
    embedded::{EmbeddedOptions, EmbeddedStore},
};
use ripple_workers::{FeedRefresher, WorkerOptions};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

pub(crate) const ADMIN_TOKEN: &str = "admin-token-of-the-tests";

/// How a server is set up; the default is what most tests want.
pub(crate) struct Setup {
    pub(crate) registration: Registration,
    pub(crate) rate_limit: bool,
    pub(crate) limits: ApiLimits,
    pub(crate) server: ServerLimits,
    pub(crate) store: EmbeddedOptions,
    /// Whether jobs are done.
    pub(crate) workers: bool,
    pub(crate) render_metrics: Arc<dyn Fn() -> String + Send + Sync>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            registration: Registration::Open,
            rate_limit: false,
            limits: ApiLimits::default(),
            server: ServerLimits::default(),
            store: EmbeddedOptions::default(),
            workers: true,
            render_metrics: Arc::new(String::new),
        }
    }
}

pub(crate) struct App {
    pub(crate) address: SocketAddr,
    pub(crate) client: Client,
    pub(crate) store: Arc<EmbeddedStore>,
    pub(crate) shutdown: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
    folder: TempDir,
}

/// A user with his token.
#[derive(Clone)]
pub(crate) struct Member {
    pub(crate) handle: String,
    pub(crate) id: String,
    pub(crate) token: String,
}

struct NoFeeds;

#[async_trait::async_trait]
impl FeedRefresher for NoFeeds {
    async fn refresh(&self, _: &[Topic]) {}
}

impl App {
    pub(crate) async fn start() -> Self {
        Self::start_with(Setup::default()).await
    }

    pub(crate) async fn start_with(setup: Setup) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), setup).await
    }

    async fn start_in(folder: TempDir, setup: Setup) -> Self {
        let store = open(folder.path(), setup.store).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let options = ApiOptions {
            public_url: "https://ripple.example".into(),
            registration: setup.registration,
            rate_limit: setup.rate_limit,
            admin_token_hash: ripple_api::token_hash(ADMIN_TOKEN),
            secret: [7; 32],
            render_metrics: setup.render_metrics,
            limits: setup.limits,
        };
        let shutdown = CancellationToken::new();
        let router = ripple_api::router(ApiState::new(store.clone(), options));
        let served = ripple_api::serve_within(listener, router, setup.server, shutdown.clone());
        let mut tasks = vec![tokio::spawn(async { served.await.unwrap() })];
        if setup.workers {
            tasks.push(tokio::spawn(ripple_workers::run(
                store.clone(),
                Arc::new(NoFeeds),
                WorkerOptions {
                    gather_ms: 0,
                    ..WorkerOptions::default()
                },
                shutdown.clone(),
            )));
        }
        Self {
            address,
            client: Client::builder().no_proxy().build().unwrap(),
            store,
            shutdown,
            tasks,
            folder,
        }
    }

    /// Stops the server in order.
    pub(crate) async fn stop(self) -> TempDir {
        self.shutdown.cancel();
        for task in self.tasks {
            task.await.unwrap();
        }
        self.store.close().await;
        drop(self.store);
        self.folder
    }

    /// Stops the server and starts it again on the same data.
    pub(crate) async fn restart(self, setup: Setup) -> Self {
        Self::start_in(self.stop().await, setup).await
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client
            .request(method, format!("http://{}{path}", self.address))
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.request(Method::GET, path)
    }

    pub(crate) fn post(&self, path: &str) -> RequestBuilder {
        self.request(Method::POST, path)
    }

    pub(crate) fn put(&self, path: &str) -> RequestBuilder {
        self.request(Method::PUT, path)
    }

    pub(crate) fn patch(&self, path: &str) -> RequestBuilder {
        self.request(Method::PATCH, path)
    }

    pub(crate) fn delete(&self, path: &str) -> RequestBuilder {
        self.request(Method::DELETE, path)
    }

    /// Signs up.
    pub(crate) async fn member(&self, handle: &str) -> Member {
        let request = self.post("/v1/users").bearer_auth(ADMIN_TOKEN);
        let created = request.json(&json!({ "handle": handle })).send().await;
        let created = body(created.unwrap(), StatusCode::CREATED).await;
        Member {
            handle: handle.into(),
            id: text(&created["user"]["id"]),
            token: text(&created["token"]),
        }
    }

    /// Posts, and waits until the followers have it.
    pub(crate) async fn publish(&self, author: &Member, post: Value) -> Value {
        let request = self.post("/v1/posts").bearer_auth(&author.token);
        let answer = request.header("Prefer", "wait=10").json(&post).send().await;
        body(answer.unwrap(), StatusCode::CREATED).await
    }

    /// Waits until a public post is on its public pages.
    pub(crate) async fn indexed(&self, author: &Member, post: &Value) {
        let path = format!("/v1/posts/{}/delivery", text(&post["id"]));
        for _ in 0..1_000 {
            let receipt = self.json(&author.token, &path).await;
            if receipt["public"]["state"] == "done" {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("the post did not reach the public pages");
    }

    /// What a user reads, as JSON.
    pub(crate) async fn json(&self, token: &str, path: &str) -> Value {
        let answer = self.get(path).bearer_auth(token).send().await;
        body(answer.unwrap(), StatusCode::OK).await
    }

    /// The ids of a page.
    pub(crate) async fn ids(&self, token: &str, path: &str) -> Vec<String> {
        ids(&self.json(token, path).await)
    }

    /// Sets or ends a relation.
    pub(crate) async fn relate(&self, from: &Member, method: Method, kind: &str, to: &Member) {
        let path = format!("/v1/users/{}/{kind}", to.handle);
        let answer = self.request(method, &path).bearer_auth(&from.token);
        let answer = answer.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    }

    pub(crate) async fn follow(&self, from: &Member, to: &Member) {
        self.relate(from, Method::PUT, "follow", to).await;
    }
}

async fn open(folder: &Path, options: EmbeddedOptions) -> Arc<EmbeddedStore> {
    EmbeddedStore::open(folder, options).await.unwrap()
}

/// The JSON of an answer that must have this status.
pub(crate) async fn body(answer: Response, status: StatusCode) -> Value {
    let (got, text) = (answer.status(), answer.text().await.unwrap());
    assert_eq!(got, status, "{text}");
    serde_json::from_str(&text).unwrap()
}

/// The problem of an answer that must have this status and the form of a problem.
pub(crate) async fn problem(answer: Response, status: u16) -> Value {
    let content_type = answer.headers()["content-type"].clone();
    let problem = body(answer, StatusCode::from_u16(status).unwrap()).await;
    assert_eq!(content_type, "application/problem+json");
    assert_eq!(problem["status"], status);
    for field in ["type", "title", "detail"] {
        assert!(problem[field].is_string(), "{problem}");
    }
    problem
}

/// The fields that a problem names.
pub(crate) fn fields(problem: &Value) -> Vec<String> {
    let errors = problem["errors"].as_array().expect("errors");
    errors.iter().map(|error| text(&error["field"])).collect()
}

pub(crate) fn ids(page: &Value) -> Vec<String> {
    let items = page["items"].as_array().expect("a page");
    items.iter().map(|item| text(&item["id"])).collect()
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().expect("a string").to_owned()
}
