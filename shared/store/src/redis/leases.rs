//! Lengthening leases, from a thread of its own with connections of its own: whoever asks may stand
//! outside a runtime, and a runtime that is busy must not cost the leases of what keeps it busy.

use std::{
    sync::{Arc, OnceLock, mpsc as sync_mpsc},
    thread,
    time::{Duration, Instant},
};

use redis::RedisResult;
use ripple_domain::Timestamp;
use tokio::{runtime, sync::mpsc, time::timeout};

use super::{
    RedisAddress,
    job_record::job_name,
    key::Key,
    link::{Commands, Link, decode},
    script::Script,
    settle::by_queue,
};
use crate::Lease;

/// Whoever asks waits so long for the answer.
const WAITED_MAX: Duration = Duration::from_secs(1);
/// The first answer over a new way comes in this time.
const FIRST_TIME_MAX: Duration = Duration::from_secs(5);
/// Requests that wait.
const REQUESTS_MAX: usize = 64;

/// The way to the thread, which is started when it is first needed.
pub(super) struct LeaseKeeper {
    address: RedisAddress,
    requests: OnceLock<Option<mpsc::Sender<Request>>>,
}

struct Request {
    leases: Arc<[Lease]>,
    now: Timestamp,
    until: Timestamp,
    asked_at: Instant,
    answer: sync_mpsc::SyncSender<Vec<bool>>,
}

impl LeaseKeeper {
    pub(super) fn new(address: RedisAddress) -> Self {
        Self {
            address,
            requests: OnceLock::new(),
        }
    }

    /// Lengthens leases; `false` where one has ended. What cannot be found out in time counts as held:
    /// whether it is, the settlement tells.
    pub(super) fn extend(&self, leases: &[Lease], now: Timestamp, until: Timestamp) -> Vec<bool> {
        if leases.is_empty() {
            return Vec::new();
        }
        let (answer, answered) = sync_mpsc::sync_channel(1);
        let request = Request {
            leases: leases.into(),
            now,
            until,
            asked_at: Instant::now(),
            answer,
        };
        let requests = self.requests.get_or_init(|| start(self.address.clone()));
        let is_sent = requests
            .as_ref()
            .is_some_and(|requests| requests.try_send(request).is_ok());
        let extended = is_sent
            .then(|| answered.recv_timeout(WAITED_MAX).ok())
            .flatten();
        extended.unwrap_or_else(|| {
            tracing::warn!(
                leases = leases.len(),
                "leases could not be lengthened in time"
            );
            vec![true; leases.len()]
        })
    }
}

/// Starts the thread. It ends when nobody can ask any more.
fn start(address: RedisAddress) -> Option<mpsc::Sender<Request>> {
    let (requests, asked) = mpsc::channel(REQUESTS_MAX);
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let thread = runtime.and_then(|runtime| {
        thread::Builder::new()
            .name("ripple-redis-leases".into())
            .spawn(move || runtime.block_on(serve(address, asked)))
    });
    match thread {
        Ok(_) => Some(requests),
        Err(error) => {
            tracing::error!(%error, "the thread that lengthens leases did not start");
            None
        }
    }
}

async fn serve(address: RedisAddress, mut asked: mpsc::Receiver<Request>) {
    let mut kept = None;
    while let Some(request) = asked.recv().await {
        // It is not asked in vain: whoever waited has given up while the way was made.
        if request.asked_at.elapsed() > WAITED_MAX {
            continue;
        }
        // Making the way, which the first request still does, may take longer than an answer may.
        let (link, time_max) = match kept.take() {
            Some(link) => (link, WAITED_MAX),
            None => match Link::open(&address).await {
                Ok(link) => (link, FIRST_TIME_MAX),
                Err(error) => {
                    tracing::warn!(%error, "lengthening leases: Redis cannot be reached");
                    continue;
                }
            },
        };
        match timeout(time_max, extend(&link, &request)).await {
            Ok(Ok(extended)) => {
                // Nobody waits any more when the answer comes too late.
                drop(request.answer.send(extended));
                kept = Some(link);
            }
            // What has failed once, or leads to where nobody answers, is not asked again.
            Ok(Err(error)) => tracing::warn!(%error, "lengthening leases failed"),
            Err(_) => tracing::warn!("lengthening leases took too long"),
        }
    }
}

async fn extend(link: &Link, request: &Request) -> RedisResult<Vec<bool>> {
    let leases = &request.leases;
    let by_queue = by_queue(leases.iter());
    let command = |((partition, tier), indices): (&(_, _), &Vec<usize>)| {
        let mut args = vec![
            request.now.as_ms().to_string().into_bytes(),
            request.until.as_ms().to_string().into_bytes(),
        ];
        for index in indices {
            args.push(job_name(leases[*index].job).into_bytes());
            args.push(leases[*index].token.to_be_bytes().to_vec());
        }
        let mut commands = Commands::new(*partition);
        commands.script(Script::Extend, &[Key::Jobs(*partition, *tier)], args);
        commands
    };
    let commands: Vec<Commands> = by_queue.iter().map(command).collect();
    let answers = link.send_all(&commands).await?;
    let mut extended = vec![false; leases.len()];
    for (indices, answer) in by_queue.values().zip(answers.into_iter().flatten()) {
        let answer: Vec<u8> = decode::<Vec<u8>>(answer)?;
        for (index, holds) in indices.iter().zip(answer) {
            extended[*index] = holds == 1;
        }
    }
    Ok(extended)
}
