//! What only the holder of the admin token may do.

mod transfer;

use utoipa_axum::router::OpenApiRouter;

use crate::ApiState;

pub(crate) fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().merge(transfer::router())
}
