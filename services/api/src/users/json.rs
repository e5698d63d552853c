//! Users in JSON, and what makes a profile acceptable.

use ripple_domain::{User, UserId};
use ripple_store::UserCounts;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    ApiState, Faults, Problem,
    wire::{Id, Time},
};

/// A user.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = User)]
pub(crate) struct UserJson {
    id: Id,
    handle: String,
    display_name: String,
    bio: String,
    created_at: Time,
    /// Users who follow him.
    followers: u64,
    /// Users whom he follows.
    following: u64,
    /// His posts that still stand.
    posts: u64,
}

impl UserJson {
    pub(super) fn new(user: &User, counts: UserCounts) -> Self {
        Self {
            id: user.id.into(),
            handle: user.handle.to_string(),
            display_name: user.display_name.clone(),
            bio: user.bio.clone(),
            created_at: user.created_at.into(),
            followers: counts.followers,
            following: counts.following,
            posts: counts.posts,
        }
    }
}

/// A user as he is answered.
pub(crate) async fn user_json(state: &ApiState, user: &User) -> Result<UserJson, Problem> {
    let counts = state.store().user_counts(user.id).await?;
    Ok(UserJson::new(user, counts))
}

/// The users with these ids as they are answered.
pub(super) async fn user_jsons(state: &ApiState, ids: &[UserId]) -> Result<Vec<UserJson>, Problem> {
    let mut users = Vec::with_capacity(ids.len());
    for (id, user) in ids.iter().zip(state.store().users(ids).await?) {
        let user = user.ok_or_else(|| Problem::internal(format!("no user {id}")))?;
        users.push(user_json(state, &user).await?);
    }
    Ok(users)
}

/// A display name, trimmed.
pub(super) fn display_name(faults: &mut Faults, name: &str) -> String {
    let name = name.trim();
    let max = User::DISPLAY_NAME_CHARS_MAX;
    if name.is_empty() || name.chars().count() > max {
        faults.add("display_name", format!("must have 1 to {max} characters"));
    }
    name.to_owned()
}

/// A bio, trimmed.
pub(super) fn bio(faults: &mut Faults, bio: &str) -> String {
    let bio = bio.trim();
    let max = User::BIO_CHARS_MAX;
    if bio.chars().count() > max {
        faults.add("bio", format!("must have at most {max} characters"));
    }
    bio.to_owned()
}
