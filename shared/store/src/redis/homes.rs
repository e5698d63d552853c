//! homes

use ripple_domain::{PostId, UserId};

use super::{RedisStore, unfinished};
use crate::{Delivery, Home, Pushed, StoreError, Warming};

impl RedisStore {
    pub(super) async fn push_home_(
        &self,
        deliveries: Vec<Delivery>,
    ) -> Result<Vec<Pushed>, StoreError> {
        unfinished()
    }

    pub(super) async fn home_(&self, user: UserId) -> Result<Home, StoreError> {
        unfinished()
    }

    pub(super) async fn home_begin_(&self, user: UserId) -> Result<Warming, StoreError> {
        unfinished()
    }

    pub(super) async fn home_finish_(
        &self,
        warming: Warming,
        ids: &[PostId],
        complete: bool,
    ) -> Result<bool, StoreError> {
        unfinished()
    }

    pub(super) async fn home_cool_(&self, user: UserId) -> Result<(), StoreError> {
        unfinished()
    }

    pub(super) async fn home_cool_all_(&self) -> Result<(), StoreError> {
        unfinished()
    }
}
