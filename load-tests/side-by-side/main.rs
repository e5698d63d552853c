//! What writes one post to the home timelines of all its author's followers: Ripple's two stores, plain
//! Redis lists, and memory without anything around it. `run` starts this, and says what is measured.
//!
//! It makes ready, says so, and does what it reads from its input line by line:
//!
//! - `round WAY POSTS` pushes so many posts and answers `deliveries seconds`;
//! - `memory` answers `bytes entries`, of all home timelines together.
//!
//! What cannot be measured ends it, with the reason on its standard error.

mod ceiling;
mod engine;
mod plain_redis;
mod ripple;

use std::{error::Error, io, process::ExitCode, time::Instant};

use async_trait::async_trait;
use clap::{Parser, ValueEnum};

/// Entries of a full home timeline.
const ENTRIES_MAX: u32 = 800;
/// Entries of a timeline at the start. They are not all full at the same moment.
const ENTRIES: u32 = 790;

type Result<T = ()> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// What can be measured.
#[async_trait]
trait Participant {
    /// Pushes so many posts to all followers, in one of the ways that the participant has.
    async fn round(&mut self, way: &str, posts: u32) -> Result;

    /// The memory of all home timelines, in bytes.
    async fn memory_bytes(&mut self) -> Result<u64>;
}

/// Pushes posts as it is told on its input.
#[derive(Parser)]
struct Args {
    /// What is measured.
    name: Name,
    /// The author's followers.
    followers: u32,
    /// The address of a Redis server, where one is needed.
    address: Option<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Name {
    Ceiling,
    Engine,
    Embedded,
    Redis,
    RedisPushes,
    PlainRedis,
}

#[tokio::main]
async fn main() -> ExitCode {
    match measure(&Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn measure(args: &Args) -> Result {
    let ready = participant(args).await;
    let mut participant = ready.map_err(|error| format!("cannot make ready: {error}"))?;
    println!("ready");
    for line in io::stdin().lines() {
        let line = line?;
        let answer = answer(&mut *participant, args.followers, &line).await;
        let answer = answer.map_err(|error| format!("'{line}' cannot be done: {error}"))?;
        println!("{answer}");
    }
    Ok(())
}

async fn participant(args: &Args) -> Result<Box<dyn Participant>> {
    let followers = args.followers;
    let address = || {
        let address = args.address.as_deref();
        address.ok_or("the address of a Redis server is missing")
    };
    Ok(match args.name {
        Name::Ceiling => Box::new(ceiling::Ceiling::new(followers)?),
        Name::Engine => Box::new(engine::Engine::new(followers)?),
        Name::Embedded => Box::new(ripple::Service::embedded(followers).await?),
        Name::Redis => Box::new(ripple::Service::redis(followers, address()?).await?),
        Name::RedisPushes => Box::new(ripple::Pushes::new(followers, address()?).await?),
        Name::PlainRedis => Box::new(plain_redis::PlainRedis::new(followers, address()?).await?),
    })
}

/// Does what a line says.
async fn answer(participant: &mut dyn Participant, followers: u32, line: &str) -> Result<String> {
    match line.split(' ').collect::<Vec<_>>()[..] {
        ["round", way, posts] => {
            let posts = posts.parse()?;
            let begun = Instant::now();
            participant.round(way, posts).await?;
            let seconds = begun.elapsed().as_secs_f64();
            let deliveries = u64::from(posts) * u64::from(followers);
            Ok(format!("{deliveries} {seconds}"))
        }
        ["memory"] => {
            let bytes = participant.memory_bytes().await?;
            let entries = u64::from(followers) * u64::from(ENTRIES_MAX);
            Ok(format!("{bytes} {entries}"))
        }
        _ => Err("nothing is called so".into()),
    }
}
