//! Drawing by lot, such that the same seed draws the same, in whatever order it is asked.

use crate::scenario::Operation;

/// What splitmix64 adds from one number to the next: 2^64 divided by the golden ratio, odd.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// What is drawn. The draws of different purposes have nothing to do with one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// What a request asks for.
    Request,
    /// Where a post is looked for.
    Watch,
}

/// The generator of what is drawn for one request. Only its first few numbers are used, so that it must
/// not be seeded with numbers that lie near one another: generators step from seed to seed evenly.
pub(crate) fn rng(seed: u64, purpose: Purpose, operation: Operation, number: u64) -> fastrand::Rng {
    let kind = (purpose as u64) << 32 | operation.index() as u64;
    let mixed = [kind, number].into_iter().fold(mix(seed), |mixed, part| {
        mix(mixed ^ mix(part.wrapping_add(1).wrapping_mul(GOLDEN)))
    });
    fastrand::Rng::with_seed(mixed)
}

/// The finaliser of splitmix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014,
/// with Stafford's constants): each bit of what comes out depends on all bits of what goes in.
const fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first draw of each of so many requests in a row, of `0..CLASSES`.
    const DRAWS: u32 = 20_000;
    const CLASSES: usize = 1_000;

    fn draws(seed: u64, operation: Operation) -> Vec<usize> {
        let first = |number| rng(seed, Purpose::Request, operation, number).usize(..CLASSES);
        (0..DRAWS.into()).map(first).collect()
    }

    #[test]
    fn draws_that_follow_one_another_have_nothing_in_common() {
        for seed in 0..20 {
            for operation in Operation::ALL {
                let draws: Vec<f64> = draws(seed, operation)
                    .into_iter()
                    .map(|draw| draw as f64 / CLASSES as f64 - 0.5)
                    .collect();
                for lag in 1..=3 {
                    let pairs = draws.iter().zip(&draws[lag..]);
                    // The variance of an even distribution over an interval of one is a twelfth.
                    let sum: f64 = pairs.map(|(a, b)| a * b * 12.0).sum();
                    let correlation = sum / f64::from(DRAWS);
                    // Five standard deviations of what chance gives.
                    let most = 5.0 / f64::from(DRAWS).sqrt();
                    assert!(correlation.abs() < most, "{seed} {lag} {correlation}");
                }
            }
        }
    }

    #[test]
    fn all_are_drawn_as_often_as_chance_has_it() {
        for seed in 0..20 {
            for operation in Operation::ALL {
                let mut counts = vec![0.0; CLASSES];
                for draw in draws(seed, operation) {
                    counts[draw] += 1.0;
                }
                let expected = f64::from(DRAWS) / CLASSES as f64;
                let square = |count: f64| (count - expected).powi(2) / expected;
                let chi_square: f64 = counts.into_iter().map(square).sum();
                // With so many classes nearly normal: mean and variance are the degrees of freedom, and
                // twice those. Draws that are too even are as wrong as such that are not even enough.
                let freedom = CLASSES as f64 - 1.0;
                let deviations = (chi_square - freedom) / (2.0 * freedom).sqrt();
                assert!(deviations.abs() < 5.0, "{seed} {deviations}");
            }
        }
    }
}
