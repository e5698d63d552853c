//! What the memory of the machine can do at all: writes to random cache lines, one each, in as much
//! memory as the home timelines take.

use async_trait::async_trait;

use crate::{ENTRIES_MAX, Participant};

/// A cache line.
type Line = [u64; 8];

pub(crate) struct Ceiling {
    lines: Vec<Line>,
    followers: u32,
    state: u64,
}

impl Ceiling {
    pub(crate) fn new(followers: u32) -> Self {
        let bytes = followers as usize * ENTRIES_MAX as usize * size_of::<u64>();
        Self {
            lines: vec![[1; 8]; bytes / size_of::<Line>()],
            followers,
            state: 0,
        }
    }
}

#[async_trait]
impl Participant for Ceiling {
    async fn round(&mut self, _way: &str, posts: u32) {
        let lines = self.lines.len() as u64;
        for post in 0..posts {
            for _ in 0..self.followers {
                // SplitMix64; its upper half scaled to the number of lines.
                self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
                let mut mixed = self.state;
                mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
                mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
                let line = ((mixed >> 32) * lines) >> 32;
                self.lines[line as usize][0] = u64::from(post);
            }
        }
    }

    async fn memory_bytes(&mut self) -> u64 {
        (self.lines.len() * size_of::<Line>()) as u64
    }
}
