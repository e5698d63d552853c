use super::*;
use crate::{scenario::find, watch::Place};

/// A second of 100 requests of which so many were refused.
fn refusing(refused: u32) -> Measured {
    let mut measured = Measured::of_nothing();
    let sample = |n: u32| Sample {
        due_ms: n * 10,
        took_us: 1_000,
        outcome: if n < refused {
            Outcome::Status(503)
        } else {
            Outcome::Good
        },
    };
    measured
        .samples
        .insert(Operation::Home, (0..100).map(sample).collect());
    measured
}

fn broken(scenario: &Scenario, measured: &Measured) -> Vec<String> {
    let verdicts = promises(scenario, measured).into_iter();
    let broken = verdicts.filter(|verdict| !verdict.held);
    broken.map(|verdict| verdict.what).collect()
}

#[test]
fn a_server_that_refuses_much_breaks_a_promise_unless_it_is_overloaded_by_design() {
    let (steady, burst) = (find("steady").unwrap(), find("burst").unwrap());
    assert!(broken(&steady, &refusing(1)).is_empty());
    let found = broken(&steady, &refusing(2));
    assert!(found[0].starts_with("requests refused"), "{found:?}");
    assert!(broken(&burst, &refusing(90)).is_empty());
}

#[test]
fn jobs_that_are_open_and_those_that_nobody_tells_of_break_a_promise() {
    let smoke = find("smoke").unwrap();
    let mut measured = refusing(0);
    for (open, wanted) in [(Some(0), 0), (Some(3), 1), (None, 1)] {
        measured.open_at_end = open;
        assert_eq!(broken(&smoke, &measured).len(), wanted, "{open:?}");
    }
    let unknown = correctness(&Verification::default());
    assert!(
        unknown
            .iter()
            .any(|of| of.what.contains("dead") && !of.held),
        "{unknown:?}"
    );
}

#[test]
fn pages_that_were_not_all_read_tell_nothing() {
    let ended = Verification {
        ended_early: true,
        dead_jobs: Some(0),
        ..Verification::default()
    };
    let verdicts = correctness(&ended);
    let unknown = verdicts.iter().filter(|of| of.measured.is_none());
    assert_eq!(unknown.count(), 3);
    assert_eq!(verdicts.iter().filter(|of| of.held).count(), 1);
}

#[test]
fn what_is_refused_around_a_fault_is_excused_and_a_fault_that_was_not_made_is_not() {
    let crash = find("crash").unwrap();
    let mut measured = refusing(90);
    measured.faults.push(crate::report::model::FaultMark {
        from_s: 0.0,
        to_s: 0.6,
        what: "killed".into(),
    });
    assert_eq!(broken(&crash, &measured).len(), 0);
    measured.faults.clear();
    measured.faults_failed = 1;
    let found = broken(&crash, &measured);
    assert_eq!(found[0], "faults that could not be made");
    assert_eq!(found.len(), 2, "{found:?}");
}

#[test]
fn what_is_late_or_never_seen_or_wrong_breaks_a_promise() {
    let seen = |place, after_us| Seen {
        post: 1,
        author: 0,
        place,
        accepted_s: 1.0,
        after_us,
    };
    let answer = |took_us, outcome| Sample {
        due_ms: 1_000,
        took_us,
        outcome,
    };
    let judged = |seen: &[Seen], answers: &[Sample]| {
        let mut measured = Measured::of_nothing();
        measured.seen = seen.into();
        measured.samples.insert(Operation::Post, answers.into());
        broken(&find("smoke").unwrap(), &measured)
    };
    let good = answer(499_000, Outcome::Good);
    let in_time = [
        seen(Place::LastHome, Some(10_000_000)),
        seen(Place::Tag, Some(60_000_000)),
    ];
    assert!(judged(&in_time, &[good]).is_empty());
    let late = [
        seen(Place::Home, Some(10_001_000)),
        seen(Place::Feed, Some(60_001_000)),
        seen(Place::Keyword, None),
    ];
    let wrong = answer(1_000, Outcome::Status(500));
    assert_eq!(
        judged(&late, &[answer(600_000, Outcome::Good), wrong]),
        [
            "accept a post, p99.9",
            "followers see a post on their home page, the slowest",
            "everybody sees a post, the slowest",
            "posts that were never seen",
            "answers that are neither good nor a refusal for load",
        ]
    );
    assert_eq!(
        judged(&[], &[wrong])[0],
        "posts accepted",
        "nothing was accepted"
    );
}
