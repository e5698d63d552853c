//! The fan-out plan: how a post's followers are divided into chunks.

/// The most followers of one chunk. After a chunk the rest of the fan-out goes back to the tail of
/// the queue, so that a post to 200 followers never waits for a post to 2,000,000.
pub const CHUNK_FOLLOWERS_MAX: usize = 10_000;

/// Divides a worker's share of `followers_max` deliveries among `jobs` jobs: the followers that each
/// may deal with before it goes back to the tail. At least one, at most a chunk.
pub fn chunk_followers(followers_max: usize, jobs: usize) -> usize {
    (followers_max / jobs.max(1)).clamp(1, CHUNK_FOLLOWERS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_is_bounded() {
        assert_eq!(chunk_followers(100_000, 1), CHUNK_FOLLOWERS_MAX);
        assert_eq!(chunk_followers(100_000, 100), 1_000);
        assert_eq!(chunk_followers(10, 100), 1);
        assert_eq!(chunk_followers(10, 0), 10);
    }
}
