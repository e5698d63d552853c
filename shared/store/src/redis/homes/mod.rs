//! Home timelines: packed strings that are there while they are warm or warming, and absent when they
//! are cold.

mod fan_out;
mod packed;

use redis::Value;
use ripple_domain::{PostId, Timestamp, UserId};

use super::{
    RedisStore,
    error::store_error,
    key::{Key, partitions},
    link::{Commands, decode},
    script::Script,
};
use crate::{Home, StoreError, Warming};
use packed::Header;

const READING: &str = "reading a home timeline";
const REBUILDING: &str = "rebuilding a home timeline";
const COOLING: &str = "making home timelines cold";

/// Timelines that become cold in one step: a script holds everybody else up.
const COOLED_AT_ONCE: usize = 500;
/// Of how much time the last reading may be out of date, as a part of the time after which a timeline
/// becomes cold: not every reading is to be a write.
const READ_GRAIN: i64 = 60;

impl RedisStore {
    pub(super) async fn read_home(&self, user: UserId) -> Result<Home, StoreError> {
        let mut commands = Commands::new(user.partition());
        commands.add("GET", &Key::Home(user), &[] as &[&str]);
        commands.add("ZSCORE", &Key::Reads(user.partition()), user.0);
        let answers = self.link.send(&commands).await;
        let mut answers = answers.map_err(store_error(READING))?.into_iter();
        let mut next = || answers.next().unwrap_or(Value::Nil);
        let kept: Option<Vec<u8>> = decode(next()).map_err(store_error(READING))?;
        let read_at: Option<f64> = decode(next()).map_err(store_error(READING))?;
        let home = packed::parse(&kept.unwrap_or_default());
        if let (Home::Warm { .. }, Some(read_at)) = (&home, read_at) {
            self.note_reading(user, read_at).await?;
        }
        Ok(home)
    }

    /// Notes that the timeline was read now.
    async fn note_reading(&self, user: UserId, read_at_ms: f64) -> Result<(), StoreError> {
        let now = self.options.clock.now().as_ms();
        let grain = self.options.home_idle_ms / READ_GRAIN;
        #[expect(clippy::cast_precision_loss, reason = "milliseconds have 53 bits")]
        if now as f64 - read_at_ms < grain.max(1) as f64 {
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
        self.commit_one::<u32>(REBUILDING, &commands).await?;
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
        self.commit_one(REBUILDING, &commands).await
    }

    pub(super) async fn cool_home(&self, user: UserId) -> Result<(), StoreError> {
        let partition = user.partition();
        let mut commands = Commands::new(partition);
        commands.script(Script::CoolHomes, &[Key::Reads(partition)], user.0);
        self.commit_one::<u32>(COOLING, &commands).await.map(drop)
    }

    pub(super) async fn cool_all_homes(&self) -> Result<(), StoreError> {
        self.cool_read_until("+inf").await
    }

    /// Makes those timelines cold that were not read for long.
    pub(super) async fn cool_idle_homes(&self) -> Result<(), StoreError> {
        let now: Timestamp = self.options.clock.now();
        let read_before = now.plus_ms(-self.options.home_idle_ms).as_ms();
        self.cool_read_until(&read_before.to_string()).await
    }

    /// Makes those timelines cold that were last read at this moment or before, a part at a time.
    async fn cool_read_until(&self, moment: &str) -> Result<(), StoreError> {
        let mut left: Vec<_> = partitions().collect();
        while !left.is_empty() {
            let commands: Vec<Commands> = left
                .iter()
                .map(|partition| {
                    let mut commands = Commands::new(*partition);
                    let args = ("", moment, COOLED_AT_ONCE);
                    commands.script(Script::CoolHomes, &[Key::Reads(*partition)], args);
                    commands
                })
                .collect();
            let answers = self.commit_all(COOLING, &commands).await?;
            let mut still_left = Vec::new();
            for (partition, answer) in left.into_iter().zip(answers.into_iter().flatten()) {
                let cooled: usize = decode(answer).map_err(store_error(COOLING))?;
                if cooled == COOLED_AT_ONCE {
                    still_left.push(partition);
                }
            }
            left = still_left;
        }
        Ok(())
    }
}
