//! `GET /v1/users/{handle}`, `GET` and `PATCH /v1/me`.

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    json::{self, UserJson, user_json},
    user_of,
};
use crate::{
    ApiState, Faults, Problem,
    auth::{Caller, Viewer},
    extract::{JsonBody, PathText},
};

/// A user.
#[utoipa::path(
    get,
    path = "/v1/users/{handle}",
    tag = "users",
    params(("handle" = String, Path, description = "The user's handle")),
    responses((status = OK, body = UserJson)),
    security((), ("token" = [])),
)]
pub(super) async fn get_user(
    State(state): State<ApiState>,
    _: Viewer,
    PathText(handle): PathText,
) -> Result<Json<UserJson>, Problem> {
    let user = user_of(&state, &handle).await?;
    Ok(Json(user_json(&state, &user).await?))
}

/// The caller.
#[utoipa::path(
    get,
    path = "/v1/me",
    tag = "users",
    responses((status = OK, body = UserJson)),
    security(("token" = [])),
)]
pub(super) async fn get_me(
    State(state): State<ApiState>,
    Caller(caller): Caller,
) -> Result<Json<UserJson>, Problem> {
    let user = state.store().user(caller).await?;
    let user = user.ok_or_else(|| Problem::not_found("user"))?;
    Ok(Json(user_json(&state, &user).await?))
}

/// A change of a profile; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EditMe {
    /// 1–100 characters.
    display_name: Option<String>,
    /// At most 500 characters.
    bio: Option<String>,
}

/// Changes the caller's profile.
#[utoipa::path(
    patch,
    path = "/v1/me",
    tag = "users",
    request_body = EditMe,
    responses((status = OK, body = UserJson)),
    security(("token" = [])),
)]
pub(super) async fn edit_me(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    JsonBody { value, .. }: JsonBody<EditMe>,
) -> Result<Json<UserJson>, Problem> {
    let mut faults = Faults::default();
    let display_name = value.display_name;
    let display_name = display_name.map(|name| json::display_name(&mut faults, &name));
    let bio = value.bio.map(|bio| json::bio(&mut faults, &bio));
    faults.refuse()?;
    let store = state.store();
    let user = store.update_user(caller, display_name, bio).await?;
    Ok(Json(user_json(&state, &user).await?))
}
