//! What can happen next. Numbers choose among what there is at that moment, so that every sequence of
//! steps makes sense, and shrinks.

use proptest::prelude::*;
use ripple_domain::{RelationKind, Visibility};

#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// A user posts; where `to` names another user, it is addressed to him.
    Post {
        author: usize,
        visibility: Visibility,
        to: usize,
    },
    Delete {
        post: usize,
    },
    Show {
        post: usize,
        visibility: Visibility,
    },
    Relate {
        from: usize,
        kind: RelationKind,
        to: usize,
        on: bool,
    },
    /// A worker claims a job.
    Claim,
    /// A worker does a chunk of its job; it may do so twice, and after it has lost its lease.
    Push {
        worker: usize,
        followers_max: usize,
    },
    /// A worker that has done its chunk settles.
    Settle {
        worker: usize,
    },
    /// A worker goes away.
    Lose {
        worker: usize,
    },
    /// All leases run out; whoever held them goes on nevertheless.
    LeasesEnd,
    /// An author gets too many followers to push to, or has so no longer.
    Pull {
        author: usize,
        on: bool,
    },
    /// A rebuild begins.
    Begin {
        user: usize,
    },
    /// A rebuild reads the facts, up to so many posts.
    Read {
        rebuild: usize,
        limit: usize,
    },
    /// A rebuild ends.
    Finish {
        rebuild: usize,
    },
    Cool {
        user: usize,
    },
    CoolAll,
    /// A user reads his home timeline.
    Look {
        user: usize,
    },
    Restart,
}

const STEPS_MAX: usize = 80;

pub(super) fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(step(), 1..STEPS_MAX)
}

fn step() -> impl Strategy<Value = Step> {
    let which = 0..100_usize;
    prop_oneof![
        16 => (which.clone(), visibility(), which.clone())
            .prop_map(|(author, visibility, to)| Step::Post { author, visibility, to }),
        3 => which.clone().prop_map(|post| Step::Delete { post }),
        5 => (which.clone(), visibility())
            .prop_map(|(post, visibility)| Step::Show { post, visibility }),
        14 => (which.clone(), kind(), which.clone(), any::<bool>())
            .prop_map(|(from, kind, to, on)| Step::Relate { from, kind, to, on }),
        18 => Just(Step::Claim),
        26 => (which.clone(), 1..3_usize)
            .prop_map(|(worker, followers_max)| Step::Push { worker, followers_max }),
        20 => which.clone().prop_map(|worker| Step::Settle { worker }),
        2 => which.clone().prop_map(|worker| Step::Lose { worker }),
        3 => Just(Step::LeasesEnd),
        4 => (which.clone(), any::<bool>()).prop_map(|(author, on)| Step::Pull { author, on }),
        14 => which.clone().prop_map(|user| Step::Begin { user }),
        14 => (which.clone(), 1..12_usize)
            .prop_map(|(rebuild, limit)| Step::Read { rebuild, limit }),
        14 => which.clone().prop_map(|rebuild| Step::Finish { rebuild }),
        6 => which.clone().prop_map(|user| Step::Cool { user }),
        1 => Just(Step::CoolAll),
        12 => which.prop_map(|user| Step::Look { user }),
        1 => Just(Step::Restart),
    ]
}

fn visibility() -> impl Strategy<Value = Visibility> {
    prop_oneof![
        5 => Just(Visibility::Public),
        1 => Just(Visibility::Unlisted),
        2 => Just(Visibility::Followers),
        3 => Just(Visibility::Direct),
    ]
}

fn kind() -> impl Strategy<Value = RelationKind> {
    prop_oneof![
        6 => Just(RelationKind::Follow),
        1 => Just(RelationKind::Mute),
        2 => Just(RelationKind::Block),
    ]
}
