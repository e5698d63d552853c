//! What those who run a server ask: is it alive, is it ready, how does it do.

use axum::{Json, extract::State, http::header, response::IntoResponse};
use ripple_domain::Tier;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{ApiState, Problem, ProblemKind, measure};

pub(crate) fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(healthz))
        .routes(routes!(readyz))
        .routes(routes!(metrics))
}

/// How the server is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    /// `ok`
    status: &'static str,
}

/// Whether the process answers.
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "operations",
    responses((status = OK, body = Health)),
)]
async fn healthz() -> Json<Health> {
    Json(Health { status: "ok" })
}

/// Whether the server can serve; if not, what is not ready.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "operations",
    responses((status = OK, body = Health)),
)]
async fn readyz(State(state): State<ApiState>) -> Result<Json<Health>, Problem> {
    match state.store().ready().await {
        Ok(()) => Ok(Json(Health { status: "ok" })),
        Err(error) => Err(
            Problem::new(ProblemKind::NotReady, "the store is not ready")
                .retry_after(1)
                .caused_by(error),
        ),
    }
}

/// The process's metrics, as Prometheus text.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "operations",
    responses((status = OK, body = String, content_type = "text/plain")),
)]
async fn metrics(State(state): State<ApiState>) -> Result<impl IntoResponse, Problem> {
    for tier in Tier::ALL {
        let stats = state.store().tier_stats(tier).await?;
        measure::queue(&stats, state.now());
    }
    let text = (state.options().render_metrics)();
    let content_type = "text/plain; version=0.0.4; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, content_type)], text))
}
