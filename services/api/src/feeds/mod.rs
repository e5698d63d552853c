//! Feeds: Atom, RSS 2.0 and JSON Feed documents of topics.

use utoipa_axum::router::OpenApiRouter;

use crate::ApiState;

pub(crate) fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
}
