//! What handlers take from a request: JSON bodies, ids and names in paths, the page asked for. Each
//! refuses bad input with the problem that the API promises.

use std::{str::FromStr, time::Duration};

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::{FromRequest, FromRequestParts, Path, Request},
    http::{HeaderMap, header, request::Parts},
};
use http_body_util::BodyExt;
use ripple_domain::{JobId, PostId, Tier};
use serde::de::DeserializeOwned;

use crate::{ApiState, FieldError, Problem, ProblemKind};

/// A JSON body, with the bytes that it was read from.
#[derive(Clone, Debug)]
pub(crate) struct JsonBody<T> {
    /// What it says.
    pub(crate) value: T,
    /// How it was written; an idempotency key is held to it.
    pub(crate) bytes: Bytes,
}

impl<T: DeserializeOwned> FromRequest<ApiState> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &ApiState) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::new(
                ProblemKind::MediaType,
                "send the body as Content-Type: application/json",
            ));
        }
        let bytes = read_body(request.into_body(), state).await?;
        let value = parse_json(&bytes)?;
        Ok(Self { value, bytes })
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = content_type.and_then(|value| value.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

/// Refuses a body that says of itself that it is too long, before any of it is read: a client that
/// asks first (`Expect: 100-continue`) need not send it.
pub(crate) fn refuse_declared(body: &Body, bytes_max: usize) -> Result<(), Problem> {
    match body.size_hint().lower() > bytes_max as u64 {
        true => Err(body_too_large(bytes_max)),
        false => Ok(()),
    }
}

pub(crate) fn body_too_large(bytes_max: usize) -> Problem {
    let detail = format!("the body is at most {bytes_max} bytes long");
    Problem::new(ProblemKind::BodyTooLarge, detail)
}

/// Reads a body within the limits on its size and time.
async fn read_body(mut body: Body, state: &ApiState) -> Result<Bytes, Problem> {
    let limits = &state.options().limits;
    refuse_declared(&body, limits.body_bytes_max)?;
    let read = async {
        let mut bytes = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| Problem::malformed("the body ends before its end"))?;
            let Ok(data) = frame.into_data() else {
                continue;
            };
            if bytes.len() + data.len() > limits.body_bytes_max {
                return Err(body_too_large(limits.body_bytes_max));
            }
            bytes.extend_from_slice(&data);
        }
        Ok(Bytes::from(bytes))
    };
    let limit = Duration::from_millis(limits.body_ms_max);
    tokio::time::timeout(limit, read).await.unwrap_or_else(|_| {
        Err(Problem::new(
            ProblemKind::Timeout,
            format!("a body must arrive within {} ms", limits.body_ms_max),
        ))
    })
}

fn parse_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let place = error.valid_up_to();
        Problem::malformed(format!("the body is not UTF-8 at byte {place}"))
    })?;
    // serde reads a list as the fields of a structure, too, and names our structure to whoever sends
    // anything else.
    if text.trim_start().starts_with(|c| c != '{') {
        return Err(Problem::malformed(
            "the body must be an object: it does not begin with {",
        ));
    }
    let mut json = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let place = error.path().to_string();
        let error = error.into_inner();
        Problem::malformed(match place.as_str() {
            // No place within the document is known.
            "." | "?" => error.to_string(),
            place => format!("{place}: {error}"),
        })
    })?;
    json.end()
        .map_err(|error| Problem::malformed(error.to_string()))?;
    Ok(value)
}

/// The part of the path in braces. What is no UTF-8 is malformed.
#[derive(Clone, Debug)]
pub(crate) struct PathText(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for PathText {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        let Path(text) = path.map_err(|_| Problem::malformed("the path is not UTF-8"))?;
        Ok(Self(text))
    }
}

/// The id of a post in the path. What is no id names no post.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PostPath(pub(crate) PostId);

impl<S: Send + Sync> FromRequestParts<S> for PostPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let PathText(text) = PathText::from_request_parts(parts, state).await?;
        let id = text.parse().map_err(|_| Problem::not_found("post"))?;
        Ok(Self(id))
    }
}

/// A tier and the id of one of its jobs in the path. What is none names no job.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TierJobPath(pub(crate) Tier, pub(crate) JobId);

impl<S: Send + Sync> FromRequestParts<S> for TierJobPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<(String, String)>::from_request_parts(parts, state).await;
        let Path((tier, id)) = path.map_err(|_| Problem::malformed("the path is not UTF-8"))?;
        let tier = tier.parse().map_err(|_| Problem::not_found("tier"))?;
        let id = id.parse().map_err(|_| Problem::not_found("dead letter"))?;
        Ok(Self(tier, id))
    }
}

/// The most items of a page.
const PAGE_ITEMS_MAX: usize = 100;
const PAGE_ITEMS_DEFAULT: usize = 20;

/// The page that a request asks for, by `limit`, `before` and `after`.
#[derive(Clone, Debug)]
pub(crate) struct PageQuery<Id> {
    /// The path as the client wrote it.
    pub(crate) path: String,
    /// The most items.
    pub(crate) limit: usize,
    /// Only items older than this one.
    pub(crate) before: Option<Id>,
    /// Only items newer than this one.
    pub(crate) after: Option<Id>,
}

impl<S: Send + Sync, Id: FromStr> FromRequestParts<S> for PageQuery<Id> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut page = Self {
            path: parts.uri.path().to_owned(),
            limit: PAGE_ITEMS_DEFAULT,
            before: None,
            after: None,
        };
        let mut errors = Vec::new();
        let query = parts.uri.query().unwrap_or_default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let detail = match &*name {
                "limit" => match value.parse() {
                    Ok(limit) if (1..=PAGE_ITEMS_MAX).contains(&limit) => {
                        page.limit = limit;
                        continue;
                    }
                    _ => format!("must be a number from 1 to {PAGE_ITEMS_MAX}"),
                },
                "before" | "after" => match value.parse() {
                    Ok(id) if name == "before" => {
                        page.before = Some(id);
                        continue;
                    }
                    Ok(id) => {
                        page.after = Some(id);
                        continue;
                    }
                    Err(_) => "must be an id".to_owned(),
                },
                _ => continue,
            };
            errors.push(FieldError {
                field: name.into_owned(),
                detail,
            });
        }
        match errors.is_empty() {
            true => Ok(page),
            false => Err(Problem::invalid_fields(errors)),
        }
    }
}
