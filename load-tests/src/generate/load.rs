//! The load of a run while it runs.

use std::{
    collections::{BTreeMap, HashMap},
    io,
    sync::{Arc, Mutex},
    time::Instant,
};

use tokio::{
    sync::{
        Semaphore,
        mpsc::{self, Receiver, UnboundedReceiver},
    },
    task::JoinHandle,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    crowd::Crowd,
    draw::Draw,
    ledger::Ledger,
    pace::{self, moment},
    people::People,
    record::{Outcome, Recorder, Sample},
    schedule::{Due, Schedule},
    send::{Sender, Sighting},
};
use crate::{
    api::Api,
    run::Patience,
    scenario::{Operation, Scenario},
};

/// Requests that are due at the same moment and wait for the task that sends them.
const DUE_MAX: usize = 16_384;

/// What a load is made of.
pub(crate) struct Load<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) api: Api,
    /// The same for herds, whose connections are not those of others: nobody who has one open waits for
    /// them to be opened.
    pub(crate) herd_api: Api,
    pub(crate) people: Arc<People>,
    pub(crate) ledger: Arc<Ledger>,
    /// Digits that no other run on the same server has.
    pub(crate) run: String,
    /// When the measured part begins.
    pub(crate) begin: Instant,
    /// Ends it early.
    pub(crate) stop: CancellationToken,
}

/// A load that runs.
pub(crate) struct Running {
    pub(crate) recorder: Arc<Recorder>,
    sender: Arc<Sender>,
    requests: TaskTracker,
    sending: JoinHandle<()>,
    /// Kept until the answers are there.
    _crowd: Arc<Crowd>,
}

impl Load<'_> {
    /// Starts it; posts that are to be looked for come out of the receiver.
    pub(crate) fn start(self) -> io::Result<(Running, UnboundedReceiver<Sighting>)> {
        let recorder = Arc::new(Recorder::new(self.begin));
        let (watch, sightings) = mpsc::unbounded_channel();
        let draw = Draw::new(
            Arc::clone(&self.people),
            self.scenario.seed,
            &self.run,
            self.scenario.watch.posts_per_s,
        );
        let sender = Arc::new(Sender {
            api: self.api,
            herd_api: self.herd_api,
            people: self.people,
            recorder: Arc::clone(&recorder),
            ledger: self.ledger,
            begin: self.begin,
            watch,
            connections: Semaphore::new(self.scenario.connections_max),
            herd_connections: Semaphore::new(self.scenario.connections_max),
            etags: Mutex::new(HashMap::new()),
            resending: TaskTracker::new(),
            give_up: CancellationToken::new(),
        });

        let (send, receive) = mpsc::channel(DUE_MAX);
        let begin = self.begin;
        let unsent = {
            let recorder = Arc::clone(&recorder);
            move |due: Due| record_unsent(&recorder, begin, due)
        };
        let schedule = Schedule::new(self.scenario);
        // The thread ends with the schedule, or when it is told to stop.
        drop(pace::start(schedule, begin, send, self.stop, unsent)?);
        let requests = TaskTracker::new();
        let crowd = Arc::new(Crowd::start()?);
        let sending = tokio::spawn(
            Sending {
                sender: Arc::clone(&sender),
                requests: requests.clone(),
                in_flight_max: self.scenario.in_flight_max,
                draw,
                crowd: Arc::clone(&crowd),
            }
            .run(receive),
        );
        let running = Running {
            recorder,
            sender,
            requests,
            sending,
            _crowd: crowd,
        };
        Ok((running, sightings))
    }
}

/// Sends what is due.
struct Sending {
    sender: Arc<Sender>,
    requests: TaskTracker,
    in_flight_max: usize,
    draw: Draw,
    crowd: Arc<Crowd>,
}

impl Sending {
    async fn run(mut self, mut receive: Receiver<Due>) {
        while let Some(due) = receive.recv().await {
            let asked = self.draw.draw(due);
            let Some(ask) = asked.filter(|_| self.requests.len() < self.in_flight_max) else {
                record_unsent(&self.sender.recorder, self.sender.begin, due);
                continue;
            };
            let moment = moment(self.sender.begin, due.at_s);
            let send = Arc::clone(&self.sender).send(due.operation, ask, moment);
            match (due.operation, self.crowd.handle()) {
                (Operation::Herd, Some(crowd)) => drop(self.requests.spawn_on(send, crowd)),
                _ => drop(self.requests.spawn(send)),
            }
        }
        self.requests.close();
    }
}

fn record_unsent(recorder: &Recorder, begin: Instant, due: Due) {
    let moment = moment(begin, due.at_s);
    recorder.record(due.operation, moment, Outcome::Failed("unsent"));
}

impl Running {
    /// Waits until all requests have been sent.
    pub(crate) async fn sent(&mut self) {
        // It can only fail where a request's drawing panicked, and then nothing more is sent either.
        let _ = (&mut self.sending).await;
    }

    /// How many requests wait for their answers.
    pub(crate) fn in_flight(&self) -> usize {
        self.requests.len()
    }

    /// Waits for the last answers, and until the fate of every post is known, as long as there is patience.
    pub(crate) async fn end(self, patience: &Patience) -> BTreeMap<Operation, Vec<Sample>> {
        // Requests that get no answer end by themselves.
        tokio::select! {
            () = self.requests.wait() => {}
            () = patience.over() => {}
        }
        let resending = &self.sender.resending;
        resending.close();
        tokio::select! {
            () = resending.wait() => {}
            () = patience.over() => {
                self.sender.give_up.cancel();
                resending.wait().await;
            }
        }
        self.recorder.take()
    }
}
