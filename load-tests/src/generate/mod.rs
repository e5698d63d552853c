//! The load: requests that leave on schedule, whatever the answers do.

mod crowd;
pub mod draw;
pub mod ledger;
mod load;
pub(crate) mod lot;
mod pace;
pub mod people;
mod readers;
pub mod record;
pub mod schedule;
pub mod send;

pub(crate) use load::{Load, Running};
