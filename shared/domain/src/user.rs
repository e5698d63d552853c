//! Users, their handles and how two users stand to each other.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{Timestamp, UserId};

/// A user's name in paths and mentions: 1–30 of `a-z`, `0-9` and `_`, compared without case.
///
/// Parsing folds ASCII capitals, so two spellings of a handle are one value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Handle(Arc<str>);

/// The text is no handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a handle is 1 to 30 of a-z, 0-9 and _")]
pub struct InvalidHandle;

impl Handle {
    /// The longest handle, in characters.
    pub const CHARS_MAX: usize = 30;

    /// The handle in lower case, without `@`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Handle {
    type Err = InvalidHandle;

    fn from_str(text: &str) -> Result<Self, InvalidHandle> {
        let fits = (1..=Self::CHARS_MAX).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        fits.then(|| Self(text.to_ascii_lowercase().into()))
            .ok_or(InvalidHandle)
    }
}

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// His id.
    pub id: UserId,
    /// His handle; it never changes.
    pub handle: Handle,
    /// His name as shown; the handle where he gave none.
    pub display_name: String,
    /// What he says of himself; may be empty.
    pub bio: String,
    /// When he was created.
    pub created_at: Timestamp,
    /// Grows by one with each change of the profile.
    pub revision: u32,
}

impl User {
    /// The longest display name, in characters.
    pub const DISPLAY_NAME_CHARS_MAX: usize = 100;
    /// The longest bio, in characters.
    pub const BIO_CHARS_MAX: usize = 500;
}

/// A user to be created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewUser {
    /// The handle that he wants.
    pub handle: Handle,
    /// His name as shown; `None` takes the handle.
    pub display_name: Option<String>,
    /// What he says of himself.
    pub bio: String,
}

/// A user as a post names him: handles never change, so this stays true.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct UserRef {
    /// His id.
    pub id: UserId,
    /// His handle.
    pub handle: Handle,
}

/// What one user can do to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum RelationKind {
    /// His posts come to my home timeline.
    Follow,
    /// His posts stay out of my home timeline, though I may follow him.
    Mute,
    /// Neither of us sees what the other posts.
    Block,
}

/// How a reader stands to an author.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Relation {
    /// The reader follows the author.
    pub follows: bool,
    /// The reader has muted the author.
    pub mutes: bool,
    /// One of the two has blocked the other.
    pub blocked: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_is_compared_without_case() {
        assert_eq!("Ada_99".parse::<Handle>(), "ada_99".parse());
    }

    #[test]
    fn what_is_no_handle_is_refused() {
        for text in ["", "a b", "é", "@ada", "a-b", &"a".repeat(31)] {
            assert_eq!(text.parse::<Handle>(), Err(InvalidHandle), "{text:?}");
        }
    }
}
