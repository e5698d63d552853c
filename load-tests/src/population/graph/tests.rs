use std::io::Write;

use proptest::prelude::*;
use tempfile::NamedTempFile;

use super::{power_law::FALL, *};

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

#[test]
fn a_file_without_an_edge_is_refused() {
    let mut file = NamedTempFile::new().unwrap();
    for content in ["", "# nobody\n\n"] {
        file.write_all(content.as_bytes()).unwrap();
        let error = Graph::from_edges(file.path()).unwrap_err().to_string();
        assert!(error.ends_with(" has no follows"), "{error}");
    }
}
