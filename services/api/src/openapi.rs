//! The OpenAPI document, generated from the handlers.

use axum::http::StatusCode;
use utoipa::{
    OpenApi, ToSchema,
    openapi::{
        ContentBuilder, OpenApi as Document, PathItem, Ref, RefOr, ResponseBuilder,
        path::{Operation, ParameterBuilder, ParameterIn},
        schema::{ObjectBuilder, Type},
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};
use utoipa_axum::router::OpenApiRouter;
use utoipa_swagger_ui::SwaggerUi;

use crate::{
    ApiState, admin, feeds, operations, posts,
    problem::{FieldError, ProblemBody},
    timelines, topics, users,
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Ripple",
        description = "A self-hosted timeline service.\n\nErrors are `application/problem+json` (RFC 9457). Pages are newest first and go on at `next`; `as_of` says up to which moment a page is complete. An `Idempotency-Key` on a POST makes it safe to send again: users and posts are created once and answered alike for 24 hours; all other POSTs can be repeated without harm.",
    ),
    tags(
        (name = "users", description = "Users and whom they follow, mute and block"),
        (name = "posts", description = "Writing, changing and deleting posts, and their receipts"),
        (name = "reading", description = "Timelines and public pages"),
        (name = "feeds", description = "Atom, RSS and JSON Feed documents"),
        (name = "operations", description = "Health and metrics"),
        (name = "admin", description = "With the admin token"),
    ),
)]
struct Base;

/// Every documented route, with the document that its handlers make.
pub(crate) fn documented() -> OpenApiRouter<ApiState> {
    let mut router = OpenApiRouter::with_openapi(Base::openapi())
        .merge(users::router())
        .merge(posts::router())
        .merge(timelines::router())
        .merge(topics::router())
        .merge(feeds::router())
        .merge(operations::router())
        .merge(admin::router());
    complete(router.get_openapi_mut());
    router
}

/// Serves the document at `/openapi.json` and a page to try it out at `/docs`.
pub(crate) fn documentation(document: Document) -> SwaggerUi {
    SwaggerUi::new("/docs").url("/openapi.json", document)
}

/// Adds what holds for every operation: how a token is sent, how errors are answered, and the
/// idempotency key of POSTs.
fn complete(document: &mut Document) {
    let components = document.components.get_or_insert_default();
    components.add_security_scheme(
        "token",
        SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build()),
    );
    let mut schemas = vec![(
        ProblemBody::name().into(),
        <ProblemBody as utoipa::PartialSchema>::schema(),
    )];
    <ProblemBody as ToSchema>::schemas(&mut schemas);
    schemas.push((
        FieldError::name().into(),
        <FieldError as utoipa::PartialSchema>::schema(),
    ));
    components.schemas.extend(schemas);

    for item in document.paths.paths.values_mut() {
        let PathItem {
            get,
            put,
            post,
            delete,
            patch,
            ..
        } = item;
        let operations = [&mut *get, &mut *put, &mut *post, &mut *delete, &mut *patch];
        for operation in operations.into_iter().flatten() {
            describe_answers(operation);
            add_problem(operation);
        }
        post.as_mut().map(add_idempotency_key);
    }
}

/// OpenAPI asks for a description of every answer; where the handler gives none, the status says it.
fn describe_answers(operation: &mut Operation) {
    for (status, response) in &mut operation.responses.responses {
        let reason = status.parse::<StatusCode>().ok();
        let reason = reason.and_then(|status| status.canonical_reason());
        if let (RefOr::T(response), Some(reason)) = (response, reason)
            && response.description.is_empty()
        {
            reason.clone_into(&mut response.description);
        }
    }
}

fn add_problem(operation: &mut Operation) {
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name(ProblemBody::name())))
        .build();
    let problem = ResponseBuilder::new()
        .description("Why it failed")
        .content("application/problem+json", content)
        .build();
    let responses = &mut operation.responses.responses;
    responses.insert("default".to_owned(), problem.into());
}

fn add_idempotency_key(operation: &mut Operation) {
    let schema = ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(1))
        .max_length(Some(255));
    let key = ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .required(utoipa::openapi::Required::False)
        .description(Some("The same key with the same body is carried out once"))
        .schema(Some(schema))
        .build();
    operation
        .parameters
        .get_or_insert_default()
        .push(key.into());
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_route_is_documented() {
        let (router, document) = documented().split_for_parts();
        // axum tells its routes to people alone: `paths: {RouteId(0): "/v1/me", …}`.
        let text = format!("{router:?}");
        let text = text.split("fallback_router").next().unwrap_or_default();
        let routes: BTreeSet<&str> = text
            .split("RouteId(")
            .filter_map(|part| part.split_once("): \"")?.1.split('"').next())
            .collect();
        let paths: BTreeSet<&str> = document.paths.paths.keys().map(String::as_str).collect();
        assert!(paths.len() > 20);
        assert_eq!(routes, paths);
    }
}
