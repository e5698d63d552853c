//! Sends what was drawn, and notes what came of it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use reqwest::{
    Method, RequestBuilder, Response, StatusCode,
    header::{ETAG, HeaderValue, IF_NONE_MATCH},
};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::{Semaphore, mpsc::UnboundedSender};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    draw::{Ask, Post},
    ledger::{Ledger, Perhaps},
    people::People,
    record::{Outcome, Recorder},
};
use crate::{
    api::Api,
    population::{Text, handle},
    scenario::Operation,
};

/// How long after a lost answer a post is sent again, at first and at most.
const RESEND: Duration = Duration::from_millis(100);
const RESEND_MAX: Duration = Duration::from_secs(2);

/// A post that was accepted and is to be looked for.
#[derive(Clone, Debug)]
pub(crate) struct Sighting {
    /// Its id.
    pub(crate) id: u64,
    /// Its author.
    pub(crate) author: u32,
    /// What it was posted as.
    pub(crate) operation: Operation,
    /// Its number among the posts of that operation: the same in each run with the same seed.
    pub(crate) number: u64,
    /// Its text, with tag and keyword.
    pub(crate) text: Text,
    /// When the answer had arrived.
    pub(crate) accepted: Instant,
}

/// Sends requests.
pub(crate) struct Sender {
    pub(crate) api: Api,
    pub(crate) herd_api: Api,
    pub(crate) people: Arc<People>,
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) begin: Instant,
    /// Where posts go that are to be looked for.
    pub(crate) watch: UnboundedSender<Sighting>,
    pub(crate) connections: Semaphore,
    pub(crate) herd_connections: Semaphore,
    pub(crate) etags: Mutex<HashMap<String, HeaderValue>>,
    /// Posts that are sent again until their fate is known.
    pub(crate) resending: TaskTracker,
    /// Nothing is waited for any more.
    pub(crate) give_up: CancellationToken,
}

/// The part of a post that is used.
#[derive(Deserialize)]
struct Created {
    id: String,
}

impl Sender {
    /// Sends a request that was due at a moment, and waits for its answer until all is given up.
    pub(crate) async fn send(self: Arc<Self>, operation: Operation, ask: Ask, due: Instant) {
        let answer = self.answer(operation, ask, due);
        if self.give_up.run_until_cancelled(answer).await.is_none() {
            // One that is late counts as bad, and not as one that there never was.
            let unanswered = Outcome::Failed("unanswered");
            self.recorder.record(operation, due, unanswered);
        }
    }

    async fn answer(self: &Arc<Self>, operation: Operation, ask: Ask, due: Instant) {
        let (api, connections) = match operation {
            Operation::Herd => (&self.herd_api, &self.herd_connections),
            _ => (&self.api, &self.connections),
        };
        let Ok(_place) = connections.acquire().await else {
            return;
        };
        let outcome = match ask {
            Ask::Post(post) => return self.post(operation, post, due).await,
            Ask::Home(user) => {
                let outcome = match self.people.token(user) {
                    Some(token) => {
                        let path = "/v1/timelines/home?limit=20";
                        self.read(api.of(token, Method::GET, path)).await
                    }
                    None => Outcome::Failed("no token"),
                };
                if outcome == Outcome::Good {
                    self.people.set_warm(user);
                }
                outcome
            }
            Ask::Page(path) => self.read(self.api.request(Method::GET, &path)).await,
            Ask::Feed(path) => self.feed(path).await,
            Ask::Follow(follower, followee) => match self.people.token(follower) {
                Some(token) => {
                    let path = format!("/v1/users/{}/follow", handle(followee));
                    self.read(self.api.of(token, Method::PUT, &path)).await
                }
                None => Outcome::Failed("no token"),
            },
        };
        self.recorder.record(operation, due, outcome);
    }

    async fn read(&self, request: RequestBuilder) -> Outcome {
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => return failure(&error),
        };
        let status = answer.status();
        match answer.bytes().await {
            Ok(_) if status.is_success() => Outcome::Good,
            Ok(_) => Outcome::Status(status.as_u16()),
            Err(error) => failure(&error),
        }
    }

    async fn feed(&self, path: String) -> Outcome {
        let mut request = self.api.request(Method::GET, &path);
        let known = self.etags().get(&path).cloned();
        if let Some(etag) = known {
            request = request.header(IF_NONE_MATCH, etag);
        }
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => return failure(&error),
        };
        let status = answer.status();
        let etag = answer.headers().get(ETAG).cloned();
        match answer.bytes().await {
            Ok(_) if status == StatusCode::NOT_MODIFIED => Outcome::Good,
            Ok(_) if status.is_success() => {
                if let Some(etag) = etag {
                    self.etags().insert(path, etag);
                }
                Outcome::Good
            }
            Ok(_) => Outcome::Status(status.as_u16()),
            Err(error) => failure(&error),
        }
    }

    fn etags(&self) -> MutexGuard<'_, HashMap<String, HeaderValue>> {
        self.etags.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn post(self: &Arc<Self>, operation: Operation, post: Post, due: Instant) {
        // From now on it may be there.
        self.ledger.doubt(&post.text.text, Perhaps::Uncertain);
        let (outcome, id) = self.publish(&post).await;
        self.recorder.record(operation, due, outcome);
        if let Some(id) = id {
            let accepted = Instant::now();
            let is_measured = due >= self.begin;
            self.ledger
                .accept(id, post.author, &post.text, accepted, is_measured);
            if post.is_watched && is_measured {
                // Nobody looks where the run is at its end.
                let _ = self.watch.send(Sighting {
                    id,
                    author: post.author,
                    operation,
                    number: post.number,
                    text: post.text,
                    accepted,
                });
            }
        } else if !self.settle(&post, outcome) {
            let sender = Arc::clone(self);
            self.resending.spawn(async move {
                let resend = sender.resend(post);
                sender.give_up.run_until_cancelled(resend).await
            });
        }
    }

    /// Notes what an answer without a post says about its fate; whether that is settled with it.
    fn settle(&self, post: &Post, outcome: Outcome) -> bool {
        match outcome {
            // Refused for load. A 503 may also come from a store that broke off in the middle.
            Outcome::Status(503) => self.ledger.doubt(&post.text.text, Perhaps::Refused),
            // The first request with the same key is still under way.
            Outcome::Status(409) => return false,
            Outcome::Status(status) if status < 500 => self.ledger.forget(&post.text.text),
            _ => return false,
        }
        true
    }

    /// Sends a post with the same key again until its fate is known.
    async fn resend(&self, post: Post) {
        let mut pause = RESEND;
        loop {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(RESEND_MAX);
            let Ok(_place) = self.connections.acquire().await else {
                return;
            };
            match self.publish(&post).await {
                (_, Some(id)) => {
                    let now = Instant::now();
                    return self.ledger.accept(id, post.author, &post.text, now, false);
                }
                // What was asked before may have been stored; this answer is about this one alone.
                (Outcome::Status(429 | 503), None) => {}
                (outcome, None) => {
                    if self.settle(&post, outcome) {
                        return;
                    }
                }
            }
        }
    }

    async fn publish(&self, post: &Post) -> (Outcome, Option<u64>) {
        let Some(token) = self.people.token(post.author) else {
            return (Outcome::Failed("no token"), None);
        };
        let Text { text, language, .. } = &post.text;
        let request = self.api.of(token, Method::POST, "/v1/posts");
        let request = request.header("Idempotency-Key", &post.key);
        let request = request.json(&json!({ "text": text, "language": language }));
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => return (failure(&error), None),
        };
        let status = answer.status();
        if status != StatusCode::CREATED {
            // Read to its end, so that the connection can be used again.
            let _ = answer.bytes().await;
            return (Outcome::Status(status.as_u16()), None);
        }
        match created(answer).await {
            Ok(Some(id)) => (Outcome::Good, Some(id)),
            Ok(None) => (Outcome::Failed("no id"), None),
            Err(error) => (failure(&error), None),
        }
    }
}

async fn created(answer: Response) -> Result<Option<u64>, reqwest::Error> {
    let body = answer.bytes().await?;
    let created: Option<Created> = serde_json::from_slice(&body).ok();
    Ok(created.and_then(|created| created.id.parse().ok()))
}

fn failure(error: &reqwest::Error) -> Outcome {
    Outcome::Failed(match error {
        error if error.is_connect() => "connect",
        error if error.is_timeout() => "timeout",
        _ => "broken off",
    })
}
