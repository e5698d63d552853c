//! What a run found: the data, and the ways in which it is shown.

pub mod model;
