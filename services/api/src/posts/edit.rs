//! `GET`, `PATCH` and `DELETE /v1/posts/{id}`.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use ripple_domain::{Post, PostEdit, PostId, User, UserId, Visibility};
use ripple_store::{
    Authored,
    reading::{self, Shown},
};
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use super::{
    json::{PostJson, VisibilityJson, post_json},
    validate::derive,
};
use crate::{
    ApiState, Faults, Problem,
    auth::{Caller, CallerOrAdmin, Viewer},
    extract::{JsonBody, PostPath},
    request::RequestContext,
};

/// A post that the reader may see.
#[utoipa::path(
    get,
    path = "/v1/posts/{id}",
    tag = "posts",
    params(("id" = String, Path, description = "The post's id")),
    responses((status = OK, body = PostJson)),
    security((), ("token" = [])),
)]
pub(super) async fn get_post(
    State(state): State<ApiState>,
    Viewer(viewer): Viewer,
    PostPath(id): PostPath,
) -> Result<Json<PostJson>, Problem> {
    let shown = reading::read_post(state.store(), viewer, id).await?;
    let shown = shown.ok_or_else(|| Problem::not_found("post"))?;
    Ok(Json(post_json(&state, &shown)))
}

/// A change of a post; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EditPost {
    /// 1–5,000 characters after trimming; a repost may have none.
    text: Option<String>,
    visibility: Option<VisibilityJson>,
    /// An `http` or `https` address; null removes it.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    link: Option<Option<String>>,
}

/// Tells a field that is null from one that is left out.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Changes a post; its author only.
#[utoipa::path(
    patch,
    path = "/v1/posts/{id}",
    tag = "posts",
    request_body = EditPost,
    params(("id" = String, Path, description = "The post's id")),
    responses((status = OK, body = PostJson)),
    security(("token" = [])),
)]
pub(super) async fn edit_post(
    State(state): State<ApiState>,
    Caller(editor): Caller,
    PostPath(id): PostPath,
    context: RequestContext,
    JsonBody { value, .. }: JsonBody<EditPost>,
) -> Result<Json<PostJson>, Problem> {
    let before = own_post(&state, id, editor).await?;
    let mut faults = Faults::default();
    let is_repost = before.repost_of.is_some();
    let text = value.text.map(|text| faults.text(&text, is_repost));
    let visibility = value.visibility.map(Visibility::from);
    if let Some(visibility) = visibility {
        faults.direct(visibility, &before.recipients);
    }
    let link = value.link.map(|link| link.map(|link| faults.link(link)));
    faults.refuse()?;

    let is_change = text.is_some() || visibility.is_some() || link.is_some();
    let post = match is_change {
        true => {
            let text = match text {
                Some(text) => {
                    let (tags, mentions) = derive(&state, &text).await?;
                    Some((text, tags, mentions))
                }
                None => None,
            };
            let edit = PostEdit {
                text,
                visibility,
                link,
            };
            let store = state.store();
            store.edit_post(id, editor, edit, context.trace).await?
        }
        false => before,
    };
    let shown = with_original(&state, editor, post).await?;
    Ok(Json(post_json(&state, &shown)))
}

/// A post of `author` with the one that it passes on, as far as he may see that.
pub(super) async fn with_original(
    state: &ApiState,
    author: UserId,
    post: Arc<Post>,
) -> Result<Shown, Problem> {
    let original = match post.repost_of {
        Some(original) => reading::read_post(state.store(), Some(author), original).await?,
        None => None,
    };
    Ok(Shown {
        author: author_of(state, &post).await?,
        post,
        original: original.map(|Shown { post, author, .. }| Authored { post, author }),
    })
}

/// Who wrote a post.
pub(super) async fn author_of(state: &ApiState, post: &Post) -> Result<Arc<User>, Problem> {
    let author = state.store().user(post.author).await?;
    author.ok_or_else(|| Problem::internal(format!("no author {}", post.author)))
}

/// Deletes a post; its author or an admin. From the next read on nobody sees it.
#[utoipa::path(
    delete,
    path = "/v1/posts/{id}",
    tag = "posts",
    params(("id" = String, Path, description = "The post's id")),
    responses((status = NO_CONTENT)),
    security(("token" = [])),
)]
pub(super) async fn delete_post(
    State(state): State<ApiState>,
    caller: CallerOrAdmin,
    PostPath(id): PostPath,
    context: RequestContext,
) -> Result<StatusCode, Problem> {
    let editor = match caller {
        CallerOrAdmin::Admin => None,
        CallerOrAdmin::Caller(user) => Some(own_post(&state, id, user).await?.author),
    };
    let store = state.store();
    store.delete_post(id, editor, context.trace).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A post of `user`. Where he may see it but did not write it, the request is refused; where he may
/// not see it, there is none for him.
pub(super) async fn own_post(
    state: &ApiState,
    id: PostId,
    user: UserId,
) -> Result<Arc<Post>, Problem> {
    let post = state.store().posts(&[id]).await?.pop().flatten();
    match post {
        Some(post) if post.author == user => Ok(post),
        Some(_) => match reading::read_post(state.store(), Some(user), id).await? {
            Some(_) => Err(Problem::forbidden("the post belongs to another user")),
            None => Err(Problem::not_found("post")),
        },
        None => Err(Problem::not_found("post")),
    }
}
