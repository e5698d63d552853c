//! What processes that have died left undone of changes of relations: each change leaves a note in its
//! partition before it goes to another one, and takes it away when all is done.

use redis::Value;
use ripple_domain::{Partition, UserId};

use super::{
    RedisStore,
    error::store_error,
    key::{Key, partitions},
    link::{Commands, decode},
};
use crate::StoreError;

const MENDING: &str = "mending relations";
/// Notes of a partition that are carried out at a time.
const NOTES_MAX: usize = 100;

/// A change of relations.
#[derive(Debug, PartialEq, Eq)]
enum Note {
    /// These may be in lists of those whom they do not follow.
    Follows(Vec<(UserId, UserId)>),
    /// He who is blocked, or no longer, may not know of it.
    Block(UserId, UserId),
}

impl Note {
    fn parse(note: &[u8]) -> Option<Self> {
        let note = str::from_utf8(note).ok()?;
        let id = |digits: &str| digits.parse().ok();
        let pair = |pair: &str| {
            let (from, to) = pair.split_once('>')?;
            Some((id(from)?, id(to)?))
        };
        match note.split_once(' ')? {
            ("f", pairs) => Some(Self::Follows(
                pairs.split(' ').map(pair).collect::<Option<_>>()?,
            )),
            ("b", block) => pair(block).map(|(from, to)| Self::Block(from, to)),
            _ => None,
        }
    }
}

impl RedisStore {
    /// Carries out what processes that have died left undone. What is just being done may be done twice.
    pub(super) async fn mend_relations(&self) -> Result<(), StoreError> {
        let mut filled: Vec<Partition> = partitions().collect();
        while !filled.is_empty() {
            let answers = self
                .read_each(
                    MENDING,
                    &filled,
                    |partition| *partition,
                    |commands, partition| {
                        let key = Key::RelationNotes(*partition);
                        commands.add("HRANDFIELD", &key, (NOTES_MAX, "WITHVALUES"));
                    },
                )
                .await?;
            let mut still_filled = Vec::new();
            for (partition, answer) in filled.into_iter().zip(answers) {
                let fields: Vec<(Vec<u8>, Vec<u8>)> =
                    decode(answer).map_err(store_error(MENDING))?;
                let (mut has_more, mut unknown) = (fields.len() == NOTES_MAX, 0);
                for (name, note) in fields {
                    let Some(note) = Note::parse(&note) else {
                        unknown += 1;
                        continue;
                    };
                    if !self.carry_out_note(note).await? {
                        // Somebody else is at it; the next housekeeping sees to what he leaves.
                        has_more = false;
                        continue;
                    }
                    let mut done = Commands::new(partition);
                    done.add("HDEL", &Key::RelationNotes(partition), name);
                    let gone = self.link.one::<Value>(&done).await;
                    gone.map_err(store_error(MENDING))?;
                }
                if unknown > 0 {
                    // Perhaps a newer version wrote them, and carries them out.
                    tracing::warn!(
                        partition,
                        unknown,
                        "notes on relations cannot be understood"
                    );
                    has_more = false;
                }
                if has_more {
                    still_filled.push(partition);
                }
            }
            filled = still_filled;
        }
        Ok(())
    }

    /// Whether all of it has been done.
    async fn carry_out_note(&self, note: Note) -> Result<bool, StoreError> {
        match note {
            Note::Follows(pairs) => self.leave_followers(&pairs).await,
            Note::Block(from, to) => self.renote_block(from, to).await.map(|()| true),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_says_what_is_to_be_done() {
        let [one, two, three] = [1, 2, 3].map(UserId);
        let follows = |pairs: &[_]| Some(Note::Follows(pairs.to_vec()));
        assert_eq!(Note::parse(b"f 1>2"), follows(&[(one, two)]));
        assert_eq!(
            Note::parse(b"f 1>2 3>1"),
            follows(&[(one, two), (three, one)])
        );
        assert_eq!(Note::parse(b"b 2>3"), Some(Note::Block(two, three)));
        for bad in ["", "f", "f ", "f 1", "f 1>", "x 1>2", "b 1>2 2>3"] {
            assert_eq!(Note::parse(bad.as_bytes()), None, "{bad}");
        }
    }
}
