//! What the server says about how long posts took.

use std::collections::BTreeSet;

use futures_util::{StreamExt, stream};
use reqwest::Method;
use serde_json::Value;

use crate::api::{Api, json};

/// Receipts that are asked for at once.
const AT_ONCE: usize = 16;

/// The latencies of a receipt in microseconds, of the tiers that are done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Receipt {
    /// The post's id.
    pub(crate) post: u64,
    /// From accept until the last follower.
    pub(crate) followers_us: Option<u64>,
    /// From accept until the last public page.
    pub(crate) public_us: Option<u64>,
}

/// The receipts of some posts; those that cannot be read are left out.
pub(crate) async fn receipts(api: &Api, posts: BTreeSet<u64>) -> Vec<Receipt> {
    let read = stream::iter(posts).map(|post| async move {
        let path = format!("/v1/posts/{post}/delivery");
        let receipt = json(api.of_admin(Method::GET, &path)).await.ok()?;
        Some(Receipt {
            post,
            followers_us: latency_us(&receipt, "followers"),
            public_us: latency_us(&receipt, "public"),
        })
    });
    let read = read.buffer_unordered(AT_ONCE);
    read.filter_map(|receipt| async move { receipt })
        .collect()
        .await
}

fn latency_us(receipt: &Value, tier: &str) -> Option<u64> {
    let ms = receipt.get(tier)?.get("latency_ms")?.as_u64()?;
    Some(ms * 1_000)
}
