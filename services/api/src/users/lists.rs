//! `GET /v1/users/{handle}/posts`, `…/followers` and `…/following`.

use axum::extract::State;
use ripple_domain::{PostId, Topic, UserId};
use ripple_store::{StoreError, reading::Page as PageOf};

use super::{
    json::{UserJson, user_jsons},
    user_of,
};
use crate::{
    ApiState, Problem,
    auth::Viewer,
    extract::{PageQuery, PathText},
    page::{Page, PageParams, committed_up_to},
    posts::PostJson,
    timelines::post_page,
};

/// What a user has posted, as far as the reader may see it.
#[utoipa::path(
    get,
    path = "/v1/users/{handle}/posts",
    tag = "users",
    params(("handle" = String, Path, description = "The user's handle"), PageParams),
    responses((status = OK, body = Page<PostJson>)),
    security((), ("token" = [])),
)]
pub(super) async fn list_posts(
    State(state): State<ApiState>,
    Viewer(viewer): Viewer,
    PathText(handle): PathText,
    query: PageQuery<PostId>,
) -> Result<Page<PostJson>, Problem> {
    let author = user_of(&state, &handle).await?;
    let page = PageOf::Topic(Topic::Author(author.id));
    // Author timelines are written in the commit.
    let as_of = committed_up_to(&state);
    post_page(&state, viewer, &page, &query, as_of).await
}

/// Those who follow a user, those who signed up last first.
#[utoipa::path(
    get,
    path = "/v1/users/{handle}/followers",
    tag = "users",
    params(("handle" = String, Path, description = "The user's handle"), PageParams),
    responses((status = OK, body = Page<UserJson>)),
    security((), ("token" = [])),
)]
pub(super) async fn list_followers(
    State(state): State<ApiState>,
    _: Viewer,
    PathText(handle): PathText,
    query: PageQuery<UserId>,
) -> Result<Page<UserJson>, Problem> {
    let user = user_of(&state, &handle).await?.id;
    user_page(&state, List::Followers(user), &query).await
}

/// Those whom a user follows, those who signed up last first.
#[utoipa::path(
    get,
    path = "/v1/users/{handle}/following",
    tag = "users",
    params(("handle" = String, Path, description = "The user's handle"), PageParams),
    responses((status = OK, body = Page<UserJson>)),
    security((), ("token" = [])),
)]
pub(super) async fn list_following(
    State(state): State<ApiState>,
    _: Viewer,
    PathText(handle): PathText,
    query: PageQuery<UserId>,
) -> Result<Page<UserJson>, Problem> {
    let user = user_of(&state, &handle).await?.id;
    user_page(&state, List::Following(user), &query).await
}

/// A list of users, in the descending order of their ids.
#[derive(Clone, Copy, Debug)]
enum List {
    Followers(UserId),
    Following(UserId),
}

impl List {
    async fn read(
        self,
        state: &ApiState,
        before: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<UserId>, StoreError> {
        let store = state.store();
        match self {
            Self::Followers(user) => store.followers_page(user, before, limit).await,
            Self::Following(user) => store.following_page(user, before, limit).await,
        }
    }

    /// The `limit` users with the smallest ids above `after`, newest first. The store reads downwards
    /// only, so this looks at ranges of ids above the cursor: wider ones while they hold few users,
    /// narrower ones when they hold too many.
    async fn read_upwards(
        self,
        state: &ApiState,
        after: UserId,
        limit: usize,
    ) -> Result<Vec<UserId>, StoreError> {
        let mut found: Vec<UserId> = Vec::new();
        let mut floor = after.0;
        let mut span = SPAN_MIN;
        while found.len() < limit && floor < u32::MAX {
            let top = floor.saturating_add(span);
            // `None` reads from the largest id there can be.
            let before = top.checked_add(1).map(UserId);
            let ids = self.read(state, before, CHUNK).await?;
            let above: Vec<UserId> = ids.into_iter().filter(|id| id.0 > floor).collect();
            // As many ids as a chunk has room for cannot be too many.
            if above.len() == CHUNK && span > SPAN_MIN {
                span /= 2;
                continue;
            }
            found.extend(above.into_iter().rev());
            floor = top;
            span = span.saturating_mul(2);
        }
        found.truncate(limit);
        found.reverse();
        Ok(found)
    }
}

/// Users read at a time when looking upwards, and the ids looked at first.
const CHUNK: usize = 1_000;
const SPAN_MIN: u32 = 1_000;

async fn user_page(
    state: &ApiState,
    list: List,
    query: &PageQuery<UserId>,
) -> Result<Page<UserJson>, Problem> {
    let as_of = committed_up_to(state);
    let limit = query.read_limit();
    let ids = match query.after {
        Some(after) if query.is_upwards() => list.read_upwards(state, after, limit).await?,
        after => {
            let mut ids = list.read(state, query.before, limit).await?;
            ids.retain(|id| after.is_none_or(|after| *id > after));
            ids
        }
    };
    let cut = query.cut(ids, |id| *id);
    Ok(Page {
        items: user_jsons(state, &cut.items).await?,
        next: cut.next,
        prev: cut.prev,
        as_of: as_of.into(),
    })
}
