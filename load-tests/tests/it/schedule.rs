//! When requests are due.

use ripple_load_tests::{
    generate::schedule::{Due, Schedule, rate_at},
    scenario::{Arrivals, Herd, Operation, Scenario, Step, find},
};

fn scenario(arrivals: Arrivals) -> Scenario {
    let mut scenario = find("smoke").unwrap();
    scenario.arrivals = arrivals;
    scenario.duration_s = 20.0;
    scenario.warm_up_s = 2.0;
    scenario.rates = [(Operation::Post, 100.0), (Operation::Home, 400.0)].into();
    scenario
}

fn of(scenario: &Scenario, operation: Operation) -> Vec<Due> {
    let schedule = Schedule::new(scenario);
    schedule.filter(|due| due.operation == operation).collect()
}

fn within(due: &[Due], from_s: f64, to_s: f64) -> usize {
    due.iter()
        .filter(|due| (from_s..to_s).contains(&due.at_s))
        .count()
}

#[test]
fn requests_are_due_in_order_and_numbered_without_a_gap() {
    let scenario = scenario(Arrivals::Poisson);
    let all: Vec<Due> = Schedule::new(&scenario).collect();
    assert!(all.is_sorted_by(|a, b| a.at_s <= b.at_s));
    assert!(all.iter().all(|due| (-2.0..=20.0).contains(&due.at_s)));
    let numbers = of(&scenario, Operation::Post)
        .into_iter()
        .map(|due| due.number);
    assert!(numbers.eq(0..of(&scenario, Operation::Post).len() as u64));
}

#[test]
fn the_same_seed_gives_the_same_schedule_and_another_seed_another() {
    let scenario = scenario(Arrivals::Poisson);
    let first: Vec<Due> = Schedule::new(&scenario).collect();
    assert_eq!(first, Schedule::new(&scenario).collect::<Vec<_>>());
    let other = Scenario {
        seed: 2,
        ..scenario
    };
    assert_ne!(first, Schedule::new(&other).collect::<Vec<_>>());
}

#[test]
fn constant_arrivals_have_equal_gaps() {
    let due = of(&scenario(Arrivals::Constant), Operation::Post);
    assert!(
        due.windows(2)
            .all(|pair| (pair[1].at_s - pair[0].at_s - 0.01).abs() < 1e-9)
    );
    assert!(within(&due, 0.0, 20.0).abs_diff(2_000) <= 1);
}

#[test]
fn poisson_arrivals_have_exponential_gaps() {
    let due = of(&scenario(Arrivals::Poisson), Operation::Home);
    let gaps: Vec<f64> = due
        .windows(2)
        .map(|pair| pair[1].at_s - pair[0].at_s)
        .collect();
    let count = gaps.len() as f64;
    let mean = gaps.iter().sum::<f64>() / count;
    let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / count;
    assert!((mean * 400.0 - 1.0).abs() < 0.05, "{mean}");
    // Of an exponential distribution the deviation is the mean, and 1/e of all lie above it.
    assert!((variance.sqrt() / mean - 1.0).abs() < 0.1, "{variance}");
    let above = gaps.iter().filter(|gap| **gap > mean).count() as f64 / count;
    assert!((above - (-1.0_f64).exp()).abs() < 0.03, "{above}");
}

#[test]
fn a_step_changes_the_rate_of_its_operations_for_its_time() {
    let mut scenario = scenario(Arrivals::Poisson);
    scenario.steps = vec![Step {
        from_s: 5.0,
        for_s: 4.0,
        factor: 10.0,
        operations: vec![Operation::Post],
    }];
    let posts = of(&scenario, Operation::Post);
    assert!(within(&posts, 5.0, 9.0).abs_diff(4_000) < 260);
    assert!(within(&posts, 9.0, 20.0).abs_diff(1_100) < 140);
    let homes = of(&scenario, Operation::Home);
    assert!(within(&homes, 5.0, 9.0).abs_diff(1_600) < 160);
    assert_eq!(rate_at(&scenario, Operation::Post, 6.0), 1_000.0);
    assert_eq!(rate_at(&scenario, Operation::Post, 9.0), 100.0);
}

#[test]
fn a_rate_that_pauses_goes_on_afterwards() {
    let mut scenario = scenario(Arrivals::Poisson);
    scenario.steps = vec![Step {
        from_s: 5.0,
        for_s: 5.0,
        factor: 0.0,
        operations: Vec::new(),
    }];
    let posts = of(&scenario, Operation::Post);
    assert_eq!(within(&posts, 5.0, 10.0), 0);
    assert!(within(&posts, 10.0, 20.0).abs_diff(1_000) < 130);
}

#[test]
fn a_herd_comes_at_one_moment() {
    let mut scenario = scenario(Arrivals::Poisson);
    scenario.herds = [(12.0, 30), (3.0, 50)]
        .map(|(at_s, readers)| Herd { at_s, readers })
        .into();
    let herd = of(&scenario, Operation::Herd);
    assert_eq!((herd.len(), herd[49].at_s, herd[50].at_s), (80, 3.0, 12.0));
}
