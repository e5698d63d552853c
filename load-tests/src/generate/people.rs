//! The people of a run: who posts, who reads, who may be looked at.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use reqwest::header::{HeaderValue, InvalidHeaderValue};

use crate::{
    api::bearer,
    population::Graph,
    scenario::{Operation, Scenario, WorldSpec},
};

/// Of so many active users, one only follows where the load has follows: his home timeline is looked at by
/// nobody, as a follow changes what belongs there.
const FOLLOWS_ONE_IN: usize = 20;

/// The people of a run cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum PeopleError {
    /// A token has characters that a header cannot carry.
    #[error("the token cannot be sent: {0}")]
    Token(#[from] InvalidHeaderValue),
    /// There are not enough readers for the herds.
    #[error("the herds need {needed} readers whose home timelines are cold, and there are {there}")]
    TooFewCold {
        /// The readers of all herds: a timeline that was read is cold no more.
        needed: u64,
        /// Active users who do not read before the load.
        there: usize,
    },
}

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
pub(crate) struct People {
    /// Who follows whom.
    pub(crate) graph: Arc<Graph>,
    /// Users who post and read, drawn by lot.
    pub(crate) active: Vec<u32>,
    /// Of those, who follow in the run.
    pub(crate) followers: Vec<u32>,
    /// Of those, who read their home timelines before it, and not in herds.
    pub(crate) regulars: Vec<u32>,
    /// All other active users: their home timelines are cold until a herd comes.
    pub(crate) cold: Vec<u32>,
    tokens: Vec<HeaderValue>,
    places: Vec<Place>,
    warm: Vec<AtomicBool>,
}

impl People {
    /// Who is to be active: the most followed user, the last of his followers, and others by lot.
    pub(crate) fn choose(graph: &Graph, spec: &WorldSpec, seed: u64) -> Vec<u32> {
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
    pub(crate) fn new(
        graph: Arc<Graph>,
        active: Vec<u32>,
        tokens: &[String],
        scenario: &Scenario,
    ) -> Result<Self, PeopleError> {
        let tokens: Vec<HeaderValue> = tokens
            .iter()
            .map(|token| bearer(token))
            .collect::<Result<_, _>>()?;
        let mut places = vec![Place::default(); graph.users() as usize];
        for (place, user) in active.iter().enumerate() {
            places[*user as usize].token = u32::try_from(place + 1).unwrap_or(0);
        }
        let followers = who_follow(&graph, &active, scenario);
        for user in &followers {
            places[*user as usize].follows = true;
        }
        let follows = |user: u32| places[user as usize].follows;
        let readers = active.iter().copied().filter(|user| !follows(*user));
        let warm = scenario.world.warm.unwrap_or(u32::MAX) as usize;
        let regulars: Vec<u32> = readers.clone().take(warm).collect();
        let cold: Vec<u32> = readers.skip(warm).chain(followers.clone()).collect();
        let needed = scenario.herd_readers();
        if needed > cold.len() as u64 {
            let there = cold.len();
            return Err(PeopleError::TooFewCold { needed, there });
        }
        Ok(Self {
            warm: (0..graph.users()).map(|_| AtomicBool::new(false)).collect(),
            graph,
            followers,
            regulars,
            cold,
            active,
            tokens,
            places,
        })
    }

    /// The `Authorization` of an active user.
    pub(crate) fn token(&self, user: u32) -> Option<&HeaderValue> {
        let place = self.places.get(user as usize)?.token as usize;
        self.tokens.get(place.checked_sub(1)?)
    }

    /// Whether follows are sent in a user's name.
    pub(crate) fn follows(&self, user: u32) -> bool {
        self.places
            .get(user as usize)
            .is_some_and(|place| place.follows)
    }

    /// Notes that a user has read his home timeline.
    pub(crate) fn set_warm(&self, user: u32) {
        if let Some(warm) = self.warm.get(user as usize) {
            warm.store(true, Ordering::Relaxed);
        }
    }

    /// Whether a user's home timeline may be looked at: he has read it, and does not follow in the run.
    pub(crate) fn is_watched(&self, user: u32) -> bool {
        let is_warm = self.warm.get(user as usize);
        is_warm.is_some_and(|warm| warm.load(Ordering::Relaxed)) && !self.follows(user)
    }
}

/// Of the active users, those who only follow: none where the load has no follows, so that all can be warm.
/// Not the most followed user, and none of his followers, whose timelines are what his posts are measured
/// on; but one of them where all follow him.
fn who_follow(graph: &Graph, active: &[u32], scenario: &Scenario) -> Vec<u32> {
    let has_follows = scenario.rates.get(&Operation::Follow);
    if has_follows.is_none_or(|rate| *rate <= 0.0) {
        return Vec::new();
    }
    let celebrity = graph.most_followed();
    let fans = graph.followers_of(celebrity);
    let count = (active.len() / FOLLOWS_ONE_IN).max(1);
    let others = active.iter().copied().filter(|user| *user != celebrity);
    let follow: Vec<u32> = others
        .filter(|user| fans.binary_search(user).is_err())
        .take(count)
        .collect();
    // Not the second, who is the last of the followers.
    let one_fan = active.iter().copied().skip(2).next_back();
    if follow.is_empty() {
        one_fan.into_iter().collect()
    } else {
        follow
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::scenario::{Herd, find};

    /// A world in which half of all follow the most followed user.
    pub(crate) fn scenario() -> Scenario {
        let mut scenario = find("smoke").unwrap();
        scenario.world.users = 400;
        scenario.world.followers_max = 200;
        scenario.rates.remove(&Operation::Follow);
        scenario
    }

    pub(crate) fn people(scenario: &Scenario) -> Result<People, PeopleError> {
        let world = &scenario.world;
        let graph = Graph::power_law(world.users, world.mean_followers, world.followers_max, 1);
        let active = People::choose(&graph, world, 1);
        let tokens = vec!["token".to_owned(); active.len()];
        People::new(Arc::new(graph), active, &tokens, scenario)
    }

    #[test]
    fn all_can_be_warm_where_nobody_follows() {
        let people = people(&scenario()).unwrap();
        assert_eq!(people.regulars, people.active);
        assert!(people.followers.is_empty() && people.cold.is_empty());
    }

    #[test]
    fn those_who_follow_are_no_followers_of_the_most_followed_user() {
        let mut scenario = scenario();
        scenario.rates.insert(Operation::Follow, 1.0);
        let people = people(&scenario).unwrap();
        let fans = people.graph.followers_of(0);
        assert_eq!(people.followers.len(), 20);
        assert!(people.followers.iter().all(|user| !fans.contains(user)));
        assert!(fans.iter().all(|user| people.regulars.contains(user)));
        assert_eq!(people.regulars.len(), 380);

        scenario.world.followers_max = 399;
        let people = super::tests::people(&scenario).unwrap();
        let last = *people.graph.followers_of(0).last().unwrap();
        assert_eq!(people.followers.len(), 1);
        assert!(!people.followers.contains(&last) && !people.followers.contains(&0));
    }

    #[test]
    fn herds_are_of_cold_readers_each_of_whom_comes_once() {
        let mut scenario = scenario();
        scenario.rates.insert(Operation::Follow, 1.0);
        scenario.world.warm = Some(100);
        let herd = |readers| Herd { at_s: 1.0, readers };
        scenario.herds = vec![herd(200), herd(100)];
        let found = people(&scenario).unwrap();
        assert_eq!((found.regulars.len(), found.cold.len()), (100, 300));
        let is_regular = |user: &u32| found.regulars.contains(user);
        assert!(!found.cold.iter().any(is_regular));

        scenario.herds.push(herd(1));
        let error = people(&scenario).unwrap_err().to_string();
        assert!(
            error.contains("need 301 readers") && error.ends_with("there are 300"),
            "{error}"
        );
    }
}
