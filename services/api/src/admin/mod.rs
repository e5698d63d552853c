//! What only the holder of the admin token may do.

mod dead;
mod queues;
mod replay;
mod tokens;
mod transfer;

use ripple_domain::Tier;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{ApiState, Problem};

pub(crate) fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(queues::list_queues))
        .routes(routes!(queues::pause_queue))
        .routes(routes!(queues::resume_queue))
        .routes(routes!(dead::list_dead, dead::purge_all_dead))
        .routes(routes!(dead::replay_all_dead))
        .routes(routes!(dead::purge_dead))
        .routes(routes!(dead::replay_dead))
        .routes(routes!(replay::replay_posts))
        .routes(routes!(tokens::create_token))
        .routes(routes!(tokens::create_tokens))
        .merge(transfer::router())
}

/// The tier with the name in a path.
fn tier_of(name: &str) -> Result<Tier, Problem> {
    name.parse().map_err(|_| Problem::not_found("tier"))
}
