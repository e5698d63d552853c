//! The one place that picks the store.

use std::{io, path::PathBuf, str::FromStr, sync::Arc};

use ripple_store::{
    QueueLimits, Store,
    embedded::{EmbeddedOptions, EmbeddedStore, OpenError},
};

use crate::{cli::StoreArgs, data_folder};

/// Names a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StoreAddress {
    /// The one in the data folder, in this process.
    Embedded,
}

impl FromStr for StoreAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "embedded" => Ok(Self::Embedded),
            _ if text.starts_with("redis://") || text.starts_with("redis+cluster://") => Err(
                "this build has the embedded store only; leave --store away to use it".to_owned(),
            ),
            _ => Err("`embedded`, `redis://…` or `redis+cluster://…`".to_owned()),
        }
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
}

/// Opens the store that the options name, to serve; home timelines take up to this much memory.
pub(crate) async fn open(
    args: &StoreArgs,
    home_memory_bytes_max: u64,
) -> Result<Arc<dyn Store>, StoreOpenError> {
    make_folder(args)?;
    let options = EmbeddedOptions {
        home_memory_bytes_max,
        ..EmbeddedOptions::default()
    };
    open_with(args, options).await
}

/// Opens the store that the options name for a command that works while nobody serves; where
/// `may_create`, also a new one.
pub(crate) async fn open_offline(
    args: &StoreArgs,
    may_create: bool,
) -> Result<Arc<dyn Store>, StoreOpenError> {
    if may_create {
        make_folder(args)?;
    } else if !args.data.exists() {
        // A folder whose name was mistyped must not look like one that holds nothing.
        return Err(StoreOpenError::NoFolder {
            path: args.data.clone(),
        });
    }
    // No worker empties the queue meanwhile, so its backlog has no bound.
    let queue_limits = QueueLimits {
        jobs_max: u64::MAX,
        age_ms_max: u64::MAX,
    };
    let options = EmbeddedOptions {
        queue_limits,
        ..EmbeddedOptions::default()
    };
    open_with(args, options).await.map_err(|error| match error {
        StoreOpenError::Open(in_use @ OpenError::InUse { .. }) => StoreOpenError::InUse(in_use),
        error => error,
    })
}

fn make_folder(args: &StoreArgs) -> Result<(), StoreOpenError> {
    data_folder::make(&args.data).map_err(|source| StoreOpenError::Folder {
        path: args.data.clone(),
        source,
    })
}

async fn open_with(
    args: &StoreArgs,
    options: EmbeddedOptions,
) -> Result<Arc<dyn Store>, StoreOpenError> {
    match args.store {
        StoreAddress::Embedded => {
            let options = EmbeddedOptions {
                accept_loss: args.accept_loss,
                ..options
            };
            let store: Arc<dyn Store> = EmbeddedStore::open(&args.data, options).await?;
            Ok(store)
        }
    }
}
