//! The one writer: it carries out the commands that wait, writes them as one group with one fsync,
//! and answers them.
//!
//! A group is one atomic batch. Commands of a group see each other's writes; nobody else sees any of
//! them before the group is on disk.

use std::{
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};

use fjall::{Database, Keyspace, PersistMode};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};

use super::{
    effect::Effect,
    key::Key,
    mark::HighWaterMark,
    memory::Memory,
    sequence::{self, NUMBERS_KEPT},
    tx::{Counters, Tx, Writes},
};
use crate::{CommitError, StoreError};

/// Commands that wait or are carried out at a time; further ones are refused or wait in line.
const COMMANDS_MAX: usize = 4_096;
/// Commands of one group.
const GROUP_COMMANDS_MAX: usize = 1_024;
/// How long a commit that nobody waits for may stay off the disk.
const LAZY_SYNC: Duration = Duration::from_millis(200);
/// How often the high-water mark is put on disk by itself while the writer is busy.
const MARK_SYNC: Duration = Duration::from_secs(5);

/// Whether somebody waits for the commit to be on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Durability {
    /// The answer means that it is on disk.
    Synced,
    /// The answer means that it is in force; it reaches the disk soon, and with or before every later
    /// commit. For work that is done again when it is lost: settlements and read models.
    Lazy,
}

type Answer = Box<dyn FnOnce(Result<(), StoreError>) + Send>;
type Run = Box<dyn FnOnce(&mut Tx<'_>) -> (bool, Answer) + Send>;

enum Message {
    Command {
        run: Run,
        durability: Durability,
        _permit: Option<OwnedSemaphorePermit>,
    },
    Close {
        done: oneshot::Sender<()>,
    },
}

/// Whether commits can succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum WriterState {
    Running,
    /// Closed in order.
    Closed,
    /// A write or an fsync failed, for this reason.
    Failed(String),
}

/// Where commands are handed in.
#[derive(Clone)]
pub(super) struct Writer {
    messages: mpsc::Sender<Message>,
    permits: Arc<Semaphore>,
    state: watch::Receiver<WriterState>,
}

/// What the writer thread works with.
pub(super) struct WriterParts {
    pub(super) database: Database,
    pub(super) keyspace: Keyspace,
    pub(super) memory: Arc<Memory>,
    pub(super) mark: HighWaterMark,
    pub(super) counters: Counters,
    /// The number of the newest group.
    pub(super) number: u64,
}

impl Writer {
    /// Starts the writer thread. It ends when it is closed, and frees what it was given.
    pub(super) fn start(parts: WriterParts) -> std::io::Result<Self> {
        let (messages, inbox) = mpsc::channel();
        let (state, seen) = watch::channel(WriterState::Running);
        let thread = std::thread::Builder::new().name("ripple-writer".into());
        thread.spawn(move || {
            Loop {
                parts,
                state,
                unsynced_since: None,
                mark_synced: Instant::now(),
            }
            .run(&inbox)
        })?;
        Ok(Self {
            messages,
            permits: Arc::new(Semaphore::new(COMMANDS_MAX)),
            state: seen,
        })
    }

    /// Carries out a command for a request; refused at once when too many wait.
    pub(super) async fn commit<T: Send + 'static>(
        &self,
        command: impl FnOnce(&mut Tx<'_>) -> Result<T, CommitError> + Send + 'static,
    ) -> Result<T, CommitError> {
        let permit = Arc::clone(&self.permits).try_acquire_owned();
        let permit = permit.map_err(|_| StoreError::Overloaded { retry_after_s: 1 })?;
        self.send(Durability::Synced, Some(permit), command)
            .answer()
            .await
    }

    /// Waits for a place in line for a command of [`Writer::hand_in`].
    pub(super) async fn place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.permits).acquire_owned().await.ok()
    }

    /// Hands in a command without waiting for it. Commands are carried out in the order in which they
    /// were handed in.
    pub(super) fn hand_in<T: Send + 'static>(
        &self,
        place: Option<OwnedSemaphorePermit>,
        command: impl FnOnce(&mut Tx<'_>) -> Result<T, CommitError> + Send + 'static,
    ) -> Pending<T> {
        self.send(Durability::Lazy, place, command)
    }

    /// Makes everything durable and ends the writer.
    pub(super) async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.messages.send(Message::Close { done }).is_ok() {
            let _ = closed.await;
        }
    }

    /// Why no commit succeeds any more, once that is so; never after an orderly end.
    pub(super) async fn failed(&self) -> String {
        let mut state = self.state.clone();
        let ended = state.wait_for(|state| *state != WriterState::Running).await;
        let ended = ended.map(|state| state.clone());
        match ended {
            Ok(WriterState::Failed(reason)) => reason,
            Ok(_) => std::future::pending().await,
            Err(_) => "the writer thread ended by itself".into(),
        }
    }

    /// Whether commits can succeed.
    pub(super) fn state(&self) -> WriterState {
        self.state.borrow().clone()
    }

    fn send<T: Send + 'static>(
        &self,
        durability: Durability,
        permit: Option<OwnedSemaphorePermit>,
        command: impl FnOnce(&mut Tx<'_>) -> Result<T, CommitError> + Send + 'static,
    ) -> Pending<T> {
        let (answer, pending) = oneshot::channel();
        let run: Run = Box::new(move |tx| match command(tx) {
            Ok(value) => {
                let send = move |durable: Result<(), StoreError>| {
                    let _ = answer.send(durable.map(|()| value).map_err(CommitError::from));
                };
                (true, Box::new(send))
            }
            Err(error) => {
                let send = move |_| {
                    let _ = answer.send(Err(error));
                };
                (false, Box::new(send))
            }
        });
        // A writer that has ended drops the message and with it the answer's sender.
        let _ = self.messages.send(Message::Command {
            run,
            durability,
            _permit: permit,
        });
        Pending(pending)
    }
}

/// The answer to a command that was handed in.
pub(super) struct Pending<T>(oneshot::Receiver<Result<T, CommitError>>);

impl<T> Pending<T> {
    pub(super) async fn answer(self) -> Result<T, CommitError> {
        let closed = || StoreError::Unavailable {
            reason: "it has been closed".into(),
        };
        self.0.await.unwrap_or_else(|_| Err(closed().into()))
    }
}

struct Loop {
    parts: WriterParts,
    state: watch::Sender<WriterState>,
    /// When the first lazy commit since the last fsync was written.
    unsynced_since: Option<Instant>,
    mark_synced: Instant,
}

/// A group under way.
#[derive(Default)]
struct Group {
    writes: Writes,
    effects: Vec<Effect>,
    answers: Vec<(Answer, Option<OwnedSemaphorePermit>)>,
    synced: bool,
}

/// A panic ends the writer thread; nothing may be taken for durable after it.
impl Drop for Loop {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let reason = "the writer thread panicked".into();
            self.state.send_replace(WriterState::Failed(reason));
        }
    }
}

impl Loop {
    fn run(mut self, inbox: &mpsc::Receiver<Message>) {
        loop {
            let first = match inbox.recv_timeout(LAZY_SYNC) {
                Ok(message) => message,
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    self.when_idle();
                    continue;
                }
                Err(mpsc::RecvTimeoutError::Disconnected) => {
                    self.when_idle();
                    return;
                }
            };
            self.parts.memory.begin_committing();
            let mut group = Group::default();
            let mut closing = None;
            let waiting = std::iter::once(first).chain(inbox.try_iter());
            for message in waiting.take(GROUP_COMMANDS_MAX) {
                match message {
                    Message::Command {
                        run,
                        durability,
                        _permit,
                    } => {
                        self.carry_out(&mut group, run, durability, _permit);
                    }
                    Message::Close { done } => {
                        closing = Some(done);
                        break;
                    }
                }
            }
            self.commit(group);
            if let Some(done) = closing {
                self.when_idle();
                self.state.send_if_modified(|state| {
                    let running = *state == WriterState::Running;
                    if running {
                        *state = WriterState::Closed;
                    }
                    running
                });
                // Frees the folder before the caller goes on.
                drop(self);
                let _ = done.send(());
                return;
            }
        }
    }

    fn carry_out(
        &mut self,
        group: &mut Group,
        run: Run,
        durability: Durability,
        permit: Option<OwnedSemaphorePermit>,
    ) {
        let parts = &mut self.parts;
        let now = parts.memory.clock.now();
        let mut tx = Tx::new(now, &mut parts.counters, &parts.keyspace, &group.writes);
        let (succeeded, answer) = run(&mut tx);
        let (writes, effects) = tx.into_parts();
        group.answers.push((answer, permit));
        if succeeded {
            group.writes.extend(writes);
            group.effects.extend(effects);
            group.synced |= durability == Durability::Synced;
        }
    }

    fn commit(&mut self, group: Group) {
        let state = self.state.borrow().clone();
        let outcome = match state {
            WriterState::Failed(reason) => Err(StoreError::Unavailable { reason }),
            _ if group.writes.is_empty() => Ok(()),
            _ => self
                .write(group.writes, group.synced)
                .map_err(|reason| self.fail(reason)),
        };
        if outcome.is_ok() {
            group
                .effects
                .into_iter()
                .for_each(|effect| effect.apply(&self.parts.memory));
        }
        self.parts.memory.end_committing();
        for (answer, _permit) in group.answers {
            answer(outcome.clone());
        }
    }

    /// Writes a group; when it is to be synced, it is on disk when this returns.
    fn write(&mut self, writes: Writes, synced: bool) -> Result<(), String> {
        // A queue that is drained without a pause leaves no idle moment to sync in.
        let is_due = |since: Instant| since.elapsed() >= LAZY_SYNC;
        let synced = synced || self.unsynced_since.is_some_and(is_due);
        let parts = &mut self.parts;
        let number = parts.number + 1;
        let mut batch = parts.database.batch();
        for (name, value) in writes {
            match value {
                Some(value) => batch.insert(&parts.keyspace, name, value),
                None => batch.remove(&parts.keyspace, name),
            }
        }
        batch.insert(
            &parts.keyspace,
            Key::Sequence(number).bytes(),
            sequence::checksum(number),
        );
        if let Some(old) = number.checked_sub(NUMBERS_KEPT) {
            batch.remove(&parts.keyspace, Key::Sequence(old).bytes());
        }
        // With a durability the batch is on disk before any reader sees it.
        let batch = batch.durability(synced.then_some(PersistMode::SyncData));
        batch
            .commit()
            .map_err(|error| format!("writing the journal: {error}"))?;
        parts.number = number;
        if synced {
            self.unsynced_since = None;
            parts
                .mark
                .advance(number)
                .map_err(|error| format!("writing the mark: {error}"))?;
        } else {
            self.unsynced_since.get_or_insert_with(Instant::now);
        }
        if self.mark_synced.elapsed() > MARK_SYNC {
            self.sync_mark()?;
        }
        Ok(())
    }

    /// Puts on disk what nobody waits for.
    fn when_idle(&mut self) {
        if *self.state.borrow() != WriterState::Running {
            return;
        }
        if let Err(reason) = self.sync_lazy().and_then(|()| self.sync_mark()) {
            self.fail(reason);
        }
    }

    fn sync_lazy(&mut self) -> Result<(), String> {
        if self.unsynced_since.take().is_none() {
            return Ok(());
        }
        let parts = &mut self.parts;
        let persist = parts.database.persist(PersistMode::SyncData);
        persist.map_err(|error| format!("syncing the journal: {error}"))?;
        parts
            .mark
            .advance(parts.number)
            .map_err(|error| format!("writing the mark: {error}"))
    }

    fn sync_mark(&mut self) -> Result<(), String> {
        self.mark_synced = Instant::now();
        self.parts
            .mark
            .sync()
            .map_err(|error| format!("syncing the mark: {error}"))
    }

    /// A failed write or fsync is final. A second fsync that succeeds has not written what the first
    /// one failed to write, so nothing may be acknowledged after it.
    fn fail(&mut self, reason: String) -> StoreError {
        self.state.send_replace(WriterState::Failed(reason.clone()));
        StoreError::Unavailable { reason }
    }
}
