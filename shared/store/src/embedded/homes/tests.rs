use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::home::HOME_IDS_MAX;

const USERS: [UserId; 3] = [UserId(1), UserId(2), UserId(SHARD_USERS + 1)];
const IDS_MAX: usize = 96;
const SHARD_USERS: u32 = 1 << SHARD_BITS;

/// One thing that happens to one user. Numbers pick from what there is at that moment.
#[derive(Clone, Debug)]
enum Step {
    /// A post is committed; its push is still to come. Negative steps are imports with old dates.
    Post(i64),
    /// Posts are committed and pushed at once.
    Burst(u64),
    /// A push that was still to come comes now, and may come again.
    Push {
        which: usize,
        again: bool,
    },
    /// The jobs of the newest posts are done once more.
    Repeat(usize),
    Home,
    Begin,
    /// The rebuild reads the facts.
    Read(usize),
    /// A rebuild ends: the latest one or an earlier one.
    Finish(usize),
    Cool,
    CoolAll,
    CoolIdle(u32),
    CoolUntil(usize),
}

fn at(second: u32) -> Timestamp {
    Timestamp::from_ms(i64::from(second) * 1_000)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1_i64..4).prop_map(Step::Post),
        2 => (-200_i64..0).prop_map(Step::Post),
        4 => (1_u64..150).prop_map(Step::Burst),
        8 => (0_usize..8, any::<bool>()).prop_map(|(which, again)| Step::Push { which, again }),
        2 => (1_usize..200).prop_map(Step::Repeat),
        4 => Just(Step::Home),
        4 => Just(Step::Begin),
        4 => prop_oneof![Just(usize::MAX), 0_usize..2 * IDS_MAX].prop_map(Step::Read),
        6 => (0_usize..3).prop_map(Step::Finish),
        1 => Just(Step::Cool),
        1 => Just(Step::CoolAll),
        1 => (0_u32..20).prop_map(Step::CoolIdle),
        1 => (0_usize..700_000).prop_map(Step::CoolUntil),
    ]
}

#[derive(Debug)]
struct Rebuild {
    token: u64,
    read: Option<(Vec<PostId>, bool)>,
}

/// What is true of one user, told naively.
#[derive(Debug, Default)]
struct Model {
    facts: BTreeSet<PostId>,
    pending: Vec<PostId>,
    rebuilds: Vec<Rebuild>,
    warming: Option<u64>,
    is_warm: bool,
    read_s: u32,
}

impl Model {
    fn post(&mut self, step: i64, scale: u32) -> PostId {
        let newest = self.facts.last().map_or(1_000, |id| id.0 >> scale);
        let id = PostId((newest.saturating_add_signed(step)) << scale);
        self.facts.insert(id);
        id
    }

    fn cool(&mut self) {
        (self.warming, self.is_warm) = (None, false);
    }

    fn is_cold(&self) -> bool {
        self.warming.is_none() && !self.is_warm
    }

    /// Pushes a post and holds the answer against what can be read.
    fn check_push(&self, homes: &HomeTimelines, user: UserId, id: PostId) {
        let pushed = homes.push(user, id);
        match homes.home(user, at(self.read_s)) {
            Home::Warm { ids, .. } => assert_eq!(pushed, ids.contains(&id)),
            Home::Cold => assert!(!pushed || self.warming.is_some()),
        }
    }

    fn check(&self, home: &Home) {
        let Home::Warm { ids, floor } = home else {
            assert!(!self.is_warm);
            return;
        };
        assert!(self.is_warm);
        assert!(ids.len() <= IDS_MAX);
        assert!(ids.is_sorted_by(|a, b| a > b), "newest first, each once");
        assert!(ids.iter().all(|id| Some(*id) > *floor));
        assert!(ids.iter().all(|id| self.facts.contains(id)));
        let due = self.facts.iter().filter(|id| Some(**id) > *floor);
        for id in due.filter(|id| !self.pending.contains(id)) {
            assert!(ids.contains(id), "{id} fell out of {ids:?} above {floor:?}");
        }
    }
}

fn run(homes: &HomeTimelines, user: UserId, model: &mut Model, step: Step, now_s: u32, scale: u32) {
    match step {
        Step::Post(step) => {
            let id = model.post(step, scale);
            model.pending.push(id);
        }
        Step::Burst(posts) => {
            for _ in 0..posts {
                let id = model.post(1, scale);
                model.check_push(homes, user, id);
            }
        }
        Step::Push { which, again } => {
            if let Some(id) = model.pending.get(which).copied() {
                model.check_push(homes, user, id);
                if !again {
                    model.pending.retain(|other| *other != id);
                }
            }
        }
        Step::Repeat(posts) => {
            for id in model.facts.iter().rev().take(posts).rev() {
                model.check_push(homes, user, *id);
            }
        }
        Step::Home => {
            model.check(&homes.home(user, at(now_s)));
            model.read_s = now_s;
        }
        Step::Begin => {
            let token = homes.begin(user, at(now_s));
            model.cool();
            (model.warming, model.read_s) = (Some(token), now_s);
            model.rebuilds.push(Rebuild { token, read: None });
        }
        Step::Read(limit) => {
            if let Some(rebuild) = model.rebuilds.last_mut() {
                let ids: Vec<_> = model.facts.iter().rev().take(limit).copied().collect();
                let complete = ids.len() == model.facts.len();
                rebuild.read = Some((ids, complete));
            }
        }
        Step::Finish(back) => {
            let Some(nth) = model.rebuilds.len().checked_sub(back + 1) else {
                return;
            };
            let Rebuild { token, read } = &model.rebuilds[nth];
            if let Some((ids, complete)) = read {
                let is_current = model.warming == Some(*token);
                assert_eq!(homes.finish(user, *token, ids, *complete), is_current);
                if is_current {
                    (model.warming, model.is_warm) = (None, true);
                }
            }
        }
        Step::Cool => {
            homes.cool(user);
            model.cool();
        }
        Step::CoolAll | Step::CoolIdle(_) | Step::CoolUntil(_) => unreachable!("for all users"),
    }
}

fn run_for_all(homes: &HomeTimelines, models: &mut [Model], step: &Step, now_s: u32) -> bool {
    let before_s = match step {
        Step::CoolAll => u32::MAX,
        Step::CoolIdle(idle_s) => now_s.saturating_sub(*idle_s),
        Step::CoolUntil(bytes_max) => {
            let bytes = homes.memory_bytes();
            let cooled = homes.cool_until(*bytes_max as u64);
            assert!(cooled == 0 || bytes > *bytes_max);
            // Which ones is left open here: what reads as cold is cold.
            for (user, model) in USERS.into_iter().zip(models) {
                if model.is_warm && homes.home(user, at(model.read_s)) == Home::Cold {
                    model.cool();
                } else if model.warming.is_some() {
                    homes.cool(user);
                    model.cool();
                }
            }
            return true;
        }
        _ => return false,
    };
    let due = models
        .iter_mut()
        .filter(|model| !model.is_cold() && model.read_s < before_s);
    let cooled = due.map(Model::cool).count() as u64;
    let really = match step {
        Step::CoolAll => homes.cool_all(),
        _ => homes.cool_idle(at(before_s)),
    };
    assert_eq!(really, cooled);
    true
}

proptest! {
    #[test]
    fn a_warm_timeline_is_complete_above_its_floor(
        steps in prop::collection::vec((0_usize..3, step()), 1..150),
        scale in prop_oneof![Just(0_u32), Just(12), Just(22)],
    ) {
        let homes = HomeTimelines::new(IDS_MAX);
        let mut models: [Model; 3] = Default::default();
        for (now_s, (which, step)) in (1..).zip(steps) {
            if !run_for_all(&homes, &mut models, &step, now_s) {
                run(&homes, USERS[which], &mut models[which], step, now_s, scale);
            }
            for (user, model) in USERS.into_iter().zip(&models) {
                model.check(&homes.home(user, at(model.read_s)));
            }
        }
        let stats = homes.stats();
        let warm = models.iter().filter(|model| model.is_warm).count();
        prop_assert_eq!(stats.warm, warm as u64);
        prop_assert_eq!(stats.warming, models.iter().filter(|model| model.warming.is_some()).count() as u64);
        prop_assert_eq!(stats.bytes, homes.memory_bytes() as u64);
        homes.cool_all();
        prop_assert_eq!(homes.stats().entries, 0);
    }
}

fn warm(homes: &HomeTimelines, user: UserId, ids: impl Iterator<Item = u64>, now_s: u32) {
    let ids: Vec<_> = ids.map(PostId).collect();
    let token = homes.begin(user, at(now_s));
    assert!(homes.finish(user, token, &ids, true));
}

fn read(homes: &HomeTimelines, user: UserId) -> (Vec<u64>, Option<u64>) {
    match homes.home(user, at(0)) {
        Home::Warm { ids, floor } => (
            ids.into_iter().map(|id| id.0).collect(),
            floor.map(|id| id.0),
        ),
        Home::Cold => panic!("the timeline of {user} is cold"),
    }
}

/// Ids as far apart as the posts of a second.
fn id(n: u64) -> u64 {
    n << 22
}

#[test]
fn a_cold_timeline_takes_no_push() {
    let homes = HomeTimelines::new(HOME_IDS_MAX);
    assert!(!homes.push(UserId(7), PostId(1)));
    assert_eq!(homes.home(UserId(7), at(0)), Home::Cold);
    homes.begin(UserId(7), at(0));
    assert_eq!(homes.home(UserId(7), at(0)), Home::Cold);
    assert!(homes.push(UserId(7), PostId(1)));
    homes.cool(UserId(7));
    assert!(!homes.push(UserId(7), PostId(1)));
}

#[test]
fn a_timeline_grows_to_its_cap_and_then_raises_its_floor() {
    let homes = HomeTimelines::new(HOME_IDS_MAX);
    warm(&homes, UserId(1), std::iter::empty(), 0);
    for n in 1..=791 {
        assert!(homes.push(UserId(1), PostId(id(n))));
    }
    let newest_first = |from: u64, to: u64| (from..=to).rev().map(id).collect::<Vec<_>>();
    assert_eq!(read(&homes, UserId(1)), (newest_first(1, 791), None));
    assert!(homes.push(UserId(1), PostId(id(792))));
    let expected = (newest_first(29, 792), Some(id(28)));
    assert_eq!(read(&homes, UserId(1)), expected);
    assert!(!homes.push(UserId(1), PostId(id(28))), "at the floor");
    assert!(homes.push(UserId(1), PostId(id(29))), "again");
    assert_eq!(read(&homes, UserId(1)), expected);
}

#[test]
fn a_rebuild_merges_what_was_pushed_meanwhile() {
    let homes = HomeTimelines::new(64);
    let token = homes.begin(UserId(1), at(0));
    for n in [9, 7, 7, 2] {
        homes.push(UserId(1), PostId(n));
    }
    assert!(homes.finish(UserId(1), token, &[PostId(8), PostId(7), PostId(3)], false));
    assert_eq!(read(&homes, UserId(1)), (vec![9, 8, 7], Some(3)));
    assert!(!homes.finish(UserId(1), token, &[], true), "only once");
}

#[test]
fn what_was_evicted_while_warming_raises_the_floor() {
    let homes = HomeTimelines::new(64);
    let token = homes.begin(UserId(1), at(0));
    for n in 1..=64 {
        homes.push(UserId(1), PostId(id(n)));
    }
    assert!(homes.finish(UserId(1), token, &[PostId(5)], true));
    let (ids, floor) = read(&homes, UserId(1));
    assert_eq!((ids.len(), floor), (36, Some(id(28))));
}

#[test]
fn old_posts_and_repeated_jobs_do_not_wash_a_timeline_out() {
    let homes = HomeTimelines::new(HOME_IDS_MAX);
    let kept = |homes: &HomeTimelines| read(homes, UserId(1)).0;
    warm(&homes, UserId(1), (1_001..=1_800).rev().map(id), 0);
    for n in 1..=1_000 {
        homes.push(UserId(1), PostId(id(n)));
    }
    assert!(kept(&homes).len() >= HOME_IDS_MAX - BLOCK_IDS);
    for n in 1_001..=1_800 {
        homes.push(UserId(1), PostId(id(n)));
    }
    let ids = kept(&homes);
    assert_eq!(ids[0], id(1_800));
    assert!(ids.len() >= HOME_IDS_MAX - 2 * BLOCK_IDS, "{}", ids.len());
}

#[test]
fn reading_drops_what_is_held_twice() {
    let homes = HomeTimelines::new(HOME_IDS_MAX);
    warm(&homes, UserId(1), (1..=100).rev().map(id), 0);
    for n in 1..=100 {
        homes.push(UserId(1), PostId(id(n)));
    }
    assert_eq!(homes.stats().entries, 200);
    assert_eq!(read(&homes, UserId(1)).0.len(), 100);
    assert_eq!(homes.stats().entries, 100);
}

#[test]
fn a_rebuild_forgets_the_floor_of_the_one_before() {
    let homes = HomeTimelines::new(HOME_IDS_MAX);
    let token = homes.begin(UserId(1), at(0));
    assert!(homes.finish(UserId(1), token, &[PostId(id(9))], false));
    warm(&homes, UserId(1), [id(3)].into_iter(), 0);
    assert_eq!(read(&homes, UserId(1)), (vec![id(3)], None));
}

#[test]
fn timelines_that_were_moved_together_go_on_as_before() {
    let homes = HomeTimelines::new(HOME_IDS_MAX);
    for user in 0..300 {
        warm(
            &homes,
            UserId(user),
            (1..=u64::from(user)).rev().map(id),
            user % 3,
        );
    }
    let bytes = homes.memory_bytes();
    assert_eq!(homes.cool_idle(at(2)), 200);
    assert!(homes.memory_bytes() < bytes);
    for n in 301..=400 {
        for user in 0..300 {
            assert_eq!(homes.push(UserId(user), PostId(id(n))), user % 3 == 2);
        }
    }
    for user in (2..300).step_by(3) {
        let held = (1..=u64::from(user)).chain(301..=400).rev().map(id);
        assert_eq!(read(&homes, UserId(user)), (held.collect(), None));
    }
}

#[test]
fn full_timelines_take_less_than_ten_bytes_an_entry() {
    let homes = HomeTimelines::new(HOME_IDS_MAX);
    for user in 0..SHARD_USERS {
        warm(&homes, UserId(user), (1..=800).rev().map(id), 0);
    }
    let stats = homes.stats();
    assert_eq!(stats.entries, 791 * u64::from(SHARD_USERS));
    assert!(stats.bytes < 10 * stats.entries, "{stats:?}");
}

#[test]
fn cold_and_short_timelines_take_little() {
    let homes = HomeTimelines::new(HOME_IDS_MAX);
    assert_eq!(homes.memory_bytes(), 0);
    for user in 0..SHARD_USERS {
        warm(&homes, UserId(user), (1..=10).rev().map(id), 0);
    }
    assert!(homes.memory_bytes() < 450 * SHARD_USERS as usize);
    assert_eq!(homes.cool_all(), u64::from(SHARD_USERS));
    assert!(homes.memory_bytes() <= 40 * SHARD_USERS as usize);
}

#[test]
fn when_memory_is_short_the_least_recently_read_become_cold() {
    let homes = HomeTimelines::new(HOME_IDS_MAX);
    let users = 4_000;
    for user in 0..users {
        // Every tenth one was read a while ago.
        let read_s = if user % 10 == 0 { 5_000 } else { 90_000 };
        warm(&homes, UserId(user), (1..=800).rev().map(id), read_s);
    }
    let bytes = homes.memory_bytes() as u64;
    assert_eq!(homes.cool_until(bytes), 0);
    let cooled = homes.cool_until(bytes - bytes / 20);
    assert!(homes.memory_bytes() as u64 <= bytes - bytes / 20);
    assert!((400..1_200).contains(&cooled), "{cooled}");
    for user in (0..users).step_by(10) {
        assert_eq!(homes.home(UserId(user), at(90_000)), Home::Cold);
    }
    let cold = (0..users).filter(|user| homes.home(UserId(*user), at(90_000)) == Home::Cold);
    assert_eq!(cold.count() as u64, cooled);
    for user in (0..users).filter(|user| homes.home(UserId(*user), at(90_000)) != Home::Cold) {
        assert_eq!(read(&homes, UserId(user)).0.len(), 791, "moved as it was");
        assert!(homes.push(UserId(user), PostId(id(801))));
        assert_eq!(read(&homes, UserId(user)).0[0], id(801));
    }
}
