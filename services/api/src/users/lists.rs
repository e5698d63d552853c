//! `GET /v1/users/{handle}/posts`, `…/followers` and `…/following`.

use axum::extract::State;
use ripple_domain::{PostId, Topic, UserId};
use ripple_store::reading::Page as PageOf;

use super::{
    json::{UserJson, user_jsons},
    user_of,
};
use crate::{
    ApiState, Problem,
    auth::Viewer,
    extract::{PageQuery, PathText},
    page::{Page, PageParams},
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
pub(super) async fn posts(
    State(state): State<ApiState>,
    Viewer(viewer): Viewer,
    PathText(handle): PathText,
    query: PageQuery<PostId>,
) -> Result<Page<PostJson>, Problem> {
    let author = user_of(&state, &handle).await?;
    let page = PageOf::Topic(Topic::Author(author.id));
    // Author timelines are written in the commit.
    let as_of = state.now();
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
pub(super) async fn followers(
    State(state): State<ApiState>,
    _: Viewer,
    PathText(handle): PathText,
    query: PageQuery<UserId>,
) -> Result<Page<UserJson>, Problem> {
    let user = user_of(&state, &handle).await?.id;
    let as_of = state.now();
    let ids = match query.after {
        Some(after) if query.is_upwards() => {
            followers_above(&state, user, after, query.read_limit()).await?
        }
        after => {
            let store = state.store();
            let mut ids = store
                .followers_page(user, query.before, query.read_limit())
                .await?;
            ids.retain(|id| after.is_none_or(|after| *id > after));
            ids
        }
    };
    user_page(&state, &query, ids, as_of).await
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
pub(super) async fn following(
    State(state): State<ApiState>,
    _: Viewer,
    PathText(handle): PathText,
    query: PageQuery<UserId>,
) -> Result<Page<UserJson>, Problem> {
    let user = user_of(&state, &handle).await?.id;
    let as_of = state.now();
    let mut ids = state.store().followees(user).await?;
    ids.retain(|id| {
        query.before.is_none_or(|before| *id < before)
            && query.after.is_none_or(|after| *id > after)
    });
    ids.sort_unstable_by(|a, b| b.cmp(a));
    let limit = query.read_limit();
    if query.is_upwards() {
        ids.drain(..ids.len().saturating_sub(limit));
    } else {
        ids.truncate(limit);
    }
    user_page(&state, &query, ids, as_of).await
}

async fn user_page(
    state: &ApiState,
    query: &PageQuery<UserId>,
    ids: Vec<UserId>,
    as_of: ripple_domain::Timestamp,
) -> Result<Page<UserJson>, Problem> {
    let cut = query.cut(ids, |id| *id);
    Ok(Page {
        items: user_jsons(state, &cut.items).await?,
        next: cut.next,
        prev: cut.prev,
        as_of: as_of.into(),
    })
}

/// Followers read at a time when looking upwards.
const CHUNK: usize = 1_000;

/// The `limit` followers with the smallest ids above `after`, newest first. The store reads downwards
/// only, so this looks at ranges of ids above the cursor: wider ones while they hold few followers,
/// narrower ones when they hold too many.
async fn followers_above(
    state: &ApiState,
    user: UserId,
    after: UserId,
    limit: usize,
) -> Result<Vec<UserId>, Problem> {
    let mut found: Vec<UserId> = Vec::new();
    let mut floor = after.0;
    let mut span = 1_000_u32;
    while found.len() < limit && floor < u32::MAX {
        let top = floor.saturating_add(span);
        // `None` reads from the largest id there can be.
        let before = top.checked_add(1).map(UserId);
        let ids = state.store().followers_page(user, before, CHUNK).await?;
        let mut above: Vec<UserId> = ids.iter().copied().filter(|id| id.0 > floor).collect();
        // A range of as many ids as a chunk has room for cannot hold too many.
        if above.len() == CHUNK && span > 1_000 {
            span /= 2;
            continue;
        }
        above.reverse();
        found.extend(above);
        floor = top;
        span = span.saturating_mul(2);
    }
    found.truncate(limit);
    found.reverse();
    Ok(found)
}
