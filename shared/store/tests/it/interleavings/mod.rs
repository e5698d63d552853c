//! **No post falls between a rebuild and a fan-out**, whatever happens in which order: the property
//! test of the rule that keeps home timelines whole, and the same with real tasks.

mod model;
mod step;
mod stress;
mod world;

use std::time::{Duration, Instant};

use proptest::{
    prelude::*,
    test_runner::{Config, TestCaseError, TestRunner},
};

use crate::harness::{Harness, Rig};
use step::{Step, steps};
use world::{USERS, World};

/// Cases, where `PROPTEST_CASES` says nothing else.
const CASES: u32 = 128;
/// After this time no further case is begun, where `PROPTEST_CASES` asks for no certain number.
const BUDGET: Duration = Duration::from_secs(30);

/// Tries random interleavings and shrinks one that fails.
fn no_post_falls_between<H: Harness + 'static>() {
    let asked = std::env::var_os("PROPTEST_CASES").is_some();
    let mut config = Config {
        failure_persistence: None,
        max_shrink_iters: 4_000,
        ..Config::default()
    };
    if !asked {
        config.cases = CASES;
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let begun = Instant::now();
    let follows = prop::collection::vec(any::<bool>(), USERS * USERS);
    let outcome = TestRunner::new(config).run(&(follows, steps()), |(follows, steps)| {
        if !asked && begun.elapsed() > BUDGET {
            return Ok(());
        }
        runtime.block_on(Box::pin(live_through::<H>(&follows, &steps)))
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

async fn live_through<H: Harness + 'static>(
    follows: &[bool],
    steps: &[Step],
) -> Result<(), TestCaseError> {
    let mut world = World::new(Rig::new::<H>().await, follows).await;
    for step in steps {
        world.take(step).await?;
    }
    world.come_to_rest().await
}

macro_rules! interleavings_of {
    ($harness:ty) => {
        #[test]
        fn no_post_falls_between() {
            super::no_post_falls_between::<$harness>();
        }

        #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
        async fn no_post_falls_between_real_tasks() {
            super::stress::no_post_falls_between::<$harness>().await;
        }
    };
}

mod embedded {
    interleavings_of!(crate::harness::Embedded);
}

mod redis {
    interleavings_of!(crate::harness::Redis);
}

mod valkey {
    interleavings_of!(crate::harness::Valkey);
}

mod redis_cluster {
    interleavings_of!(crate::harness::Cluster);
}
