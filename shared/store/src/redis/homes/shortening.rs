//! Timelines that have grown too long are cut.

use ripple_domain::UserId;

use super::packed::{self, Shortened};
use crate::StoreError;
use crate::redis::{RedisStore, error::store_error, key::Key, link::decode, script::Script};

const SHORTENING: &str = "shortening home timelines";

/// Timelines that are read at once: ten megabytes or so.
const SHORTENED_AT_ONCE: usize = 500;

impl RedisStore {
    /// Cuts timelines that are too long.
    pub(super) async fn shorten_homes(&self, users: &[UserId]) -> Result<(), StoreError> {
        for users in users.chunks(SHORTENED_AT_ONCE) {
            let mut users = users.to_vec();
            users.sort_unstable_by_key(|user| user.partition());
            let mut read = self.link.bulk();
            for user in &users {
                let to = read.to(user.partition());
                to.add("GET", &Key::Home(*user), &[] as &[&str]);
            }
            let kept = self.link.send_bulk(&read).await;
            let kept = kept.map_err(store_error(SHORTENING))?;
            let mut write = self.link.bulk();
            for (user, kept) in users.into_iter().zip(kept) {
                let kept: Option<Vec<u8>> = decode(kept).map_err(store_error(SHORTENING))?;
                let kept = kept.unwrap_or_default();
                match packed::shortened(&kept) {
                    Some(Shortened::To {
                        before,
                        header,
                        entries,
                    }) => {
                        let args = (before, kept.len(), header, entries);
                        let to = write.to(user.partition());
                        to.script(Script::SwapHome, &[Key::Home(user)], args);
                    }
                    Some(Shortened::Away) => {
                        let reads = Key::Reads(user.partition());
                        let to = write.to(user.partition());
                        to.script(Script::CoolHomes, &[reads], user.0);
                    }
                    None => {}
                }
            }
            let written = self.link.send_bulk(&write).await;
            written.map_err(store_error(SHORTENING))?;
        }
        Ok(())
    }
}
