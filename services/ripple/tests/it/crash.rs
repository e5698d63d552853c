//! Crashes: clients post while the process is killed at random moments, again and again. The clients'
//! own log is the judge: what was acknowledged is on every page that it belongs to exactly once, and
//! what was not is on all of its pages or on none.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use crate::{
    client::{Client, id_of, queues_are_empty},
    place::Place,
    process::Server,
};

const USERS: usize = 12;
const FOLLOWS_A_USER: usize = 5;
const WRITERS: usize = 8;
const READERS: usize = 2;
const TAGS: usize = 5;
/// Items of a feed document.
const FEED_ITEMS: usize = 50;

/// A post as its client knows it.
#[derive(Clone, Debug)]
struct Attempt {
    /// The idempotency key, and a word that no other post has.
    key: String,
    author: usize,
    tag: usize,
    /// Known when it was acknowledged.
    id: Option<u64>,
    deletion: Deletion,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deletion {
    None,
    Asked,
    Acknowledged,
}

impl Attempt {
    fn request(&self, author: &Client) -> RequestBuilder {
        let text = format!("{} ripples #tag{}", self.key, self.tag);
        let request = author.request(Method::POST, "/v1/posts");
        let request = request.header("Idempotency-Key", &self.key);
        request.json(&json!({"text": text}))
    }
}

/// What the clients have sent in a round.
type Log = Arc<Mutex<Vec<Attempt>>>;

struct World {
    users: Vec<Client>,
    /// Whom each user follows.
    followees: Vec<Vec<usize>>,
    /// Every post that stands after the rounds so far, in the order of ids.
    standing: Vec<(u64, usize, usize)>,
    checked: Checked,
}

/// What was checked, to see that the test tests.
#[derive(Debug, Default)]
struct Checked {
    acknowledged: usize,
    unknown_and_there: usize,
    unknown_and_gone: usize,
    retried: usize,
    deleted: usize,
    pages: usize,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_loses_nothing_and_doubles_nothing() {
    crash_again_and_again(Place::embedded(), 50).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_loses_nothing_and_doubles_nothing_on_redis() {
    crash_again_and_again(Place::redis(), 15).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_loses_nothing_and_doubles_nothing_on_a_cluster() {
    crash_again_and_again(Place::redis_cluster(), 8).await;
}

/// Crashes so often, or as often as `RIPPLE_CRASH_ROUNDS` says.
async fn crash_again_and_again(place: Place, rounds: usize) {
    let wanted = std::env::var("RIPPLE_CRASH_ROUNDS");
    let rounds = wanted.map_or(rounds, |rounds| rounds.parse().unwrap());
    let server = place.start();
    let mut world = World::new(&server.url).await;
    let mut log = world.crash(server, 0).await;
    for round in 1..=rounds {
        if fastrand::u8(..) < 64 {
            place.start_and_kill(Duration::from_millis(fastrand::u64(..150)));
        }
        let server = place.start();
        world.users = world
            .users
            .iter()
            .map(|user| user.at(&server.url))
            .collect();
        world.check_round(&server, &place, log).await;
        if round == rounds {
            world.check_pages(0).await;
            break;
        }
        log = world.crash(server, round).await;
    }
    let checked = &world.checked;
    eprintln!(
        "{rounds} crashes, {} posts stand; {checked:?}",
        world.standing.len()
    );
    assert!(checked.acknowledged > rounds && checked.deleted > 0 && checked.retried > 0);
}

impl World {
    async fn new(url: &str) -> Self {
        let mut users = Vec::new();
        for n in 0..USERS {
            users.push(Client::sign_up(url, &handle(n)).await);
        }
        let mut followees = Vec::new();
        for (n, user) in users.iter().enumerate() {
            let others = (0..USERS).filter(|other| *other != n);
            let chosen = fastrand::choose_multiple(others, FOLLOWS_A_USER);
            for followee in &chosen {
                let path = format!("/v1/users/{}/follow", handle(*followee));
                user.done(Method::PUT, &path).await;
            }
            followees.push(chosen);
        }
        Self {
            users,
            followees,
            standing: Vec::new(),
            checked: Checked::default(),
        }
    }

    /// Lets clients write and read, and kills the server while they do.
    async fn crash(&self, server: Server, round: usize) -> Vec<Attempt> {
        let log = Log::default();
        let mut clients = Vec::new();
        for writer in 0..WRITERS {
            let name = format!("r{round}w{writer}");
            clients.push(tokio::spawn(write(
                self.users.clone(),
                name,
                Arc::clone(&log),
            )));
        }
        for _ in 0..READERS {
            clients.push(tokio::spawn(read_homes(self.users.clone())));
        }
        tokio::time::sleep(Duration::from_millis(fastrand::u64(100..600))).await;
        server.kill();
        for client in clients {
            client.await.unwrap();
        }
        std::mem::take(&mut log.lock().unwrap())
    }

    /// Checks what the clients sent in the last round, after the restart.
    async fn check_round(&mut self, server: &Server, place: &Place, mut log: Vec<Attempt>) {
        let floor = self.standing.last().map_or(0, |(id, ..)| *id);
        // Of what was never acknowledged, a part is sent again, as a client may.
        for attempt in &mut log {
            let is_unknown = attempt.id.is_none() && fastrand::bool();
            let is_certain = attempt.id.is_some() && attempt.deletion == Deletion::None;
            if is_unknown || (is_certain && fastrand::u8(..) < 16) {
                let author = &self.users[attempt.author];
                let (status, post) = author.call(attempt.request(author)).await;
                assert_eq!(status, StatusCode::CREATED, "{post}");
                let id = id_of(&post);
                assert_eq!(
                    *attempt.id.get_or_insert(id),
                    id,
                    "the same key, another post"
                );
                self.checked.retried += 1;
            }
        }
        queues_are_empty(&Client::admin(&server.url, place.data())).await;

        for attempt in log {
            let path = format!("/v1/keywords/{}/posts", attempt.key);
            let found = self.users[0].ids(&path, 0).await;
            let is_there = match (attempt.id, attempt.deletion) {
                (Some(id), Deletion::None) => {
                    self.checked.acknowledged += 1;
                    assert_eq!(found, [id], "{attempt:?}");
                    true
                }
                (Some(_), Deletion::Acknowledged) => {
                    self.checked.deleted += 1;
                    assert!(found.is_empty(), "{attempt:?}");
                    false
                }
                // Either is right; the other pages must say the same.
                (_, _) => {
                    assert!(found.len() <= 1, "{attempt:?}");
                    match found.is_empty() {
                        true => self.checked.unknown_and_gone += 1,
                        false => self.checked.unknown_and_there += 1,
                    }
                    !found.is_empty()
                }
            };
            if is_there {
                self.standing.push((found[0], attempt.author, attempt.tag));
            }
        }
        self.standing.sort_unstable();
        self.check_pages(floor).await;
    }

    /// Checks every page above the post `floor`.
    async fn check_pages(&mut self, floor: u64) {
        for n in 0..USERS {
            let page = format!("/v1/users/{}/posts", handle(n));
            self.check(0, &page, floor, |author, _| author == n).await;
            let followees = self.followees[n].clone();
            let belongs = |author, _| author == n || followees.contains(&author);
            self.check(n, "/v1/timelines/home", floor, belongs).await;
        }
        for n in 0..TAGS {
            let page = format!("/v1/tags/tag{n}/posts");
            self.check(0, &page, floor, |_, tag| tag == n).await;
            self.check_feed(&format!("/tags/tag{n}/feed.json"), |tag| tag == n)
                .await;
        }
        self.check(0, "/v1/timelines/public", floor, |_, _| true)
            .await;
        self.check_feed("/public/feed.json", |_| true).await;
    }

    async fn check(
        &mut self,
        reader: usize,
        page: &str,
        floor: u64,
        belongs: impl Fn(usize, usize) -> bool,
    ) {
        let newest = self
            .standing
            .iter()
            .rev()
            .take_while(|(id, ..)| *id > floor);
        let expected = newest.filter(|(_, author, tag)| belongs(*author, *tag));
        let expected: Vec<u64> = expected.map(|(id, ..)| *id).collect();
        let shown = self.users[reader].ids(page, floor).await;
        assert_eq!(shown, expected, "{page} of {}", handle(reader));
        self.checked.pages += 1;
    }

    async fn check_feed(&mut self, feed: &str, belongs: impl Fn(usize) -> bool) {
        let newest = self
            .standing
            .iter()
            .rev()
            .filter(|(_, _, tag)| belongs(*tag));
        let expected: Vec<u64> = newest.take(FEED_ITEMS).map(|(id, ..)| *id).collect();
        let document = self.users[0].get(feed).await;
        let items = document["items"].as_array().unwrap();
        let shown: Vec<u64> = items.iter().map(item_id).collect();
        assert_eq!(shown, expected, "{feed}");
        self.checked.pages += 1;
    }
}

fn handle(n: usize) -> String {
    format!("user{n}")
}

/// The post of a feed item, from the end of its `tag:` id.
fn item_id(item: &Value) -> u64 {
    let id = item["id"].as_str().unwrap();
    let digits = id.rsplit(|c: char| !c.is_ascii_digit()).next().unwrap();
    digits.parse().unwrap()
}

/// Publishes, and sometimes deletes, until the server is gone.
async fn write(users: Vec<Client>, name: String, log: Log) {
    let mut mine = Vec::new();
    for n in 0.. {
        let attempt = Attempt {
            key: format!("{name}n{n}"),
            author: fastrand::usize(..users.len()),
            tag: fastrand::usize(..TAGS),
            id: None,
            deletion: Deletion::None,
        };
        let place = {
            let mut log = log.lock().unwrap();
            log.push(attempt.clone());
            log.len() - 1
        };
        let sent = attempt.request(&users[attempt.author]).send().await;
        let Ok(answer) = sent else { return };
        if answer.status() != StatusCode::CREATED {
            return;
        }
        let Ok(post) = answer.json::<Value>().await else {
            return;
        };
        log.lock().unwrap()[place].id = Some(id_of(&post));
        mine.push(place);
        if fastrand::u8(..) < 32 {
            let place = mine.swap_remove(fastrand::usize(..mine.len()));
            if delete(&users, &log, place).await.is_none() {
                return;
            }
        }
        tokio::time::sleep(Duration::from_millis(fastrand::u64(..30))).await;
    }
}

/// Deletes the post at a place of the log; `None` when the server is gone.
async fn delete(users: &[Client], log: &Log, place: usize) -> Option<()> {
    let (author, id) = {
        let attempt = &mut log.lock().unwrap()[place];
        attempt.deletion = Deletion::Asked;
        (attempt.author, attempt.id?)
    };
    let request = users[author].request(Method::DELETE, &format!("/v1/posts/{id}"));
    let answer = request.send().await.ok()?;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    log.lock().unwrap()[place].deletion = Deletion::Acknowledged;
    Some(())
}

/// Reads home timelines, so that posts are pushed to warm ones, until the server is gone.
async fn read_homes(users: Vec<Client>) {
    loop {
        let reader = &users[fastrand::usize(..users.len())];
        let request = reader.request(Method::GET, "/v1/timelines/home");
        if request.send().await.is_err() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
