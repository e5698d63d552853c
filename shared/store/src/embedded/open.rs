//! Opening a data folder: recovery, the proof that nothing was lost, and what is held in memory.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
};

use fjall::{Database, Keyspace, KeyspaceCreateOptions};
use ripple_domain::{JobId, PostId, PostIdSequence, RelationKind, Tier, UserId};

use super::{
    EmbeddedOptions,
    backdated::BackdatedIds,
    folder::DataFolder,
    journal,
    key::{Key, prefix, relation_users, trailing_u64},
    mark::HighWaterMark,
    memory::Memory,
    queue::QueuedJob,
    record::{JobRecord, decode},
    sequence,
    tx::Counters,
    writer::{Writer, WriterParts},
};
use crate::StoreError;

/// All journal files together; a larger backlog of unflushed memtables makes reopening slower.
pub(super) const JOURNAL_BYTES_MAX: u64 = 128 << 20;
const MEMTABLE_BYTES_MAX: u64 = 16 << 20;
/// How far the database's threads stand back (`nice`): to about a quarter of a processor that others want. At
/// much less they would fall behind what is written.
#[cfg(target_os = "linux")]
const BACKGROUND_NICE: i32 = 5;
/// A group of commits causes fewer than two to the power of this many jobs.
const JOBS_OF_A_GROUP_BITS: u32 = 24;

/// A data folder cannot be opened. The text says what is wrong and what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process holds the folder.
    #[error("the data folder {} is in use by another process: stop that one, or choose another folder with --data", path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// A newer version of Ripple wrote the folder.
    #[error("the data folder {} has format {found}, but this version of Ripple knows formats up to {known}: use the version that wrote it, or a newer one", path.display())]
    NewerVersion {
        /// The folder.
        path: PathBuf,
        /// The folder's format.
        found: u32,
        /// The newest format that this version reads.
        known: u32,
    },
    /// Commits that had been acknowledged are missing, or files cannot be understood.
    #[error("the data folder {} is damaged: {detail}. Restore it from a backup; or, to go on without what is missing, start once with --accept-loss", path.display())]
    Damaged {
        /// The folder.
        path: PathBuf,
        /// What was found.
        detail: String,
    },
    /// The file system refused.
    #[error("the data folder {} cannot be used: {operation} failed: {source}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What was tried.
        operation: &'static str,
        /// Why it failed.
        source: std::io::Error,
    },
    /// The database cannot be opened.
    #[error("the database in the data folder {} cannot be opened: {source}. If it is damaged, restore it from a backup", path.display())]
    Database {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// What an opened folder gives.
pub(super) struct Opened {
    pub(super) folder: DataFolder,
    pub(super) keyspace: Keyspace,
    pub(super) memory: Arc<Memory>,
    pub(super) writer: Writer,
}

/// Opens a data folder. Takes time in proportion to the users, follows and jobs in it.
pub(super) fn open(path: &Path, options: &EmbeddedOptions) -> Result<Opened, OpenError> {
    let folder = DataFolder::hold(path)?;
    let failed = |source: Box<dyn std::error::Error + Send + Sync>| OpenError::Database {
        path: path.into(),
        source,
    };
    let at = |operation| {
        move |source| OpenError::Folder {
            path: path.into(),
            operation,
            source,
        }
    };
    journal::cut_ends(&folder.store()).map_err(at("reading its journals"))?;
    let builder = Database::builder(folder.store())
        .max_journaling_size(JOURNAL_BYTES_MAX)
        .cache_size(options.block_cache_bytes);
    let database = in_background(|| builder.open())
        .map_err(at("starting a thread for its database"))?
        .map_err(|error| failed(error.into()))?;
    let keyspace_options =
        || KeyspaceCreateOptions::default().max_memtable_size(MEMTABLE_BYTES_MAX);
    let keyspace = database
        .keyspace("ripple", keyspace_options)
        .map_err(|error| failed(error.into()))?;
    let mut mark = HighWaterMark::open(&folder.mark()).map_err(at("opening its commit.mark"))?;

    let number = check_whole(
        &folder,
        &database,
        &keyspace,
        &mut mark,
        options.accept_loss,
    )?;
    let memory = Arc::new(Memory::new(options));
    let counters = load(&keyspace, &memory, number).map_err(|error| failed(error.into()))?;
    let parts = WriterParts {
        database,
        keyspace: keyspace.clone(),
        memory: Arc::clone(&memory),
        mark,
        counters,
        number,
    };
    let writer = Writer::start(parts).map_err(at("starting its writer"))?;
    Ok(Opened {
        folder,
        keyspace,
        memory,
        writer,
    })
}

/// Opens the database such that the threads that it starts, which flush and compact, give way to those that
/// serve: a compaction takes all that it gets for a second, once in some ten thousands of posts.
fn in_background<T: Send>(open: impl FnOnce() -> T + Send) -> io::Result<T> {
    thread::scope(|scope| {
        let opening = thread::Builder::new().spawn_scoped(scope, || {
            // Threads inherit it from the one that starts them; on other systems it is the process's. Without it
            // they work as they always did.
            #[cfg(target_os = "linux")]
            let _ = rustix::process::setpriority_process(None, BACKGROUND_NICE);
            open()
        })?;
        opening.join().map_err(|_| io::Error::other("it panicked"))
    })
}

/// Proves that no acknowledged commit is missing, and returns the number of the newest group.
fn check_whole(
    folder: &DataFolder,
    database: &Database,
    keyspace: &Keyspace,
    mark: &mut HighWaterMark,
    accept_loss: bool,
) -> Result<u64, OpenError> {
    let damaged = |detail| OpenError::Damaged {
        path: folder.path().into(),
        detail,
    };
    let recovered = sequence::recover(keyspace, mark.number());
    let recovered = recovered.map_err(|error| damaged(error.to_string()))?;
    if recovered.missing.is_empty() {
        return Ok(recovered.newest);
    }
    let ranges = recovered
        .missing
        .iter()
        .map(|lost| format!("{} to {}", lost.start(), lost.end()));
    let loss = ranges.collect::<Vec<_>>().join(", ");
    if !accept_loss {
        return Err(damaged(format!(
            "the acknowledged commits {loss} are missing"
        )));
    }
    tracing::warn!(
        commits = loss,
        "going on without acknowledged commits, as was asked"
    );
    let mut batch = database.batch();
    for number in recovered.missing.into_iter().flatten() {
        batch.insert(
            keyspace,
            Key::Sequence(number).bytes(),
            sequence::checksum(number),
        );
    }
    batch
        .durability(Some(fjall::PersistMode::SyncAll))
        .commit()
        .map_err(|error| OpenError::Database {
            path: folder.path().into(),
            source: error.into(),
        })?;
    mark.advance(recovered.newest)
        .and_then(|()| mark.sync())
        .map_err(|source| OpenError::Folder {
            path: folder.path().into(),
            operation: "writing its commit.mark",
            source,
        })?;
    Ok(recovered.newest)
}

/// Fills the memory with what is looked up all the time: relations and jobs.
fn load(keyspace: &Keyspace, memory: &Memory, number: u64) -> Result<Counters, StoreError> {
    let newest_user = newest(keyspace, prefix::USER)?.map_or(0, |key| trailing_user(&key));
    for (kind, prefix) in [
        (RelationKind::Follow, prefix::FOLLOW),
        (RelationKind::Mute, prefix::MUTE),
        (RelationKind::Block, prefix::BLOCK),
    ] {
        for entry in keyspace.prefix(prefix) {
            let key = entry.key().map_err(|e| StoreError::read("relations", e))?;
            let (from, to) =
                relation_users(&key).ok_or(StoreError::Corrupt { what: "relation" })?;
            memory.load(from, kind, to);
        }
    }

    // Above every job that an earlier process made: each group's number leaves room for its jobs.
    let mut newest_job = JobId(number << JOBS_OF_A_GROUP_BITS);
    for entry in keyspace.prefix(prefix::JOB) {
        let (_, record) = entry
            .into_inner()
            .map_err(|e| StoreError::read("jobs", e))?;
        let JobRecord::V1 {
            job,
            order,
            not_before,
        } = decode("job", &record)?;
        newest_job = newest_job.max(job.id);
        let queued = QueuedJob {
            order,
            not_before,
            durable_at: None,
            job,
        };
        memory.tier(queued.job.tier()).queue().insert(queued);
    }
    for entry in keyspace.prefix(prefix::DEAD) {
        let key = entry
            .key()
            .map_err(|e| StoreError::read("dead letters", e))?;
        let id = trailing_u64(&key).ok_or(StoreError::Corrupt {
            what: "dead letter",
        })?;
        newest_job = newest_job.max(JobId(id));
    }
    for tier in Tier::ALL {
        let mut queue = memory.tier(tier).queue();
        let paused = keyspace.get(Key::Paused(tier).bytes());
        queue.paused = paused
            .map_err(|e| StoreError::read("paused tiers", e))?
            .is_some();
        let first_dead = Key::Dead(tier, JobId(0)).bytes();
        queue.dead = keyspace.prefix(&first_dead[..2]).count() as u64;
    }

    let newest_post = newest(keyspace, prefix::POST)?.and_then(|key| trailing_u64(&key));
    Ok(Counters {
        post_ids: PostIdSequence::starting_after(newest_post.map(PostId)),
        backdated: BackdatedIds::default(),
        newest_user: UserId(newest_user),
        newest_job,
    })
}

/// The last key with this prefix.
fn newest(keyspace: &Keyspace, prefix: &[u8]) -> Result<Option<fjall::Slice>, StoreError> {
    let last = keyspace.prefix(prefix).next_back();
    last.map(|entry| entry.key())
        .transpose()
        .map_err(|e| StoreError::read("the newest record", e))
}

fn trailing_user(key: &[u8]) -> u32 {
    key.split_last_chunk::<4>()
        .map_or(0, |(_, tail)| u32::from_be_bytes(*tail))
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    /// How far the threads of this process stand back, as `proc(5)` tells.
    fn nice_values() -> Vec<i32> {
        let of_thread = |task: fs::DirEntry| {
            let stat = fs::read_to_string(task.path().join("stat")).ok()?;
            let (_, after_name) = stat.rsplit_once(')')?;
            after_name.split_whitespace().nth(16)?.parse().ok()
        };
        let tasks = fs::read_dir("/proc/self/task").unwrap().flatten();
        tasks.filter_map(of_thread).collect()
    }

    #[test]
    fn the_threads_of_the_database_stand_back_and_others_do_not() {
        let folder = TempDir::new().unwrap();
        let before = rustix::process::getpriority_process(None).unwrap();
        let opened = open(folder.path(), &EmbeddedOptions::default()).unwrap();
        let expected = before.max(BACKGROUND_NICE);
        assert!(nice_values().contains(&expected), "{:?}", nice_values());
        let after = rustix::process::getpriority_process(None).unwrap();
        assert_eq!(after, before);
        drop(opened);
    }
}
