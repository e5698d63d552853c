//! What writes one post to the home timelines of all its author's followers: Ripple's two stores, plain
//! Redis lists, and memory without anything around it. `run` starts this, and says what is measured.
//!
//! It makes ready, says so, and does what it reads from its input line by line:
//!
//! - `round WAY POSTS` pushes so many posts and answers `deliveries seconds`;
//! - `memory` answers `bytes entries`, of all home timelines together.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a measurement that cannot be made says so and stops"
)]

mod ceiling;
mod engine;
mod plain_redis;
mod ripple;

use std::{env, io, time::Instant};

use async_trait::async_trait;

/// Entries of a full home timeline.
const ENTRIES_MAX: u32 = 800;
/// Entries of a timeline at the start. They are not all full at the same moment.
const ENTRIES: u32 = 790;

/// What can be measured.
#[async_trait]
trait Participant {
    /// Pushes so many posts to all followers, in one of the ways that the participant has.
    async fn round(&mut self, way: &str, posts: u32);

    /// The memory of all home timelines, in bytes.
    async fn memory_bytes(&mut self) -> u64;
}

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (name, followers, address) = match arguments[..] {
        [name, followers] => (name, followers.parse().unwrap(), ""),
        [name, followers, address] => (name, followers.parse().unwrap(), address),
        _ => {
            panic!("usage: side_by_side NAME FOLLOWERS [ADDRESS]; see load-tests/side-by-side/run")
        }
    };
    let mut participant: Box<dyn Participant> = match name {
        "ceiling" => Box::new(ceiling::Ceiling::new(followers)),
        "engine" => Box::new(engine::Engine::new(followers)),
        "embedded" => Box::new(ripple::Service::embedded(followers).await),
        "redis" => Box::new(ripple::Service::redis(followers, address).await),
        "redis-pushes" => Box::new(ripple::Pushes::new(followers, address).await),
        "plain-redis" => Box::new(plain_redis::PlainRedis::new(followers, address).await),
        other => panic!("nothing is called {other}"),
    };
    println!("ready");
    for line in io::stdin().lines() {
        let line = line.unwrap();
        match line.split(' ').collect::<Vec<_>>()[..] {
            ["round", way, posts] => {
                let posts = posts.parse().unwrap();
                let begun = Instant::now();
                participant.round(way, posts).await;
                let seconds = begun.elapsed().as_secs_f64();
                println!("{} {seconds}", u64::from(posts) * u64::from(followers));
            }
            ["memory"] => {
                let entries = u64::from(followers) * u64::from(ENTRIES_MAX);
                println!("{} {entries}", participant.memory_bytes().await);
            }
            _ => panic!("what is '{line}'?"),
        }
    }
}
