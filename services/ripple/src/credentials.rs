//! The admin token and the server's secret: made once for a store, whoever starts first.

use std::{io, path::Path};

use ripple_store::{StoreError, TokenHash, redis::RedisStore};

use crate::{data_folder, store::Keeper};

/// What the API checks and derives tokens with.
pub(crate) struct Credentials {
    /// SHA-256 of the admin token.
    pub(crate) admin_token_hash: TokenHash,
    /// The secret from which tokens of repeated sign-ups are derived.
    pub(crate) secret: [u8; data_folder::SECRET_BYTES],
    /// Where an operator finds the admin token.
    pub(crate) admin_token_place: String,
}

impl Credentials {
    /// Those of a process that nobody signs in to.
    pub(crate) fn nobodys() -> io::Result<Self> {
        Ok(Self {
            admin_token_hash: data_folder::random()?,
            secret: data_folder::random()?,
            admin_token_place: "not used by a worker".to_owned(),
        })
    }
}

/// The credentials cannot be read or made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CredentialsError {
    #[error("the credentials in the data folder: {0}")]
    Folder(#[from] io::Error),
    #[error("the credentials in the store: {0}")]
    Store(#[from] StoreError),
    #[error("the secret in the store is not one")]
    Secret,
}

/// Reads the credentials of a store, and makes those that are not there. An admin token that was
/// `given` goes before the one that was made.
pub(crate) async fn obtain(
    keeper: &Keeper,
    folder: &Path,
    given: Option<&str>,
) -> Result<Credentials, CredentialsError> {
    let secret = match keeper {
        Keeper::Folder => data_folder::secret(folder)?,
        Keeper::Redis(store) => {
            let kept = store.keep_once("secret", &data_folder::random()?).await?;
            kept.try_into().map_err(|_| CredentialsError::Secret)?
        }
    };
    let (admin_token_hash, admin_token_place) = match (given, keeper) {
        (Some(token), _) => (
            ripple_api::token_hash(token),
            "as given by --admin-token or RIPPLE_ADMIN_TOKEN".to_owned(),
        ),
        (None, Keeper::Folder) => {
            let token = data_folder::admin_token(folder)?;
            (ripple_api::token_hash(&token), file_in(folder))
        }
        (None, Keeper::Redis(store)) => shared_admin_token(store, folder).await?,
    };
    Ok(Credentials {
        admin_token_hash,
        secret,
        admin_token_place,
    })
}

/// Processes that share a store agree on one token: the store keeps its hash, and the data folder of
/// the process that made it the token. It is written there before the hash is kept, so that a crash
/// between the two leaves a token that the next start puts to use.
async fn shared_admin_token(
    store: &RedisStore,
    folder: &Path,
) -> Result<(TokenHash, String), CredentialsError> {
    let had_one = data_folder::read_admin_token(folder)?.is_some();
    data_folder::make(folder)?;
    let token = data_folder::admin_token(folder)?;
    let hash = ripple_api::token_hash(&token);
    let kept = store.keep_once("admin_token", &hash).await?;
    if kept == hash {
        return Ok((hash, file_in(folder)));
    }
    if !had_one {
        std::fs::remove_file(data_folder::admin_token_path(folder))?;
    }
    let kept = kept.try_into().map_err(|_| CredentialsError::Secret)?;
    let place = "in the data folder of the process that was started first on this store";
    Ok((kept, place.to_owned()))
}

fn file_in(folder: &Path) -> String {
    data_folder::admin_token_path(folder).display().to_string()
}
