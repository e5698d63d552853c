//! The OpenAPI document, generated from the handlers.

use utoipa_axum::router::OpenApiRouter;

use crate::{ApiState, admin, feeds};

/// Every documented route, with the document that its handlers make.
pub(crate) fn documented() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .merge(feeds::router())
        .merge(admin::router())
}
