//! `POST /v1/users`.

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use ripple_domain::{Handle, NewUser};
use ripple_store::UserCounts;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::json::{self, UserJson};
use crate::{
    ApiState, Faults, Problem, Registration,
    auth::{self, Admin, Viewer},
    extract::JsonBody,
    idempotency::IdempotencyKey,
};

/// A user to be created.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateUser {
    /// 1–30 of `a-z`, `0-9` and `_`, compared without case.
    handle: String,
    /// The handle where it is left out.
    display_name: Option<String>,
    bio: Option<String>,
}

/// A user who was created, with his token.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CreatedUser {
    user: UserJson,
    /// To be sent as `Authorization: Bearer`. It is shown this once.
    token: String,
}

/// Creates a user. Where registration is closed it needs the admin token.
#[utoipa::path(
    post,
    path = "/v1/users",
    tag = "users",
    request_body = CreateUser,
    responses((status = CREATED, body = CreatedUser, headers(("Location" = String, description = "The user's path")))),
    security((), ("token" = [])),
)]
pub(super) async fn create_user(
    State(state): State<ApiState>,
    // A wrong token is refused even where none is needed.
    _: Viewer,
    admin: Result<Admin, Problem>,
    key: IdempotencyKey,
    JsonBody { value, bytes }: JsonBody<CreateUser>,
) -> Result<Response, Problem> {
    if state.options().registration == Registration::Closed {
        admin?;
    }
    let (idempotency, _under_way) = key.begin(&state, &bytes)?;

    let mut faults = Faults::default();
    let handle = value.handle.parse::<Handle>();
    if let Err(error) = &handle {
        faults.add("handle", error.to_string());
    }
    let display_name = value.display_name;
    let display_name = display_name.map(|name| json::display_name(&mut faults, &name));
    let bio = value.bio.map(|bio| json::bio(&mut faults, &bio));
    faults.refuse()?;
    let handle = handle.map_err(|error| Problem::invalid("handle", error.to_string()))?;

    let token = auth::new_token(&state, b"sign-up", idempotency.as_ref())?;
    let new = NewUser {
        handle,
        display_name,
        bio: bio.unwrap_or_default(),
    };
    let hash = auth::token_hash(&token);
    let created = state.store().create_user(new, hash, idempotency).await?;
    let user = created.value;
    let location = format!("/v1/users/{}", user.handle);
    // Nobody follows him yet; and a repeated request is answered as it was then.
    let user = UserJson::new(&user, UserCounts::default());
    let answer = Json(CreatedUser { user, token });
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], answer).into_response())
}
