//! Home timelines: packed strings that are there while they are warm or warming, and absent when they
//! are cold.

mod cooling;
mod fan_out;
mod packed;
mod shortening;
mod warm_map;

use redis::Value;
use ripple_domain::{PostId, UserId};

use super::{
    RedisStore,
    error::{is_full, store_error},
    key::Key,
    link::{Commands, decode},
    script::Script,
};
use crate::{Home, StoreError, Warming};
pub(super) use cooling::Room;
use packed::Header;

const READING: &str = "reading a home timeline";
const REBUILDING: &str = "rebuilding a home timeline";
/// How far the time of the last reading may be behind: not every reading is to be a write.
const READ_GRAIN_MS: i64 = 3_600_000;
/// And as a part of the time after which a timeline becomes cold.
const READ_GRAIN_PART: i64 = 60;

impl RedisStore {
    /// A home timeline and, looked up in the same message, the pulled authors whom its owner follows.
    pub(super) async fn home_of_reader(
        &self,
        user: UserId,
    ) -> Result<(Home, Vec<UserId>), StoreError> {
        let mut commands = Commands::new(user.partition());
        commands.add("GET", &Key::Home(user), &[] as &[&str]);
        commands.add("ZSCORE", &Key::Reads(user.partition()), user.0);
        // Not before the timeline: who is pulled only since then has pushed all that it was to hold.
        let followees = Key::Followees(user).name();
        commands.add("SINTER", &Key::Pulled(user.partition()), followees);
        let answers = self.link.send(&commands).await;
        let mut answers = answers.map_err(store_error(READING))?.into_iter();
        let mut next = || answers.next().unwrap_or(Value::Nil);
        let kept: Option<Vec<u8>> = decode(next()).map_err(store_error(READING))?;
        let read_at: Option<f64> = decode(next()).map_err(store_error(READING))?;
        let pulled: Vec<u32> = decode(next()).map_err(store_error(READING))?;
        let kept = kept.unwrap_or_default();
        let home = packed::parse(&kept);
        if packed::is_long(user, kept.len()) {
            // Nobody else shortens the one of an author whom nobody writes to.
            self.shorten_homes(&[user]).await?;
        }
        if let (Home::Warm { .. }, Some(read_at)) = (&home, read_at) {
            self.note_reading(user, read_at).await?;
        }
        Ok((home, pulled.into_iter().map(UserId).collect()))
    }

    /// Notes that the timeline was read now.
    async fn note_reading(&self, user: UserId, read_at_ms: f64) -> Result<(), StoreError> {
        let now = self.options.clock.now().as_ms();
        let grain = (self.options.home_idle_ms / READ_GRAIN_PART).clamp(1, READ_GRAIN_MS);
        #[expect(clippy::cast_precision_loss, reason = "milliseconds have 53 bits")]
        if now as f64 - read_at_ms < grain as f64 {
            return Ok(());
        }
        let mut commands = Commands::new(user.partition());
        // Only where it is still there.
        commands.add("ZADD", &Key::Reads(user.partition()), ("XX", now, user.0));
        let noted = self.link.send(&commands).await;
        noted.map(drop).map_err(store_error(READING))
    }

    pub(super) async fn begin_home(&self, user: UserId) -> Result<Warming, StoreError> {
        let token = getrandom::u64().map_err(|error| StoreError::Unavailable {
            reason: format!("making a token: {error}"),
        })?;
        let mut commands = Commands::new(user.partition());
        let header: Vec<u8> = Header::warming(token).into();
        let now = self.options.clock.now().as_ms();
        commands.script(Script::BeginHome, &[Key::Home(user)], (user.0, header, now));
        let mut begun = self.commit(REBUILDING, &commands).await?;
        if self.finds_room_for(&begun).await {
            begun = self.commit(REBUILDING, &commands).await?;
        }
        if begun.iter().any(is_full) {
            // Readers are answered from the facts then: the timeline is cold when the rebuild ends.
            self.cool_home(user).await?;
            return Ok(Warming { user, token });
        }
        let begun = begun.pop().unwrap_or(Value::Nil);
        let is_memory_short: bool = decode(begun).map_err(store_error(REBUILDING))?;
        if is_memory_short {
            self.make_room_unless_made().await?;
        }
        Ok(Warming { user, token })
    }

    pub(super) async fn finish_home(
        &self,
        warming: Warming,
        ids: &[PostId],
        complete: bool,
    ) -> Result<bool, StoreError> {
        let Warming { user, token } = warming;
        let begun: Vec<u8> = Header::warming(token).into();
        let (header, packed) = packed::finished(token, ids, complete);
        let mut commands = Commands::new(user.partition());
        commands.script(
            Script::FinishHome,
            &[Key::Home(user)],
            (begun, header, packed),
        );
        let mut finished = self.commit(REBUILDING, &commands).await?;
        if finished.iter().any(is_full) {
            self.cool_home(user).await?;
            return Ok(false);
        }
        let finished = finished.pop().unwrap_or(Value::Nil);
        decode(finished).map_err(store_error(REBUILDING))
    }
}
