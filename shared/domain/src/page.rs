//! Pages and cursors. A cursor is a post's id; it names a place in the order of ids, so it stays
//! valid when the post is deleted.

use crate::PostId;

/// In which order a window is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the upper bound down.
    #[default]
    NewestFirst,
    /// From the lower bound up.
    OldestFirst,
}

/// The posts between two cursors, both excluded, and the order in which they are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Window {
    /// Only posts older than this one.
    pub before: Option<PostId>,
    /// Only posts newer than this one.
    pub after: Option<PostId>,
    /// The order.
    pub direction: Direction,
}

impl Window {
    /// Everything, newest first.
    pub const NEWEST: Self = Self {
        before: None,
        after: None,
        direction: Direction::NewestFirst,
    };

    /// The window of a request for a page. With `after` alone the page is the one next to the cursor,
    /// so that a client which follows it upwards misses nothing; else it is the newest.
    pub fn of_page(before: Option<PostId>, after: Option<PostId>) -> Self {
        let direction = match (before, after) {
            (None, Some(_)) => Direction::OldestFirst,
            _ => Direction::NewestFirst,
        };
        Self {
            before,
            after,
            direction,
        }
    }

    /// Whether the window spans `id`.
    pub fn contains(&self, id: PostId) -> bool {
        self.before.is_none_or(|before| id < before) && self.after.is_none_or(|after| id > after)
    }

    /// What is left of the window when it has been read up to and with `id`.
    #[must_use]
    pub fn beyond(self, id: PostId) -> Self {
        match self.direction {
            Direction::NewestFirst => Self {
                before: Some(id),
                ..self
            },
            Direction::OldestFirst => Self {
                after: Some(id),
                ..self
            },
        }
    }

    /// The smallest and the largest id in the window, both included; `None` when it is empty.
    pub fn bounds(&self) -> Option<(PostId, PostId)> {
        let low = self.after.map_or(Some(0), |after| after.0.checked_add(1))?;
        let high = self
            .before
            .map_or(Some(PostId::MAX.0), |before| before.0.checked_sub(1))?;
        (low <= high).then_some((PostId(low), PostId(high)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_excludes_its_cursors() {
        let window = Window::of_page(Some(PostId(9)), Some(PostId(5)));
        assert_eq!(window.direction, Direction::NewestFirst);
        assert_eq!(window.bounds(), Some((PostId(6), PostId(8))));
        assert!(window.contains(PostId(6)) && !window.contains(PostId(5)));
        assert_eq!(window.beyond(PostId(6)).bounds(), None);
    }

    #[test]
    fn after_alone_reads_upwards_from_the_cursor() {
        let window = Window::of_page(None, Some(PostId(5)));
        assert_eq!(window.direction, Direction::OldestFirst);
        assert_eq!(window.beyond(PostId(7)).after, Some(PostId(7)));
    }
}
