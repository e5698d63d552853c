//! users

use std::sync::Arc;

use ripple_domain::{Handle, NewUser, User, UserId};

use super::{RedisStore, unfinished};
use crate::{CommitError, Committed, Idempotency, StoreError, TokenHash, UserCounts};

impl RedisStore {
    pub(super) async fn create_user_(
        &self,
        new: NewUser,
        token: TokenHash,
        idempotency: Option<Idempotency>,
    ) -> Result<Committed<Arc<User>>, CommitError> {
        unfinished()
    }

    pub(super) async fn update_user_(
        &self,
        id: UserId,
        display_name: Option<String>,
        bio: Option<String>,
    ) -> Result<Arc<User>, CommitError> {
        unfinished()
    }

    pub(super) async fn add_token_(
        &self,
        user: UserId,
        token: TokenHash,
    ) -> Result<(), CommitError> {
        unfinished()
    }

    pub(super) async fn user_(&self, id: UserId) -> Result<Option<Arc<User>>, StoreError> {
        unfinished()
    }

    pub(super) async fn user_by_handle_(
        &self,
        handle: &Handle,
    ) -> Result<Option<Arc<User>>, StoreError> {
        unfinished()
    }

    pub(super) async fn user_by_token_(
        &self,
        token: &TokenHash,
    ) -> Result<Option<UserId>, StoreError> {
        unfinished()
    }

    pub(super) async fn user_counts_(&self, id: UserId) -> Result<UserCounts, StoreError> {
        unfinished()
    }

    /// The users with these handles, in their order; `None` where there is none.
    pub(super) async fn user_ids(
        &self,
        handles: &[Handle],
    ) -> Result<Vec<Option<UserId>>, StoreError> {
        unfinished()
    }

    /// The users with these handles, in their order, created (without a token) where there are none,
    /// and whether they were created now. The handles are all different, and ids grow in their order.
    pub(super) async fn get_or_create_users(
        &self,
        handles: &[Handle],
    ) -> Result<Vec<(UserId, bool)>, CommitError> {
        unfinished()
    }
}
