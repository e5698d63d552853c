//! An HTTP proxy that lies: pages come back with a post missing, or with one twice, or a post is stored
//! twice.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{Method, StatusCode},
    response::{IntoResponse, Response},
};
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinHandle};

/// What the proxy does, to long pages of home timelines where nothing else is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lie {
    None,
    /// Leaves a post out, the same one on every page.
    Drop,
    /// The same, of the public page.
    DropPublic,
    /// The same, of the feeds of tags.
    DropFeed,
    /// Shows a post twice, the same one on every page.
    Double,
    /// Has the first post stored twice, as where a server forgets what it was sent before.
    Again,
}

/// A proxy in front of a server. It ends when it is dropped.
pub(crate) struct Proxy {
    pub(crate) url: String,
    serving: JoinHandle<()>,
}

#[derive(Clone)]
struct Liar {
    client: reqwest::Client,
    server: String,
    lie: Lie,
    /// The post that is lied about: the first on the first page that has one.
    victim: Arc<Mutex<Option<String>>>,
}

impl Proxy {
    pub(crate) async fn start(server: &str, lie: Lie) -> Self {
        let liar = Liar {
            client: reqwest::Client::new(),
            server: server.to_owned(),
            lie,
            victim: Arc::default(),
        };
        let router = Router::new().fallback(pass_on).with_state(liar);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, serving }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn pass_on(State(liar): State<Liar>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let target = head.uri.path_and_query().unwrap().as_str();
    let is_lied_about = head.method == Method::GET && liar.lie.is_about(target);
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let is_post = head.method == Method::POST && target == "/v1/posts";
    let mut passed = liar
        .client
        .request(head.method, format!("{}{target}", liar.server));
    for (name, value) in head.headers.iter().filter(|(name, _)| *name != "host") {
        if name != "idempotency-key" {
            passed = passed.header(name, value);
        }
    }
    if liar.is_to_repeat(is_post) {
        let copy = passed.try_clone().unwrap().body(body.clone());
        assert!(copy.send().await.unwrap().status().is_success());
    }
    if let Some(key) = head.headers.get("idempotency-key") {
        passed = passed.header("idempotency-key", key);
    }
    let Ok(answer) = passed.body(body).send().await else {
        return StatusCode::BAD_GATEWAY.into_response();
    };
    let status = answer.status();
    let headers = answer.headers().clone();
    let body = answer.bytes().await.unwrap_or_default();
    let body = match is_lied_about && status.is_success() {
        true => liar.change(&body),
        false => body,
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let kept = headers
        .into_iter()
        .filter_map(|(name, value)| Some((name?, value)));
    let kept = kept.filter(|(name, _)| name != "content-length" && name != "transfer-encoding");
    response.headers_mut().extend(kept);
    response
}

impl Lie {
    fn is_about(self, target: &str) -> bool {
        let is_long = target.contains("limit=100");
        match self {
            Self::Again => false,
            Self::DropFeed => target.starts_with("/tags/") && target.ends_with("/feed.json"),
            Self::DropPublic => is_long && target.starts_with("/v1/timelines/public"),
            Self::None | Self::Drop | Self::Double => {
                is_long && target.starts_with("/v1/timelines/home")
            }
        }
    }
}

impl Liar {
    /// Whether this is the first post where it is to be stored twice.
    fn is_to_repeat(&self, is_post: bool) -> bool {
        let mut victim = self.victim.lock().unwrap();
        let is_first = is_post && self.lie == Lie::Again && victim.is_none();
        if is_first {
            *victim = Some("the first".into());
        }
        is_first
    }

    fn change(&self, body: &Bytes) -> Bytes {
        let mut page: Value = serde_json::from_slice(body).unwrap();
        let items = page["items"].as_array_mut().unwrap();
        let mut victim = self.victim.lock().unwrap();
        if let (None, Some(first)) = (&*victim, items.first()) {
            *victim = Some(first["id"].as_str().unwrap().to_owned());
        }
        let is_victim = |item: &Value| item["id"].as_str() == victim.as_deref();
        match self.lie {
            Lie::None | Lie::Again => {}
            Lie::Drop | Lie::DropPublic | Lie::DropFeed => items.retain(|item| !is_victim(item)),
            Lie::Double => {
                if let Some(place) = items.iter().position(is_victim) {
                    items.insert(place, items[place].clone());
                }
            }
        }
        serde_json::to_vec(&page).unwrap().into()
    }
}
