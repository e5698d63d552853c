//! Home timelines in memory: sharded flat arrays of rings of post ids.
