//! The web pages: plain HTML without scripts, so that the links of feeds and posts lead somewhere.

mod answer;
mod assets;
mod view;

#[cfg(test)]
mod rendered;

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, Uri, header},
    response::{IntoResponse, Response},
    routing::get,
};
use ripple_domain::{PostId, Window};

use crate::{
    ApiState, Problem,
    extract::{PageQuery, PathText, PostPath},
    feeds::{Listing, Site, Subject, read_one},
    problem,
};
use answer::{error_page, html};

pub(crate) fn router() -> Router<ApiState> {
    Router::new()
        .route("/", get(home))
        .route("/tags/{tag}", get(tag))
        .route("/keywords/{keyword}", get(keyword))
        .route("/users/{handle}", get(user))
        .route("/posts/{id}", get(post))
        .merge(assets::router())
}

type Asked = Result<PageQuery<PostId>, Problem>;
type Named = Result<PathText, Problem>;

async fn home(State(state): State<ApiState>, query: Asked) -> Response {
    list(&state, Ok(Some(Subject::Public)), query).await
}

async fn tag(State(state): State<ApiState>, name: Named, query: Asked) -> Response {
    let subject = name.map(|PathText(name)| Subject::tag(&name));
    list(&state, subject, query).await
}

async fn keyword(State(state): State<ApiState>, name: Named, query: Asked) -> Response {
    let subject = name.map(|PathText(name)| Subject::keyword(&name));
    list(&state, subject, query).await
}

async fn user(State(state): State<ApiState>, name: Named, query: Asked) -> Response {
    let subject = match name {
        Ok(PathText(handle)) => Subject::author(state.store(), &handle)
            .await
            .map_err(Problem::from),
        Err(problem) => Err(problem),
    };
    list(&state, subject, query).await
}

/// A page of posts of a subject.
async fn list(
    state: &ApiState,
    subject: Result<Option<Subject>, Problem>,
    query: Asked,
) -> Response {
    let site = Site::new(&state.options().public_url);
    let page = async {
        let subject = subject?.ok_or_else(|| Problem::not_found("page"))?;
        let query = query?;
        let window = Window::of_page(query.before, query.after);
        Ok(Listing::read(state.store(), subject, window).await?)
    };
    match page.await {
        Ok(listing) => html(&view::list(&site, &listing)),
        Err(problem) => error_page(&site, problem),
    }
}

async fn post(State(state): State<ApiState>, id: Result<PostPath, Problem>) -> Response {
    let site = Site::new(&state.options().public_url);
    let page = async {
        let PostPath(id) = id?;
        let listed = read_one(state.store(), id).await?;
        listed.ok_or_else(|| Problem::not_found("post"))
    };
    match page.await {
        Ok(listed) => html(&view::post(&site, &listed)),
        Err(problem) => error_page(&site, problem),
    }
}

/// The answer where nothing is served: a page for people, a problem for programs.
pub(crate) async fn no_route(
    State(state): State<ApiState>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let problem = problem::no_route().await;
    let accept = headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok());
    let for_people = accept.is_some_and(|accept| accept.contains("text/html"));
    if for_people && !uri.path().starts_with("/v1/") {
        let site = Site::new(&state.options().public_url);
        error_page(&site, problem)
    } else {
        problem.into_response()
    }
}
