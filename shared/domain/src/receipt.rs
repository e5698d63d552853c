//! Receipts: how far the delivery of a post has come.

use serde::{Deserialize, Serialize};

use crate::{PostId, Timestamp, Topic};

/// How far one tier has come with a post.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StageState {
    /// Its job waits.
    #[default]
    Pending,
    /// A part is done.
    Running,
    /// All is done.
    Done,
    /// It was given up; the job lies with the dead letters.
    Dead,
    /// There is nothing to do: the visibility keeps the post out of this tier.
    Skipped,
}

/// How one tier has dealt with a post.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    /// How far it has come.
    pub state: StageState,
    /// Places to deliver to: the author, his followers, or pages.
    pub total: u64,
    /// Places that now show the post (a cold home timeline does with its next rebuild).
    pub delivered: u64,
    /// When work on it began.
    pub started_at: Option<Timestamp>,
    /// When all was done.
    pub done_at: Option<Timestamp>,
}

/// How far the delivery of a post has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The post.
    pub post: PostId,
    /// When the request that made it arrived. The latencies of all stages count from here: the person
    /// who posts, and everybody else, waits for the commit as well.
    pub accepted_at: Timestamp,
    /// The author's own views.
    pub author: Stage,
    /// Home timelines.
    pub followers: Stage,
    /// Public pages and feeds.
    pub public: Stage,
    /// The indexed topics whose pages now show the post.
    pub pages: Vec<Topic>,
}
