//! What readers saw against what receipts say, post by post.

use std::collections::HashMap;

use super::measure::Measured;
use crate::{
    report::model::AfterReceipt,
    watch::{Place, Receipt, Seen},
};

/// How long after its receipt each post was seen, by tier.
pub(super) fn after_receipts(measured: &Measured) -> Vec<AfterReceipt> {
    let receipts: HashMap<u64, &Receipt> = measured
        .receipts
        .iter()
        .map(|receipt| (receipt.post, receipt))
        .collect();
    let tier = |tier: &str, seen: HashMap<u64, u64>, told: fn(&Receipt) -> Option<u64>| {
        let differences = seen.into_iter().filter_map(|(post, seen_us)| {
            let told_us = told(receipts.get(&post)?)?;
            Some(signed(seen_us) - signed(told_us))
        });
        of(tier, differences.collect())
    };
    let is_public = |seen: &&Seen| seen.place.is_public();
    let public = latest(measured.seen.iter().filter(is_public));
    [
        tier("followers", by_last_followers(measured), |of| {
            of.followers_us
        }),
        tier("public", public, |of| of.public_us),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// When the last follower saw each post, whose timeline is the last of its fan-out; where nobody looked
/// there, the last of those who looked.
fn by_last_followers(measured: &Measured) -> HashMap<u64, u64> {
    let of = |place| measured.seen.iter().filter(move |seen| seen.place == place);
    let mut seen = latest(of(Place::Home));
    seen.extend(latest(of(Place::LastHome)));
    seen
}

/// The latest look of each post.
fn latest<'a>(looks: impl Iterator<Item = &'a Seen>) -> HashMap<u64, u64> {
    let mut latest: HashMap<u64, u64> = HashMap::new();
    for look in looks {
        if let Some(after_us) = look.after_us {
            let known = latest.entry(look.post).or_default();
            *known = after_us.max(*known);
        }
    }
    latest
}

fn of(tier: &str, mut differences: Vec<i64>) -> Option<AfterReceipt> {
    differences.sort_unstable();
    let most = *differences.last()?;
    // The smallest of which so many of a hundred are at most that.
    let at = |percent: usize| {
        let place = (differences.len() * percent).div_ceil(100).max(1) - 1;
        differences.get(place).copied().unwrap_or(most)
    };
    Some(AfterReceipt {
        tier: tier.into(),
        count: differences.len() as u64,
        p50_us: at(50),
        p99_us: at(99),
        max_us: most,
    })
}

fn signed(micros: u64) -> i64 {
    i64::try_from(micros).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_post_is_held_against_its_own_receipt() {
        let mut measured = Measured::of_nothing();
        let look = |post, place, after_us| Seen {
            post,
            author: 0,
            place,
            accepted_s: 0.0,
            after_us,
        };
        measured.seen = vec![
            look(1, Place::Home, Some(900)),
            look(1, Place::LastHome, Some(1_500)),
            look(2, Place::Home, Some(2_000)),
            look(2, Place::Home, Some(3_000)),
            look(2, Place::LastHome, None),
            look(3, Place::LastHome, Some(5_000)),
            look(1, Place::Tag, Some(70_000)),
            look(1, Place::Feed, Some(90_000)),
        ];
        let receipt = |post, followers_us, public_us| Receipt {
            post,
            followers_us,
            public_us,
        };
        measured.receipts = vec![
            receipt(1, Some(2_000), Some(80_000)),
            receipt(2, Some(1_000), None),
            receipt(3, None, Some(1_000)),
        ];
        let found = after_receipts(&measured);
        let shown: Vec<_> = found
            .iter()
            .map(|of| (of.tier.as_str(), of.count, of.p50_us, of.p99_us, of.max_us))
            .collect();
        assert_eq!(
            shown,
            [
                ("followers", 2, -500, 2_000, 2_000),
                ("public", 1, 10_000, 10_000, 10_000),
            ]
        );
    }
}
