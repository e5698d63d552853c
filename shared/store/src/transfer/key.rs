use std::collections::{HashMap, HashSet};

use sha2::{Digest, Sha256};

/// The key by which a line with this id is known for good.
pub(super) fn key_of(id: &str) -> [u8; 16] {
    let digest = Sha256::digest(id.as_bytes());
    let mut key = [0; 16];
    key.copy_from_slice(&digest[..16]);
    key
}

/// Names the lines that have no id of their own: by what they say, and by how many equal lines came
/// before in the same file. So a file that is read again gives the same names, and two equal lines in
/// one file are two posts.
#[derive(Debug, Default)]
pub(super) struct LineNames {
    /// Eight bytes of each line's digest. Two different lines that share them get a number too
    /// many, the same at each reading, which does no harm: the name holds more of the digest.
    seen: HashSet<u64>,
    repeats: HashMap<u64, u32>,
}

impl LineNames {
    pub(super) fn name(&mut self, line: &str) -> String {
        let digest = Sha256::digest(line.as_bytes());
        let mut name = String::from("line-");
        let mut short = 0_u64;
        for byte in &digest[..16] {
            short = short << 8 | u64::from(*byte);
            name.push_str(&format!("{byte:02x}"));
        }
        let earlier = if self.seen.insert(short) {
            0
        } else {
            let repeats = self.repeats.entry(short).or_default();
            *repeats += 1;
            *repeats
        };
        name.push_str(&format!("-{earlier}"));
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_lines_have_different_names_that_stay_the_same() {
        let file = ["a", "b", "a", "a"];
        let read = || {
            let mut names = LineNames::default();
            file.map(|line| names.name(line))
        };
        let names = read();
        assert_eq!(names, read());
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), 4);
        assert!(names[3].ends_with("-2"), "{names:?}");
    }
}
