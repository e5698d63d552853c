//! The load: requests that leave on schedule, whatever the answers do.

mod crowd;
pub(crate) mod draw;
pub(crate) mod ledger;
mod load;
pub(crate) mod lot;
mod pace;
pub(crate) mod people;
mod readers;
pub(crate) mod record;
pub mod schedule;
pub(crate) mod send;

pub(crate) use load::{Load, Running};
