//! Feed documents: rendered once for each content, kept while they are read, checked at each reading.

use std::sync::Arc;

use axum::{
    body::Bytes,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use headers::ETag;
use ripple_domain::{Timestamp, Topic, Window};
use ripple_store::{FeedDocument, FeedFormat, FeedKey, Store, StoreError};
use sha2::{Digest, Sha256};

use super::{
    RenderError,
    address::Site,
    atom,
    conditional::{Validators, changed_at},
    entry::Feed,
    json,
    listing::Listing,
    rss,
    subject::Subject,
};
use crate::{ApiState, Problem};

/// A cache may keep a document, but asks before each use: a deletion holds from the next read on. The
/// answer to an unchanged one is a 304, which costs no rendering.
const CACHE_CONTROL: HeaderValue = HeaderValue::from_static("public, max-age=0, must-revalidate");

/// Answers a request for a page of a feed.
pub(super) async fn serve(
    state: &ApiState,
    request: &HeaderMap,
    subject: Subject,
    format: FeedFormat,
    window: Window,
) -> Result<Response, Problem> {
    let store = state.store();
    let site = Site::new(&state.options().public_url);
    let listing = Listing::read(store, subject, window).await?;
    let fingerprint = listing.fingerprint();
    let etag = etag(format, &site, &listing, fingerprint)?;
    let key = FeedKey {
        topic: listing.subject.topic(),
        format,
        base_url: Arc::clone(site.base_url()),
    };

    // Only the first page is kept, so only of that is it known when it last changed: a deletion
    // changes a page and leaves no time on it.
    let kept = match listing.is_first() {
        true => store.feed_document(&key).await?,
        false => None,
    };
    let current = kept.as_ref().filter(|kept| kept.fingerprint == fingerprint);
    let mut validators = Validators {
        etag,
        changed: current.map(|kept| kept.last_modified),
    };
    if validators.client_has_it(request) {
        return Ok((StatusCode::NOT_MODIFIED, headers(&validators, state.now())).into_response());
    }

    let body: Bytes = match current {
        Some(kept) => Bytes::from_owner(Arc::clone(&kept.body)),
        None if listing.is_first() => {
            let before = kept.as_deref();
            let document = renew(store, &site, &listing, key, before).await??;
            validators.changed = Some(document.last_modified);
            Bytes::from_owner(Arc::clone(&document.body))
        }
        None => render(&Feed::new(&site, &listing, format), format)?.into(),
    };
    let content_type = [(header::CONTENT_TYPE, content_type(format))];
    Ok((content_type, headers(&validators, state.now()), body).into_response())
}

/// Renders the kept documents of these topics anew where their content has changed, so that their
/// next reader finds them rendered.
pub async fn refresh_feeds(store: &dyn Store, topics: &[Topic]) -> Result<(), StoreError> {
    for topic in topics {
        let warm = store.warm_feeds(topic).await?;
        if warm.is_empty() {
            continue;
        }
        let Some(subject) = Subject::of_topic(store, topic).await? else {
            continue;
        };
        let listing = Listing::read(store, subject, Window::NEWEST).await?;
        let fingerprint = listing.fingerprint();
        for key in warm {
            let kept = store.feed_document(&key).await?;
            let kept = kept.as_deref();
            if kept.is_some_and(|kept| kept.fingerprint == fingerprint) {
                continue;
            }
            let site = Site::new(&key.base_url);
            if let Err(error) = renew(store, &site, &listing, key, kept).await? {
                tracing::error!(?topic, %error, "a feed could not be rendered");
            }
        }
    }
    Ok(())
}

/// Renders the first page of a feed and keeps it in place of `before`.
async fn renew(
    store: &dyn Store,
    site: &Site,
    listing: &Listing,
    key: FeedKey,
    before: Option<&FeedDocument>,
) -> Result<Result<Arc<FeedDocument>, RenderError>, StoreError> {
    let body = match render(&Feed::new(site, listing, key.format), key.format) {
        Ok(body) => body,
        Err(error) => return Ok(Err(error)),
    };
    let before = before.map(|before| before.last_modified);
    let document = Arc::new(FeedDocument {
        fingerprint: listing.fingerprint(),
        last_modified: changed_at(store.clock().now(), before),
        body: body.into(),
    });
    store.put_feed_document(key, Arc::clone(&document)).await?;
    Ok(Ok(document))
}

pub(super) fn render(feed: &Feed, format: FeedFormat) -> Result<Vec<u8>, RenderError> {
    match format {
        FeedFormat::Atom => atom::render(feed),
        FeedFormat::Rss => rss::render(feed),
        FeedFormat::Json => json::render(feed),
    }
}

/// A strong validator: what it is made of decides every byte of the document.
fn etag(
    format: FeedFormat,
    site: &Site,
    listing: &Listing,
    fingerprint: [u8; 16],
) -> Result<ETag, Problem> {
    let feed = listing.subject.feed_path();
    let window = listing.window;
    let mut hash = Sha256::new();
    hash.update(format!("{format:?} {} {feed} {window:?} ", site.base_url()));
    hash.update(fingerprint);
    let digest: [u8; 32] = hash.finalize().into();
    let half = digest.iter().take(16);
    let hex: String = half.map(|byte| format!("{byte:02x}")).collect();
    format!("\"{hex}\"").parse().map_err(Problem::internal)
}

fn headers(validators: &Validators, now: Timestamp) -> HeaderMap {
    let mut headers = HeaderMap::new();
    validators.write(&mut headers, now);
    headers.insert(header::CACHE_CONTROL, CACHE_CONTROL);
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers
}

/// JSON is always UTF-8, so its media type has no parameter for it.
const fn content_type(format: FeedFormat) -> HeaderValue {
    HeaderValue::from_static(match format {
        FeedFormat::Atom => "application/atom+xml; charset=utf-8",
        FeedFormat::Rss => "application/rss+xml; charset=utf-8",
        FeedFormat::Json => "application/feed+json",
    })
}
