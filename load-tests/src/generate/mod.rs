//! The load: requests that leave on schedule, whatever the answers do.

pub mod draw;
pub mod ledger;
mod load;
mod pace;
pub mod people;
pub mod record;
pub mod schedule;
pub mod send;

pub(crate) use load::{Load, Running};
