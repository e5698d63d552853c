use std::{fs, path::Path, sync::Arc};

use async_trait::async_trait;
use ripple_store::{
    Store,
    embedded::{EmbeddedOptions, EmbeddedStore},
};
use tempfile::TempDir;

use super::{Harness, Settings};

/// The embedded store in a folder of its own.
pub(crate) struct Embedded {
    folder: TempDir,
    /// The folders of stores that were killed: those may still be running.
    left: Vec<TempDir>,
}

#[async_trait]
impl Harness for Embedded {
    fn fresh() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            left: Vec::new(),
        }
    }

    async fn open(&mut self, settings: &Settings) -> Arc<dyn Store> {
        let options = EmbeddedOptions {
            clock: settings.clock.clone(),
            queue_limits: settings.queue_limits,
            home_idle_ms: settings.home_idle_ms,
            ..EmbeddedOptions::default()
        };
        EmbeddedStore::open(self.folder.path(), options)
            .await
            .unwrap()
    }

    /// What is in the files now is what a killed process leaves: a copy of them is a folder whose
    /// process has gone. The mark is copied first: a copy takes time, and the mark must not be of a
    /// later moment than the journal.
    async fn kill(&mut self) {
        let copy = tempfile::tempdir().unwrap();
        fs::copy(
            self.folder.path().join("commit.mark"),
            copy.path().join("commit.mark"),
        )
        .unwrap();
        copy_folder(self.folder.path(), copy.path());
        self.left.push(std::mem::replace(&mut self.folder, copy));
    }
}

/// Copies a folder with all that is in it, less what is there already.
pub(crate) fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if target.exists() {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
