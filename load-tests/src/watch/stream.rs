//! Readers who hold a stream open and see posts arrive.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use reqwest::{
    Method, StatusCode,
    header::{ACCEPT, HeaderValue},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{events::Events, look::FOLLOWERS_TIME_MAX};
use crate::{api::Api, generate::people::People};

/// How long a reader waits before he connects again.
const RECONNECT: Duration = Duration::from_millis(200);
/// A stream is ended after this time, and taken up again: longer than any run but a soak.
const STREAM_TIME_MAX: Duration = Duration::from_secs(3_600);

/// A post that arrived on a stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    pub(crate) reader: u32,
    pub(crate) post: u64,
    pub(crate) at: Instant,
}

/// A time in which a reader's posts must come to him.
#[derive(Clone, Copy, Debug)]
struct Span {
    from: Instant,
    /// Nothing where it does not end: the stream is open, or can be resumed without a gap.
    to: Option<Instant>,
}

/// When a reader's posts must come to him.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spans(Vec<Span>);

impl Spans {
    fn open(&mut self, from: Instant) {
        if self.0.last().is_none_or(|span| span.to.is_some()) {
            self.0.push(Span { from, to: None });
        }
    }

    fn close(&mut self, to: Instant) {
        if let Some(span) = self.0.last_mut() {
            span.to.get_or_insert(to);
        }
    }

    /// Whether a post that was accepted then must come. Not where the stream broke off within the time that
    /// a post may take, and the reader had nothing yet that he could resume from.
    pub(crate) fn expect(&self, accepted: Instant) -> bool {
        self.0.iter().any(|span| {
            let is_long = span.to.is_none_or(|to| to >= accepted + FOLLOWERS_TIME_MAX);
            span.from <= accepted && is_long
        })
    }
}

/// What came of open streams: who read and when, and what arrived. Nobody where the server offers none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Streamed {
    pub(crate) readers: HashMap<u32, Spans>,
    pub(crate) arrivals: Vec<Arrival>,
}

impl Streamed {
    /// The posts that came to a reader more than once, with the reader, once for each time too many.
    pub(crate) fn repeated(&self) -> Vec<(u32, u64)> {
        let mut known = HashSet::new();
        let arrivals = self.arrivals.iter();
        let posts = arrivals.map(|arrival| (arrival.reader, arrival.post));
        posts.filter(|post| !known.insert(*post)).collect()
    }
}

/// Open streams.
pub(crate) struct Streams {
    streamed: Arc<Mutex<Streamed>>,
    is_offered: Arc<AtomicBool>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Streams {
    /// Opens the streams of some of those whose home timelines may be looked at.
    pub(crate) fn open(api: &Api, people: &Arc<People>, count: u32) -> Self {
        let watched = people.regulars.iter().copied();
        let readers: Vec<u32> = watched
            .filter(|reader| people.is_watched(*reader))
            .filter(|reader| !people.graph.followees_of(*reader).is_empty())
            .take(count as usize)
            .collect();
        let streams = Self {
            streamed: Arc::default(),
            is_offered: Arc::new(AtomicBool::new(true)),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        };
        for reader in readers {
            let Some(token) = people.token(reader) else {
                continue;
            };
            let stream = Stream {
                api: api.clone(),
                token: token.clone(),
                reader,
                streamed: Arc::clone(&streams.streamed),
                is_offered: Arc::clone(&streams.is_offered),
            };
            let stop = streams.stop.clone();
            streams.tasks.spawn(async move {
                stop.run_until_cancelled(stream.read()).await;
            });
        }
        streams
    }

    /// Ends them; what came of them.
    pub(crate) async fn end(self) -> Streamed {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        match self.is_offered.load(Ordering::Relaxed) {
            true => std::mem::take(&mut lock(&self.streamed)),
            false => Streamed::default(),
        }
    }
}

fn lock(streamed: &Mutex<Streamed>) -> MutexGuard<'_, Streamed> {
    streamed.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Stream {
    api: Api,
    token: HeaderValue,
    reader: u32,
    streamed: Arc<Mutex<Streamed>>,
    is_offered: Arc<AtomicBool>,
}

impl Stream {
    async fn read(self) {
        let mut last = None;
        loop {
            let mut request = self.api.of(&self.token, Method::GET, "/v1/stream");
            request = request.timeout(STREAM_TIME_MAX);
            request = request.header(ACCEPT, "text/event-stream");
            if let Some(last) = last {
                // Resumes without a gap.
                request = request.header("Last-Event-ID", u64::to_string(&last));
            }
            match request.send().await {
                Ok(answer) if answer.status().is_success() => {
                    self.spans(|spans| spans.open(Instant::now()));
                    self.follow(answer, &mut last).await;
                    if last.is_none() {
                        self.spans(|spans| spans.close(Instant::now()));
                    }
                }
                Ok(answer) if answer.status() == StatusCode::NOT_FOUND => {
                    if self.is_offered.swap(false, Ordering::Relaxed) {
                        eprintln!("streams: not offered by this server");
                    }
                    return;
                }
                Ok(_) | Err(_) => {}
            }
            tokio::time::sleep(RECONNECT).await;
        }
    }

    fn spans(&self, change: impl FnOnce(&mut Spans)) {
        change(lock(&self.streamed).readers.entry(self.reader).or_default());
    }

    async fn follow(&self, mut answer: reqwest::Response, last: &mut Option<u64>) {
        let mut events = Events::default();
        while let Ok(Some(bytes)) = answer.chunk().await {
            let at = Instant::now();
            for post in events.feed(&bytes) {
                *last = Some(post);
                let arrival = Arrival {
                    reader: self.reader,
                    post,
                    at,
                };
                lock(&self.streamed).arrivals.push(arrival);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn posts_are_expected_while_a_stream_is_open_or_can_be_resumed() {
        let at = |s| Instant::now() + Duration::from_secs(s);
        let mut spans = Spans::default();
        assert!(!spans.expect(at(5)));
        spans.open(at(10));
        spans.close(at(30));
        spans.open(at(40));
        // What is resumed was not left.
        spans.open(at(50));
        let expected = [5, 15, 25, 35, 45, 500].map(|s| spans.expect(at(s)));
        assert_eq!(expected, [false, true, false, false, true, true]);
    }

    #[test]
    fn what_comes_again_is_told_for_each_time() {
        let arrival = |(reader, post)| Arrival {
            reader,
            post,
            at: Instant::now(),
        };
        let arrivals = [(1, 7), (2, 7), (1, 8), (1, 7), (1, 7), (2, 8)];
        let streamed = Streamed {
            arrivals: arrivals.map(arrival).into(),
            ..Streamed::default()
        };
        assert_eq!(streamed.repeated(), [(1, 7), (1, 7)]);
    }
}
