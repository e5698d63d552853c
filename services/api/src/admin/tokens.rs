//! New tokens of users, one at a time or many at once.

use axum::{Json, extract::State, http::StatusCode};
use futures_util::{StreamExt, TryStreamExt, stream};
use ripple_domain::Handle;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    ApiState, Faults, Problem,
    auth::{Admin, new_token, token_hash},
    extract::{JsonBody, PathText},
    idempotency::IdempotencyKey,
};

/// Handles of one request. So many of the longest fit into a body.
const HANDLES_MAX: usize = 1_000;
/// Tokens of one request that are on their way to the store at once, which shares its writing among them.
const IN_FLIGHT_MAX: usize = 256;

/// A new token.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TokenAnswer {
    /// The token. It is stored hashed, so it cannot be shown again.
    token: String,
}

/// Adds a token to a user; his other tokens stay valid. The same `Idempotency-Key` gives the same token.
#[utoipa::path(
    post,
    path = "/v1/admin/users/{handle}/tokens",
    tag = "admin",
    params(("handle" = String, Path, description = "The user's handle")),
    responses(
        (status = 201, body = TokenAnswer),
        (status = 401, description = "The admin token is needed."),
        (status = 404, description = "There is no such user."),
    )
)]
pub(super) async fn create_token(
    Admin: Admin,
    State(state): State<ApiState>,
    key: IdempotencyKey,
    PathText(handle): PathText,
) -> Result<(StatusCode, Json<TokenAnswer>), Problem> {
    let (idempotency, _under_way) = key.begin(&state, b"")?;
    let handle: Handle = handle.parse().map_err(|_| Problem::not_found("user"))?;
    let user = state.store().user_by_handle(&handle).await?;
    let user = user.ok_or_else(|| Problem::not_found("user"))?;
    let token = new_token(&state, b"token", idempotency.as_ref())?;
    state.store().add_token(user.id, token_hash(&token)).await?;
    Ok((StatusCode::CREATED, Json(TokenAnswer { token })))
}

/// Users who are to have new tokens.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateTokens {
    /// Their handles: 1 to 1,000.
    handles: Vec<String>,
}

/// New tokens.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TokensAnswer {
    /// A token for each handle, in the order of the request.
    tokens: Vec<UserToken>,
}

/// A user's new token.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UserToken {
    /// Whose it is.
    handle: String,
    /// The token. It is stored hashed, so it cannot be shown again.
    token: String,
}

/// Adds a token to each of many users; their other tokens stay valid. Where one of them is unknown, nobody
/// gets any. With the same `Idempotency-Key` a user gets the same token.
#[utoipa::path(
    post,
    path = "/v1/admin/tokens",
    tag = "admin",
    request_body = CreateTokens,
    responses(
        (status = 201, body = TokensAnswer),
        (status = 401, description = "The admin token is needed."),
        (status = 422, description = "There are no handles or too many, or there is no such user."),
    )
)]
pub(super) async fn create_tokens(
    Admin: Admin,
    State(state): State<ApiState>,
    key: IdempotencyKey,
    JsonBody { value, bytes }: JsonBody<CreateTokens>,
) -> Result<(StatusCode, Json<TokensAnswer>), Problem> {
    let (idempotency, _under_way) = key.begin(&state, &bytes)?;
    let handles = value.handles;
    if handles.is_empty() || handles.len() > HANDLES_MAX {
        let detail = format!("must be 1 to {HANDLES_MAX} handles");
        return Err(Problem::invalid("handles", detail));
    }

    let users = stream::iter(handles).map(async |handle| match handle.parse::<Handle>() {
        Ok(handle) => state.store().user_by_handle(&handle).await,
        Err(_) => Ok(None),
    });
    let users = users.buffered(IN_FLIGHT_MAX).try_collect::<Vec<_>>();
    let users = users.await?;
    let mut faults = Faults::default();
    for (place, _) in users.iter().enumerate().filter(|(_, user)| user.is_none()) {
        faults.add(format!("handles[{place}]"), "no user has this handle");
    }
    faults.refuse()?;

    let tokens = stream::iter(users.into_iter().flatten()).map(async |user| {
        let purpose = format!("token of {}", user.handle);
        let token = new_token(&state, purpose.as_bytes(), idempotency.as_ref())?;
        state.store().add_token(user.id, token_hash(&token)).await?;
        let handle = user.handle.to_string();
        Ok::<_, Problem>(UserToken { handle, token })
    });
    let tokens = tokens.buffered(IN_FLIGHT_MAX).try_collect().await?;
    Ok((StatusCode::CREATED, Json(TokensAnswer { tokens })))
}
