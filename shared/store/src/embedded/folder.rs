//! The data folder: one process at a time, and only a format that this version knows.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
};

use super::OpenError;

/// The number of the format that this version writes, and the newest that it reads.
const FORMAT: u32 = 1;

/// A data folder that this process holds. Dropping it frees the folder; so does the end of the
/// process, however it comes.
#[derive(Debug)]
pub(super) struct DataFolder {
    path: PathBuf,
    _lock: File,
}

impl DataFolder {
    /// Takes hold of a folder, creating it where there is none.
    pub(super) fn hold(path: &Path) -> Result<Self, OpenError> {
        let at = |operation| {
            move |source| OpenError::Folder {
                path: path.into(),
                operation,
                source,
            }
        };
        fs::create_dir_all(path).map_err(at("creating it"))?;
        let lock = File::options()
            .write(true)
            .create(true)
            .truncate(false)
            .open(path.join("LOCK"))
            .map_err(at("opening its LOCK"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(OpenError::InUse { path: path.into() }),
            Err(TryLockError::Error(source)) => return Err(at("locking it")(source)),
        }
        let folder = Self {
            path: path.into(),
            _lock: lock,
        };
        folder.check_format()?;
        Ok(folder)
    }

    /// Where fjall keeps its files.
    pub(super) fn store(&self) -> PathBuf {
        self.path.join("store")
    }

    /// Where the high-water mark is.
    pub(super) fn mark(&self) -> PathBuf {
        self.path.join("commit.mark")
    }

    /// The folder itself.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn check_format(&self) -> Result<(), OpenError> {
        let path = self.path.join("FORMAT");
        let failed = |operation, source| OpenError::Folder {
            path: self.path.clone(),
            operation,
            source,
        };
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return write_synced(&path, &format!("{FORMAT}\n"))
                    .map_err(|source| failed("writing its FORMAT", source));
            }
            Err(source) => return Err(failed("reading its FORMAT", source)),
        };
        match text.trim().parse::<u32>() {
            Ok(found) if found > FORMAT => Err(OpenError::NewerVersion {
                path: self.path.clone(),
                found,
                known: FORMAT,
            }),
            Ok(_) => Ok(()),
            Err(_) => Err(OpenError::Damaged {
                path: self.path.clone(),
                detail: "FORMAT holds no number".into(),
            }),
        }
    }
}

/// Writes a file so that after a crash it is there whole or not at all.
fn write_synced(path: &Path, text: &str) -> io::Result<()> {
    let draft = path.with_extension("new");
    fs::write(&draft, text)?;
    File::open(&draft)?.sync_all()?;
    fs::rename(&draft, path)?;
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}
