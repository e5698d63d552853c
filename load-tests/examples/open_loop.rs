//! Posts and reads against a running server at a fixed rate, and the latencies of each tier.
//!
//! Requests leave on schedule whatever the answers do, and a latency counts from the scheduled moment,
//! so a stall of the server shows in full.
//!
//! ```text
//! ripple serve --rate-limit off --data /tmp/world
//! cargo run --release -p ripple-load-tests --example open_loop -- http://127.0.0.1:8080
//! ```

#![expect(
    clippy::unwrap_used,
    reason = "a measurement that cannot be made says so and stops"
)]

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::{Value, json};

const USERS: usize = 1_000;
const FOLLOWS: usize = 20;
const POSTS_PER_S: u32 = 1_000;
const READS_PER_S: u32 = 5_000;
const SECONDS: u32 = 20;
/// One post in so many is followed through every tier.
const SAMPLED: usize = 50;

#[tokio::main]
async fn main() {
    let url = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "http://127.0.0.1:8080".into());
    let client = Client::builder().tcp_nodelay(true).build().unwrap();
    let world = Arc::new(World { client, url });
    let tokens = Arc::new(world.people().await);

    let samples = Arc::new(Mutex::new(Vec::new()));
    let posts = {
        let (world, tokens, samples) = (
            Arc::clone(&world),
            Arc::clone(&tokens),
            Arc::clone(&samples),
        );
        open_loop(POSTS_PER_S, SECONDS, move |number| {
            let token = tokens[number * 7 % USERS].clone();
            let (world, samples) = (Arc::clone(&world), Arc::clone(&samples));
            async move {
                let text = format!(
                    "Post {number} about #tag{} and #러스트 for all who read",
                    number % 97
                );
                let answer = world
                    .post("/v1/posts", &token)
                    .json(&json!({ "text": text }))
                    .send();
                let answer = answer.await.ok()?;
                let accepted = answer.status() == StatusCode::CREATED;
                if accepted && number % SAMPLED == 0 {
                    let post: Value = answer.json().await.ok()?;
                    samples
                        .lock()
                        .unwrap()
                        .push((post["id"].as_str()?.to_owned(), token));
                }
                accepted.then_some(())
            }
        })
    };
    print("accept a post", POSTS_PER_S, &posts.await);
    world.print_tiers(&samples).await;

    let reads = {
        let (world, tokens) = (Arc::clone(&world), Arc::clone(&tokens));
        open_loop(READS_PER_S, SECONDS, move |number| {
            let token = tokens[number * 13 % USERS].clone();
            let world = Arc::clone(&world);
            async move {
                let page = world
                    .get("/v1/timelines/home?limit=20", &token)
                    .send()
                    .await
                    .ok()?;
                let page = page.error_for_status().ok()?;
                page.bytes().await.ok().map(|_| ())
            }
        })
    };
    print("read a home page", READS_PER_S, &reads.await);
}

struct World {
    client: Client,
    url: String,
}

impl World {
    fn post(&self, path: &str, token: &str) -> RequestBuilder {
        self.client
            .post(format!("{}{path}", self.url))
            .bearer_auth(token)
    }

    fn get(&self, path: &str, token: &str) -> RequestBuilder {
        self.client
            .get(format!("{}{path}", self.url))
            .bearer_auth(token)
    }

    /// Signs people up, each following some others; their tokens.
    async fn people(&self) -> Vec<String> {
        let run = std::process::id();
        let mut tokens = Vec::with_capacity(USERS);
        for user in 0..USERS {
            let new = json!({ "handle": format!("r{run}_{user}") });
            let answer = self
                .client
                .post(format!("{}/v1/users", self.url))
                .json(&new)
                .send();
            let answer: Value = answer
                .await
                .unwrap()
                .error_for_status()
                .unwrap()
                .json()
                .await
                .unwrap();
            tokens.push(answer["token"].as_str().unwrap().to_owned());
        }
        for (user, token) in tokens.iter().enumerate() {
            for step in 1..=FOLLOWS {
                let followee = (user + step * step) % USERS;
                let path = format!("{}/v1/users/r{run}_{followee}/follow", self.url);
                let answer = self
                    .client
                    .put(path)
                    .bearer_auth(token)
                    .send()
                    .await
                    .unwrap();
                answer.error_for_status().unwrap();
            }
            self.get("/v1/timelines/home", token)
                .send()
                .await
                .unwrap()
                .error_for_status()
                .unwrap();
        }
        tokens
    }

    /// Prints what the receipts of the sampled posts say.
    async fn print_tiers(&self, samples: &Mutex<Vec<(String, String)>>) {
        let samples = std::mem::take(&mut *samples.lock().unwrap());
        for tier in ["author", "followers", "public"] {
            let mut latencies = histogram();
            for (post, token) in &samples {
                let stage = self.done(post, token, tier).await;
                latencies.saturating_record(stage["latency_ms"].as_u64().unwrap_or(0) * 1_000);
            }
            println!("{}", line(&format!("receipts, {tier} tier"), &latencies));
        }
    }

    async fn done(&self, post: &str, token: &str, tier: &str) -> Value {
        let path = format!("/v1/posts/{post}/delivery");
        let begun = Instant::now();
        loop {
            let answer = self.get(&path, token).send().await.unwrap();
            let receipt: Value = answer.json().await.unwrap();
            if receipt[tier]["state"] == "done" {
                return receipt[tier].clone();
            }
            assert!(
                begun.elapsed() < Duration::from_secs(60),
                "{tier} of {post}: {receipt}"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

struct Measured {
    latencies: Histogram<u64>,
    failed: usize,
}

/// Sends `per_s` requests a second for `seconds`.
async fn open_loop<F>(per_s: u32, seconds: u32, request: impl Fn(usize) -> F) -> Measured
where
    F: Future<Output = Option<()>> + Send + 'static,
{
    let begun = Instant::now();
    // A thread's sleep is exact to some ten microseconds; the runtime's timer counts in milliseconds,
    // and half of one would be added to every latency.
    let requests: Vec<_> = tokio::task::block_in_place(|| {
        let requests = (0..per_s * seconds).map(|number| {
            let due = begun + Duration::from_secs(1) * number / per_s;
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            let request = request(number as usize);
            tokio::spawn(async move {
                let answered = request.await.is_some();
                (answered, due.elapsed())
            })
        });
        requests.collect()
    });
    let mut measured = Measured {
        latencies: histogram(),
        failed: 0,
    };
    for request in requests {
        let (answered, latency) = request.await.unwrap();
        measured
            .latencies
            .saturating_record(u64::try_from(latency.as_micros()).unwrap());
        measured.failed += usize::from(!answered);
    }
    measured
}

fn histogram() -> Histogram<u64> {
    Histogram::new_with_max(600_000_000, 3).unwrap()
}

fn print(what: &str, per_s: u32, measured: &Measured) {
    let what = format!("{what}, {per_s}/s, {} failed", measured.failed);
    println!("{}", line(&what, &measured.latencies));
}

fn line(what: &str, latencies: &Histogram<u64>) -> String {
    #[expect(clippy::cast_precision_loss, reason = "a latency to be shown")]
    let ms = |quantile| latencies.value_at_quantile(quantile) as f64 / 1_000.0;
    format!(
        "{what:42} p50 {:8.2} ms  p99 {:8.2} ms  p99.9 {:8.2} ms  max {:8.2} ms",
        ms(0.5),
        ms(0.99),
        ms(0.999),
        ms(1.0)
    )
}
