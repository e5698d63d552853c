//! What the memory of the machine can do at all: writes to random cache lines, one each, in as much
//! memory as the home timelines take.

use async_trait::async_trait;
use fastrand::Rng;
use ripple_load_tests::parts::engine;

use crate::{ENTRIES_MAX, Participant, Result};

pub(crate) struct Ceiling {
    memory: engine::Ceiling,
    bytes: usize,
    followers: u32,
    random: Rng,
}

impl Ceiling {
    pub(crate) fn new(followers: u32) -> Result<Self> {
        let bytes = followers as usize * ENTRIES_MAX as usize * size_of::<u64>();
        Ok(Self {
            memory: engine::Ceiling::new(bytes)?,
            bytes,
            followers,
            random: Rng::with_seed(1),
        })
    }
}

#[async_trait]
impl Participant for Ceiling {
    async fn round(&mut self, _way: &str, posts: u32) -> Result {
        for _ in 0..posts {
            self.memory.write(self.followers, &mut self.random);
        }
        Ok(())
    }

    async fn memory_bytes(&mut self) -> Result<u64> {
        Ok(self.bytes as u64)
    }
}
