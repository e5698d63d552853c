//! Brings a graph into a server: a large body at a time, and several at once.

use std::{
    fmt::Write,
    time::{Duration, Instant},
};

use futures_util::{StreamExt, TryStreamExt, stream};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde::Deserialize;
use serde_json::json;

use super::{Graph, handle};
use crate::api::{Api, ApiError, json};

/// The body of one request. The server takes 4 MiB and works through a body 10,000 lines at a time; with
/// shorter ones progress is seen, and several processes share the work.
const LINES_A_BODY: usize = 50_000;
/// Bodies that are on their way at once.
const IN_FLIGHT: usize = 4;
/// Handles that the server takes at once.
const HANDLES_A_BODY: usize = 1_000;
/// How often a request that was refused for load is sent again, and how long to wait before.
const TRIES_MAX: u32 = 60;
const PAUSE: Duration = Duration::from_millis(500);

/// A world that was loaded.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// Follows that the server did not have.
    pub follows_added: u64,
    /// Users that the server did not have.
    pub users_created: u64,
    /// The tokens that were asked for, in the order of the users that were named.
    pub tokens: Vec<String>,
    /// How long all of it took.
    pub took: Duration,
}

/// How far the loading has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Follows that are there.
    pub follows: u64,
    /// Follows in all.
    pub follows_all: u64,
    /// Tokens that are there.
    pub tokens: u64,
    /// Tokens in all.
    pub tokens_all: u64,
}

/// Loads a graph into a server, and makes a token for each of `users`. What is there already stays.
///
/// On an empty server, ids are given in the order of users: user 0 gets the lowest.
pub async fn load(
    api: &Api,
    graph: &Graph,
    users: &[u32],
    mut progress: impl FnMut(Progress),
) -> Result<Loaded, ApiError> {
    let begun = Instant::now();
    let mut done = Progress {
        follows_all: graph.follows(),
        tokens_all: users.len() as u64,
        ..Progress::default()
    };
    progress(done);
    let (first, rest) = in_order_of_users(graph);
    let mut loaded = ImportAnswer::default();
    // The lines by which users are created come one body after the other.
    for (follows, in_flight) in [(first, 1), (rest, IN_FLIGHT)] {
        let bodies = follows.chunks(LINES_A_BODY).map(|follows| async {
            let body = lines(follows);
            let request = || {
                let request = api.of_admin(Method::POST, "/v1/admin/import/follows");
                request.body(body.clone())
            };
            let answer: ImportAnswer = call(request).await?;
            Ok::<_, ApiError>((answer, follows.len() as u64))
        });
        let mut answers = stream::iter(bodies).buffer_unordered(in_flight);
        while let Some((answer, count)) = answers.try_next().await? {
            loaded.added += answer.added;
            loaded.users_created += answer.users_created;
            done.follows += count;
            progress(done);
        }
    }

    let mut tokens = Vec::with_capacity(users.len());
    let bodies = users.chunks(HANDLES_A_BODY).map(|users| async {
        let handles: Vec<String> = users.iter().map(|user| handle(*user)).collect();
        let body = json!({ "handles": handles });
        let request = || api.of_admin(Method::POST, "/v1/admin/tokens").json(&body);
        let answer: TokensAnswer = call(request).await?;
        Ok::<_, ApiError>(answer.tokens)
    });
    let mut answers = stream::iter(bodies).buffered(IN_FLIGHT);
    while let Some(answer) = answers.try_next().await? {
        tokens.extend(answer.into_iter().map(|token| token.token));
        done.tokens = tokens.len() as u64;
        progress(done);
    }
    Ok(Loaded {
        follows_added: loaded.added,
        users_created: loaded.users_created,
        tokens,
        took: begun.elapsed(),
    })
}

/// Follows, as follower and followee.
type Follows = Vec<(u32, u32)>;

/// All follows, first those whose import creates the users in their order.
fn in_order_of_users(graph: &Graph) -> (Follows, Follows) {
    let mut first = Vec::with_capacity(graph.users() as usize);
    let mut is_known = vec![false; graph.users() as usize];
    for user in 0..graph.users() {
        if is_known[user as usize] {
            continue;
        }
        let lowest = |list: &[u32]| list.first().copied();
        let (follows, followed_by) = (
            lowest(graph.followees_of(user)),
            lowest(graph.followers_of(user)),
        );
        let follow = match (follows, followed_by) {
            (Some(followee), None) => (user, followee),
            (None, Some(follower)) => (follower, user),
            // With somebody who is there already; else as follower, who is created first.
            (Some(followee), Some(follower)) if followee < user || follower > user => {
                (user, followee)
            }
            (Some(_), Some(follower)) => (follower, user),
            (None, None) => continue,
        };
        is_known[follow.0 as usize] = true;
        is_known[follow.1 as usize] = true;
        first.push(follow);
    }
    let mut sorted = first.clone();
    sorted.sort_unstable_by_key(|(follower, followee)| (*followee, *follower));
    let mut taken = sorted.into_iter().peekable();
    let rest = (0..graph.users()).flat_map(|followee| {
        let followers = graph.followers_of(followee).iter();
        followers.map(move |follower| (*follower, followee))
    });
    let rest = rest.filter(|follow| taken.next_if_eq(follow).is_none());
    let rest = rest.collect();
    (first, rest)
}

fn lines(follows: &[(u32, u32)]) -> String {
    let mut lines = String::with_capacity(follows.len() * 18);
    for (follower, followee) in follows {
        // Writing to a string does not fail.
        let _ = writeln!(lines, "{} {}", handle(*follower), handle(*followee));
    }
    lines
}

#[derive(Debug, Default, Deserialize)]
struct ImportAnswer {
    added: u64,
    users_created: u64,
}

#[derive(Debug, Deserialize)]
struct TokensAnswer {
    tokens: Vec<Token>,
}

#[derive(Debug, Deserialize)]
struct Token {
    token: String,
}

/// Calls, again where the server has too much to do. All of these calls may be repeated.
async fn call<T: for<'a> Deserialize<'a>>(
    request: impl Fn() -> RequestBuilder,
) -> Result<T, ApiError> {
    let mut tries = 0;
    loop {
        match json(request()).await {
            Err(ApiError::Refused {
                status: StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS,
                ..
            }) if tries < TRIES_MAX => tokio::time::sleep(PAUSE).await,
            Err(error) => return Err(error),
            Ok(answer) => return serde_json::from_value(answer).map_err(ApiError::from),
        }
        tries += 1;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn users_are_created_in_their_order() {
        let graph = Graph::power_law(5_000, 4.0, 1_000, 1);
        let (first, rest) = in_order_of_users(&graph);
        let mut known = 0;
        for (follower, followee) in &first {
            for user in [*follower, *followee] {
                assert!(user <= known, "{user} comes when {known} are there");
                known += u32::from(user == known);
            }
        }
        assert_eq!(known, graph.users());
        let all: BTreeSet<_> = first.iter().chain(&rest).collect();
        assert_eq!(all.len() as u64, graph.follows(), "each follow once");
        assert_eq!(all.len(), first.len() + rest.len());
    }
}
