//! Feeds of 50 posts, asked for as a reader does but without a network: rendered when first read,
//! kept rendered, and unchanged since the reader's last visit. In each, the posts are read and checked.

#![expect(
    clippy::unwrap_used,
    reason = "a benchmark that cannot be set up says so and stops"
)]

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Request, StatusCode, header},
};
use divan::{
    Bencher,
    counter::{BytesCount, ItemsCount},
};
use ripple_api::{ApiLimits, ApiOptions, ApiState, Registration};
use ripple_domain::{Tier, UserId};
use ripple_load_tests::world;
use ripple_store::Store;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

const FORMATS: [&str; 3] = ["atom", "rss", "json"];
/// Posts on one page of a feed.
const POSTS: u32 = 50;
const AUTHORS: u32 = 20;

fn main() {
    divan::main();
}

struct Site {
    runtime: Runtime,
    store: Arc<dyn Store>,
    router: Router,
    _folder: tempfile::TempDir,
}

impl Site {
    /// A site with a tag that more posts have than a feed shows.
    fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let store = runtime.block_on(async {
            let store = world::ring(folder.path(), AUTHORS, 1).await.unwrap();
            let shutdown = CancellationToken::new();
            let workers = world::start_workers(&store, &shutdown);
            for number in 0..2 * POSTS {
                let text = format!(
                    "Number {number} of the things that <nobody> & everybody reads at \
                     https://example.org/?page={number}&of=many. #everything #café #러스트"
                );
                let author = UserId(number % AUTHORS + 1);
                world::deliver(&*store, author, &text, Tier::Public)
                    .await
                    .unwrap();
            }
            shutdown.cancel();
            workers.await.unwrap();
            store
        });
        let options = ApiOptions {
            public_url: "https://ripple.example".into(),
            registration: Registration::Closed,
            rate_limit: false,
            admin_token_hash: ripple_api::token_hash("nobody's"),
            secret: [7; 32],
            render_metrics: Arc::new(String::new),
            limits: ApiLimits::default(),
        };
        let router = ripple_api::router(ApiState::new(Arc::clone(&store), options));
        Self {
            runtime,
            store,
            router,
            _folder: folder,
        }
    }

    /// Asks for the feed; returns the length of the document, and its `ETag`.
    fn read(&self, format: &str, known: Option<&str>) -> (usize, String) {
        let request = Request::get(format!("/tags/everything/feed.{format}"));
        let mut request = request.header(header::HOST, "ripple.example");
        if let Some(etag) = known {
            request = request.header(header::IF_NONE_MATCH, etag);
        }
        let request = request.body(Body::empty()).unwrap();
        self.runtime.block_on(async {
            let response = self.router.clone().oneshot(request).await.unwrap();
            let expected = match known {
                Some(_) => StatusCode::NOT_MODIFIED,
                None => StatusCode::OK,
            };
            assert_eq!(response.status(), expected);
            let etag = response.headers()[header::ETAG].to_str().unwrap().into();
            let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
            (body.len(), etag)
        })
    }

    fn forget(&self) {
        self.runtime.block_on(self.store.clear_feeds()).unwrap();
    }
}

/// Nobody has read it lately: it is rendered.
#[divan::bench(args = FORMATS, max_time = Duration::from_secs(3))]
fn rendered(bencher: Bencher<'_, '_>, format: &str) {
    let site = Site::new();
    let (bytes, _) = site.read(format, None);
    bencher
        .counter(ItemsCount::new(POSTS))
        .counter(BytesCount::new(bytes))
        .with_inputs(|| site.forget())
        .bench_local_values(|()| site.read(format, None));
}

/// It is kept, and sent as it is.
#[divan::bench(args = FORMATS, max_time = Duration::from_secs(3))]
fn kept(bencher: Bencher<'_, '_>, format: &str) {
    let site = Site::new();
    let (bytes, _) = site.read(format, None);
    bencher
        .counter(ItemsCount::new(POSTS))
        .counter(BytesCount::new(bytes))
        .bench_local(|| site.read(format, None));
}

/// The reader has it: `304 Not Modified`.
#[divan::bench(args = FORMATS, max_time = Duration::from_secs(3))]
fn unchanged(bencher: Bencher<'_, '_>, format: &str) {
    let site = Site::new();
    let (_, etag) = site.read(format, None);
    bencher
        .counter(ItemsCount::new(POSTS))
        .bench_local(|| site.read(format, Some(&etag)));
}
