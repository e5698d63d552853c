//! How users come to be. A user's handle, his token, his idempotency key and he himself lie in different
//! partitions, so he is created in steps:
//!
//! 1. The **proposal** is written in his partition, with all that belongs to him. Nobody sees it.
//! 2. The idempotency key is **reserved**.
//! 3. The handle is **claimed**. This decides: from now on the user is sure to exist, or sure not to.
//! 4. The token is written, and the proposal is **activated**: now he is seen.
//!
//! A process may die after any step. Whoever then meets the proposal (by the handle, by the token or by
//! the idempotency key) goes on where it stopped; every step can be repeated. A handle is never freed,
//! so a proposal that was refused once can never win later, and its id is given to somebody else.

use std::sync::Arc;

use ripple_domain::{Handle, NewUser, User, UserId};

use super::{
    RedisStore,
    key::Key,
    record::{self, UserIdempotencyRecord},
    user_proposals::Proposal,
    users::{NO_ARGS, UNKNOWN_ANSWER},
};
use crate::{CommitError, Committed, Idempotency, StoreError, TokenHash};

pub(super) const CREATING: &str = "creating a user";
/// How long an idempotency key is kept by the store's clock, in milliseconds.
const IDEMPOTENCY_MS: i64 = 24 * 3_600_000;
/// Each time it is in vain, another request has come between.
const TRIES_MAX: u32 = 16;

/// What an earlier request with an idempotency key has come to.
enum Earlier {
    User(Arc<User>),
    /// Nothing. What the key holds, if anything, may be replaced.
    Nothing {
        stale: Vec<u8>,
    },
}

impl RedisStore {
    pub(super) async fn commit_user(
        &self,
        new: NewUser,
        token: TokenHash,
        idempotency: Option<Idempotency>,
    ) -> Result<Committed<Arc<User>>, CommitError> {
        let committed = |value, replayed| Ok(Committed { value, replayed });
        for _ in 0..TRIES_MAX {
            let stale = match self.earlier_user(idempotency).await? {
                Earlier::User(user) => return committed(user, true),
                Earlier::Nothing { stale } => stale,
            };
            if self.user_ids(std::slice::from_ref(&new.handle)).await?[0].is_some() {
                // Perhaps it was the same request, a moment ago.
                return match self.earlier_user(idempotency).await? {
                    Earlier::User(user) => committed(user, true),
                    Earlier::Nothing { .. } => Err(CommitError::HandleTaken),
                };
            }
            let user = self.new_user(new.clone());
            let proposals = self.propose(vec![(user, Some(token), idempotency)]).await?;
            let [proposal] = &proposals[..] else {
                return Err(UNKNOWN_ANSWER.into());
            };
            if !self.reserve(proposal, &stale).await? {
                self.withdraw(&proposals).await?;
                continue;
            }
            if !self.claim(&proposals).await?[0] {
                self.withdraw(&proposals).await?;
                return Err(CommitError::HandleTaken);
            }
            self.complete(&proposals).await?;
            return committed(Arc::new(proposal.user.clone()), false);
        }
        Err(StoreError::Overloaded { retry_after_s: 1 }.into())
    }

    /// The users with these handles, in their order, created (without a token) where there are none,
    /// and whether they were created now. The handles are all different, and ids grow in their order.
    pub(super) async fn get_or_create_users(
        &self,
        handles: &[Handle],
    ) -> Result<Vec<(UserId, bool)>, CommitError> {
        let known: Vec<Option<UserId>> = handles
            .iter()
            .map(|handle| self.known.handles.get(handle))
            .collect();
        let mut users: Vec<Option<(UserId, bool)>> = Vec::with_capacity(handles.len());
        for id in self.user_ids(handles).await? {
            users.push(id.map(|id| (id, false)));
        }
        let missing: Vec<usize> = (0..users.len()).filter(|at| users[*at].is_none()).collect();
        let drafts = missing.iter().map(|at| {
            let new = NewUser {
                handle: handles[*at].clone(),
                display_name: None,
                bio: String::new(),
            };
            (self.new_user(new), None, None)
        });
        let proposals = self.propose(drafts.collect()).await?;
        let claimed = self.claim(&proposals).await?;
        let mut lost = Vec::new();
        let mut won = Vec::new();
        for ((at, proposal), is_claimed) in missing.iter().zip(proposals).zip(claimed) {
            if is_claimed {
                users[*at] = Some((proposal.user.id, true));
                won.push(proposal);
            } else {
                lost.push(proposal);
            }
        }
        self.complete(&won).await?;
        self.withdraw(&lost).await?;

        // Somebody else has created them meanwhile.
        let others: Vec<usize> = (0..users.len()).filter(|at| users[*at].is_none()).collect();
        let theirs: Vec<Handle> = others.iter().map(|at| handles[*at].clone()).collect();
        for (at, id) in others.into_iter().zip(self.user_ids(&theirs).await?) {
            users[at] = id.map(|id| (id, false));
        }
        let found: Option<Vec<_>> = users.into_iter().collect();
        let found = found.ok_or(StoreError::Corrupt { what: "handle" })?;
        self.complete_all(handles, &known, &found).await?;
        Ok(found)
    }

    /// Makes sure that those exist who were found by their handles, and remembers them.
    async fn complete_all(
        &self,
        handles: &[Handle],
        known: &[Option<UserId>],
        found: &[(UserId, bool)],
    ) -> Result<(), StoreError> {
        let unsure: Vec<UserId> = found
            .iter()
            .zip(known)
            .filter(|((_, created), known)| !created && known.is_none())
            .map(|((id, _), _)| *id)
            .collect();
        let exist = self.users_exist(&unsure).await?;
        for (id, exists) in unsure.into_iter().zip(exist) {
            if !exists && self.user_by_id(id).await?.is_none() {
                return Err(StoreError::Corrupt { what: "handle" });
            }
        }
        for ((handle, (id, _)), known) in handles.iter().zip(found).zip(known) {
            if known.is_none() {
                self.known.handles.put(handle.clone(), *id);
            }
        }
        Ok(())
    }

    /// The user of a proposal that was found, once it is decided that he exists.
    pub(super) async fn completed(
        &self,
        id: UserId,
        proposal: Vec<u8>,
    ) -> Result<Option<Arc<User>>, StoreError> {
        let proposal = Proposal::decode(proposal)?;
        let handle = std::slice::from_ref(&proposal.user.handle);
        if self.user_ids(handle).await?[0] != Some(id) {
            return Ok(None);
        }
        self.complete(std::slice::from_ref(&proposal)).await?;
        Ok(Some(Arc::new(proposal.user)))
    }

    /// What an earlier request with this idempotency key has come to. One that was left half done is
    /// carried to its end.
    async fn earlier_user(&self, idempotency: Option<Idempotency>) -> Result<Earlier, CommitError> {
        const NOTHING: Earlier = Earlier::Nothing { stale: Vec::new() };
        let Some(idempotency) = idempotency else {
            return Ok(NOTHING);
        };
        let key = Key::UserIdempotency(&idempotency.key);
        let held: Option<Vec<u8>> = self.read_one(CREATING, "GET", &key, NO_ARGS).await?;
        let Some(held) = held else {
            return Ok(NOTHING);
        };
        let UserIdempotencyRecord::V1 {
            request,
            used_at,
            id,
            handle,
        } = record::decode("idempotency key", &held)?;
        let stale = Ok(Earlier::Nothing { stale: held });
        if used_at.plus_ms(IDEMPOTENCY_MS) <= self.options.clock.now() {
            return stale;
        }
        let mut user = self.user_by_id(id).await?;
        if user.is_none() {
            let key = Key::User(id);
            let proposal: Option<Vec<u8>> = self.read_one(CREATING, "HGET", &key, "x").await?;
            let proposal = proposal.map(Proposal::decode).transpose()?;
            if let Some(proposal) = proposal.filter(|it| it.user.handle == handle) {
                let proposal = std::slice::from_ref(&proposal);
                if !self.claim(proposal).await?[0] {
                    self.withdraw(proposal).await?;
                    return Ok(NOTHING);
                }
                self.complete(proposal).await?;
            }
            // Whoever it was left to may have been faster.
            user = self.user_by_id(id).await?;
        }
        match user.filter(|user| user.handle == handle) {
            Some(_) if request != idempotency.request => Err(CommitError::IdempotencyMismatch),
            Some(user) => Ok(Earlier::User(user)),
            None => stale,
        }
    }

    /// A user who has no id yet.
    fn new_user(&self, new: NewUser) -> User {
        User {
            id: UserId(0),
            display_name: new.display_name.unwrap_or_else(|| new.handle.to_string()),
            handle: new.handle,
            bio: new.bio,
            created_at: self.options.clock.now(),
            revision: 0,
        }
    }
}
