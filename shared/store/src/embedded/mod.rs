//! The embedded store: facts, jobs and indexes in `fjall`, home timelines in memory.

pub mod fan_out;
pub mod followers;
pub mod homes;
