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
    commit::Nonce,
    error::store_error,
    key::Key,
    link::{Commands, decode},
    record::{self, ProposalRecord, UserIdempotencyRecord, encode},
    script::Script,
    users::{NO_ARGS, UNKNOWN_ANSWER, decode_user, encode_user},
};
use crate::{CommitError, Committed, Idempotency, StoreError, TokenHash};

const CREATING: &str = "creating a user";
/// How long an idempotency key is kept by the store's clock, in milliseconds.
const IDEMPOTENCY_MS: i64 = 24 * 3_600_000;
/// How long Redis keeps it, by its own clock.
const IDEMPOTENCY_KEPT_MS: i64 = 25 * 3_600_000;
/// Each time it is in vain, another request has come between.
const TRIES_MAX: u32 = 16;

/// A user who is to be created, as it is written down.
struct Proposal {
    nonce: [u8; 16],
    user: User,
    token: Option<TokenHash>,
    idempotency: Option<Idempotency>,
    bytes: Vec<u8>,
}

/// An idempotency key, and what it holds.
type Reservation = ([u8; 32], Vec<u8>);

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

    /// Writes users down, under new ids that grow in their order.
    async fn propose(
        &self,
        users: Vec<(User, Option<TokenHash>, Option<Idempotency>)>,
    ) -> Result<Vec<Proposal>, StoreError> {
        let ids = self.take_user_ids(users.len()).await?;
        let mut proposals = Vec::with_capacity(users.len());
        for ((user, token, idempotency), id) in users.into_iter().zip(ids) {
            proposals.push(Proposal::new(User { id, ..user }, token, idempotency)?);
        }
        let mut unwritten: Vec<usize> = (0..proposals.len()).collect();
        loop {
            let written: Vec<bool> = self
                .commit_together(
                    CREATING,
                    &unwritten,
                    |at| proposals[*at].user.id.partition(),
                    |commands, some| {
                        let mut args = Vec::with_capacity(2 * some.len());
                        for at in some {
                            let Proposal { user, bytes, .. } = &proposals[**at];
                            args.extend([user.id.to_string().into_bytes(), bytes.clone()]);
                        }
                        let key = Key::User(proposals[*some[0]].user.id);
                        commands.script(Script::ProposeUsers, &[key], args);
                    },
                )
                .await?;
            let mut taken = unwritten;
            let mut written = written.into_iter();
            taken.retain(|_| written.next() == Some(false));
            if taken.is_empty() {
                return Ok(proposals);
            }
            // An id was given back twice, because the answer to the first time was lost.
            let ids = self.take_user_ids(taken.len()).await?;
            for (at, id) in taken.iter().zip(ids) {
                let Proposal {
                    user,
                    token,
                    idempotency,
                    ..
                } = &proposals[*at];
                let user = User { id, ..user.clone() };
                proposals[*at] = Proposal::new(user, *token, *idempotency)?;
            }
            unwritten = taken;
        }
    }

    /// New user ids, in ascending order.
    async fn take_user_ids(&self, count: usize) -> Result<Vec<UserId>, StoreError> {
        if count == 0 {
            return Ok(Vec::new());
        }
        // When it is repeated, the first ids are lost, and nothing else is.
        let mut commands = Commands::new(Key::UserIds.partition());
        commands.script(Script::TakeUserIds, &[Key::UserIds], count);
        let mut ids: Vec<u32> = self.commit_one(CREATING, &commands).await?;
        if ids.len() < count {
            return Err(StoreError::Unavailable {
                reason: "all user ids have been given".into(),
            });
        }
        ids.sort_unstable();
        Ok(ids.into_iter().map(UserId).collect())
    }

    /// Reserves the idempotency key; whether it was free, or held what is `stale`.
    async fn reserve(&self, proposal: &Proposal, stale: &[u8]) -> Result<bool, StoreError> {
        let Some((key, held)) = proposal.reservation()? else {
            return Ok(true);
        };
        let key = Key::UserIdempotency(&key);
        let mut commands = Commands::new(key.partition());
        commands.script(
            Script::ReserveKey,
            &[key],
            (stale, &held[..], IDEMPOTENCY_KEPT_MS),
        );
        self.commit_one(CREATING, &commands).await
    }

    /// Claims the handles; which of them are the proposals' now. (They may have been before: anybody
    /// carries on a proposal.)
    async fn claim(&self, proposals: &[Proposal]) -> Result<Vec<bool>, StoreError> {
        let owners: Vec<u32> = self
            .commit_together(
                CREATING,
                proposals,
                |proposal| Key::Handle(&proposal.user.handle).partition(),
                |commands, some| {
                    let mut args = Vec::with_capacity(2 * some.len());
                    for Proposal { user, .. } in some {
                        args.extend([user.handle.to_string(), user.id.to_string()]);
                    }
                    let key = Key::Handle(&some[0].user.handle);
                    commands.script(Script::ClaimHandles, &[key], args);
                },
            )
            .await?;
        let owners = proposals.iter().zip(owners);
        Ok(owners.map(|(it, owner)| it.user.id.0 == owner).collect())
    }

    /// Makes users of proposals whose handles have been claimed.
    async fn complete(&self, proposals: &[Proposal]) -> Result<(), StoreError> {
        let tokens = proposals.iter().filter_map(|proposal| {
            let token = proposal.token.as_ref()?;
            Some((token, proposal.user.id))
        });
        let tokens: Vec<(&TokenHash, UserId)> = tokens.collect();
        let answers = self
            .commit_each(
                CREATING,
                &tokens,
                |(token, _)| Key::Token(token).partition(),
                |commands, (token, id)| {
                    commands.add("SET", &Key::Token(token), id.0);
                },
            )
            .await?;
        for answer in answers {
            decode::<()>(answer).map_err(store_error(CREATING))?;
        }
        let _: Vec<bool> = self
            .commit_together(
                CREATING,
                proposals,
                |proposal| proposal.user.id.partition(),
                |commands, some| {
                    let mut args = Vec::with_capacity(2 * some.len());
                    for Proposal { user, nonce, .. } in some {
                        args.extend([user.id.to_string().into_bytes(), nonce.to_vec()]);
                    }
                    let key = Key::User(some[0].user.id);
                    commands.script(Script::ActivateUsers, &[key], args);
                },
            )
            .await?;
        Ok(())
    }

    /// Takes back proposals that were refused, and gives their ids back.
    async fn withdraw(&self, proposals: &[Proposal]) -> Result<(), StoreError> {
        for proposal in proposals {
            if let Some((key, held)) = proposal.reservation()? {
                let key = Key::UserIdempotency(&key);
                let mut commands = Commands::new(key.partition());
                commands.script(Script::ReleaseKey, &[key], &held[..]);
                self.commit_one::<()>(CREATING, &commands).await?;
            }
        }
        let answers = self
            .commit_each(
                CREATING,
                proposals,
                |proposal| proposal.user.id.partition(),
                |commands, Proposal { user, bytes, .. }| {
                    commands.script(Script::WithdrawUser, &[Key::User(user.id)], &bytes[..]);
                },
            )
            .await?;
        let mut free = Vec::new();
        for (proposal, answer) in proposals.iter().zip(answers) {
            if decode(answer).map_err(store_error(CREATING))? {
                free.push(proposal.user.id.0);
            }
        }
        if !free.is_empty() {
            let key = Key::FreeUserIds;
            let mut commands = Commands::new(key.partition());
            commands.add("SADD", &key, free);
            self.commit_one::<u64>(CREATING, &commands).await?;
        }
        Ok(())
    }
}

impl Proposal {
    fn new(
        user: User,
        token: Option<TokenHash>,
        idempotency: Option<Idempotency>,
    ) -> Result<Self, StoreError> {
        let nonce = Nonce::new()?.bytes();
        let record = encode_user(&user)?;
        let length = u16::try_from(record.len()).map_err(|_| StoreError::Unavailable {
            reason: "the record of a user is too long".into(),
        })?;
        let rest = ProposalRecord::V1 {
            token,
            idempotency: idempotency.map(|Idempotency { key, request }| (key, request)),
        };
        Ok(Self {
            bytes: [&nonce[..], &length.to_be_bytes(), &record, &encode(&rest)?].concat(),
            nonce,
            user,
            token,
            idempotency,
        })
    }

    fn decode(bytes: Vec<u8>) -> Result<Self, StoreError> {
        const CORRUPT: StoreError = StoreError::Corrupt {
            what: "proposed user",
        };
        let (nonce, after) = bytes.split_first_chunk().ok_or(CORRUPT)?;
        let (length, after) = after.split_first_chunk().ok_or(CORRUPT)?;
        let length = usize::from(u16::from_be_bytes(*length));
        let (user, rest) = after.split_at_checked(length).ok_or(CORRUPT)?;
        let ProposalRecord::V1 { token, idempotency } = record::decode("proposed user", rest)?;
        Ok(Self {
            nonce: *nonce,
            user: decode_user(user)?,
            token,
            idempotency: idempotency.map(|(key, request)| Idempotency { key, request }),
            bytes,
        })
    }

    /// The idempotency key that it reserves, and what that holds.
    fn reservation(&self) -> Result<Option<Reservation>, StoreError> {
        let Some(Idempotency { key, request }) = self.idempotency else {
            return Ok(None);
        };
        let held = UserIdempotencyRecord::V1 {
            request,
            used_at: self.user.created_at,
            id: self.user.id,
            handle: self.user.handle.clone(),
        };
        Ok(Some((key, encode(&held)?)))
    }
}
