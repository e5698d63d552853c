//! Walks down a page, from one part of it to the next older one. Pure.

use std::collections::HashSet;

/// A post on a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) id: u64,
    /// The hash of its text.
    pub(super) text: u64,
}

/// What a page shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// The posts of the run, as they come.
    pub(super) items: Vec<Item>,
    /// The page was read down to this post.
    pub(super) bottom: u64,
    /// Posts that come after an older one, and where a page goes on at what was read before.
    pub(super) disordered: Vec<u64>,
}

/// A walk down a page.
#[derive(Debug)]
pub(super) struct Walk {
    floor: u64,
    items_max: usize,
    /// The oldest post so far.
    least: u64,
    /// Where the page went on last.
    cursor: u64,
    seen: HashSet<u64>,
    found: Found,
}

impl Walk {
    /// Down to the post `floor`, or to so many posts.
    pub(super) fn new(floor: u64, items_max: usize) -> Self {
        Self {
            floor,
            items_max,
            least: u64::MAX,
            cursor: u64::MAX,
            seen: HashSet::new(),
            found: Found::default(),
        }
    }

    /// Takes in the posts of a part.
    pub(super) fn add(&mut self, items: impl Iterator<Item = Item>) {
        for item in items {
            // One that comes again counts as doubled, and not as disordered too.
            if self.seen.insert(item.id) && item.id > self.least {
                self.found.disordered.push(item.id);
            }
            self.least = self.least.min(item.id);
            if item.id >= self.floor {
                self.found.items.push(item);
            }
        }
    }

    /// Whether to go on to the next part, at this path. It must be an older one: a server that sends its
    /// readers in a circle would keep them forever.
    pub(super) fn goes_on(&mut self, next: &str) -> bool {
        let cursor = cursor(next).unwrap_or(self.least);
        if cursor >= self.cursor {
            self.found.disordered.push(cursor);
            return false;
        }
        self.cursor = cursor;
        self.least >= self.floor && self.found.items.len() < self.items_max
    }

    /// What was found. Where there was enough before the floor, nothing is known of older posts.
    pub(super) fn end(mut self) -> Found {
        self.found.bottom = match self.found.items.len() >= self.items_max {
            true => self.least.max(self.floor),
            false => self.floor,
        };
        self.found
    }
}

/// The post below which the next part begins.
fn cursor(path: &str) -> Option<u64> {
    let (_, query) = path.split_once('?')?;
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let (_, before) = pairs.find(|(name, _)| *name == "before")?;
    before.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(walk: &mut Walk, ids: &[u64], next: &str) -> bool {
        walk.add(items(ids));
        walk.goes_on(next)
    }

    fn items(ids: &[u64]) -> impl Iterator<Item = Item> {
        ids.iter().map(|id| Item { id: *id, text: *id })
    }

    #[test]
    fn a_walk_ends_below_the_floor_or_with_enough_posts() {
        let mut walk = Walk::new(10, 100);
        assert!(step(&mut walk, &[30, 20], "/page?limit=2&before=20"));
        assert!(step(&mut walk, &[], "/page?before=15&limit=2"));
        assert!(!step(&mut walk, &[12, 9], "/page?limit=2&before=9"));
        let found = walk.end();
        assert!(found.items.iter().map(|item| item.id).eq([30, 20, 12]));
        assert_eq!((found.bottom, found.disordered), (10, vec![]));

        let mut walk = Walk::new(10, 2);
        assert!(!step(&mut walk, &[30, 20], "/page?before=20"));
        assert_eq!(walk.end().bottom, 20);
    }

    #[test]
    fn a_page_that_goes_on_at_itself_is_left_and_told() {
        let mut walk = Walk::new(0, 100);
        assert!(step(&mut walk, &[30, 20], "/page?before=20"));
        assert!(!step(&mut walk, &[30, 20], "/page?before=20"));
        let found = walk.end();
        assert_eq!((found.items.len(), found.disordered), (4, vec![20]));

        let mut walk = Walk::new(0, 100);
        assert!(step(&mut walk, &[30], "/page?cursor=x"));
        assert!(!step(&mut walk, &[], "/page?cursor=x"));
    }

    #[test]
    fn posts_in_another_order_are_told() {
        let mut walk = Walk::new(0, 100);
        walk.add(items(&[30, 20, 20, 25, 10]));
        assert_eq!(walk.end().disordered, [25]);
    }
}
