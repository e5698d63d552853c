//! `POST /v1/posts`.

use std::time::Duration;

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use ripple_domain::{NewPost, PostId, StageState, Tier, UserId, Visibility};
use ripple_store::{Authored, PostCommit, reading::Shown};
use serde::Deserialize;
use tokio::time::{Instant, sleep, timeout_at};
use utoipa::ToSchema;

use super::{
    edit::{author_of, with_original},
    json::{PostJson, VisibilityJson, post_json},
    validate::derive,
};
use crate::{
    ApiState, Faults, Problem, auth::Caller, extract::JsonBody, idempotency::IdempotencyKey,
    measure, request::RequestContext, server::Shutdown,
};

/// A post to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreatePost {
    /// 1–5,000 characters after trimming; a repost may have none.
    #[serde(default)]
    text: Option<String>,
    /// Public where it is left out.
    visibility: Option<VisibilityJson>,
    /// Handles; at least one for a direct post.
    #[serde(default)]
    recipients: Option<Vec<String>>,
    /// The id of the post that it answers.
    reply_to: Option<String>,
    /// The id of the post that it passes on.
    repost_of: Option<String>,
    /// An `http` or `https` address.
    link: Option<String>,
    /// A BCP 47 tag.
    language: Option<String>,
}

/// Posts. With `Prefer: wait=<seconds>` the answer comes when the post has reached the followers, or
/// at that time.
#[utoipa::path(
    post,
    path = "/v1/posts",
    tag = "posts",
    request_body = CreatePost,
    params(("Prefer" = Option<String>, Header, description = "`wait=` and at most 10 seconds (RFC 7240)")),
    responses(
        (status = CREATED, body = PostJson, headers(
            ("Location" = String, description = "The post's path"),
            ("Preference-Applied" = Option<String>, description = "The `Prefer` that was followed"),
        )),
    ),
    security(("token" = [])),
)]
pub(super) async fn create_post(
    State(state): State<ApiState>,
    Caller(author): Caller,
    context: RequestContext,
    key: IdempotencyKey,
    shutdown: Shutdown,
    headers: HeaderMap,
    JsonBody { value, bytes }: JsonBody<CreatePost>,
) -> Result<Response, Problem> {
    let (idempotency, _under_way) = key.begin(&state, &bytes)?;
    let earlier = match idempotency {
        Some(idempotency) => state.store().post_created_with(author, idempotency).await?,
        None => None,
    };
    let shown = match earlier {
        Some(post) => with_original(&state, author, post).await?,
        None => {
            let (post, original) = check(&state, author, &context, value).await?;
            let commit = PostCommit {
                post,
                idempotency,
                trace: context.trace,
            };
            let post = state.store().create_post(commit).await?.value;
            measure::accepted(context.started.elapsed());
            let author = author_of(&state, &post).await?;
            Shown {
                post,
                author,
                original,
            }
        }
    };

    let id = shown.post.id;
    let answer = post_json(&state, &shown);
    let applied = match preferred_wait(&headers) {
        Some(wait_s) => {
            shutdown.or(wait_delivered(&state, id, wait_s)).await;
            Some(wait_s)
        }
        None => None,
    };
    let mut response = (StatusCode::CREATED, Json(answer)).into_response();
    let headers = response.headers_mut();
    if let Ok(location) = HeaderValue::from_str(&format!("/v1/posts/{id}")) {
        headers.insert(header::LOCATION, location);
    }
    if let Some(Ok(applied)) = applied.map(|s| HeaderValue::from_str(&format!("wait={s}"))) {
        headers.insert(HeaderName::from_static("preference-applied"), applied);
    }
    Ok(response)
}

/// Holds a request to the rules: the post to be committed, with the one that it passes on.
async fn check(
    state: &ApiState,
    author: UserId,
    context: &RequestContext,
    request: CreatePost,
) -> Result<(NewPost, Option<Authored>), Problem> {
    let mut faults = Faults::default();
    let text = request.text.unwrap_or_default();
    let text = faults.text(&text, request.repost_of.is_some());
    let visibility = request.visibility.map_or(Visibility::Public, Into::into);
    let recipients = request.recipients.unwrap_or_default();
    let recipients = faults.recipients(state, &recipients).await?;
    faults.direct(visibility, &recipients);
    let link = request.link.map(|link| faults.link(link));
    let language = request.language.map(|language| faults.language(language));
    let reply_to = request.reply_to.as_deref();
    let reply_to = faults.referred(state, author, "reply_to", reply_to).await?;
    let repost_of = request.repost_of.as_deref();
    let repost_of = faults
        .referred(state, author, "repost_of", repost_of)
        .await?;
    let original = repost_of.map(|referred| faults.original(referred));
    faults.refuse()?;
    let (tags, mentions) = derive(state, &text).await?;
    let post = NewPost {
        author,
        text,
        visibility,
        recipients,
        mentions,
        tags,
        link,
        language,
        reply_to: reply_to.map(|shown| shown.post.id),
        repost_of: original.as_ref().map(|original| original.post.id),
        received_at: context.received_at,
        created_at: None,
    };
    Ok((post, original))
}

/// The longest wait for the followers tier: its worst case.
const WAIT_S_MAX: u64 = 10;

/// The seconds of `Prefer: wait=…` (RFC 7240, 4.3), cut at the longest wait; what cannot be understood
/// is passed over, as the standard says.
fn preferred_wait(headers: &HeaderMap) -> Option<u64> {
    headers
        .get_all("prefer")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|preference| preference.split(';').next()?.split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("wait"))
        .and_then(|(_, seconds)| seconds.trim().trim_matches('"').parse().ok())
        .map(|seconds: u64| seconds.min(WAIT_S_MAX))
}

/// How long a look at the receipt is put off: another process may do the job, and then nobody tells.
const LOOK_MS: u64 = 50;
const LOOK_MS_MAX: u64 = 500;

async fn wait_delivered(state: &ApiState, id: PostId, wait_s: u64) {
    let looks = async {
        let mut pause_ms = LOOK_MS;
        loop {
            sleep(Duration::from_millis(pause_ms)).await;
            pause_ms = (pause_ms * 2).min(LOOK_MS_MAX);
            match state.store().receipt(id).await {
                Ok(Some(receipt)) => match receipt.followers.state {
                    StageState::Pending | StageState::Running => {}
                    StageState::Done | StageState::Dead | StageState::Skipped => break,
                },
                // Deleted meanwhile, or not to be known: the post is accepted all the same.
                Ok(None) | Err(_) => break,
            }
        }
    };
    let done = async {
        tokio::select! {
            () = state.store().delivered(id, Tier::Followers) => {}
            () = looks => {}
        }
    };
    // At the time limit the answer is the same; the receipt tells how far the post has come.
    let _ = timeout_at(Instant::now() + Duration::from_secs(wait_s), done).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(values: &[&'static str]) -> Option<u64> {
        let name = HeaderName::from_static("prefer");
        let headers = values
            .iter()
            .map(|value| (name.clone(), HeaderValue::from_static(value)));
        preferred_wait(&headers.collect())
    }

    #[test]
    fn a_preferred_wait_is_cut_and_what_is_none_is_passed_over() {
        assert_eq!(wait(&["wait=5"]), Some(5));
        assert_eq!(wait(&["respond-async, Wait = \"7\"; x=y"]), Some(7));
        assert_eq!(wait(&["return=minimal", "wait=600"]), Some(10));
        assert_eq!(wait(&["wait=-1"]), None);
        assert_eq!(wait(&["wait", "waiting=3"]), None);
    }
}
