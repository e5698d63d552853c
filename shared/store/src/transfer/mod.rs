//! Bringing data in and out above the store traits: the files that `import` reads and `export` writes,
//! the rebuilding of read models, and replays. It works on a stopped data folder and in a running server alike.
//!
//! A file is read line by line and never held in memory. A line that cannot be used is reported with
//! its number and the reason, and the rest goes on.

mod batches;
mod export;
mod follows;
mod key;
mod lines;
mod posts;
mod rebuild;
mod replay;

pub use batches::{BadLine, Batch, Batches, FOLLOWS_A_BATCH, Format, POSTS_A_BATCH};
pub use export::{ExportFollows, ExportPosts};
pub use follows::FollowFormat;
pub use lines::LINE_BYTES_MAX;
pub use posts::{PostFormat, PostLine};
pub use rebuild::{Rebuild, UnknownRebuild, rebuild};
pub use replay::replay;
