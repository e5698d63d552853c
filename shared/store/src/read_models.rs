use std::sync::Arc;

use async_trait::async_trait;
use ripple_domain::{PostId, Receipt, Tier, Timestamp, Topic, UserId, Window};

use crate::{Lease, StageProgress, StoreError, home::RebuildTurns};

/// A chunk of the fan-out of one post.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The post.
    pub post: PostId,
    /// Its author, whose followers get it.
    pub author: UserId,
    /// Begin after this follower, in the order of ids.
    pub after: Option<UserId>,
    /// The most followers of this chunk.
    pub followers_max: usize,
}

/// What a chunk did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pushed {
    /// Followers dealt with: pushed to, or found cold.
    pub followers: u64,
    /// Those among them whose timeline was warm (or warming) and now holds the post.
    pub pushed: u64,
    /// The follower to go on after; `None` when the follower list is at its end.
    pub next: Option<UserId>,
}

/// A home timeline as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Home {
    /// Absent: it must be rebuilt before it can be read.
    Cold,
    /// Complete above its floor, but for the posts of authors who are pulled.
    Warm {
        /// The ids above the floor, newest first, each once.
        ids: Vec<PostId>,
        /// Every post above this id that belongs in the timeline is in it, or is pulled; what lies at or
        /// below is to be read from the author timelines. `None`: it is complete down to the first post.
        floor: Option<PostId>,
    },
}

/// A rebuild of a home timeline under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Warming {
    /// Whose timeline.
    pub user: UserId,
    /// Tells this rebuild from all others, earlier and later.
    pub token: u64,
}

/// A public post's place in the indexes, as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexWrite {
    /// The right to settle the job; it is acked with the write.
    pub lease: Lease,
    /// The post.
    pub post: PostId,
    /// The revision of the post from which the topics were derived; `u32::MAX` for a deleted post.
    /// A write from an older revision than the one already in the indexes changes nothing.
    pub revision: u32,
    /// The topics on whose pages the post belongs; empty when it was deleted or is not public.
    pub topics: Vec<Topic>,
    /// The receipt's new state.
    pub progress: StageProgress,
}

/// What an [`IndexWrite`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Indexed {
    /// Whether the lease held. If not, nothing has happened.
    pub acked: bool,
    /// The topics whose pages show something else now: entered, left, or holding an edited post.
    pub touched: Vec<Topic>,
}

/// A feed format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FeedFormat {
    /// Atom (RFC 4287).
    Atom,
    /// RSS 2.0.
    Rss,
    /// JSON Feed 1.1.
    Json,
}

/// Names a feed document: the first page of a topic's feed in one format.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FeedKey {
    /// The topic.
    pub topic: Topic,
    /// The format.
    pub format: FeedFormat,
    /// The address that the document's links begin with, without a slash at the end.
    pub base_url: Arc<str>,
}

/// A rendered feed document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedDocument {
    /// Names the content it was rendered from: the posts with their revisions and their authors' ones.
    /// A reader renders anew when the topic's present fingerprint is another one, so that a deletion
    /// or an edit holds from the next read on.
    pub fingerprint: [u8; 16],
    /// When the newest change in it happened.
    pub last_modified: Timestamp,
    /// The bytes.
    pub body: Arc<[u8]>,
}

/// The most authors whose posts are pulled; those of further ones are pushed, however many follow them. Each
/// reading of a home timeline looks which of them the reader follows.
pub const PULLED_AUTHORS_MAX: usize = 256;

/// What jobs write and pages are read from. Everything here can be rebuilt from the facts; every
/// write is idempotent, so doing a job twice is the same as doing it once.
#[async_trait]
pub trait ReadModels: Send + Sync {
    /// Pushes posts to the home timelines of their authors' followers. Followers whose timeline is
    /// cold are passed over: their next rebuild reads the author timeline, which the commit wrote.
    /// A timeline that is warming takes the push. The answers are in the order of `deliveries`.
    async fn push_home(&self, deliveries: Vec<Delivery>) -> Result<Vec<Pushed>, StoreError>;

    /// Has the posts of an author pulled: every reading of a home timeline that begins after the return, in any
    /// process, merges his author timeline where the reader follows him ([`ReadModels::read_home`]), so that
    /// his posts need not be pushed. It goes on so until [`ReadModels::home_cool_all`]. `false`, and nothing
    /// happens, where [`PULLED_AUTHORS_MAX`] others are pulled.
    ///
    /// To be called again before each post of his that is not pushed: it costs little, and a store that
    /// has lost it meanwhile (by the failover to a replica that was behind) knows it again.
    async fn pull(&self, author: UserId) -> Result<bool, StoreError>;

    /// Enters a post in the inboxes of those whom it addresses, durably, and then pushes it to
    /// their home timelines like [`ReadModels::push_home`]. (A rebuild reads the inbox, so the order
    /// keeps the post from falling between.)
    async fn push_inboxes(&self, post: PostId, recipients: &[UserId]) -> Result<(), StoreError>;

    /// The ids in a user's inbox, in the window's order. Deleted posts may be among them.
    async fn inbox(
        &self,
        user: UserId,
        window: Window,
        limit: usize,
    ) -> Result<Vec<PostId>, StoreError>;

    /// A user's home timeline as it is kept, and the pulled authors whom he follows as they were then or
    /// later: of these, posts may not be in it. Counts as a read of it.
    async fn read_home(&self, user: UserId) -> Result<(Home, Vec<UserId>), StoreError>;

    /// [`ReadModels::read_home`] without the pulled authors.
    async fn home(&self, user: UserId) -> Result<Home, StoreError> {
        let (home, _) = self.read_home(user).await?;
        Ok(home)
    }

    /// Whose turn it is to have his timeline rebuilt when he reads it.
    fn rebuild_turns(&self) -> &RebuildTurns;

    /// Begins a rebuild: from the return on every push reaches the timeline. A rebuild of the same
    /// timeline that was under way can no longer finish.
    async fn home_begin(&self, user: UserId) -> Result<Warming, StoreError>;

    /// Ends a rebuild: the timeline becomes warm, with `ids` (newest first) and what was pushed
    /// meanwhile. `complete` says that `ids` is all there is; if not, the timeline is complete down
    /// to the last of `ids` only. `false`, and nothing happens, when the timeline was made cold or
    /// another rebuild was begun since.
    async fn home_finish(
        &self,
        warming: Warming,
        ids: &[PostId],
        complete: bool,
    ) -> Result<bool, StoreError>;

    /// Makes a home timeline cold.
    async fn home_cool(&self, user: UserId) -> Result<(), StoreError>;

    /// Makes every home timeline cold, and ends that posts are pulled: what was not pushed is read by the
    /// rebuilds.
    async fn home_cool_all(&self) -> Result<(), StoreError>;

    /// Brings the indexes in line with a batch of posts and acks their jobs, in one atomic commit.
    /// The store compares with what it had entered for each post before, so that a write that is
    /// repeated, late or from an older revision changes nothing. In the order of `writes`.
    async fn index(&self, writes: Vec<IndexWrite>) -> Result<Vec<Indexed>, StoreError>;

    /// The ids on a topic's page, in the window's order. Some may have been deleted or made
    /// invisible since: the reader checks. [`Topic::Author`] reads the author timeline.
    async fn topic_page(
        &self,
        topic: &Topic,
        window: Window,
        limit: usize,
    ) -> Result<Vec<PostId>, StoreError>;

    /// A kept feed document; reading it keeps it warm.
    async fn feed_document(&self, key: &FeedKey) -> Result<Option<Arc<FeedDocument>>, StoreError>;

    /// Keeps a feed document, in place of the one before.
    async fn put_feed_document(
        &self,
        key: FeedKey,
        document: Arc<FeedDocument>,
    ) -> Result<(), StoreError>;

    /// The kept documents of a topic: those that are being read, and so are to be kept rendered.
    async fn warm_feeds(&self, topic: &Topic) -> Result<Vec<FeedKey>, StoreError>;

    /// Forgets every kept feed document.
    async fn clear_feeds(&self) -> Result<(), StoreError>;

    /// A post's receipt; `None` where there is no such post. A deleted post has none.
    async fn receipt(&self, post: PostId) -> Result<Option<Receipt>, StoreError>;

    /// Resolves when the tier is done with the post, at once where it was. It may never resolve (the
    /// job died, or another process did it): callers set a time limit and look at the receipt.
    async fn delivered(&self, post: PostId, tier: Tier);
}
