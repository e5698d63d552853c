//! Posts: writing, reading, changing and deleting them, and the receipts of their delivery.

mod create;
mod edit;
mod json;
mod receipt;
mod validate;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::ApiState;

pub(crate) use json::{PostJson, post_jsons};

pub(crate) fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(create::create_post))
        .routes(routes!(edit::get_post, edit::edit_post, edit::delete_post))
        .routes(routes!(receipt::get_receipt))
}
