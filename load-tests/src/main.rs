//! Ripple's load generator.

fn main() {}
