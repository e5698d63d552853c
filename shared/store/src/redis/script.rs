//! The scripts that run inside Redis: each is one atomic step in one partition.

use std::sync::LazyLock;

/// Names a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Script {
    // (one line each, with what it does)
}

impl Script {
    /// Every script.
    pub(super) const ALL: [Self; 0] = [];

    /// What it does.
    pub(super) fn source(self) -> &'static str {
        match self {}
    }

    /// The name by which Redis knows it once it is loaded: the SHA-1 of its source, in hex.
    pub(super) fn hash(self) -> &'static str {
        static HASHES: LazyLock<Vec<String>> = LazyLock::new(|| {
            let script = |script: &Script| redis::Script::new(script.source());
            Script::ALL
                .iter()
                .map(|name| script(name).get_hash().to_owned())
                .collect()
        });
        &HASHES[self as usize]
    }
}
