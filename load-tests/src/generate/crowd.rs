//! The threads that herds are sent from.

use std::io;

use tokio::runtime::{Builder, Handle, Runtime};

use crate::scenario::Herd;

/// Threads of their own for herds, where there are some: thousands of requests that are due at once would
/// stand before those of others in the generator itself, whatever the server does, and the others would be
/// measured as slow.
pub(crate) struct Crowd(Option<Runtime>);

impl Crowd {
    /// Starts its threads. What still runs on them ends when it is dropped.
    pub(crate) fn start(herds: &[Herd]) -> io::Result<Self> {
        if herds.is_empty() {
            return Ok(Self(None));
        }
        let runtime = Builder::new_multi_thread()
            .thread_name("crowd")
            .enable_all()
            .build()?;
        Ok(Self(Some(runtime)))
    }

    /// Where to spawn what it sends; none where there are no herds.
    pub(crate) fn handle(&self) -> Option<Handle> {
        self.0.as_ref().map(|runtime| runtime.handle().clone())
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        // To wait for its threads is not allowed in the threads of another runtime.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
