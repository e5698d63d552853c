//! The load of a run while it runs.

use std::{
    collections::{BTreeMap, HashMap},
    io,
    pin::pin,
    sync::{Arc, Mutex},
    time::Instant,
};

use tokio::{
    runtime::Handle,
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
    _crowd: Crowd,
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
        let crowd = Crowd::start(&self.scenario.herds)?;
        let schedule = Schedule::new(self.scenario);
        pace::start(schedule, begin, send, self.stop, unsent)?;
        let requests = TaskTracker::new();
        let sending = tokio::spawn(
            Sending {
                sender: Arc::clone(&sender),
                requests: requests.clone(),
                in_flight_max: self.scenario.in_flight_max,
                draw,
                crowd: crowd.handle(),
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
    crowd: Option<Handle>,
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
            match (due.operation, &self.crowd) {
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
    /// Nothing is under way afterwards.
    pub(crate) async fn end(self, patience: &Patience) -> BTreeMap<Operation, Vec<Sample>> {
        let Sender {
            resending, give_up, ..
        } = &*self.sender;
        resending.close();
        let all = async {
            // Only they have posts sent again.
            self.requests.wait().await;
            resending.wait().await;
        };
        let mut all = pin!(all);
        tokio::select! {
            () = &mut all => {}
            () = patience.over() => {
                give_up.cancel();
                all.await;
            }
        }
        self.recorder.take()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::{Router, routing::get};
    use tokio::{net::TcpListener, runtime};

    use super::*;
    use crate::{
        generate::people::tests::{people, scenario},
        scenario::Herd,
    };

    const READERS: usize = 200;

    /// A server on threads of its own that answers home pages when it may, and where it is.
    fn server(may_answer: &CancellationToken) -> (runtime::Runtime, String) {
        let threads = runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let may_answer = may_answer.clone();
        let home = move || may_answer.clone().cancelled_owned();
        let router = Router::new().route("/v1/timelines/home", get(home));
        let listener = threads.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        threads.spawn(async move { axum::serve(listener, router).await.unwrap() });
        (threads, url)
    }

    /// Sends a herd, and returns when all of it is under way. Nothing is sent but a herd.
    async fn herd(url: &str) -> (Running, UnboundedReceiver<Sighting>) {
        let mut scenario = scenario();
        scenario.rates.clear();
        scenario.warm_up_s = 0.0;
        scenario.world.warm = Some(100);
        scenario.herds = vec![Herd {
            at_s: 0.1,
            readers: READERS.try_into().unwrap(),
        }];
        let api = Api::new(url, "token").unwrap();
        let load = Load {
            scenario: &scenario,
            herd_api: api.apart().unwrap(),
            api,
            people: Arc::new(people(&scenario).unwrap()),
            ledger: Arc::default(),
            run: "1".into(),
            begin: Instant::now(),
            stop: CancellationToken::new(),
        };
        let (mut running, sightings) = load.start().unwrap();
        running.sent().await;
        (running, sightings)
    }

    fn patience(wait_max: Duration) -> Patience {
        Patience::new(wait_max, &CancellationToken::new())
    }

    #[test]
    fn a_herd_takes_no_turns_of_the_threads_that_others_are_sent_from() {
        const TIME_MAX: Duration = Duration::from_secs(60);
        let may_answer = CancellationToken::new();
        let (_server, url) = server(&may_answer);
        let common = runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let (running, _sightings) = common.block_on(herd(&url));
        // From here on nothing is done in the common runtime, and the herd gets its answers.
        may_answer.cancel();
        let begun = Instant::now();
        let mut answered = 0;
        while answered < READERS {
            answered += running.recorder.news(Operation::Herd).0;
            assert!(begun.elapsed() < TIME_MAX, "{answered} were answered");
            std::thread::sleep(Duration::from_millis(5));
        }
        let samples = common.block_on(async { running.end(&patience(TIME_MAX)).await });
        let outcomes = samples[&Operation::Herd]
            .iter()
            .map(|sample| sample.outcome);
        assert!(outcomes.eq([Outcome::Good; READERS]));
    }

    #[tokio::test]
    async fn what_is_not_answered_in_the_end_counts_and_nothing_goes_on() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (running, mut sightings) = herd(&url).await;
        let samples = running.end(&patience(Duration::from_millis(50))).await;
        let outcomes = samples[&Operation::Herd]
            .iter()
            .map(|sample| sample.outcome);
        assert!(outcomes.eq([Outcome::Failed("unanswered"); READERS]));
        assert!(sightings.recv().await.is_none(), "nobody sends any more");
    }
}
