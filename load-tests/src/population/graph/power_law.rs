//! A graph as a network has it: few have many followers, and many have few.

use super::lists::Lists;

/// How the number of followers falls from one user to the next: the user in place `r` has
/// `r` to the power of minus this of those of the first. It is what a network has in which the number
/// of followers is distributed by a power law with the exponent 2.3, as large ones have been measured.
pub(super) const FALL: f64 = 0.77;
/// How often a follow is looked for that can be given to somebody else.
const SWAP_TRIES_MAX: usize = 64;

/// The followers of each user, as [`Graph::power_law`](super::Graph::power_law) says.
pub(super) fn followers(users: u32, mean: f64, followers_max: u32, seed: u64) -> Lists {
    if users < 2 {
        return Lists::from_rows(vec![Vec::new(); users as usize]);
    }
    let mut rng = fastrand::Rng::with_seed(seed);
    let counts = follower_counts(users, mean, followers_max.min(users - 1));
    let mut rows: Vec<Vec<u32>> = counts
        .iter()
        .zip(0..)
        .map(|(count, user)| others(users, user, *count, &mut rng))
        .collect();
    connect(&mut rows, &mut rng);
    Lists::from_rows(rows)
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
