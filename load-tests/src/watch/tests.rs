use tokio_util::sync::CancellationToken;

use super::*;
use crate::{
    generate::people::tests::{people, scenario},
    population::Text,
    scenario::Operation,
};

/// Looks at a server that is not there.
fn watch() -> Arc<Watch> {
    let mut scenario = scenario();
    scenario.watch.public_one_in = 2;
    let people = people(&scenario).unwrap();
    people.active.iter().for_each(|user| people.set_warm(*user));
    let api = Api::new("http://127.0.0.1:1", "token").unwrap();
    let begin = Instant::now() - Duration::from_secs(100);
    Watch::new(api, Arc::new(people), begin, &scenario)
}

fn post(number: u64, age: Duration) -> Sighting {
    Sighting {
        id: 100 + number,
        author: 0,
        operation: Operation::Post,
        number,
        text: Text {
            text: "#rust at night".into(),
            tag: Some("rust".into()),
            keyword: Some("night".into()),
            language: "en",
        },
        accepted: Instant::now() - age,
    }
}

#[tokio::test]
async fn what_is_given_up_after_its_time_was_not_seen_and_before_it_is_undecided() {
    let watch = watch();
    let old = post(1, Duration::from_secs(20));
    let new = post(2, Duration::ZERO);
    for post in [old, new] {
        let home = Look::home(Place::Home, Vec::from_iter(watch.people.token(3).cloned()));
        for look in [home, Look::tag("rust")] {
            watch
                .watches
                .spawn(Arc::clone(&watch).find(post.clone(), look));
        }
    }
    let patience = Patience::new(Duration::from_millis(50), &CancellationToken::new());
    let watched = watch.end(&patience).await;
    assert_eq!((watched.undecided, watched.skipped), (3, 0));
    let [seen] = &watched.seen[..] else {
        panic!("{:?}", watched.seen);
    };
    assert_eq!(
        (seen.post, seen.place, seen.after_us),
        (101, Place::Home, None)
    );
}

#[tokio::test]
async fn where_a_post_is_looked_for_depends_on_its_number_alone() {
    let watch = watch();
    let looks = |number| format!("{:?}", watch.looks_for(&post(number, Duration::ZERO)));
    let there: Vec<String> = (0..200).map(looks).collect();
    let mut back: Vec<String> = (0..200).rev().map(looks).collect();
    back.reverse();
    assert_eq!(there, back);
    let public = there.iter().filter(|looks| looks.contains("/v1/tags/"));
    assert!((70..130).contains(&public.count()));
}
