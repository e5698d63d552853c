//! Ripple's pure types and rules: ids, posts, visibility, topics, tiers, jobs, the fan-out plan, the
//! retry schedule and the merging of timelines.
//!
//! Nothing in this crate does I/O, reads a clock, draws a random number or knows tokio: time,
//! randomness and ids come in as arguments. That is what lets every rule be tested as a function.

mod id;
mod time;

pub mod check;
pub mod job;
pub mod merge;
pub mod page;
pub mod plan;
pub mod post;
pub mod receipt;
pub mod retry;
pub mod text;
pub mod tier;
pub mod topic;
pub mod trace;
pub mod user;

pub use id::{JobId, PARTITIONS, ParseIdError, Partition, PostId, PostIdSequence, UserId};
pub use job::{Job, JobKind};
pub use page::{Direction, Window};
pub use post::{NewPost, Post, PostCounts, PostEdit, Visibility};
pub use receipt::{Receipt, Stage, StageState};
pub use tier::Tier;
pub use time::{ParseTimestampError, Timestamp};
pub use topic::Topic;
pub use trace::TraceContext;
pub use user::{Handle, InvalidHandle, NewUser, Relation, RelationKind, User, UserRef};
