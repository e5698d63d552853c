use std::{io, path::PathBuf, sync::Arc};

use ripple_store::Store;

use super::server::{Server, ServerError};
use crate::{
    cli::TargetArgs,
    data_folder,
    store::{self, StoreOpenError},
};

/// What a command works on.
pub(super) enum Target {
    /// The store of a stopped data folder.
    Store(Arc<dyn Store>),
    /// A running server.
    Server(Server),
}

/// What a command is to work on cannot be opened.
#[derive(Debug, thiserror::Error)]
pub(super) enum TargetError {
    #[error(transparent)]
    Store(#[from] StoreOpenError),
    #[error(transparent)]
    Server(#[from] ServerError),
    #[error("{}: {source}", path.display())]
    AdminToken { path: PathBuf, source: io::Error },
    #[error(
        "the server's admin token is needed: give it by --admin-token or RIPPLE_ADMIN_TOKEN, or \
         name the server's data folder by --data"
    )]
    NoAdminToken,
}

impl Target {
    /// Opens what the options name, which must be there.
    pub(super) async fn open(args: &TargetArgs) -> Result<Self, TargetError> {
        Self::open_with(args, false).await
    }

    /// Opens what the options name, or makes a new store.
    pub(super) async fn open_or_create(args: &TargetArgs) -> Result<Self, TargetError> {
        Self::open_with(args, true).await
    }

    async fn open_with(args: &TargetArgs, may_create: bool) -> Result<Self, TargetError> {
        let Some(url) = &args.url else {
            let store = store::open_offline(&args.store, may_create).await?;
            return Ok(Self::Store(store));
        };
        let token = match &args.admin_token {
            Some(token) => token.clone(),
            None => {
                let token = data_folder::read_admin_token(&args.store.data);
                let token = token.map_err(|source| TargetError::AdminToken {
                    path: data_folder::admin_token_path(&args.store.data),
                    source,
                })?;
                token.ok_or(TargetError::NoAdminToken)?
            }
        };
        Ok(Self::Server(Server::new(url, token)?))
    }
}
