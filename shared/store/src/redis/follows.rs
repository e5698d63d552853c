//! How a follow begins and ends. The follow itself lies with the follower, and the list of followers with
//! whom he follows, in another partition. The list may hold too much, never too little:
//!
//! - A follow **begins** with a look at the follower's epoch and a note, **enters** the list, and then is
//!   **committed**: but only if the epoch is still the same, or else all is begun anew.
//! - The end of a follow is committed first, with a note. Then it leaves a **ticket** at the list, begins a
//!   new **epoch** and looks whether he follows (again), and takes him from the list only if he does not
//!   and the ticket is still there. Entering the list removes the ticket.
//!
//! So nobody is taken from a list by a removal that does not see his follow: if he entered before the
//! ticket was left, his follow is committed before the new epoch and is seen, or it begins anew; if he
//! entered after, the ticket is gone. What a process that dies leaves behind is a name too many in a list,
//! and the note of it, by which housekeeping removes it.

use std::sync::Arc;

use ripple_domain::{PARTITIONS, Partition, UserId};

use super::{
    RedisStore,
    commit::Nonce,
    error::store_error,
    key::Key,
    link::{Commands, decode},
    script::Script,
    users::UNKNOWN_ANSWER,
};
use crate::StoreError;

const FOLLOWING: &str = "following";
const LEAVING: &str = "taking followers from lists";
/// Each time it is in vain, one of the followers has ended a follow meanwhile.
const TRIES_MAX: u32 = 64;
/// Users whom one follower follows, or who follow one, in one step of a script.
const STEP_MAX: usize = 1_000;

/// Who is to follow whom.
type Pair = (UserId, UserId);

/// Pairs with the same user on one side, in one partition.
struct Group {
    user: UserId,
    others: Vec<UserId>,
}

impl RedisStore {
    /// Lets users follow others; how many of these follows are new. All of them exist, and the pairs
    /// are all different.
    pub(super) async fn follow(&self, pairs: &[Pair]) -> Result<u64, StoreError> {
        let mut open = pairs.to_vec();
        let mut notes = Vec::with_capacity(usize::from(PARTITIONS));
        for _ in 0..PARTITIONS {
            notes.push(Nonce::new()?);
        }
        let mut added = 0;
        for _ in 0..TRIES_MAX {
            if open.is_empty() {
                return Ok(added);
            }
            open.sort_unstable();
            let begun = self.begin_follows(&open, &notes).await?;
            self.enter_followers(&begun).await?;
            let done = self.commit_follows(&begun, &notes).await?;
            added += done.added;
            open = done.stale;
        }
        Err(StoreError::Overloaded { retry_after_s: 1 })
    }

    /// Notes those of the pairs that do not follow yet; they, with the epochs of the followers.
    async fn begin_follows(
        &self,
        pairs: &[Pair],
        notes: &[Nonce],
    ) -> Result<Vec<(Group, u64)>, StoreError> {
        let partitions = by_partition(pairs.iter().copied());
        let answers = self
            .commit_each(
                FOLLOWING,
                &partitions,
                |(partition, _)| *partition,
                |commands, (partition, groups)| {
                    let mut args = vec![notes[usize::from(*partition)].bytes().to_vec()];
                    for group in groups {
                        group.add_to(&mut args, None);
                    }
                    let key = Key::RelationNotes(*partition);
                    commands.script(Script::BeginFollows, &[key], args);
                },
            )
            .await?;
        let mut begun = Vec::new();
        for ((_, groups), answer) in partitions.into_iter().zip(answers) {
            let answer: Vec<String> = decode(answer).map_err(store_error(FOLLOWING))?;
            for (mut group, found) in groups.into_iter().zip(answer.chunks_exact(2)) {
                let epoch = found[0].parse().map_err(|_| UNKNOWN_ANSWER)?;
                let mut follows = found[1].bytes().map(|known| known == b'1');
                group.others.retain(|_| follows.next() == Some(false));
                if !group.others.is_empty() {
                    begun.push((group, epoch));
                }
            }
        }
        Ok(begun)
    }

    async fn enter_followers(&self, begun: &[(Group, u64)]) -> Result<(), StoreError> {
        let mut pairs: Vec<Pair> = Vec::new();
        for (Group { user, others }, _) in begun {
            pairs.extend(others.iter().map(|other| (*other, *user)));
        }
        pairs.sort_unstable();
        let mut partitions = Vec::new();
        for (partition, groups) in by_partition(pairs.into_iter()) {
            partitions.push((partition, Nonce::new()?, groups));
        }
        let answers = self
            .commit_each(
                FOLLOWING,
                &partitions,
                |(partition, ..)| *partition,
                |commands, (partition, nonce, groups)| {
                    let mut args = vec![nonce.bytes().to_vec()];
                    for group in groups {
                        group.add_to(&mut args, None);
                    }
                    let key = Key::RelationNotes(*partition);
                    commands.script(Script::EnterFollowers, &[key], args);
                },
            )
            .await?;
        for answer in answers {
            decode::<()>(answer).map_err(store_error(FOLLOWING))?;
        }
        Ok(())
    }

    async fn commit_follows(
        &self,
        begun: &[(Group, u64)],
        notes: &[Nonce],
    ) -> Result<Done, StoreError> {
        let mut partitions = Vec::new();
        for groups in begun.chunk_by(|(a, _), (b, _)| a.user.partition() == b.user.partition()) {
            partitions.push((groups[0].0.user.partition(), Nonce::new()?, groups));
        }
        let answers = self
            .commit_each(
                FOLLOWING,
                &partitions,
                |(partition, ..)| *partition,
                |commands, (partition, nonce, groups)| {
                    let note = notes[usize::from(*partition)];
                    let mut args = vec![nonce.bytes().to_vec(), note.bytes().to_vec()];
                    for (group, epoch) in *groups {
                        group.add_to(&mut args, Some(*epoch));
                    }
                    let key = Key::RelationNotes(*partition);
                    commands.script(Script::CommitFollows, &[key], args);
                },
            )
            .await?;
        let mut done = Done::default();
        for ((_, _, groups), answer) in partitions.into_iter().zip(answers) {
            let answer: String = decode(answer).map_err(store_error(FOLLOWING))?;
            for ((Group { user, others }, _), added) in groups.iter().zip(answer.split(' ')) {
                if added == "-" {
                    done.stale
                        .extend(others.iter().map(|other| (*user, *other)));
                } else {
                    done.added += added.parse::<u64>().map_err(|_| UNKNOWN_ANSWER)?;
                }
            }
        }
        Ok(done)
    }

    /// Ends a follow, if there is one.
    pub(super) async fn unfollow(&self, from: UserId, to: UserId) -> Result<(), StoreError> {
        const ENDING: &str = "ending a follow";
        let note = Nonce::new()?;
        let key = Key::RelationNotes(from.partition());
        let mut commands = Commands::new(key.partition());
        commands.script(Script::EndFollow, &[key], (note, from.0, to.0));
        if !self.commit_one::<bool>(ENDING, &commands).await? {
            return Ok(());
        }
        // It has ended, whatever becomes of the list: a failure is not its own.
        match self.leave_followers(&[(from, to)]).await {
            Ok(()) => self.forget_note(from.partition(), note),
            Err(error) => tracing::warn!(%error, "a follower list holds too much for a while"),
        }
        Ok(())
    }

    /// Takes those followers from lists who do not follow. Given as (follower, whom he followed).
    pub(super) async fn leave_followers(&self, pairs: &[Pair]) -> Result<(), StoreError> {
        let ticket = Nonce::new()?;
        let answers = self
            .commit_each(
                LEAVING,
                pairs,
                |(_, to)| to.partition(),
                |commands, (from, to)| {
                    let key = Key::RemovalTickets(*to);
                    commands.add("HSET", &key, (from.0, ticket));
                },
            )
            .await?;
        for answer in answers {
            decode::<u64>(answer).map_err(store_error(LEAVING))?;
        }
        let follows = self
            .commit_each(
                LEAVING,
                pairs,
                |(from, _)| from.partition(),
                |commands, (from, to)| {
                    let key = Key::Followees(*from);
                    commands.script(Script::FenceFollow, &[key], (from.0, to.0));
                },
            )
            .await?;
        let mut removals = Vec::with_capacity(pairs.len());
        for (pair, follows) in pairs.iter().zip(follows) {
            let follows: bool = decode(follows).map_err(store_error(LEAVING))?;
            removals.push((*pair, !follows));
        }
        let answers = self
            .commit_each(
                LEAVING,
                &removals,
                |((_, to), _)| to.partition(),
                |commands, ((from, to), is_removed)| {
                    let args = (to.0, from.0, ticket, u8::from(*is_removed));
                    commands.script(Script::LeaveFollowers, &[Key::RemovalTickets(*to)], args);
                },
            )
            .await?;
        for answer in answers {
            decode::<()>(answer).map_err(store_error(LEAVING))?;
        }
        Ok(())
    }

    /// Takes a note away, because it has been carried out. Nobody has to wait for that: it may be
    /// carried out again.
    pub(super) fn forget_note(&self, partition: Partition, note: Nonce) {
        let link = Arc::clone(&self.link);
        tokio::spawn(async move {
            let mut commands = Commands::new(partition);
            commands.add("HDEL", &Key::RelationNotes(partition), note);
            link.send(&commands).await
        });
    }
}

/// What a commit of follows did.
#[derive(Default)]
struct Done {
    /// How many were new.
    added: u64,
    /// Those that have to be begun anew.
    stale: Vec<Pair>,
}

impl Group {
    /// Adds it to the arguments of a script.
    fn add_to(&self, args: &mut Vec<Vec<u8>>, epoch: Option<u64>) {
        args.push(self.user.to_string().into_bytes());
        args.extend(epoch.map(|epoch| epoch.to_string().into_bytes()));
        args.push(self.others.len().to_string().into_bytes());
        args.extend(self.others.iter().map(|id| id.to_string().into_bytes()));
    }
}

/// Sorted pairs by the partition of the first, and there by the first.
fn by_partition(pairs: impl Iterator<Item = Pair>) -> Vec<(Partition, Vec<Group>)> {
    let mut all: Vec<(Partition, Vec<Group>)> = (0..PARTITIONS).map(|it| (it, vec![])).collect();
    for (user, other) in pairs {
        let groups = &mut all[usize::from(user.partition())].1;
        match groups.last_mut() {
            Some(group) if group.user == user && group.others.len() < STEP_MAX => {
                group.others.push(other);
            }
            _ => groups.push(Group {
                user,
                others: vec![other],
            }),
        }
    }
    all.retain(|(_, groups)| !groups.is_empty());
    all
}
