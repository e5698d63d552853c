//! Who follows whom.

use std::{collections::HashMap, fs::File, io::BufReader, path::Path};

use ripple_domain::Handle;
use ripple_store::transfer::{Batches, FOLLOWS_A_BATCH, FollowFormat};

/// How the number of followers falls from one user to the next: the user in place `r` has
/// `r` to the power of minus this of those of the first. It is what a network has in which the number
/// of followers is distributed by a power law with the exponent 2.3, as large ones have been measured.
const FALL: f64 = 0.77;
/// How often a follow is looked for that can be given to somebody else.
const SWAP_TRIES_MAX: usize = 64;

/// The file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum GraphError {
    /// It cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: String,
        /// Why not.
        source: std::io::Error,
    },
    /// A line of it is no follow.
    #[error("{path}, line {line}: {reason}")]
    Line {
        /// The file.
        path: String,
        /// The line's number, from 1 on.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// It has too many users or follows.
    #[error("{path} has more than 4 billion users or follows")]
    TooLarge {
        /// The file.
        path: String,
    },
}

/// Who follows whom. Users are numbered from 0 on.
///
/// Both directions are kept: 8 bytes a follow and 8 bytes a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Graph {
    followers: Lists,
    followees: Lists,
    followers_max: u32,
}

impl Graph {
    /// A graph in which user 0 has exactly `followers_max` followers (at most all others), and
    /// the others' numbers of followers fall by a power law, user by user, such that the mean of all is
    /// `mean_followers`. Followers are drawn by lot.
    ///
    /// Each user follows, or is followed by, somebody with a lower number, and user 0 follows user 1; so
    /// the users can be created in their order by importing follows, and the mean is about 1 at least.
    pub fn power_law(users: u32, mean_followers: f64, followers_max: u32, seed: u64) -> Self {
        if users < 2 {
            return Self::of(Lists::from_rows(vec![Vec::new(); users as usize]));
        }
        let mut rng = fastrand::Rng::with_seed(seed);
        let followers_max = followers_max.min(users - 1);
        let counts = follower_counts(users, mean_followers, followers_max);
        let mut rows: Vec<Vec<u32>> = counts
            .iter()
            .zip(0..)
            .map(|(count, user)| others(users, user, *count, &mut rng))
            .collect();
        connect(&mut rows, &mut rng);
        Self::of(Lists::from_rows(rows))
    }

    /// The graph of a file: `follower followee` a line; `#` and `%` begin comments. Users are numbered
    /// as they come; a follow that stands twice counts once.
    pub fn from_edges(path: &Path) -> Result<Self, GraphError> {
        let name = || path.display().to_string();
        let read = |source| GraphError::Read {
            path: name(),
            source,
        };
        let file = BufReader::new(File::open(path).map_err(read)?);
        let mut numbers = HashMap::new();
        let mut follows = Vec::new();
        for batch in Batches::new(file, FollowFormat, FOLLOWS_A_BATCH) {
            let batch = batch.map_err(read)?;
            if let Some(bad) = batch.bad.into_iter().next() {
                return Err(GraphError::Line {
                    path: name(),
                    line: bad.number,
                    reason: bad.reason,
                });
            }
            for (_, line) in batch.items {
                let mut number = |handle: Handle| {
                    let next = u32::try_from(numbers.len());
                    next.map(|next| *numbers.entry(handle).or_insert(next))
                };
                let (Ok(follower), Ok(followee)) = (number(line.follower), number(line.followee))
                else {
                    return Err(GraphError::TooLarge { path: name() });
                };
                follows.push((followee, follower));
            }
        }
        follows.sort_unstable();
        follows.dedup();
        if u32::try_from(follows.len()).is_err() {
            return Err(GraphError::TooLarge { path: name() });
        }
        Ok(Self::of(Lists::from_sorted(numbers.len(), &follows)))
    }

    fn of(followers: Lists) -> Self {
        let sizes = (0..followers.len()).map(|user| followers.row(user).len());
        let followers_max = u32::try_from(sizes.max().unwrap_or(0)).unwrap_or(u32::MAX);
        Self {
            followees: followers.transposed(),
            followers,
            followers_max,
        }
    }

    /// How many users there are.
    pub fn users(&self) -> u32 {
        self.followers.len()
    }

    /// How many follows there are.
    pub fn follows(&self) -> u64 {
        self.followers.values.len() as u64
    }

    /// The most followers that a user has.
    pub fn followers_max(&self) -> u32 {
        self.followers_max
    }

    /// A user who has that many.
    pub fn most_followed(&self) -> u32 {
        let has_most = |user: &u32| self.followers_of(*user).len() == self.followers_max as usize;
        (0..self.users()).find(has_most).unwrap_or(0)
    }

    /// Who follows a user, in ascending order.
    pub fn followers_of(&self, user: u32) -> &[u32] {
        self.followers.row(user)
    }

    /// Whom a user follows, in ascending order.
    pub fn followees_of(&self, user: u32) -> &[u32] {
        self.followees.row(user)
    }
}

/// A list of users for each user, one behind the other.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Lists {
    /// Where each list begins, and where the last one ends.
    starts: Vec<u32>,
    values: Vec<u32>,
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "there are fewer than 4 billion users and follows: a power law's are bounded, a file's counted"
)]
impl Lists {
    fn from_rows(rows: Vec<Vec<u32>>) -> Self {
        let mut starts = Vec::with_capacity(rows.len() + 1);
        let mut values = Vec::with_capacity(rows.iter().map(Vec::len).sum());
        starts.push(0);
        for row in rows {
            values.extend(row);
            starts.push(values.len() as u32);
        }
        Self { starts, values }
    }

    /// From pairs of list and value, in order.
    fn from_sorted(lists: usize, pairs: &[(u32, u32)]) -> Self {
        let mut starts = vec![0; lists + 1];
        for (list, _) in pairs {
            starts[*list as usize + 1] += 1;
        }
        add_up(&mut starts);
        Self {
            starts,
            values: pairs.iter().map(|(_, value)| *value).collect(),
        }
    }

    fn len(&self) -> u32 {
        self.starts.len() as u32 - 1
    }

    fn row(&self, list: u32) -> &[u32] {
        let list = list as usize;
        &self.values[self.starts[list] as usize..self.starts[list + 1] as usize]
    }

    /// The lists the other way round: by value, in which lists it is.
    fn transposed(&self) -> Self {
        let mut starts = vec![0; self.starts.len()];
        for value in &self.values {
            starts[*value as usize + 1] += 1;
        }
        add_up(&mut starts);
        let mut next = starts.clone();
        let mut values = vec![0; self.values.len()];
        for list in 0..self.len() {
            for value in self.row(list) {
                let place = &mut next[*value as usize];
                values[*place as usize] = list;
                *place += 1;
            }
        }
        Self { starts, values }
    }
}

fn add_up(counts: &mut [u32]) {
    let mut sum = 0;
    for count in counts {
        sum += *count;
        *count = sum;
    }
}

/// How many followers each user has.
fn follower_counts(users: u32, mean: f64, followers_max: u32) -> Vec<u32> {
    let most = f64::from(followers_max);
    let wanted = (mean * f64::from(users) - most).max(0.0);
    let sum = |fall: f64| {
        (2..=users)
            .map(|place| f64::from(place).powf(-fall))
            .sum::<f64>()
    };
    // Without a limit the law's scale gives the mean. Where that gives somebody more than the first
    // has, the first's number is the scale, and the fall is what gives the mean.
    let mut fall = FALL;
    let mut scale = wanted / sum(fall);
    if scale > most {
        scale = most;
        let (mut low, mut high) = (0.0, FALL);
        for _ in 0..40 {
            fall = f64::midpoint(low, high);
            if scale * sum(fall) > wanted {
                low = fall;
            } else {
                high = fall;
            }
        }
    }
    let mut counts = vec![followers_max];
    // What rounding leaves of one goes to the next.
    let mut rest = 0.0;
    for place in 2..=users {
        let exact = scale * f64::from(place).powf(-fall) + rest;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is between zero and the limit"
        )]
        let count = exact.floor().clamp(0.0, most) as u32;
        rest = (exact - f64::from(count)).min(1.0);
        counts.push(count);
    }
    counts
}

/// So many different users but this one, in order: one out of each of so many equal parts of all.
fn others(users: u32, user: u32, count: u32, rng: &mut fastrand::Rng) -> Vec<u32> {
    let all = u64::from(users - 1);
    let begin = |part: u32| u64::from(part) * all / u64::from(count);
    (0..count)
        .map(|part| {
            let drawn = rng.u64(begin(part)..begin(part + 1));
            let drawn = u32::try_from(drawn).unwrap_or(u32::MAX);
            drawn + u32::from(drawn >= user)
        })
        .collect()
}

/// Sees to it that user 0 follows user 1, and each user follows or is followed by somebody with a
/// lower number, by giving them follows of others; user 0 keeps his followers.
#[expect(
    clippy::cast_possible_truncation,
    reason = "users have numbers of 32 bits"
)]
fn connect(rows: &mut [Vec<u32>], rng: &mut fastrand::Rng) {
    match rows[1].first_mut() {
        Some(first) => *first = 0,
        None => rows[1].push(0),
    }
    // By user: his follows of, and his followers among, those with lower numbers.
    let mut lower = vec![0_u32; rows.len()];
    for (followee, row) in rows.iter().enumerate() {
        for follower in row {
            lower[followee.max(*follower as usize)] += 1;
        }
    }
    for user in 2..rows.len() {
        if lower[user] > 0 {
            continue;
        }
        lower[user] = 1;
        let swap = (0..SWAP_TRIES_MAX).find_map(|_| {
            let followee = rng.usize(1..user);
            let row = &rows[followee];
            let place = rng.usize(..row.len().max(1));
            let follower = *row.get(place)? as usize;
            let higher = followee.max(follower);
            let is_first = (followee, follower) == (1, 0);
            (!is_first && lower[higher] > 1).then_some((followee, place, higher))
        });
        match swap {
            Some((followee, place, higher)) => {
                lower[higher] -= 1;
                rows[followee][place] = user as u32;
                rows[followee].sort_unstable();
            }
            None => {
                let followee = rng.usize(1..user);
                let place = rows[followee].partition_point(|follower| *follower < user as u32);
                rows[followee].insert(place, user as u32);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;
    use tempfile::NamedTempFile;

    use super::*;

    fn check(graph: &Graph) {
        let mut follows = 0;
        for user in 0..graph.users() {
            let followers = graph.followers_of(user);
            assert!(
                followers.is_sorted_by(|a, b| a < b),
                "{user}: {followers:?}"
            );
            assert!(!followers.contains(&user), "{user} follows himself");
            for follower in followers {
                let followees = graph.followees_of(*follower);
                assert!(followees.binary_search(&user).is_ok(), "{follower} {user}");
            }
            follows += graph.followees_of(user).len() as u64;
            assert!(graph.followees_of(user).is_sorted_by(|a, b| a < b));
        }
        assert_eq!(follows, graph.follows());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn a_power_law_has_what_was_wanted(
            users in 0_u32..3_000,
            mean in 0.1_f64..40.0,
            most in 0_u32..5_000,
            seed: u64,
        ) {
            let graph = Graph::power_law(users, mean, most, seed);
            prop_assert_eq!(graph.users(), users);
            check(&graph);
            if users < 3 {
                return Ok(());
            }
            let followers = |user| u32::try_from(graph.followers_of(user).len()).unwrap();
            let most = most.min(users - 1);
            prop_assert_eq!(followers(0), most);
            prop_assert!(graph.followees_of(0).contains(&1));
            for user in 2..users {
                let lower = |list: &[u32]| list.first().is_some_and(|first| *first < user);
                let is_linked = lower(graph.followees_of(user)) || lower(graph.followers_of(user));
                prop_assert!(is_linked, "{}", user);
            }
            // The bounds of what can be: each but two users needs a link, and nobody has more than most.
            let (users, most) = (f64::from(users), f64::from(most));
            let expected = mean.clamp((most / users).max(1.0), most.max(1.0));
            let found = graph.follows() as f64 / users;
            let tolerance = 0.05 * expected + 2.0 / users + if expected < 3.0 { 1.0 } else { 0.0 };
            prop_assert!((found - expected).abs() <= tolerance, "{} not {}", found, expected);
            prop_assert_eq!(&Graph::power_law(graph.users(), mean, followers(0), seed), &graph);
        }
    }

    #[test]
    fn few_have_many_followers_and_many_have_few() {
        let graph = Graph::power_law(100_000, 20.0, 50_000, 1);
        check(&graph);
        assert_eq!(graph.follows(), 2_000_000);
        assert_eq!(graph.most_followed(), 0);
        assert_eq!(graph.followers_max(), 50_000);
        let followers = |user| graph.followers_of(user).len();
        let ratio = followers(10) as f64 / followers(1_000) as f64;
        // The places are counted from 1 on.
        let expected = (1_001.0_f64 / 11.0).powf(FALL);
        assert!((ratio / expected - 1.0).abs() < 0.05, "{ratio} {expected}");
        assert!(followers(50_000) < 10);
        // Who follows is drawn evenly.
        let followees = (0..100_000).map(|user| graph.followees_of(user).len());
        let most = followees.max().unwrap();
        assert!(most < 60, "{most}");
        assert_ne!(Graph::power_law(100_000, 20.0, 50_000, 2), graph);
    }

    #[test]
    fn a_graph_comes_from_a_file_of_edges() {
        let mut file = NamedTempFile::new().unwrap();
        file.write_all(b"# a graph\n% more\n7 3\n3 7\n7 3 1.5\n\n9\t7\n")
            .unwrap();
        let graph = Graph::from_edges(file.path()).unwrap();
        check(&graph);
        assert_eq!((graph.users(), graph.follows()), (3, 3));
        assert_eq!(graph.followers_of(0), [1, 2], "7 is followed by 3 and 9");
        assert_eq!(graph.followees_of(0), [1]);
        assert_eq!(graph.followers_max(), 2);
    }

    #[test]
    fn a_bad_edge_is_named_by_its_line() {
        let mut file = NamedTempFile::new().unwrap();
        file.write_all(b"# a graph\n1 2\n1 1\n").unwrap();
        let error = Graph::from_edges(file.path()).unwrap_err().to_string();
        assert!(
            error.ends_with(", line 3: nobody follows himself"),
            "{error}"
        );
        let missing = Graph::from_edges(Path::new("/nowhere/edges")).unwrap_err();
        assert!(
            missing
                .to_string()
                .starts_with("cannot read /nowhere/edges")
        );
    }
}
