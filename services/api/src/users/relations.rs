//! `PUT` and `DELETE /v1/users/{handle}/follow`, `…/mute` and `…/block`.

use axum::{extract::State, http::StatusCode};
use ripple_domain::{RelationKind, UserId};

use super::user_of;
use crate::{ApiState, Problem, auth::Caller, extract::PathText};

async fn relate(
    state: &ApiState,
    caller: UserId,
    kind: RelationKind,
    handle: &str,
    on: bool,
) -> Result<StatusCode, Problem> {
    let other = user_of(state, handle).await?;
    if other.id == caller {
        let detail = "nobody can follow, mute or block himself";
        return Err(Problem::invalid("handle", detail));
    }
    state.store().relate(caller, kind, other.id, on).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Follows a user.
#[utoipa::path(
    put,
    path = "/v1/users/{handle}/follow",
    tag = "users",
    params(("handle" = String, Path, description = "Whom to follow")),
    responses((status = NO_CONTENT)),
    security(("token" = [])),
)]
pub(super) async fn follow(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    PathText(handle): PathText,
) -> Result<StatusCode, Problem> {
    relate(&state, caller, RelationKind::Follow, &handle, true).await
}

/// Follows a user no longer.
#[utoipa::path(
    delete,
    path = "/v1/users/{handle}/follow",
    tag = "users",
    params(("handle" = String, Path, description = "Whom to follow no longer")),
    responses((status = NO_CONTENT)),
    security(("token" = [])),
)]
pub(super) async fn unfollow(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    PathText(handle): PathText,
) -> Result<StatusCode, Problem> {
    relate(&state, caller, RelationKind::Follow, &handle, false).await
}

/// Mutes a user: his posts stay out of the caller's home timeline.
#[utoipa::path(
    put,
    path = "/v1/users/{handle}/mute",
    tag = "users",
    params(("handle" = String, Path, description = "Whom to mute")),
    responses((status = NO_CONTENT)),
    security(("token" = [])),
)]
pub(super) async fn mute(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    PathText(handle): PathText,
) -> Result<StatusCode, Problem> {
    relate(&state, caller, RelationKind::Mute, &handle, true).await
}

/// Mutes a user no longer.
#[utoipa::path(
    delete,
    path = "/v1/users/{handle}/mute",
    tag = "users",
    params(("handle" = String, Path, description = "Whom to mute no longer")),
    responses((status = NO_CONTENT)),
    security(("token" = [])),
)]
pub(super) async fn unmute(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    PathText(handle): PathText,
) -> Result<StatusCode, Problem> {
    relate(&state, caller, RelationKind::Mute, &handle, false).await
}

/// Blocks a user: neither of the two sees what the other posts.
#[utoipa::path(
    put,
    path = "/v1/users/{handle}/block",
    tag = "users",
    params(("handle" = String, Path, description = "Whom to block")),
    responses((status = NO_CONTENT)),
    security(("token" = [])),
)]
pub(super) async fn block(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    PathText(handle): PathText,
) -> Result<StatusCode, Problem> {
    relate(&state, caller, RelationKind::Block, &handle, true).await
}

/// Blocks a user no longer.
#[utoipa::path(
    delete,
    path = "/v1/users/{handle}/block",
    tag = "users",
    params(("handle" = String, Path, description = "Whom to block no longer")),
    responses((status = NO_CONTENT)),
    security(("token" = [])),
)]
pub(super) async fn unblock(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    PathText(handle): PathText,
) -> Result<StatusCode, Problem> {
    relate(&state, caller, RelationKind::Block, &handle, false).await
}
