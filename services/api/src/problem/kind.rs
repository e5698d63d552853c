//! The kinds of problems, each with its status and its lasting name.

use axum::http::StatusCode;

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
