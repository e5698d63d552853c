//! How a follow ends, and how a follower leaves the list of whom he followed (`follows.rs` says why the list
//! never holds too little).

use std::sync::Arc;

use ripple_domain::{Partition, UserId};

use super::{
    RedisStore,
    commit::Nonce,
    error::store_error,
    follows::{Pair, place},
    key::Key,
    link::{Commands, decode},
    script::Script,
};
use crate::StoreError;

const LEAVING: &str = "taking followers from lists";

/// What tells a removal from a list from all others.
type Ticket = Vec<u8>;

impl RedisStore {
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
            Ok(true) => self.forget_note(from.partition(), note),
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "a follower list holds too much for a while"),
        }
        Ok(())
    }

    /// Takes those followers from lists who do not follow, given as (follower, whom he followed). `false`
    /// where another removal came between: should it not be carried out, the note is still needed.
    pub(super) async fn leave_followers(&self, pairs: &[Pair]) -> Result<bool, StoreError> {
        let tickets = self.leave_tickets(pairs).await?;
        let follows = self
            .commit_each(
                LEAVING,
                pairs,
                |(from, _)| from.partition(),
                |commands, (from, to)| {
                    let keys = [Key::Epochs(from.partition()), Key::Followees(*from)];
                    commands.script(Script::FenceFollow, &keys, (place(*from), to.0));
                },
            )
            .await?;
        let mut removals = Vec::with_capacity(pairs.len());
        for ((pair, ticket), follows) in pairs.iter().zip(tickets).zip(follows) {
            let follows: bool = decode(follows).map_err(store_error(LEAVING))?;
            removals.push((*pair, ticket, !follows));
        }
        let answers = self
            .commit_each(
                LEAVING,
                &removals,
                |((_, to), ..)| to.partition(),
                |commands, ((from, to), ticket, is_removed)| {
                    let args = (from.0, to.0, &ticket[..], u8::from(*is_removed));
                    let key = Key::RemovalTickets(to.partition());
                    commands.script(Script::LeaveFollowers, &[key], args);
                },
            )
            .await?;
        let mut are_done = true;
        for answer in answers {
            are_done &= decode::<bool>(answer).map_err(store_error(LEAVING))?;
        }
        Ok(are_done)
    }

    /// Leaves a ticket for each of the pairs at the lists.
    async fn leave_tickets(&self, pairs: &[Pair]) -> Result<Vec<Ticket>, StoreError> {
        let nonce = Nonce::new()?;
        self.commit_together(
            LEAVING,
            pairs,
            |(_, to)| to.partition(),
            |commands, some| {
                let mut args = vec![nonce.bytes().to_vec()];
                args.extend(some.iter().map(|(from, to)| format!("{from}>{to}").into()));
                let key = Key::RemovalTickets(some[0].1.partition());
                commands.script(Script::LeaveTickets, &[key], args);
            },
        )
        .await
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
