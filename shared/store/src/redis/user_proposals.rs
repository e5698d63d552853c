//! The steps in which users are created (`user_creation.rs`): each is harmless when it is repeated.

use ripple_domain::{Handle, User, UserId};

use super::{
    RedisStore,
    commit::Nonce,
    error::store_error,
    key::Key,
    link::{Commands, decode},
    record::{self, ProposalRecord, UserIdempotencyRecord, encode},
    script::Script,
    user_creation::CREATING,
    users::{decode_user, encode_user},
};
use crate::{Idempotency, StoreError, TokenHash};

/// How long Redis keeps an idempotency key, by its own clock, in milliseconds.
const IDEMPOTENCY_KEPT_MS: i64 = 25 * 3_600_000;

/// A user who is to be created, as it is written down.
pub(super) struct Proposal {
    nonce: [u8; 16],
    pub(super) user: User,
    token: Option<TokenHash>,
    idempotency: Option<Idempotency>,
    bytes: Vec<u8>,
}

/// An idempotency key, and what it holds.
type Reservation = ([u8; 32], Vec<u8>);

impl RedisStore {
    /// Writes users down, under new ids that grow in their order.
    pub(super) async fn propose(
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
            let written: Result<Vec<bool>, StoreError> = self
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
                .await;
            if is_refused(&written) {
                // Nobody knows of those that have been written.
                self.withdraw(&proposals).await?;
            }
            let written = written?;
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
    pub(super) async fn reserve(
        &self,
        proposal: &Proposal,
        stale: &[u8],
    ) -> Result<bool, StoreError> {
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
        let reserved = self.commit_one(CREATING, &commands).await;
        if is_refused(&reserved) {
            self.withdraw(std::slice::from_ref(proposal)).await?;
        }
        reserved
    }

    /// Claims the handles; which of them are the proposals' now. (They may have been before: anybody
    /// carries on a proposal.) Where some are refused, because memory is full, nothing is left of them.
    pub(super) async fn claim(&self, proposals: &[Proposal]) -> Result<Vec<bool>, StoreError> {
        let owners: Result<Vec<u32>, StoreError> = self
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
            .await;
        if is_refused(&owners) {
            self.drop_unclaimed(proposals).await?;
        }
        let owners = proposals.iter().zip(owners?);
        Ok(owners.map(|(it, owner)| it.user.id.0 == owner).collect())
    }

    /// Takes back those proposals whose handles are not theirs, of which nobody else knows: who has an
    /// idempotency key may be carrying his on.
    async fn drop_unclaimed(&self, proposals: &[Proposal]) -> Result<(), StoreError> {
        let handles: Vec<Handle> = proposals.iter().map(|it| it.user.handle.clone()).collect();
        let owners = self.user_ids(&handles).await?;
        let unclaimed: Vec<&Proposal> = proposals
            .iter()
            .zip(owners)
            .filter(|(it, owner)| it.idempotency.is_none() && *owner != Some(it.user.id))
            .map(|(it, _)| it)
            .collect();
        // Their ids are not given back: a claim that was lost on the way may still arrive.
        self.erase(&unclaimed).await.map(drop)
    }

    /// Makes users of proposals whose handles have been claimed.
    pub(super) async fn complete(&self, proposals: &[Proposal]) -> Result<(), StoreError> {
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
                    commands.script(Script::WriteToken, &[Key::Token(token)], id.0);
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
    pub(super) async fn withdraw(&self, proposals: &[Proposal]) -> Result<(), StoreError> {
        for proposal in proposals {
            if let Some((key, held)) = proposal.reservation()? {
                let key = Key::UserIdempotency(&key);
                let mut commands = Commands::new(key.partition());
                commands.script(Script::ReleaseKey, &[key], &held[..]);
                self.commit_one::<()>(CREATING, &commands).await?;
            }
        }
        let proposals: Vec<&Proposal> = proposals.iter().collect();
        let free = self.erase(&proposals).await?;
        if !free.is_empty() {
            let key = Key::FreeUserIds;
            let mut commands = Commands::new(key.partition());
            commands.add("SADD", &key, free);
            self.commit_one::<u64>(CREATING, &commands).await?;
        }
        Ok(())
    }

    /// Erases proposals; the ids of those that were there.
    async fn erase(&self, proposals: &[&Proposal]) -> Result<Vec<u32>, StoreError> {
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
        let mut erased = Vec::new();
        for (proposal, answer) in proposals.iter().zip(answers) {
            if decode(answer).map_err(store_error(CREATING))? {
                erased.push(proposal.user.id.0);
            }
        }
        Ok(erased)
    }
}

/// Whether the server has refused it, because memory is full: then it has not happened.
fn is_refused<T>(result: &Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::Overloaded { .. }))
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

    pub(super) fn decode(bytes: Vec<u8>) -> Result<Self, StoreError> {
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
