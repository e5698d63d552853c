//! Making home timelines cold: one, all, those that nobody reads, and where memory is short those that
//! were read least recently.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use redis::Value;
use ripple_domain::{Partition, UserId};
use tokio::time::Instant;

use crate::StoreError;
use crate::redis::{
    RedisStore,
    error::{is_full, store_error},
    key::{Key, partitions},
    link::{Commands, decode},
    script::Script,
    turns::Turns,
};

const COOLING: &str = "making home timelines cold";

/// Timelines that become cold in one step: a script holds everybody else up.
const COOLED_AT_ONCE: usize = 500;
/// Memory is short from this part of the server's `maxmemory` on (`scripts/lib/memory.lua` knows it
/// too), and room is made until less than the other part is used.
const SHORT_FROM: f64 = 0.9;
const ROOM_BELOW: f64 = 0.85;
/// About what a timeline takes.
const TIMELINE_BYTES: f64 = 12_500.0;
/// Where all timelines are cold and memory is short nevertheless, nobody tries again for so long.
const FUTILE_FOR: Duration = Duration::from_secs(1);

/// Who makes room.
#[derive(Default)]
pub(in crate::redis) struct Room {
    making: Turns<StoreError>,
    last: Mutex<Last>,
}

/// What became of it the last time.
#[derive(Clone, Copy, Default)]
struct Last {
    made_at: Option<Instant>,
    futile_until: Option<Instant>,
}

impl Room {
    fn last(&self) -> MutexGuard<'_, Last> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What whoever needs room since `asked` need not find out by himself.
    fn known_since(&self, asked: Instant) -> Option<bool> {
        let last = *self.last();
        if last.made_at.is_some_and(|made| made > asked) {
            return Some(true);
        }
        let is_futile = last.futile_until.is_some_and(|end| Instant::now() < end);
        is_futile.then_some(false)
    }
}

/// The memory of the server that holds a partition, in bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Memory {
    used: f64,
    /// 0 where there is no bound.
    max: f64,
}

impl Memory {
    fn is_short_of(self, part: f64) -> bool {
        self.max > 0.0 && self.used > part * self.max
    }

    /// How many timelines hold what is used too much, and one more.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "positive and far below 2^53"
    )]
    fn timelines_too_many(self) -> usize {
        ((self.used - ROOM_BELOW * self.max) / TIMELINE_BYTES).max(0.0) as usize + 1
    }
}

impl RedisStore {
    pub(in crate::redis) async fn cool_home(&self, user: UserId) -> Result<(), StoreError> {
        let partition = user.partition();
        let mut commands = Commands::new(partition);
        commands.script(Script::CoolHomes, &[Key::Reads(partition)], user.0);
        self.commit_one::<u32>(COOLING, &commands).await.map(drop)
    }

    pub(in crate::redis) async fn cool_all_homes(&self) -> Result<(), StoreError> {
        // First: a push that was left out while they were pulled is of a post that all rebuilds after this read.
        self.end_pulling().await?;
        self.cool_read_until("+inf").await
    }

    /// Makes those timelines cold that were not read for long.
    pub(in crate::redis) async fn cool_idle_homes(&self) -> Result<(), StoreError> {
        let now = self.options.clock.now();
        let read_before = now.plus_ms(-self.options.home_idle_ms).as_ms();
        self.cool_read_until(&read_before.to_string()).await
    }

    /// Makes those timelines cold that were last read at this moment or before, a part at a time.
    async fn cool_read_until(&self, moment: &str) -> Result<(), StoreError> {
        let mut left: Vec<Partition> = partitions().collect();
        while !left.is_empty() {
            let wanted = left.iter().map(|partition| (*partition, COOLED_AT_ONCE));
            let cooled = self.cool_least_recent(wanted, moment).await?;
            let all = left.into_iter().zip(cooled);
            let more = all.filter(|(_, cooled)| *cooled == COOLED_AT_ONCE);
            left = more.map(|(partition, _)| partition).collect();
        }
        Ok(())
    }

    /// Makes up to so many timelines of partitions cold that were last read at this moment or before,
    /// the least recently read first; how many there were of each.
    async fn cool_least_recent(
        &self,
        wanted: impl Iterator<Item = (Partition, usize)>,
        moment: &str,
    ) -> Result<Vec<usize>, StoreError> {
        let commands: Vec<Commands> = wanted
            .map(|(partition, max)| {
                let mut commands = Commands::new(partition);
                let (reads, args) = (Key::Reads(partition), ("", moment, max));
                commands.script(Script::CoolHomes, &[reads], args);
                commands
            })
            .collect();
        let answers = self.commit_all(COOLING, &commands).await?;
        let cooled = answers.into_iter().flatten().map(decode);
        cooled
            .collect::<Result<_, _>>()
            .map_err(store_error(COOLING))
    }

    /// Makes timelines cold where memory is short, the least recently read of each partition first. One
    /// at a time does it; the others wait for him, and have what he has made. Whether there may be room
    /// now.
    pub(in crate::redis) async fn make_room(&self) -> Result<bool, StoreError> {
        let asked = Instant::now();
        let known = || self.room.known_since(asked);
        self.room.making.get(known, || self.make_room_alone()).await
    }

    /// Whether one of these commands was refused because memory was full, and there may be room now.
    pub(in crate::redis) async fn finds_room_for(
        &self,
        answers: impl IntoIterator<Item = &Value>,
    ) -> bool {
        // Where that fails, the refusal is the answer.
        answers.into_iter().any(is_full) && self.make_room().await.unwrap_or(false)
    }

    async fn make_room_alone(&self) -> Result<bool, StoreError> {
        let mut memory = self.memory().await?;
        memory.retain(|(_, memory)| memory.is_short_of(SHORT_FROM));
        let mut has_room = true;
        while !memory.is_empty() {
            // All partitions of a server share what is to be done; where several servers are short,
            // it takes some rounds more.
            let short = memory.len();
            let wanted = memory.iter().map(|(partition, memory)| {
                let share = memory.timelines_too_many().div_ceil(short);
                (*partition, share.min(COOLED_AT_ONCE))
            });
            let cooled = self.cool_least_recent(wanted, "+inf").await?;
            if cooled.iter().all(|cooled| *cooled == 0) {
                self.room.last().futile_until = Some(Instant::now() + FUTILE_FOR);
                tracing::warn!(
                    "Redis is short of memory, and no home timeline is left to be made cold"
                );
                has_room = false;
                break;
            }
            let timelines: usize = cooled.iter().sum();
            tracing::info!(
                timelines,
                "made home timelines cold: Redis is short of memory"
            );
            memory = self.memory().await?;
            memory.retain(|(_, memory)| memory.is_short_of(ROOM_BELOW));
        }
        if has_room {
            self.room.last().made_at = Some(Instant::now());
        }
        Ok(has_room)
    }

    /// [`RedisStore::make_room`], unless somebody is at it.
    pub(in crate::redis) async fn make_room_unless_made(&self) -> Result<(), StoreError> {
        if self.room.making.are_taken() {
            return Ok(());
        }
        self.make_room().await.map(drop)
    }

    /// The memory of the servers, by partition. Those that do not tell are left out.
    async fn memory(&self) -> Result<Vec<(Partition, Memory)>, StoreError> {
        let commands: Vec<Commands> = partitions()
            .map(|partition| {
                let mut commands = Commands::new(partition);
                commands.script(
                    Script::LookAtMemory,
                    &[Key::Reads(partition)],
                    &[] as &[&str],
                );
                commands
            })
            .collect();
        let answers = self.link.send_all(&commands).await;
        let answers = answers.map_err(store_error(COOLING))?.into_iter().flatten();
        let memory = partitions()
            .zip(answers)
            .map(|(partition, answer): (_, Value)| {
                let (used, max): (f64, f64) = decode(answer)?;
                Ok((partition, Memory { used, max }))
            });
        memory
            .collect::<Result<_, _>>()
            .map_err(store_error(COOLING))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_know_from_when_on_memory_is_short() {
        let script = include_str!("../scripts/lib/memory.lua");
        let line = format!("local MEMORY_SHORT_FROM = {SHORT_FROM}\n");
        assert!(script.contains(&line), "{line}");
    }

    #[test]
    fn who_waited_has_the_room_that_was_made() {
        let room = Room::default();
        let asked = Instant::now();
        assert_eq!(room.known_since(asked), None);
        room.last().made_at = Some(asked + Duration::from_millis(1));
        assert_eq!(room.known_since(asked), Some(true));
        assert_eq!(room.known_since(asked + Duration::from_millis(2)), None);
        room.last().futile_until = Some(asked + Duration::from_secs(3_600));
        assert_eq!(
            room.known_since(asked + Duration::from_millis(2)),
            Some(false)
        );
    }
}
