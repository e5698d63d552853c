//! What each request asks for. It depends on the seed and on the request's number alone, so that a run
//! sends the same whatever the answers do.

use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{
    lot::{self, Purpose},
    people::People,
    schedule::Due,
};
use crate::{
    population::{Text, Texts, handle},
    scenario::Operation,
};

/// What a request asks for.
#[derive(Clone, Debug)]
pub(crate) enum Ask {
    /// To publish a text in a user's name.
    Post(Post),
    /// A user's home page.
    Home(u32),
    /// A page that everybody may read.
    Page(String),
    /// A feed document.
    Feed(String),
    /// That a user follows another.
    Follow(u32, u32),
}

/// A post to be made.
#[derive(Clone, Debug)]
pub(crate) struct Post {
    /// The author.
    pub(crate) author: u32,
    /// The text.
    pub(crate) text: Text,
    /// Its idempotency key.
    pub(crate) key: String,
    /// Its number among the posts of its operation.
    pub(crate) number: u64,
    /// Whether it is looked for.
    pub(crate) is_watched: bool,
}

/// Draws requests.
pub(crate) struct Draw {
    people: Arc<People>,
    seed: u64,
    /// Digits, in texts and keys, so that they differ from those of another run on the same server.
    run: String,
    texts: Texts,
    /// Tags and keywords of texts, as frequent as in texts.
    tags: Vec<String>,
    keywords: Vec<String>,
    /// Seconds between two posts that are looked for.
    watch_gap_s: f64,
    next_watched_s: f64,
}

/// What RFC 3986 calls unreserved may stand in a path as it is.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A text as a segment of a path.
pub(crate) fn segment(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// How many texts the tags and keywords that are read come from.
const TEXTS_READ: u64 = 2_000;

impl Draw {
    /// Draws for these people.
    pub(crate) fn new(people: Arc<People>, seed: u64, run: &str, watched_per_s: f64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed ^ 0x7461_6773);
        let texts = Texts::new(seed);
        let drawn: Vec<Text> = (0..TEXTS_READ).map(|_| texts.next(&mut rng)).collect();
        Self {
            people,
            seed,
            run: run.to_owned(),
            texts,
            tags: drawn.iter().filter_map(|text| text.tag.clone()).collect(),
            keywords: drawn.into_iter().filter_map(|text| text.keyword).collect(),
            watch_gap_s: 1.0 / watched_per_s,
            next_watched_s: 0.0,
        }
    }

    /// What a request asks for; nothing where the world has nobody who could.
    pub(crate) fn draw(&mut self, due: Due) -> Option<Ask> {
        let mut rng = lot::rng(self.seed, Purpose::Request, due.operation, due.number);
        let people = Arc::clone(&self.people);
        let any = |users: &[u32], rng: &mut fastrand::Rng| rng.choice(users).copied();
        Some(match due.operation {
            Operation::Post => self.post(due, any(&people.active, &mut rng)?, &mut rng),
            Operation::Celebrity => self.post(due, people.graph.most_followed(), &mut rng),
            Operation::Home => Ask::Home(any(&people.regulars, &mut rng)?),
            Operation::Tag => Ask::Page(format!(
                "/v1/tags/{}/posts",
                segment(rng.choice(&self.tags)?)
            )),
            Operation::Keyword => {
                let keyword = segment(rng.choice(&self.keywords)?);
                Ask::Page(format!("/v1/keywords/{keyword}/posts"))
            }
            Operation::Feed => Ask::Feed(match rng.u8(..3) {
                0 => "/public/feed.atom".into(),
                1 => format!("/tags/{}/feed.atom", segment(rng.choice(&self.tags)?)),
                _ => format!(
                    "/users/{}/feed.atom",
                    handle(any(&people.active, &mut rng)?)
                ),
            }),
            Operation::Follow => {
                let follower = any(&people.followers, &mut rng)?;
                let followee = any(&people.active, &mut rng)?;
                // Nobody can follow himself; the most followed user is none of those who follow.
                let is_other = followee != follower;
                let most_followed = people.graph.most_followed();
                Ask::Follow(follower, if is_other { followee } else { most_followed })
            }
            Operation::Herd => {
                // Each comes once, as he is warm from then on.
                let place = usize::try_from(due.number).ok()?;
                Ask::Home(*people.cold.get(place)?)
            }
        })
    }

    fn post(&mut self, due: Due, author: u32, rng: &mut fastrand::Rng) -> Ask {
        let is_celebrity = due.operation == Operation::Celebrity;
        let is_next = due.at_s >= self.next_watched_s && self.watch_gap_s.is_finite();
        if is_next && !is_celebrity {
            self.next_watched_s = (due.at_s - self.watch_gap_s).max(self.next_watched_s);
            self.next_watched_s += self.watch_gap_s;
        }
        let mut text = self.texts.next(rng);
        // A number makes no page, but makes the text one that nobody else writes.
        let Due { number, .. } = due;
        text.text += &format!(" {}{}{number:08}", self.run, due.operation.index());
        Ask::Post(Post {
            author,
            text,
            key: format!("{}-{}-{number}", self.run, due.operation.name()),
            number,
            is_watched: is_next || (is_celebrity && due.at_s >= 0.0),
        })
    }
}
