//! Who lives in a world that is measured: users, who follows whom, and what they write.

mod graph;
mod load;
mod texts;

pub use graph::{Graph, GraphError};
pub use load::{Loaded, Progress, load};
pub use texts::{Text, Texts};

/// The handle of a user. Users are numbered from 0 on.
pub fn handle(user: u32) -> String {
    format!("u{user}")
}
