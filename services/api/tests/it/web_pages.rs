//! The web pages as browsers fetch them.

use reqwest::{Response, StatusCode};
use serde_json::json;

use crate::app::{App, text};

async fn get(app: &App, path: &str) -> Response {
    let request = app.get(path).header("accept", "text/html,*/*;q=0.8");
    request.send().await.unwrap()
}

/// A page, and what every page must be.
async fn page(app: &App, path: &str, status: StatusCode) -> String {
    let answer = get(app, path).await;
    assert_eq!(answer.status(), status, "{path}");
    let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "text/html; charset=utf-8");
    assert_eq!(header("x-content-type-options"), "nosniff");
    assert_eq!(header("cache-control"), "no-cache");
    let policy = header("content-security-policy");
    assert!(policy.starts_with("default-src 'none';") && !policy.contains("unsafe"));
    let html = answer.text().await.unwrap();
    assert!(
        !html.contains("<script") && !html.contains(" style="),
        "{html}"
    );
    html
}

#[tokio::test]
async fn the_links_of_a_post_lead_to_pages_that_show_it() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let post = json!({"text": "Lighthouses & <script> at #Café, @ADA", "language": "en"});
    let post = app.publish(&ada, post).await;
    app.indexed(&ada, &post).await;
    let url = text(&post["url"]);
    let own = url.strip_prefix("https://ripple.example").unwrap();
    let shown = "Lighthouses &#38; &#60;script&#62; at \
         <a href=\"/tags/caf%C3%A9\" rel=\"tag\">#Café</a>, <a href=\"/users/ada\">@ADA</a>";
    let pages = [
        "/",
        "/tags/caf%C3%A9",
        "/tags/CAFE%CC%81",
        "/keywords/Lighthouses",
        "/users/Ada",
        own,
    ];
    for path in pages {
        let html = page(&app, path, StatusCode::OK).await;
        assert!(html.contains(shown), "{path}: {html}");
        for format in [
            "application/atom+xml",
            "application/rss+xml",
            "application/feed+json",
        ] {
            let discovery = format!("<link rel=\"alternate\" type=\"{format}\"");
            assert!(html.contains(&discovery), "{path}: {html}");
        }
    }
    let home = page(&app, "/", StatusCode::OK).await;
    for link in ["href=\"/public/feed.atom\"", "href=\"/docs\"", own] {
        assert!(home.contains(link), "{link}: {home}");
    }
}

#[tokio::test]
async fn pages_lead_to_older_and_newer_posts() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    for n in 0..51 {
        app.publish(&ada, json!({"text": format!("post-{n}.")}))
            .await;
    }
    let newest = page(&app, "/users/ada", StatusCode::OK).await;
    assert!(newest.contains("post-50.") && !newest.contains("post-0."));
    let (_, older) = newest.split_once("rel=\"next\" href=\"").unwrap();
    let (older, _) = older.split_once('"').unwrap();
    let oldest = page(&app, older, StatusCode::OK).await;
    assert!(oldest.contains("post-0.") && !oldest.contains("post-1."));
    assert!(!oldest.contains("rel=\"next\""));
    let (_, newer) = oldest.split_once("rel=\"prev\" href=\"").unwrap();
    let (newer, _) = newer.split_once('"').unwrap();
    assert!(page(&app, newer, StatusCode::OK).await.contains("post-50."));
}

#[tokio::test]
async fn what_nobody_may_see_has_no_page() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let url = async |visibility: &str| {
        let post = json!({"text": "quiet", "visibility": visibility});
        let url = text(&app.publish(&ada, post).await["url"]);
        url.strip_prefix("https://ripple.example")
            .unwrap()
            .to_owned()
    };
    page(&app, &url("followers").await, StatusCode::NOT_FOUND).await;
    let unlisted = page(&app, &url("unlisted").await, StatusCode::OK).await;
    assert!(unlisted.contains("<meta name=\"robots\" content=\"noindex\">"));
    assert!(!page(&app, "/", StatusCode::OK).await.contains("quiet"));
    for path in [
        "/users/nobody",
        "/posts/1",
        "/posts/x",
        "/tags/%23",
        "/keywords/%20",
        "/nowhere",
    ] {
        let html = page(&app, path, StatusCode::NOT_FOUND).await;
        assert!(html.contains("<h1>"), "{html}");
    }
    page(&app, "/?before=x", StatusCode::UNPROCESSABLE_ENTITY).await;
    page(&app, "/tags/%FF", StatusCode::BAD_REQUEST).await;
}

#[tokio::test]
async fn programs_get_a_problem_where_nothing_is_served() {
    let app = App::start().await;
    for request in [
        app.get("/nowhere"),
        app.get("/v1/nowhere").header("accept", "text/html"),
    ] {
        let answer = request.send().await.unwrap();
        crate::app::problem(answer, 404).await;
    }
}

#[tokio::test]
async fn the_style_is_served_from_the_binary() {
    let app = App::start().await;
    let home = page(&app, "/", StatusCode::OK).await;
    let (_, style) = home.split_once("<link rel=\"stylesheet\" href=\"").unwrap();
    let (style, _) = style.split_once('"').unwrap();
    for (path, content_type) in [
        (style, "text/css; charset=utf-8"),
        ("/icon.svg", "image/svg+xml"),
    ] {
        let answer = get(&app, path).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()["content-type"], content_type);
    }
}
