//! The counts of the posts that a post answers and passes on. Those lie in partitions of their own, so
//! they change after the commit and before its answer. The commit leaves a note in its partition's
//! outbox, which goes when that has been done; housekeeping does what a process that died left undone.

use std::sync::Arc;

use redis::Value;
use ripple_domain::{Partition, PostId};

use super::{
    RedisStore,
    error::store_error,
    key::{Key, partitions},
    link::{Commands, by_partition, decode},
    script::Script,
};
use crate::StoreError;

const READING: &str = "reading the outboxes";
const COUNTING: &str = "counting answers and reposts";
/// Notes of a partition that are carried out at a time.
const NOTES_MAX: usize = 100;

/// The posts that a post answers and passes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Relatives {
    pub(super) reply_to: Option<PostId>,
    pub(super) repost_of: Option<PostId>,
}

impl Relatives {
    /// As the outbox holds them; empty where there are none.
    pub(super) fn note(self) -> String {
        let id = |id: Option<PostId>| id.map_or(0, |id| id.0);
        match self {
            Self {
                reply_to: None,
                repost_of: None,
            } => String::new(),
            _ => format!("{},{}", id(self.reply_to), id(self.repost_of)),
        }
    }

    /// Reads what [`Relatives::note`] wrote.
    pub(super) fn from_note(note: &str) -> Result<Self, StoreError> {
        const CORRUPT: StoreError = StoreError::Corrupt { what: "outbox" };
        let Some((reply_to, repost_of)) = note.split_once(',') else {
            return if note.is_empty() {
                Ok(Self::default())
            } else {
                Err(CORRUPT)
            };
        };
        let id = |text: &str| match text.parse() {
            Ok(0) => Ok(None),
            Ok(id) => Ok(Some(PostId(id))),
            Err(_) => Err(CORRUPT),
        };
        Ok(Self {
            reply_to: id(reply_to)?,
            repost_of: id(repost_of)?,
        })
    }
}

/// What a commit has still to do in other partitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Note {
    /// The posts that this one answers and passes on count it.
    Count(PostId, Relatives),
    /// They count it no longer.
    Uncount(PostId, Relatives),
    /// A post was imported under this key.
    Imported([u8; 16], PostId),
}

impl Note {
    fn parse(field: &[u8], value: &[u8]) -> Result<Self, StoreError> {
        const CORRUPT: StoreError = StoreError::Corrupt { what: "outbox" };
        let value = str::from_utf8(value).map_err(|_| CORRUPT)?;
        let id = |digits: &[u8]| {
            let digits = str::from_utf8(digits).map_err(|_| CORRUPT)?;
            digits.parse().map_err(|_| CORRUPT)
        };
        match field {
            [b'+', post @ ..] => Ok(Self::Count(id(post)?, Relatives::from_note(value)?)),
            [b'-', post @ ..] => Ok(Self::Uncount(id(post)?, Relatives::from_note(value)?)),
            [b'k', key @ ..] => {
                let key = key.try_into().map_err(|_| CORRUPT)?;
                Ok(Self::Imported(key, id(value.as_bytes())?))
            }
            _ => Err(CORRUPT),
        }
    }

    /// Its name in the outbox.
    fn field(&self) -> Vec<u8> {
        match self {
            Self::Count(post, _) => format!("+{post}").into_bytes(),
            Self::Uncount(post, _) => format!("-{post}").into_bytes(),
            Self::Imported(key, _) => [&b"k"[..], key].concat(),
        }
    }

    /// The partition of the outbox.
    fn partition(&self) -> Partition {
        match self {
            Self::Count(post, _) | Self::Uncount(post, _) | Self::Imported(_, post) => {
                post.partition()
            }
        }
    }

    /// What it asks for. Each can be done again without a further effect.
    fn tasks(&self) -> Vec<(Partition, Task)> {
        let (post, relatives, sign) = match *self {
            Self::Count(post, relatives) => (post, relatives, "+"),
            Self::Uncount(post, relatives) => (post, relatives, "-"),
            Self::Imported(key, post) => {
                return vec![(Key::Imported(&key).partition(), Task::Name(key, post))];
            }
        };
        let task = |relative: Option<PostId>, kind| {
            let relative = relative?;
            let count = Task::Count {
                relative,
                kind,
                post,
                sign,
            };
            Some((relative.partition(), count))
        };
        let tasks = [
            task(relatives.reply_to, "re"),
            task(relatives.repost_of, "rp"),
        ];
        tasks.into_iter().flatten().collect()
    }
}

/// One command of a note.
enum Task {
    Count {
        relative: PostId,
        kind: &'static str,
        post: PostId,
        sign: &'static str,
    },
    Name([u8; 16], PostId),
}

impl Task {
    fn add(self, commands: &mut Commands) {
        match self {
            Self::Count {
                relative,
                kind,
                post,
                sign,
            } => commands.script(
                Script::CountRelative,
                &[Key::Post(relative)],
                (kind, post.0, sign),
            ),
            Self::Name(key, post) => commands.add("HSET", &Key::Imported(&key), (&key[..], post.0)),
        };
    }
}

impl RedisStore {
    /// Carries out what commits have left to do. They stand already, so a failure is not theirs: what
    /// could not be done now is done by housekeeping.
    pub(super) async fn follow_up(&self, notes: &[Note]) {
        match self.carry_out(notes).await {
            // Nobody has to wait until the notes are gone.
            Ok(done) => {
                let link = Arc::clone(&self.link);
                tokio::spawn(async move { link.send_all(&done).await });
            }
            Err(error) => {
                tracing::warn!(%error, "the counts of answered and reposted posts come later");
            }
        }
    }

    /// Carries out what processes that have died left undone.
    pub(super) async fn empty_outboxes(&self) -> Result<(), StoreError> {
        let mut filled: Vec<Partition> = partitions().collect();
        while !filled.is_empty() {
            let read = by_partition(filled.iter().map(|p| (*p, *p)), |commands, partition| {
                let key = Key::Outbox(partition);
                commands.add("HRANDFIELD", &key, (NOTES_MAX, "WITHVALUES"));
            });
            let answers = self.link.send_all(&read).await;
            let answers = answers.map_err(store_error(READING))?;
            let mut notes = Vec::new();
            let mut still_filled = Vec::new();
            for (partition, answer) in filled.into_iter().zip(answers.into_iter().flatten()) {
                let fields: Vec<(Vec<u8>, Vec<u8>)> =
                    decode(answer).map_err(store_error(READING))?;
                let (found, before) = (fields.len(), notes.len());
                notes.extend(
                    fields
                        .iter()
                        .filter_map(|(field, value)| Note::parse(field, value).ok()),
                );
                let unknown = found - (notes.len() - before);
                if unknown > 0 {
                    // Perhaps a newer version wrote them, and carries them out.
                    tracing::warn!(
                        partition,
                        unknown,
                        "notes in an outbox cannot be understood"
                    );
                }
                if found == NOTES_MAX && unknown == 0 {
                    still_filled.push(partition);
                }
            }
            let done = self.carry_out(&notes).await?;
            let gone = self.link.send_all(&done).await;
            gone.map_err(store_error(COUNTING))?;
            filled = still_filled;
        }
        Ok(())
    }

    /// Does what notes ask for; the commands that take them from their outboxes.
    async fn carry_out(&self, notes: &[Note]) -> Result<Vec<Commands>, StoreError> {
        let tasks = notes.iter().flat_map(Note::tasks);
        let tasks = by_partition(tasks, |commands, task| task.add(commands));
        for answers in self.commit_all(COUNTING, &tasks).await? {
            for answer in answers {
                decode::<Value>(answer).map_err(store_error(COUNTING))?;
            }
        }
        let done = notes.iter().map(|note| (note.partition(), note));
        let done = by_partition(done, |commands, note| {
            if let Note::Imported(key, _) = note {
                let key = Key::ImportedHere(commands.partition, key);
                commands.add("PEXPIRE", &key, IMPORTED_HERE_MS);
            }
            commands.add("HDEL", &Key::Outbox(commands.partition), note.field());
        });
        Ok(done)
    }
}

/// For so long after its import key is known to all, an author's partition still knows it by itself: an
/// import that had looked before may come to commit the same line.
const IMPORTED_HERE_MS: u32 = 3_600_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_read_as_it_was_written() {
        let (one, two) = (Some(PostId(1)), Some(PostId::MAX));
        for (reply_to, repost_of) in [(None, None), (one, None), (None, two), (one, two)] {
            let relatives = Relatives {
                reply_to,
                repost_of,
            };
            assert_eq!(Relatives::from_note(&relatives.note()).unwrap(), relatives);
            for note in [
                Note::Count(PostId(7), relatives),
                Note::Uncount(PostId(7), relatives),
            ] {
                assert_eq!(
                    Note::parse(&note.field(), relatives.note().as_bytes()).unwrap(),
                    note
                );
            }
        }
        let note = Note::Imported([b'+'; 16], PostId(7));
        assert_eq!(Note::parse(&note.field(), b"7").unwrap(), note);
        assert!(Note::parse(b"?", b"").is_err());
        assert!(Relatives::from_note("1").is_err());
    }
}
