//! Zipf's law, from a table: drawing is a search in it.

use fastrand::Rng;

/// Draws places of a list, the first ones most often.
#[derive(Clone, Debug)]
pub(super) struct Zipf {
    /// By place: the share of all places up to it, times their sum.
    sums: Vec<f64>,
}

impl Zipf {
    /// Over at least one place.
    pub(super) fn new(places: usize, exponent: f64) -> Self {
        let mut sum = 0.0;
        let mut sums = Vec::with_capacity(places);
        let mut place = 1.0_f64;
        for _ in 0..places {
            sum += place.powf(-exponent);
            sums.push(sum);
            place += 1.0;
        }
        Self { sums }
    }

    pub(super) fn len(&self) -> usize {
        self.sums.len()
    }

    /// A place, from 0 on.
    pub(super) fn draw(&self, rng: &mut Rng) -> usize {
        let all = self.sums.last().copied().unwrap_or(0.0);
        let drawn = rng.f64() * all;
        let place = self.sums.partition_point(|sum| *sum <= drawn);
        place.min(self.sums.len().saturating_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_of_a_place_falls_as_the_law_says() {
        let zipf = Zipf::new(100, 1.0);
        let mut rng = Rng::with_seed(1);
        let mut drawn = [0.0; 100];
        for _ in 0..200_000 {
            drawn[zipf.draw(&mut rng)] += 1.0;
        }
        for place in [1, 3, 9] {
            let ratio = drawn[0] / drawn[place];
            let expected = f64::from(u32::try_from(place).unwrap() + 1);
            assert!((ratio / expected - 1.0).abs() < 0.1, "{place}: {ratio}");
        }
    }
}
