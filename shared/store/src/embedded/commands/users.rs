//! Users, tokens and relations.

use std::sync::Arc;

use ripple_domain::{Handle, NewUser, RelationKind, User, UserId};

use super::idempotency;
use crate::{
    CommitError, Committed, Idempotency, StoreError, TokenHash,
    embedded::{
        effect::Effect,
        key::Key,
        record::{Answer, UserRecord, decode_user_id},
        tx::Tx,
    },
};

pub(in super::super) fn create(
    tx: &mut Tx<'_>,
    new: NewUser,
    token: &TokenHash,
    idempotency: Option<Idempotency>,
) -> Result<Committed<Arc<User>>, CommitError> {
    if let Some(Answer::User(id)) = idempotency::find(tx, idempotency)? {
        return Ok(Committed {
            value: Arc::new(get(tx, id)?),
            replayed: true,
        });
    }
    if tx.holds(&Key::Handle(&new.handle))? {
        return Err(CommitError::HandleTaken);
    }
    let user = insert(tx, new)?;
    tx.put(&Key::Token(token), user.id.0.to_be_bytes());
    idempotency::keep(tx, idempotency, || Answer::User(user.id))?;
    Ok(Committed {
        value: user,
        replayed: false,
    })
}

pub(in super::super) fn update(
    tx: &mut Tx<'_>,
    id: UserId,
    display_name: Option<String>,
    bio: Option<String>,
) -> Result<Arc<User>, CommitError> {
    let mut user = get(tx, id)?;
    user.display_name = display_name.unwrap_or(user.display_name);
    user.bio = bio.unwrap_or(user.bio);
    user.revision += 1;
    Ok(write(tx, user)?)
}

pub(in super::super) fn add_token(
    tx: &mut Tx<'_>,
    user: UserId,
    token: &TokenHash,
) -> Result<(), CommitError> {
    get(tx, user)?;
    tx.put(&Key::Token(token), user.0.to_be_bytes());
    Ok(())
}

pub(in super::super) fn relate(
    tx: &mut Tx<'_>,
    from: UserId,
    kind: RelationKind,
    to: UserId,
    on: bool,
) -> Result<(), CommitError> {
    get(tx, from)?;
    get(tx, to)?;
    set_relation(tx, from, kind, to, on)?;
    Ok(())
}

/// Sets or ends a relation; whether that changed anything.
pub(super) fn set_relation(
    tx: &mut Tx<'_>,
    from: UserId,
    kind: RelationKind,
    to: UserId,
    on: bool,
) -> Result<bool, StoreError> {
    let key = Key::Relation(kind, from, to);
    if tx.holds(&key)? == on {
        return Ok(false);
    }
    if on {
        tx.put(&key, tx.now.as_ms().to_be_bytes());
    } else {
        tx.delete(&key);
    }
    tx.then(Effect::Relation { from, kind, to, on });
    Ok(true)
}

/// The user with this handle, created without a token where there is none; whether he was.
pub(super) fn get_or_create(
    tx: &mut Tx<'_>,
    handle: &Handle,
) -> Result<(UserId, bool), CommitError> {
    if let Some(id) = tx.get(&Key::Handle(handle))? {
        return Ok((decode_user_id("handle", &id)?, false));
    }
    let new = NewUser {
        handle: handle.clone(),
        display_name: None,
        bio: String::new(),
    };
    Ok((insert(tx, new)?.id, true))
}

/// The user with this id.
pub(super) fn get(tx: &Tx<'_>, id: UserId) -> Result<User, CommitError> {
    match tx.read("user", &Key::User(id))? {
        Some(UserRecord::V1(user)) => Ok(user),
        None => Err(CommitError::NotFound { what: "user" }),
    }
}

fn insert(tx: &mut Tx<'_>, new: NewUser) -> Result<Arc<User>, StoreError> {
    let id = UserId(tx.counters.newest_user.0 + 1);
    tx.counters.newest_user = id;
    tx.put(&Key::Handle(&new.handle), id.0.to_be_bytes());
    let display_name = new.display_name.unwrap_or_else(|| new.handle.to_string());
    let user = User {
        id,
        handle: new.handle,
        display_name,
        bio: new.bio,
        created_at: tx.now,
        revision: 0,
    };
    write(tx, user)
}

fn write(tx: &mut Tx<'_>, user: User) -> Result<Arc<User>, StoreError> {
    let record = UserRecord::V1(user);
    tx.write(&Key::User(record.user().id), &record)?;
    let UserRecord::V1(user) = record;
    let user = Arc::new(user);
    tx.then(Effect::User(Arc::clone(&user)));
    Ok(user)
}

impl UserRecord {
    fn user(&self) -> &User {
        let Self::V1(user) = self;
        user
    }
}
