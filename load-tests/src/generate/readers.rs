//! Whose home timelines are looked at for a post.

use ripple_domain::plan::CHUNK_FOLLOWERS_MAX;

use super::people::People;

/// Candidates for the last follower of the most followed user.
const LAST_MAX: usize = 8;
const PARTITIONS: usize = ripple_domain::PARTITIONS as usize;

impl People {
    /// Some followers whose home timelines may be looked at, drawn by lot.
    pub(crate) fn watched_followers(
        &self,
        author: u32,
        count: usize,
        rng: &mut fastrand::Rng,
    ) -> Vec<u32> {
        let followers = self.graph.followers_of(author);
        let count = count.min(followers.len());
        let mut found = Vec::new();
        // A few tries: of users with few warm followers, few are looked at.
        for _ in 0..count.saturating_mul(4) {
            if found.len() >= count {
                break;
            }
            let user = followers[rng.usize(..followers.len())];
            if self.is_watched(user) && !found.contains(&user) {
                found.push(user);
            }
        }
        found
    }

    /// Followers whose home timelines may be looked at and who may be the last that a post comes to: the
    /// last one by number, and of the most followed user more, all of them from the last chunk of the
    /// fan-out. In which order a chunk is written is the store's secret: by partition, by shard, by number.
    /// So they are spread over the chunk and over the partitions, the last of each in front.
    pub(crate) fn last_followers(&self, author: u32) -> Vec<u32> {
        let followers = self.graph.followers_of(author);
        let last = followers.iter().rev().find(|user| self.is_watched(**user));
        let mut found: Vec<u32> = last.copied().into_iter().collect();
        if author != self.graph.most_followed() {
            return found;
        }
        let begin = followers.len().saturating_sub(1) / CHUNK_FOLLOWERS_MAX * CHUNK_FOLLOWERS_MAX;
        let chunk = &followers[begin..];
        for place in 1..LAST_MAX {
            let end = chunk.len() - chunk.len() * place / LAST_MAX;
            let partition = PARTITIONS - 1 - place * PARTITIONS / LAST_MAX;
            let candidate = chunk[..end].iter().rev().find(|user| {
                // Ids are given out in the order of numbers, from 1 on.
                (**user as usize + 1) % PARTITIONS == partition && self.is_watched(**user)
            });
            found.extend(candidate);
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{
        super::people::tests::{people, scenario},
        *,
    };

    #[test]
    fn no_more_followers_are_looked_at_than_there_are() {
        let people = people(&scenario()).unwrap();
        let mut rng = fastrand::Rng::with_seed(1);
        assert!(people.watched_followers(0, usize::MAX, &mut rng).is_empty());
        people.active.iter().for_each(|user| people.set_warm(*user));
        let watched = people.watched_followers(0, usize::MAX, &mut rng);
        assert!((150..=200).contains(&watched.len()), "{}", watched.len());
        assert_eq!(people.watched_followers(0, 3, &mut rng).len(), 3);
    }

    #[test]
    fn the_last_of_a_fan_out_is_looked_for_in_the_whole_of_its_last_chunk() {
        let mut scenario = scenario();
        scenario.world.users = 25_000;
        scenario.world.followers_max = 24_000;
        let people = people(&scenario).unwrap();
        assert!(people.last_followers(0).is_empty());
        people.active.iter().for_each(|user| people.set_warm(*user));
        let fans = people.graph.followers_of(0);
        let found = people.last_followers(0);
        assert_eq!(found.len(), LAST_MAX);
        assert_eq!(found.last(), fans.last());
        let partitions = found.iter().map(|user| (user + 1) % 64);
        let partitions: BTreeSet<u32> = partitions.collect();
        assert!(partitions.len() >= LAST_MAX - 1, "{partitions:?}");
        let chunk = &fans[20_000..];
        assert!(found.iter().all(|user| chunk.contains(user)), "{found:?}");
        let lowest = chunk.iter().position(|user| *user == found[0]).unwrap();
        assert!(lowest < 700, "{lowest}");
        let author = (1..)
            .find(|user| people.graph.followers_of(*user).len() > 1)
            .unwrap();
        let last = people.graph.followers_of(author).last().copied();
        assert_eq!(people.last_followers(author), Vec::from_iter(last));
    }
}
