//! Which partitions a claim asks for how many jobs.

use ripple_domain::{Partition, Timestamp};

use super::places::{Stock, Version};

/// Jobs that are due within so many milliseconds of each other count as equally urgent (the same in
/// `scripts/lib/due.lua`).
pub(super) const NEAR_MS: i64 = 100;
/// Jobs that one partition is asked for at once, at most.
pub(super) const JOBS_AT_ONCE_MAX: usize = 1_000;

/// What a partition is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ask {
    pub(super) partition: Partition,
    pub(super) version: Version,
    pub(super) jobs_max: usize,
    /// Only jobs up to this order.
    pub(super) last: Option<Timestamp>,
}

/// Whom to ask for up to `left` jobs: those whose first jobs are about as urgent as the most urgent one,
/// beginning anywhere among them (`turn`), so that many who claim at once do not all ask the same ones.
/// Jobs of commits are due by `urgent_until`; with what is due later, time does not press.
pub(super) fn plan(
    mut stocks: Vec<Stock>,
    left: usize,
    urgent_until: Timestamp,
    turn: Partition,
) -> Vec<Ask> {
    let Some(first) = stocks.iter().map(|stock| stock.first).min() else {
        return Vec::new();
    };
    let near = first.plus_ms(NEAR_MS).min(urgent_until).max(first);
    let next = stocks
        .iter()
        .map(|stock| stock.first)
        .filter(|first| *first > near)
        .min();
    stocks.retain(|stock| stock.first <= near);
    stocks.sort_unstable_by_key(|stock| stock.partition.wrapping_sub(turn));
    let ask = |stock: &Stock, jobs_max: usize, last| Ask {
        partition: stock.partition,
        version: stock.version,
        jobs_max: jobs_max.min(JOBS_AT_ONCE_MAX),
        last,
    };
    if let [alone] = &stocks[..] {
        // Up to the first job of the others it is the most urgent one.
        return vec![ask(alone, left, next)];
    }
    let mut left = left;
    let mut asks = Vec::new();
    for stock in &stocks {
        let jobs_max = usize::try_from(stock.near).map_or(left, |near| near.min(left));
        if jobs_max == 0 {
            break;
        }
        asks.push(ask(stock, jobs_max, Some(near)));
        left -= jobs_max;
    }
    asks
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_772_366_400_000;
    const URGENT_UNTIL: Timestamp = Timestamp::from_ms(NOW + 10_000);

    fn stock(partition: Partition, near: u64, first_ms: i64) -> Stock {
        Stock {
            partition,
            near,
            first: Timestamp::from_ms(NOW + first_ms),
            version: Version::default(),
        }
    }

    fn asks(
        stocks: Vec<Stock>,
        left: usize,
        turn: Partition,
    ) -> Vec<(Partition, usize, Option<i64>)> {
        let asks = plan(stocks, left, URGENT_UNTIL, turn).into_iter();
        let last_ms = |last: Timestamp| last.as_ms() - NOW;
        asks.map(|ask| (ask.partition, ask.jobs_max, ask.last.map(last_ms)))
            .collect()
    }

    #[test]
    fn what_is_most_urgent_is_asked_for_first() {
        let stocks = vec![stock(3, 5, 900), stock(7, 5, 0), stock(9, 5, 500)];
        assert_eq!(asks(stocks, 100, 0), [(7, 100, Some(500))]);
        assert_eq!(asks(vec![stock(7, 5, 0)], 100, 0), [(7, 100, None)]);
        assert_eq!(asks(vec![], 100, 0), []);
    }

    #[test]
    fn of_equally_urgent_ones_few_are_asked_for_many_jobs() {
        let stocks = || vec![stock(3, 80, 50), stock(7, 30, 0), stock(9, 5, 500)];
        assert_eq!(
            asks(stocks(), 100, 0),
            [(3, 80, Some(100)), (7, 20, Some(100))]
        );
        assert_eq!(
            asks(stocks(), 100, 5),
            [(7, 30, Some(100)), (3, 70, Some(100))]
        );
        assert_eq!(asks(stocks(), 10, 5), [(7, 10, Some(100))]);
    }

    #[test]
    fn what_is_not_urgent_goes_in_its_exact_order() {
        let stocks = vec![stock(3, 9, 86_400_000), stock(7, 9, 86_400_001)];
        assert_eq!(asks(stocks, 100, 7), [(3, 100, Some(86_400_001))]);
        let stocks = vec![stock(3, 9, 9_950), stock(7, 9, 10_001)];
        assert_eq!(asks(stocks, 100, 7), [(3, 100, Some(10_001))]);
    }
}
