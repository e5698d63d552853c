//! Home timelines on every store: rebuilding a cold one, and the ids of a page of a warm one.

use std::time::Duration;

use ripple_domain::{Direction, PostId, UserId, Window, merge::merge};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};

use crate::{Home, Store, StoreError};

/// The most ids that a warm home timeline holds.
pub const HOME_IDS_MAX: usize = 800;
/// The longest that a reader waits for his turn.
const TURN_TIME_MAX: Duration = Duration::from_secs(10);

/// Whose turn it is to have a cold timeline rebuilt. When thousands of readers come back at the same
/// moment, rebuilding for all of them at once makes none of them faster, but everybody else slower.
#[derive(Debug)]
pub struct RebuildTurns {
    places: Semaphore,
    wait_max: Duration,
}

impl RebuildTurns {
    /// Turns of which `at_once` are taken at a time.
    pub(crate) fn new(at_once: usize) -> Self {
        Self {
            places: Semaphore::new(at_once),
            wait_max: TURN_TIME_MAX,
        }
    }

    /// Waits for a turn, which lasts until what is returned is dropped. Turns are given in the order in
    /// which they were asked for; [`StoreError::Overloaded`] when none comes within ten seconds.
    pub async fn take(&self) -> Result<SemaphorePermit<'_>, StoreError> {
        let turn = timeout(self.wait_max, self.places.acquire()).await;
        turn.ok()
            .and_then(Result::ok)
            .ok_or(StoreError::Overloaded { retry_after_s: 1 })
    }
}

/// Rebuilds a user's home timeline and returns it: marks it as warming, reads the author timelines
/// of everyone he follows, his own and his inbox, and merges.
///
/// The order is what keeps a post from falling between a rebuild and a fan-out. A post's author
/// timeline is written in its commit, so a post that is committed before the reading is read here; a
/// post that is committed later has its fan-out later still, and that finds the timeline warming.
pub async fn rebuild(store: &dyn Store, user: UserId) -> Result<Home, StoreError> {
    let warming = store.home_begin(user).await?;
    let ids = read_facts(store, user, Window::NEWEST, HOME_IDS_MAX).await?;
    let complete = ids.len() < HOME_IDS_MAX;
    if store.home_finish(warming, &ids, complete).await? {
        return store.home(user).await;
    }
    // The timeline was made cold meanwhile (the user followed somebody, say) or another reader
    // rebuilds it too. What was read is right for this reader, so nobody has to wait in a loop.
    let floor = if complete { None } else { ids.last().copied() };
    Ok(Home::Warm { ids, floor })
}

/// [`rebuild`] for a reader, who waits for his turn, and may find then that it has been done.
async fn rebuild_in_turn(store: &dyn Store, user: UserId) -> Result<Home, StoreError> {
    let _turn = store.rebuild_turns().take().await?;
    match store.home(user).await? {
        Home::Cold => rebuild(store, user).await,
        warm @ Home::Warm { .. } => Ok(warm),
    }
}

/// The ids of a home timeline in a window, from the facts alone: a merge of the author timelines of
/// everyone whom the user follows, his own, and his inbox.
pub async fn read_facts(
    store: &dyn Store,
    user: UserId,
    window: Window,
    limit: usize,
) -> Result<Vec<PostId>, StoreError> {
    let mut authors = store.followees(user).await?;
    authors.push(user);
    let posted = store.posts_of(&authors, window, limit).await?;
    let addressed = store.inbox(user, window, limit).await?;
    if addressed.is_empty() {
        return Ok(posted);
    }
    Ok(merge(
        vec![posted.into_iter(), addressed.into_iter()],
        window.direction,
        limit,
    ))
}

/// The source of a home page: ids of one window after another. It reads the kept timeline once, merges
/// it with the author timelines of those whose posts are pulled, and goes on in the facts where it ends,
/// so a home timeline has no artificial end.
pub struct HomeIds<'a> {
    store: &'a dyn Store,
    user: UserId,
    ids: Vec<PostId>,
    floor: Option<PostId>,
    /// Followees of whom `ids` may lack posts.
    pulled: Vec<UserId>,
}

impl<'a> HomeIds<'a> {
    /// Opens a user's home timeline, rebuilding it where it is cold.
    pub async fn open(store: &'a dyn Store, user: UserId) -> Result<Self, StoreError> {
        let (home, pulled) = match store.read_home(user).await? {
            (Home::Cold, _) => {
                let home = rebuild_in_turn(store, user).await?;
                // Looked up after the timeline: who is pulled only since then has pushed all before.
                (home, store.read_home(user).await?.1)
            }
            warm @ (Home::Warm { .. }, _) => warm,
        };
        let (ids, floor) = match home {
            Home::Warm { ids, floor } => (ids, floor),
            // Made cold again between its rebuild and here: everything comes from the facts.
            Home::Cold => (Vec::new(), Some(PostId::MAX)),
        };
        Ok(Self {
            store,
            user,
            ids,
            floor,
            pulled,
        })
    }

    /// The next ids of the window, at most `limit`, in the window's order; none at its end.
    pub async fn next(&self, window: Window, limit: usize) -> Result<Vec<PostId>, StoreError> {
        match window.direction {
            Direction::NewestFirst => {
                let above = self.above_floor(window, limit).await?;
                if !above.is_empty() || self.floor.is_none() {
                    return Ok(above);
                }
                read_facts(self.store, self.user, self.below_floor(window), limit).await
            }
            // Upwards from a cursor above the floor all is kept; from one below it the facts lead
            // through without a seam.
            Direction::OldestFirst
                if self.floor.is_none_or(|floor| window.after >= Some(floor)) =>
            {
                self.above_floor(window, limit).await
            }
            Direction::OldestFirst => read_facts(self.store, self.user, window, limit).await,
        }
    }

    /// What is kept of the window, with the posts above the floor that are pulled.
    async fn above_floor(&self, window: Window, limit: usize) -> Result<Vec<PostId>, StoreError> {
        let kept = self.ids.iter().copied();
        let kept: Vec<PostId> = match window.direction {
            Direction::NewestFirst => within(window, kept).take(limit).collect(),
            Direction::OldestFirst => within(window, kept.rev()).take(limit).collect(),
        };
        if self.pulled.is_empty() {
            return Ok(kept);
        }
        let above = Window {
            after: window.after.max(self.floor),
            ..window
        };
        let pulled = self.store.posts_of(&self.pulled, above, limit).await?;
        let sources = vec![kept.into_iter(), pulled.into_iter()];
        Ok(merge(sources, window.direction, limit))
    }

    /// The part of the window at and below the floor.
    fn below_floor(&self, window: Window) -> Window {
        let top = self.floor.map(|floor| PostId(floor.0 + 1));
        let before = match (window.before, top) {
            (Some(before), Some(top)) => Some(before.min(top)),
            (before, top) => before.or(top),
        };
        Window { before, ..window }
    }
}

fn within(window: Window, ids: impl Iterator<Item = PostId>) -> impl Iterator<Item = PostId> {
    ids.filter(move |id| window.contains(*id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_waits_too_long_for_a_turn_is_told_so() {
        let turns = RebuildTurns {
            places: Semaphore::new(1),
            wait_max: Duration::from_millis(20),
        };
        let turn = turns.take().await.unwrap();
        let late = turns.take().await;
        assert!(matches!(
            late,
            Err(StoreError::Overloaded { retry_after_s: 1 })
        ));
        drop(turn);
        assert!(turns.take().await.is_ok());
    }
}
