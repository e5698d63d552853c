//! Errors as clients see them: `application/problem+json` (RFC 9457).

mod fields;
mod kind;
mod store;

use std::{fmt, sync::Arc};

use axum::{
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

pub(crate) use fields::Faults;
pub use fields::FieldError;
pub use kind::ProblemKind;

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
