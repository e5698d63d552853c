//! What a run found: the data, and the ways in which it is shown.

pub mod model;

pub mod compare;
pub mod html;
mod json;
pub mod table;

mod rows;
mod style;
mod text;
pub(crate) mod units;
mod words;

#[cfg(test)]
mod sample;

pub use json::Unreadable;
pub use style::Style;
