//! Pages: newest first, with cursors that stay valid when their item is deleted.

use std::fmt::{self, Write};

use axum::{
    Json,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use ripple_domain::{Tier, Timestamp};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use crate::{ApiState, Problem, extract::PageQuery, wire::Time};

/// A page, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Page<T> {
    /// What is on it.
    pub(crate) items: Vec<T>,
    /// Path and query of the next page in the same direction; null at the end. Follow it also from a
    /// page that is short or empty: so it is where very many posts in a row are hidden from the reader.
    pub(crate) next: Option<String>,
    /// The moment up to which the page is complete.
    pub(crate) as_of: Time,
    /// Path and query of the page in the other direction.
    #[serde(skip)]
    pub(crate) prev: Option<String>,
}

/// How a page is asked for.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the OpenAPI document is made from it")]
pub(crate) struct PageParams {
    /// The most items.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<u8>,
    /// Only items older than the one with this id.
    before: Option<String>,
    /// Only items newer than the one with this id. Alone, it asks for the oldest of them.
    after: Option<String>,
}

impl<T: Serialize> IntoResponse for Page<T> {
    fn into_response(self) -> Response {
        let rels = [("next", &self.next), ("prev", &self.prev)];
        let links: Vec<String> = rels
            .iter()
            .filter_map(|(rel, target)| Some(format!("<{}>; rel=\"{rel}\"", target.as_ref()?)))
            .collect();
        let link = HeaderValue::from_str(&links.join(", "));
        let mut response = Json(self).into_response();
        if let (false, Ok(link)) = (links.is_empty(), link) {
            response.headers_mut().insert(header::LINK, link);
        }
        response
    }
}

/// The ids that bound a page, with the pages next to it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Cut<T> {
    pub(crate) items: Vec<T>,
    pub(crate) next: Option<String>,
    pub(crate) prev: Option<String>,
}

impl<Id: Copy + fmt::Display> PageQuery<Id> {
    /// Whether the page is the one next above `after`, and not the newest of its window.
    pub(crate) const fn is_upwards(&self) -> bool {
        self.before.is_none() && self.after.is_some()
    }

    /// How many items to read: one more than are shown tells whether there is a next page.
    pub(crate) const fn read_limit(&self) -> usize {
        self.limit + 1
    }

    /// Makes the page of what was read: the newest first, up to [`PageQuery::read_limit`].
    pub(crate) fn cut<T>(&self, items: Vec<T>, id: impl Fn(&T) -> Id) -> Cut<T> {
        self.cut_read(items, None, id)
    }

    /// The same where the reading may have broken off at some id before the page was full.
    pub(crate) fn cut_read<T>(
        &self,
        mut items: Vec<T>,
        broke_off_at: Option<Id>,
        id: impl Fn(&T) -> Id,
    ) -> Cut<T> {
        let goes_on = items.len() > self.limit;
        if goes_on && self.is_upwards() {
            items.drain(..items.len() - self.limit);
        } else {
            items.truncate(self.limit);
        }
        let newest = items.first().map(&id);
        let oldest = items.last().map(&id);
        let upwards = newest.map(|id| self.target(None, Some(id)));
        let (next, prev) = match self.is_upwards() {
            true => (upwards, oldest.map(|id| self.target(Some(id), None))),
            false => (oldest.map(|id| self.target(Some(id), self.after)), upwards),
        };
        let next = match broke_off_at {
            Some(at) if self.is_upwards() => Some(self.target(None, Some(at))),
            Some(at) => Some(self.target(Some(at), self.after)),
            None => next.filter(|_| goes_on),
        };
        Cut { items, next, prev }
    }

    fn target(&self, before: Option<Id>, after: Option<Id>) -> String {
        let mut target = format!("{}?limit={}", self.path, self.limit);
        // Writing to a string cannot fail.
        if let Some(before) = before {
            let _ = write!(target, "&before={before}");
        }
        if let Some(after) = after {
            let _ = write!(target, "&after={after}");
        }
        target
    }
}

/// The moment up to which the pages that a tier writes are complete. To be asked before such a page
/// is read: what is done in between then makes the page more complete than it says, never less.
pub(crate) async fn complete_up_to(state: &ApiState, tier: Tier) -> Result<Timestamp, Problem> {
    Ok(state.store().complete_until(tier).await?)
}

/// The moment up to which the pages that commits write are complete: the last millisecond that is
/// over, as more may be committed in this one. To be asked before such a page is read.
pub(crate) fn committed_up_to(state: &ApiState) -> Timestamp {
    state.now().plus_ms(-1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(before: Option<u32>, after: Option<u32>) -> PageQuery<u32> {
        PageQuery {
            path: "/v1/x".into(),
            limit: 2,
            before,
            after,
        }
    }

    #[test]
    fn a_page_downwards_goes_on_below_its_oldest_item() {
        let cut = query(None, None).cut(vec![9, 8, 7], |id| *id);
        assert_eq!(cut.items, [9, 8]);
        assert_eq!(cut.next.as_deref(), Some("/v1/x?limit=2&before=8"));
        assert_eq!(cut.prev.as_deref(), Some("/v1/x?limit=2&after=9"));
        let cut = query(Some(9), Some(6)).cut(vec![8, 7], |id| *id);
        assert_eq!((cut.items, cut.next), (vec![8, 7], None));
    }

    #[test]
    fn a_page_upwards_goes_on_above_its_newest_item() {
        let cut = query(None, Some(4)).cut(vec![7, 6, 5], |id| *id);
        assert_eq!(cut.items, [6, 5]);
        assert_eq!(cut.next.as_deref(), Some("/v1/x?limit=2&after=6"));
        assert_eq!(cut.prev.as_deref(), Some("/v1/x?limit=2&before=5"));
    }

    #[test]
    fn a_page_whose_reading_broke_off_goes_on_there() {
        let cut = query(None, Some(2)).cut_read(vec![9], Some(6), |id| *id);
        assert_eq!(cut.next.as_deref(), Some("/v1/x?limit=2&after=6"));
        let cut = query(Some(20), Some(2)).cut_read(vec![9], Some(6), |id| *id);
        assert_eq!(cut.next.as_deref(), Some("/v1/x?limit=2&before=6&after=2"));
        let cut = query(None, None).cut_read(vec![], Some(6), |id| *id);
        assert_eq!(cut.next.as_deref(), Some("/v1/x?limit=2&before=6"));
    }

    #[test]
    fn an_empty_page_has_no_neighbours() {
        let cut = query(None, Some(4)).cut(Vec::<u32>::new(), |id| *id);
        assert_eq!((cut.next, cut.prev), (None, None));
    }
}
