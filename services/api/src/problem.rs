//! Errors as clients see them: `application/problem+json` (RFC 9457). The mapping of store errors to
//! statuses stands here alone.

use std::{fmt, sync::Arc};

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use ripple_store::{CommitError, StoreError};
use serde::Serialize;
use utoipa::ToSchema;

/// What went wrong, as far as a client can act on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProblemKind {
    /// The request cannot be understood: no JSON, a wrong type, an unknown field, bad UTF-8.
    Malformed,
    /// There is no token, or nobody has it.
    Unauthorized,
    /// The caller may not do this.
    Forbidden,
    /// There is no such thing, or the caller may not know of it.
    NotFound,
    /// No resource has this path.
    NoRoute,
    /// The resource does not know this method.
    MethodNotAllowed,
    /// The request came too slowly.
    Timeout,
    /// Another user has the handle.
    HandleTaken,
    /// A request with the same idempotency key is under way.
    UnderWay,
    /// The body is too long.
    BodyTooLarge,
    /// The body is not JSON by its content type.
    MediaType,
    /// A field or parameter has a value that it cannot have.
    Invalid,
    /// The idempotency key was used with another request.
    KeyReused,
    /// The caller asks too often.
    RateLimited,
    /// The header is too long.
    HeaderTooLarge,
    /// A mistake of the server.
    Internal,
    /// The server has too much to do, or cannot write.
    Overloaded,
    /// The server cannot serve yet, or no longer.
    NotReady,
}

impl ProblemKind {
    /// Every kind.
    pub const ALL: [Self; 18] = [
        Self::Malformed,
        Self::Unauthorized,
        Self::Forbidden,
        Self::NotFound,
        Self::NoRoute,
        Self::MethodNotAllowed,
        Self::Timeout,
        Self::HandleTaken,
        Self::UnderWay,
        Self::BodyTooLarge,
        Self::MediaType,
        Self::Invalid,
        Self::KeyReused,
        Self::RateLimited,
        Self::HeaderTooLarge,
        Self::Internal,
        Self::Overloaded,
        Self::NotReady,
    ];

    const fn row(self) -> (StatusCode, &'static str, &'static str) {
        use StatusCode as S;
        match self {
            Self::Malformed => (S::BAD_REQUEST, "malformed", "The request is malformed"),
            Self::Unauthorized => (S::UNAUTHORIZED, "unauthorized", "A valid token is needed"),
            Self::Forbidden => (S::FORBIDDEN, "forbidden", "The caller may not do this"),
            Self::NotFound => (S::NOT_FOUND, "not-found", "There is no such thing"),
            Self::NoRoute => (S::NOT_FOUND, "no-route", "No resource has this path"),
            Self::MethodNotAllowed => (
                S::METHOD_NOT_ALLOWED,
                "method-not-allowed",
                "The resource does not know this method",
            ),
            Self::Timeout => (S::REQUEST_TIMEOUT, "timeout", "The request came too slowly"),
            Self::HandleTaken => (S::CONFLICT, "handle-taken", "The handle is taken"),
            Self::UnderWay => (
                S::CONFLICT,
                "under-way",
                "A request with this idempotency key is under way",
            ),
            Self::BodyTooLarge => (
                S::PAYLOAD_TOO_LARGE,
                "body-too-large",
                "The body is too long",
            ),
            Self::MediaType => (
                S::UNSUPPORTED_MEDIA_TYPE,
                "media-type",
                "The body must be application/json",
            ),
            Self::Invalid => (
                S::UNPROCESSABLE_ENTITY,
                "invalid",
                "A value is out of its range",
            ),
            Self::KeyReused => (
                S::UNPROCESSABLE_ENTITY,
                "key-reused",
                "The idempotency key was used with another request",
            ),
            Self::RateLimited => (
                S::TOO_MANY_REQUESTS,
                "rate-limited",
                "The caller asks too often",
            ),
            Self::HeaderTooLarge => (
                S::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "header-too-large",
                "The header is too long",
            ),
            Self::Internal => (
                S::INTERNAL_SERVER_ERROR,
                "internal",
                "The server made a mistake",
            ),
            Self::Overloaded => (
                S::SERVICE_UNAVAILABLE,
                "overloaded",
                "The server cannot take this now",
            ),
            Self::NotReady => (
                S::SERVICE_UNAVAILABLE,
                "not-ready",
                "The server is not ready",
            ),
        }
    }

    /// The status it is answered with.
    pub const fn status(self) -> StatusCode {
        self.row().0
    }

    /// What a client compares: `urn:ripple:problem:` and a word that never changes.
    pub fn uri(self) -> String {
        format!("urn:ripple:problem:{}", self.row().1)
    }

    /// The same for every problem of this kind, for people.
    pub const fn title(self) -> &'static str {
        self.row().2
    }
}

/// A field or parameter with a value that it cannot have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// Its name; members of a list as `recipients[2]`.
    pub field: String,
    /// What is wrong with it.
    pub detail: String,
}

/// An error as it is answered. Nothing of the inside is in it but `cause`, which goes to the log.
#[derive(Clone, Debug)]
pub struct Problem {
    kind: ProblemKind,
    detail: String,
    errors: Vec<FieldError>,
    retry_after_s: Option<u32>,
    cause: Option<Cause>,
}

/// Why a request failed, for the log. It travels in the extensions of the response to where requests
/// are logged.
#[derive(Clone, Debug)]
pub(crate) struct Cause(pub(crate) Arc<str>);

#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemBody<'a> {
    /// Names the kind of problem.
    #[serde(rename = "type")]
    kind: String,
    /// The same for every problem of this kind.
    title: &'a str,
    /// The HTTP status.
    status: u16,
    /// What went wrong this time.
    detail: &'a str,
    /// The fields that are invalid.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
}

impl Problem {
    /// A problem; `detail` says what went wrong this time, to the caller.
    pub fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            errors: Vec::new(),
            retry_after_s: None,
            cause: None,
        }
    }

    /// There is no such `what`, or the caller may not know of it.
    pub fn not_found(what: &str) -> Self {
        Self::new(ProblemKind::NotFound, format!("there is no such {what}"))
    }

    /// The caller may not do this.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::Forbidden, detail)
    }

    /// The request cannot be understood.
    pub fn malformed(detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::Malformed, detail)
    }

    /// One field or parameter has a value that it cannot have.
    pub fn invalid(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::invalid_fields(vec![FieldError {
            field: field.into(),
            detail: detail.into(),
        }])
    }

    /// These fields have values that they cannot have.
    pub fn invalid_fields(errors: Vec<FieldError>) -> Self {
        let detail = errors
            .iter()
            .map(|error| format!("{}: {}", error.field, error.detail))
            .collect::<Vec<_>>()
            .join("; ");
        Self {
            errors,
            ..Self::new(ProblemKind::Invalid, detail)
        }
    }

    /// A mistake of the server; `cause` goes to the log alone.
    pub fn internal(cause: impl fmt::Display) -> Self {
        Self::new(
            ProblemKind::Internal,
            "the request could not be carried out",
        )
        .caused_by(cause)
    }

    /// The server cannot take this now, but may after `retry_after_s` seconds.
    pub fn overloaded(detail: impl Into<String>, retry_after_s: u32) -> Self {
        Self::new(ProblemKind::Overloaded, detail).retry_after(retry_after_s)
    }

    /// When to try again, in seconds.
    #[must_use]
    pub fn retry_after(self, seconds: u32) -> Self {
        Self {
            retry_after_s: Some(seconds.max(1)),
            ..self
        }
    }

    /// Why, for the log alone.
    #[must_use]
    pub fn caused_by(self, cause: impl fmt::Display) -> Self {
        Self {
            cause: Some(Cause(cause.to_string().into())),
            ..self
        }
    }

    /// What went wrong, as far as a client can act on it.
    pub const fn kind(&self) -> ProblemKind {
        self.kind
    }

    /// The body, as JSON.
    pub(crate) fn to_json(&self) -> Vec<u8> {
        let body = ProblemBody {
            kind: self.kind.uri(),
            title: self.kind.title(),
            status: self.kind.status().as_u16(),
            detail: &self.detail,
            errors: &self.errors,
        };
        // Strings, a number and a list of them: there is nothing in it that could fail.
        serde_json::to_vec(&body).unwrap_or_default()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let content_type = HeaderValue::from_static("application/problem+json");
        let mut response = (
            self.kind.status(),
            [(header::CONTENT_TYPE, content_type)],
            self.to_json(),
        )
            .into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        match self.kind {
            ProblemKind::Unauthorized => {
                let challenge = HeaderValue::from_static("Bearer realm=\"ripple\"");
                headers.insert(header::WWW_AUTHENTICATE, challenge);
            }
            // What has arrived of the request is of no use, so neither is the connection.
            ProblemKind::Timeout => {
                headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            _ => {}
        }
        if let Some(cause) = self.cause {
            response.extensions_mut().insert(cause);
        }
        response
    }
}

/// An error with those that caused it, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

/// Seconds after which a client may ask again when the store cannot say.
const RETRY_AFTER_S: u32 = 5;

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let cause = chain(&error);
        match error {
            StoreError::Overloaded { retry_after_s } => {
                Self::overloaded("too many writes wait", retry_after_s)
            }
            StoreError::Unavailable { .. } => {
                Self::overloaded("the server takes no writes now", RETRY_AFTER_S)
            }
            StoreError::Read { .. } | StoreError::Corrupt { .. } => {
                return Self::internal(cause);
            }
        }
        .caused_by(cause)
    }
}

impl From<CommitError> for Problem {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::HandleTaken => {
                Self::new(ProblemKind::HandleTaken, "another user has this handle")
            }
            CommitError::NotFound { what } => Self::not_found(what),
            CommitError::Forbidden { .. } => Self::forbidden("this belongs to another user"),
            CommitError::IdempotencyMismatch => Self::new(
                ProblemKind::KeyReused,
                "the same Idempotency-Key came with another body before",
            ),
            CommitError::Backlog {
                tier,
                retry_after_s,
            } => Self::overloaded(format!("too much waits in the {tier} tier"), retry_after_s),
            CommitError::Store(error) => error.into(),
        }
    }
}

/// What is wrong with a request.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<FieldError>);

impl Faults {
    /// Notes what is wrong with a field.
    pub(crate) fn add(&mut self, field: impl Into<String>, detail: impl Into<String>) {
        self.0.push(FieldError {
            field: field.into(),
            detail: detail.into(),
        });
    }

    /// Refuses the request if anything was wrong.
    pub(crate) fn refuse(self) -> Result<(), Problem> {
        match self.0.is_empty() {
            true => Ok(()),
            false => Err(Problem::invalid_fields(self.0)),
        }
    }
}

/// The answer where no resource has the path.
pub(crate) async fn no_route() -> Problem {
    Problem::new(ProblemKind::NoRoute, "nothing is served under this path")
}

/// The answer where the resource does not know the method; axum adds `Allow`.
pub(crate) async fn method_not_allowed() -> Problem {
    Problem::new(
        ProblemKind::MethodNotAllowed,
        "the Allow header names the methods of this resource",
    )
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_kind_has_a_document_of_its_own() {
        let kinds: HashSet<String> = ProblemKind::ALL.iter().map(|kind| kind.uri()).collect();
        assert_eq!(kinds.len(), ProblemKind::ALL.len());
        let documents: Vec<serde_json::Value> = ProblemKind::ALL
            .iter()
            .map(|kind| Problem::new(*kind, "…").to_json())
            .map(|json| serde_json::from_slice(&json).unwrap())
            .collect();
        insta::assert_json_snapshot!(documents);
    }
}
