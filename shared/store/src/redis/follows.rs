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
//!
//! Each command may come again, even long after the others: what enters, commits or ends does so once, by
//! its nonce; a new epoch too many costs a try; and a ticket that is left again is a new one, which nobody
//! holds.

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
/// Each time it is in vain, one of the followers has ended a follow meanwhile.
const TRIES_MAX: u32 = 64;
/// Pairs that are dealt with in one step: a script that does much holds everybody else up.
const PAIRS_MAX: usize = 1_000;
/// So many epochs a partition has.
const EPOCHS: u32 = 256;

/// Who is to follow whom.
pub(super) type Pair = (UserId, UserId);

/// Pairs with the same user on one side.
struct Group {
    user: UserId,
    others: Vec<UserId>,
}

/// Pairs that one script deals with.
struct Step {
    partition: Partition,
    nonce: Nonce,
    groups: Vec<Group>,
}

/// A step of followers that has been begun.
struct Begun {
    /// Its nonce is the note's name.
    step: Step,
    /// The epoch of each group; empty for the first.
    epochs: Vec<String>,
}

impl RedisStore {
    /// Lets users follow others; how many of these follows are new. All of them exist, and the pairs
    /// are all different.
    pub(super) async fn follow(&self, pairs: &[Pair]) -> Result<u64, StoreError> {
        let mut open = pairs.to_vec();
        let mut added = 0;
        for _ in 0..TRIES_MAX {
            let steps = steps(&mut open)?;
            if steps.is_empty() {
                return Ok(added);
            }
            let begun = self.begin_follows(steps).await?;
            self.enter_followers(&open).await?;
            let done = self.commit_follows(begun).await?;
            added += done.added;
            open = done.stale;
        }
        Err(StoreError::Overloaded { retry_after_s: 1 })
    }

    /// Looks at the epochs of the followers and notes the pairs: in this order, so that whoever carries
    /// out the note before they are entered begins a new epoch.
    async fn begin_follows(&self, steps: Vec<Step>) -> Result<Vec<Begun>, StoreError> {
        let commands: Vec<Commands> = steps
            .iter()
            .map(|step| {
                let mut commands = Commands::new(step.partition);
                let key = Key::RelationNotes(step.partition);
                commands.add("HMGET", &Key::Epochs(step.partition), step.places());
                commands.add("HSET", &key, (step.nonce, step.note()));
                commands
            })
            .collect();
        let mut answers = self.commit_all(FOLLOWING, &commands).await?;
        if self.finds_room_for(answers.iter().flatten()).await {
            answers = self.commit_all(FOLLOWING, &commands).await?;
        }
        let mut begun = Vec::with_capacity(steps.len());
        for (step, answers) in steps.into_iter().zip(answers) {
            let [epochs, noted] = <[_; 2]>::try_from(answers).map_err(|_| UNKNOWN_ANSWER)?;
            decode::<u64>(noted).map_err(store_error(FOLLOWING))?;
            let epochs: Vec<Option<String>> = decode(epochs).map_err(store_error(FOLLOWING))?;
            let epochs = epochs.into_iter().map(Option::unwrap_or_default).collect();
            begun.push(Begun { step, epochs });
        }
        Ok(begun)
    }

    async fn enter_followers(&self, pairs: &[Pair]) -> Result<(), StoreError> {
        let mut turned: Vec<Pair> = pairs.iter().map(|(from, to)| (*to, *from)).collect();
        let steps = steps(&mut turned)?;
        let answers = self
            .commit_each(
                FOLLOWING,
                &steps,
                |step| step.partition,
                |commands, step| {
                    let mut args = vec![step.nonce.bytes().to_vec()];
                    for group in &step.groups {
                        group.add_to(&mut args);
                    }
                    let key = Key::RemovalTickets(step.partition);
                    commands.script(Script::EnterFollowers, &[key], args);
                },
            )
            .await?;
        for answer in answers {
            decode::<()>(answer).map_err(store_error(FOLLOWING))?;
        }
        Ok(())
    }

    async fn commit_follows(&self, begun: Vec<Begun>) -> Result<Done, StoreError> {
        let mut commits = Vec::with_capacity(begun.len());
        for step in begun {
            commits.push((step, Nonce::new()?));
        }
        let answers = self
            .commit_each(
                FOLLOWING,
                &commits,
                |(begun, _)| begun.step.partition,
                |commands, (Begun { step, epochs }, nonce)| {
                    let note = step.nonce.bytes().to_vec();
                    let mut args = vec![nonce.bytes().to_vec(), note];
                    args.push(step.groups.len().to_string().into_bytes());
                    args.extend(step.places().into_iter().map(String::into_bytes));
                    for (group, epoch) in step.groups.iter().zip(epochs) {
                        args.push(epoch.clone().into_bytes());
                        group.add_to(&mut args);
                    }
                    let (notes, epochs) = (
                        Key::RelationNotes(step.partition),
                        Key::Epochs(step.partition),
                    );
                    commands.script(Script::CommitFollows, &[notes, epochs], args);
                },
            )
            .await?;
        let mut done = Done::default();
        for ((begun, _), answer) in commits.into_iter().zip(answers) {
            let answer: String = decode(answer).map_err(store_error(FOLLOWING))?;
            let groups = begun.step.groups.iter().zip(answer.split(' '));
            for (Group { user, others }, added) in groups {
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
    fn add_to(&self, args: &mut Vec<Vec<u8>>) {
        args.push(self.user.to_string().into_bytes());
        args.push(self.others.len().to_string().into_bytes());
        args.extend(self.others.iter().map(|id| id.to_string().into_bytes()));
    }
}

impl Step {
    /// What housekeeping needs when this process dies (`relation_notes.rs`).
    fn note(&self) -> String {
        let mut note = String::from("f");
        for Group { user, others } in &self.groups {
            for other in others {
                note.push_str(&format!(" {user}>{other}"));
            }
        }
        note
    }

    /// Where the epochs of the groups' users stand.
    fn places(&self) -> Vec<String> {
        let users = self.groups.iter().map(|group| group.user);
        users.map(|user| place(user).to_string()).collect()
    }
}

/// Where a follower's epoch stands among those of his partition.
pub(super) fn place(user: UserId) -> u32 {
    user.0 / u32::from(PARTITIONS) % EPOCHS
}

/// Divides pairs into steps, by the partition of the first of each pair.
fn steps(pairs: &mut [Pair]) -> Result<Vec<Step>, StoreError> {
    pairs.sort_unstable_by_key(|(user, other)| (user.partition(), *user, *other));
    let mut steps = Vec::new();
    for pairs in pairs.chunk_by(|(a, _), (b, _)| a.partition() == b.partition()) {
        for pairs in pairs.chunks(PAIRS_MAX) {
            let groups = pairs.chunk_by(|(a, _), (b, _)| a == b);
            steps.push(Step {
                partition: pairs[0].0.partition(),
                nonce: Nonce::new()?,
                groups: groups
                    .map(|pairs| Group {
                        user: pairs[0].0,
                        others: pairs.iter().map(|(_, other)| *other).collect(),
                    })
                    .collect(),
            });
        }
    }
    Ok(steps)
}
