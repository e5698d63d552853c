//! The one place that picks the store.

use std::{ffi::OsStr, io, path::PathBuf, sync::Arc};

use clap::{builder::TypedValueParser, error::ErrorKind};
use ripple_store::{
    QueueLimits, Store,
    embedded::{EmbeddedOptions, EmbeddedStore, OpenError},
    redis::{RedisAddress, RedisOpenError, RedisOptions, RedisStore},
};

use crate::{cli::StoreArgs, data_folder};

/// Names a store.
#[derive(Clone, Debug)]
pub(crate) enum StoreAddress {
    /// The one in the data folder, in this process.
    Embedded,
    /// One that several processes can share.
    Redis(RedisAddress),
}

/// A store that was opened.
pub(crate) struct Opened {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) keeper: Keeper,
}

/// Where what all processes on a store agree on is kept.
pub(crate) enum Keeper {
    /// In the data folder: one process has it open.
    Folder,
    /// In the store.
    Redis(Arc<RedisStore>),
}

/// Reads a store's address from the command line or the environment. What cannot be read is not shown: there
/// may be a password in it.
#[derive(Clone, Debug)]
pub(crate) struct StoreParser;

impl TypedValueParser for StoreParser {
    type Value = StoreAddress;

    fn parse_ref(
        &self,
        command: &clap::Command,
        _: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<StoreAddress, clap::Error> {
        let text = value.to_string_lossy();
        if text == "embedded" {
            return Ok(StoreAddress::Embedded);
        }
        let address = text.parse::<RedisAddress>().map(StoreAddress::Redis);
        address.map_err(|error| {
            let message = format!(
                "the value of '--store' is {error}; the stores are `embedded`, `redis://…` and \
                 `redis+cluster://…`"
            );
            command.clone().error(ErrorKind::ValueValidation, message)
        })
    }
}

/// The store could not be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreOpenError {
    #[error("the data folder {} cannot be made: {source}", path.display())]
    Folder { path: PathBuf, source: io::Error },
    #[error("there is no data folder {}: name it with --data", path.display())]
    NoFolder { path: PathBuf },
    #[error("{0}; or work through the server that holds it, with --url")]
    InUse(OpenError),
    /// The store says what is wrong, and how to recover.
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error("{address}: {source}")]
    Redis {
        address: RedisAddress,
        source: RedisOpenError,
    },
}

/// Opens the store that the options name, to serve; home timelines take up to this much memory.
pub(crate) async fn open(
    args: &StoreArgs,
    home_memory_bytes_max: u64,
) -> Result<Opened, StoreOpenError> {
    if let StoreAddress::Redis(address) = &args.store {
        return open_redis(args, address, QueueLimits::default()).await;
    }
    make_folder(args)?;
    let options = EmbeddedOptions {
        home_memory_bytes_max,
        ..EmbeddedOptions::default()
    };
    open_embedded(args, options).await
}

/// Opens the store that the options name for a command that works while nobody serves; where
/// `may_create`, also a new one.
pub(crate) async fn open_offline(
    args: &StoreArgs,
    may_create: bool,
) -> Result<Arc<dyn Store>, StoreOpenError> {
    // No worker empties the queue meanwhile, so its backlog has no bound.
    let queue_limits = QueueLimits {
        jobs_max: u64::MAX,
        age_ms_max: u64::MAX,
    };
    if let StoreAddress::Redis(address) = &args.store {
        return Ok(open_redis(args, address, queue_limits).await?.store);
    }
    if may_create {
        make_folder(args)?;
    } else if !args.data.exists() {
        // A folder whose name was mistyped must not look like one that holds nothing.
        return Err(StoreOpenError::NoFolder {
            path: args.data.clone(),
        });
    }
    let options = EmbeddedOptions {
        queue_limits,
        ..EmbeddedOptions::default()
    };
    match open_embedded(args, options).await {
        Ok(opened) => Ok(opened.store),
        Err(StoreOpenError::Open(in_use @ OpenError::InUse { .. })) => {
            Err(StoreOpenError::InUse(in_use))
        }
        Err(error) => Err(error),
    }
}

fn make_folder(args: &StoreArgs) -> Result<(), StoreOpenError> {
    data_folder::make(&args.data).map_err(|source| StoreOpenError::Folder {
        path: args.data.clone(),
        source,
    })
}

async fn open_embedded(
    args: &StoreArgs,
    options: EmbeddedOptions,
) -> Result<Opened, StoreOpenError> {
    let options = EmbeddedOptions {
        accept_loss: args.accept_loss,
        ..options
    };
    Ok(Opened {
        store: EmbeddedStore::open(&args.data, options).await?,
        keeper: Keeper::Folder,
    })
}

async fn open_redis(
    args: &StoreArgs,
    address: &RedisAddress,
    queue_limits: QueueLimits,
) -> Result<Opened, StoreOpenError> {
    let options = RedisOptions {
        queue_limits,
        replicas_wait: args.redis_wait,
        ..RedisOptions::default()
    };
    let opened = RedisStore::open(address, options).await;
    let store = opened.map_err(|source| StoreOpenError::Redis {
        address: address.clone(),
        source,
    })?;
    Ok(Opened {
        keeper: Keeper::Redis(Arc::clone(&store)),
        store,
    })
}
