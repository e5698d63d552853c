//! What Ripple's benchmarks and load tests share: a small world to measure in.

pub mod world;
