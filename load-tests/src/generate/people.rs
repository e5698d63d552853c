//! The people of a run: who posts, who reads, who may be looked at.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use reqwest::header::{HeaderValue, InvalidHeaderValue};

use crate::{api::bearer, population::Graph, scenario::WorldSpec};

/// Of so many active users, one only follows: his home timeline is looked at by nobody, as a follow
/// changes what belongs there.
const FOLLOWS_ONE_IN: usize = 20;

/// Who is active in a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Place {
    /// In the list of tokens, from 1 on; 0 for users who do nothing.
    token: u32,
    /// Whether follows are sent in his name.
    follows: bool,
}

/// The people of a run.
#[derive(Debug)]
pub struct People {
    /// Who follows whom.
    pub graph: Arc<Graph>,
    /// Users who post and read, drawn by lot.
    pub active: Vec<u32>,
    /// Of those, who follow in the run.
    pub followers: Vec<u32>,
    /// Of those, who read their home timelines before it, and not in herds.
    pub regulars: Vec<u32>,
    tokens: Vec<HeaderValue>,
    places: Vec<Place>,
    warm: Vec<AtomicBool>,
}

impl People {
    /// Who is to be active: the most followed user, the last of his followers, and others by lot.
    pub fn choose(graph: &Graph, spec: &WorldSpec, seed: u64) -> Vec<u32> {
        let users = graph.users();
        let celebrity = graph.most_followed();
        let mut chosen = vec![celebrity];
        chosen.extend(graph.followers_of(celebrity).last());
        let mut others: Vec<u32> = (0..users).filter(|user| !chosen.contains(user)).collect();
        fastrand::Rng::with_seed(seed).shuffle(&mut others);
        let active = spec.active.unwrap_or(users).max(2) as usize;
        others.truncate(active.saturating_sub(chosen.len()));
        chosen.extend(others);
        chosen
    }

    /// The chosen users with their tokens, in the same order.
    pub fn new(
        graph: Arc<Graph>,
        active: Vec<u32>,
        tokens: &[String],
        spec: &WorldSpec,
    ) -> Result<Self, InvalidHeaderValue> {
        let tokens: Vec<HeaderValue> = tokens
            .iter()
            .map(|token| bearer(token))
            .collect::<Result<_, _>>()?;
        let mut places = vec![Place::default(); graph.users() as usize];
        // Not the first two: the most followed user, and the last of his followers.
        let follows = |place: usize| place > 1 && place % FOLLOWS_ONE_IN == FOLLOWS_ONE_IN - 1;
        for (place, user) in active.iter().enumerate() {
            places[*user as usize] = Place {
                token: u32::try_from(place + 1).unwrap_or(0),
                follows: follows(place),
            };
        }
        let is_follower = |user: &u32| places[*user as usize].follows;
        let (followers, others): (Vec<u32>, Vec<u32>) = active.iter().partition(|u| is_follower(u));
        let warm = spec.warm.map_or(others.len(), |warm| warm as usize);
        let regulars = others.iter().copied().take(warm).collect();
        Ok(Self {
            warm: (0..graph.users()).map(|_| AtomicBool::new(false)).collect(),
            graph,
            followers,
            regulars,
            active,
            tokens,
            places,
        })
    }

    /// The `Authorization` of an active user.
    pub fn token(&self, user: u32) -> Option<&HeaderValue> {
        let place = self.places.get(user as usize)?.token as usize;
        self.tokens.get(place.checked_sub(1)?)
    }

    /// Whether follows are sent in a user's name.
    pub fn follows(&self, user: u32) -> bool {
        self.places
            .get(user as usize)
            .is_some_and(|place| place.follows)
    }

    /// Notes that a user has read his home timeline.
    pub fn set_warm(&self, user: u32) {
        if let Some(warm) = self.warm.get(user as usize) {
            warm.store(true, Ordering::Relaxed);
        }
    }

    /// Whether a user's home timeline may be looked at: he has read it, and does not follow in the run.
    pub fn is_watched(&self, user: u32) -> bool {
        let is_warm = self.warm.get(user as usize);
        is_warm.is_some_and(|warm| warm.load(Ordering::Relaxed)) && !self.follows(user)
    }

    /// Some followers whose home timelines may be looked at, drawn by lot, and the last of them (by
    /// number) in front.
    pub fn watched_followers(
        &self,
        author: u32,
        count: usize,
        rng: &mut fastrand::Rng,
    ) -> Vec<u32> {
        let followers = self.graph.followers_of(author);
        let last = followers.iter().rev().find(|user| self.is_watched(**user));
        let mut found: Vec<u32> = last.copied().into_iter().collect();
        // A few tries: of users with few warm followers, few are looked at.
        for _ in 0..count * 4 {
            if found.len() > count || followers.is_empty() {
                break;
            }
            let user = followers[rng.usize(..followers.len())];
            if self.is_watched(user) && !found.contains(&user) {
                found.push(user);
            }
        }
        found
    }
}
