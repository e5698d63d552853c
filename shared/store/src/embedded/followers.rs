//! Follower lists in memory, by author, sorted by id.
