//! The style and the icon, served from the binary.

use std::sync::LazyLock;

use axum::{Router, http::header, response::IntoResponse, routing::get};
use sha2::{Digest, Sha256};

use crate::ApiState;

const STYLE: &str = include_str!("../../templates/style.css");
const ICON: &str = include_str!("../../templates/icon.svg");

/// Names the style's content in its address, so that a browser may keep it for a year.
static STYLE_VERSION: LazyLock<String> = LazyLock::new(|| {
    let digest = Sha256::digest(STYLE);
    digest
        .iter()
        .take(4)
        .map(|byte| format!("{byte:02x}"))
        .collect()
});

const KEEP: (header::HeaderName, &str) =
    (header::CACHE_CONTROL, "public, max-age=31536000, immutable");
const NO_SNIFFING: (header::HeaderName, &str) = (header::X_CONTENT_TYPE_OPTIONS, "nosniff");

/// What to add to the style's address.
pub(super) fn style_version() -> &'static str {
    &STYLE_VERSION
}

pub(super) fn router() -> Router<ApiState> {
    Router::new()
        .route("/style.css", get(style))
        .route("/icon.svg", get(icon))
}

async fn style() -> impl IntoResponse {
    let content_type = (header::CONTENT_TYPE, "text/css; charset=utf-8");
    ([content_type, KEEP, NO_SNIFFING], STYLE)
}

async fn icon() -> impl IntoResponse {
    let content_type = (header::CONTENT_TYPE, "image/svg+xml");
    let keep = (header::CACHE_CONTROL, "public, max-age=86400");
    ([content_type, keep, NO_SNIFFING], ICON)
}
