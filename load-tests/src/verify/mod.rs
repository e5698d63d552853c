//! Whether each accepted post is exactly once where it belongs, when all is done: pages are read from the
//! newest post to below the first of the run, feeds as far as they go, and compared with what was accepted.

mod expected;
mod read;
mod walk;

use std::{collections::HashSet, sync::Arc};

use futures_util::{StreamExt, stream};
use indicatif::ProgressBar;

use self::{
    expected::{Expected, Page},
    walk::Found,
};
use crate::{
    api::Api,
    generate::{ledger::Ledger, people::People},
    population::handle,
    report::model::{Misplaced, Verification},
    scenario::VerifySpec,
};

/// Pages that are read at once.
const AT_ONCE: usize = 16;
/// Misplaced posts that a report names.
const NAMED_MAX: usize = 100;

/// Reads pages and compares them with what was accepted. `is_own` tells whether nobody else posts to this
/// server: then a post that nobody knows is strange.
pub(crate) async fn verify(
    api: &Api,
    people: &Arc<People>,
    ledger: &Ledger,
    spec: &VerifySpec,
    is_own: bool,
    progress: &ProgressBar,
) -> Verification {
    let expected = Expected::new(Arc::clone(people), ledger, spec);
    progress.set_length(expected.pages.len() as u64);
    let mut verification = Verification {
        accepted: expected.accepted.len() as u64,
        uncertain: expected.uncertain(),
        ..Verification::default()
    };
    let mut reads = stream::iter(&expected.pages)
        .map(|page| {
            let read = read::all(api, people, page, expected.floor);
            async move { (page, read.await) }
        })
        .buffer_unordered(AT_ONCE);
    // Posts of unknown fate that were found, by the hash of their texts.
    let mut strangers = HashSet::new();
    while let Some((page, found)) = reads.next().await {
        progress.inc(1);
        *verification
            .pages
            .entry(page.kind.name().into())
            .or_default() += 1;
        check(
            &expected,
            page,
            &found,
            is_own,
            &mut strangers,
            &mut verification,
        );
    }
    verification
}

impl Verification {
    /// Adds posts that came to readers with open streams more often than once.
    pub(crate) fn doubled_on_streams(&mut self, again: &[(u32, u64)]) {
        for (reader, post) in again {
            self.doubled_count += 1;
            name(&mut self.doubled, || Misplaced {
                post: post.to_string(),
                page: format!("/v1/stream of {}", handle(*reader)),
            });
        }
    }
}

/// Compares what a page shows with what belongs there.
fn check(
    expected: &Expected,
    page: &Page,
    found: &Found,
    is_own: bool,
    doubtful: &mut HashSet<(u64, u64)>,
    verification: &mut Verification,
) {
    let mut belongs = expected.on(page);
    belongs.retain(|post| *post >= found.bottom);
    verification.expected += belongs.len() as u64;
    let mut shown = HashSet::with_capacity(found.items.len());
    for item in &found.items {
        let misplaced = || Misplaced {
            post: item.id.to_string(),
            page: page.name(),
        };
        if !shown.insert(item.id) {
            verification.doubled_count += 1;
            name(&mut verification.doubled, misplaced);
            continue;
        }
        if belongs.contains(&item.id) {
            continue;
        }
        let is_known = expected.accepted.contains_key(&item.id);
        // Sent again as its answer was lost, and stored a second time: whoever else posts here, nobody
        // else posts this.
        if !is_known && expected.texts.contains(&item.text) {
            verification.doubled_count += 1;
            name(&mut verification.doubled, misplaced);
            continue;
        }
        let is_strange = match is_known {
            // A keyword page also shows posts that have the word by chance.
            true => !page.kind.shows_others(),
            // One whose fate is unknown may be there; but if it is, as one post everywhere.
            false if expected.perhaps.contains_key(&item.text) => {
                doubtful.insert((item.text, item.id));
                false
            }
            false => is_own,
        };
        if is_strange {
            verification.strange_count += 1;
            name(&mut verification.strange, misplaced);
        }
        let twins = doubtful
            .iter()
            .filter(|(text, _)| *text == item.text)
            .count();
        if twins > 1 {
            verification.doubled_count += 1;
            name(&mut verification.doubled, misplaced);
        }
    }
    for post in &found.disordered {
        verification.strange_count += 1;
        name(&mut verification.strange, || Misplaced {
            post: post.to_string(),
            page: page.name(),
        });
    }
    for post in belongs.iter().filter(|post| !shown.contains(*post)) {
        verification.missing_count += 1;
        name(&mut verification.missing, || Misplaced {
            post: post.to_string(),
            page: page.name(),
        });
    }
}

fn name(named: &mut Vec<Misplaced>, misplaced: impl Fn() -> Misplaced) {
    if named.len() < NAMED_MAX {
        named.push(misplaced());
    }
}
