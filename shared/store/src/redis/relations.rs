//! Follows, mutes and blocks. They lie with him whose relation it is; whom it hits knows of blocks.

use ripple_domain::{Relation, RelationKind, UserId};

use super::{
    RedisStore,
    commit::Nonce,
    error::store_error,
    key::Key,
    link::{Commands, decode},
    script::Script,
    users::{NO_ARGS, UNKNOWN_ANSWER},
};
use crate::{CommitError, StoreError};

const READING: &str = "reading relations";
const CHANGING: &str = "changing a relation";

impl RedisStore {
    pub(super) async fn commit_relation(
        &self,
        from: UserId,
        kind: RelationKind,
        to: UserId,
        on: bool,
    ) -> Result<(), CommitError> {
        self.check_users(&[from, to]).await?;
        match (kind, on) {
            (RelationKind::Follow, true) => {
                self.follow(&[(from, to)]).await?;
            }
            (RelationKind::Follow, false) => self.unfollow(from, to).await?,
            (RelationKind::Mute, _) => {
                self.set_relation(Nonce::new()?, from, "mu", to, on).await?;
            }
            (RelationKind::Block, _) => {
                let note = Nonce::new()?;
                let version = self.set_relation(note, from, "bl", to, on).await?;
                self.note_block(from, to, version).await?;
                self.forget_note(from.partition(), note);
            }
        }
        Ok(())
    }

    /// Sets or ends a mute or a block; the version of the block.
    async fn set_relation(
        &self,
        nonce: Nonce,
        from: UserId,
        kind: &str,
        to: UserId,
        on: bool,
    ) -> Result<u64, StoreError> {
        let key = Key::RelationNotes(from.partition());
        let mut commands = Commands::new(key.partition());
        let args = (nonce, from.0, kind, to.0, u8::from(on));
        commands.script(Script::SetRelation, &[key], args);
        self.commit_one(CHANGING, &commands).await
    }

    /// Tells him whom a block hits how it stands.
    async fn note_block(&self, from: UserId, to: UserId, version: u64) -> Result<(), StoreError> {
        let key = Key::BlockedBy(to);
        let mut commands = Commands::new(key.partition());
        commands.script(Script::NoteBlock, &[key], (to.0, from.0, version));
        self.commit_one(CHANGING, &commands).await
    }

    /// [`RedisStore::note_block`], for whoever has left it undone.
    pub(super) async fn renote_block(&self, from: UserId, to: UserId) -> Result<(), StoreError> {
        let key = Key::Blocked(from);
        let mut commands = Commands::new(key.partition());
        commands.script(Script::BlockVersion, &[key], (from.0, to.0));
        let version = self.link.one(&commands).await;
        let version = version.map_err(store_error(READING))?;
        self.note_block(from, to, version).await
    }

    pub(super) async fn relations_of(
        &self,
        viewer: UserId,
        others: &[UserId],
    ) -> Result<Vec<Relation>, StoreError> {
        if others.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<u32> = others.iter().map(|other| other.0).collect();
        let mut commands = Commands::new(viewer.partition());
        commands.add("SMISMEMBER", &Key::Followees(viewer), &ids);
        commands.add("SMISMEMBER", &Key::Muted(viewer), &ids);
        commands.add("SMISMEMBER", &Key::Blocked(viewer), &ids);
        commands.add("HMGET", &Key::BlockedBy(viewer), &ids);
        let answers = self.link.send(&commands).await;
        let answers = answers.map_err(store_error(READING))?;
        let [follows, mutes, blocks, versions] =
            <[_; 4]>::try_from(answers).map_err(|_| UNKNOWN_ANSWER)?;
        let flags = |answer| decode::<Vec<bool>>(answer).map_err(store_error(READING));
        let (follows, mutes, blocks) = (flags(follows)?, flags(mutes)?, flags(blocks)?);
        let versions: Vec<Option<u64>> = decode(versions).map_err(store_error(READING))?;
        let relations = follows.into_iter().zip(mutes).zip(blocks).zip(versions);
        let relations = relations.map(|(((follows, mutes), blocks), version)| Relation {
            follows,
            mutes,
            blocked: blocks || version.is_some_and(|version| version % 2 == 1),
        });
        Ok(relations.collect())
    }

    pub(super) async fn followees_of(&self, user: UserId) -> Result<Vec<UserId>, StoreError> {
        let key = Key::Followees(user);
        let ids: Vec<u32> = self.read_one(READING, "SMEMBERS", &key, NO_ARGS).await?;
        Ok(ids.into_iter().map(UserId).collect())
    }

    pub(super) async fn page_of_following(
        &self,
        user: UserId,
        before: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<UserId>, StoreError> {
        let mut following = self.followees_of(user).await?;
        following.retain(|id| before.is_none_or(|before| *id < before));
        following.sort_unstable_by(|a, b| b.cmp(a));
        following.truncate(limit);
        Ok(following)
    }
}
