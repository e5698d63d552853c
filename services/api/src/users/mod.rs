//! Users: signing up, profiles, who follows whom, and what they post.

mod create;
mod json;
mod lists;
mod profile;
mod relations;

use std::sync::Arc;

use ripple_domain::{Handle, User};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{ApiState, Problem};

pub(crate) fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(create::create_user))
        .routes(routes!(profile::get_user))
        .routes(routes!(profile::get_me, profile::edit_me))
        .routes(routes!(lists::list_posts))
        .routes(routes!(lists::list_followers))
        .routes(routes!(lists::list_following))
        .routes(routes!(relations::follow, relations::unfollow))
        .routes(routes!(relations::mute, relations::unmute))
        .routes(routes!(relations::block, relations::unblock))
}

/// The user with the handle in a path. What is no handle names no user.
async fn user_of(state: &ApiState, handle: &str) -> Result<Arc<User>, Problem> {
    let user = match handle.parse::<Handle>() {
        Ok(handle) => state.store().user_by_handle(&handle).await?,
        Err(_) => None,
    };
    user.ok_or_else(|| Problem::not_found("user"))
}
