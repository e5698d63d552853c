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

use super::{events::Events, spans::Spans};
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
    use std::sync::atomic::AtomicU64;

    use axum::{Router, http::HeaderMap, routing::get};
    use tokio::net::TcpListener;
    use tokio_util::task::AbortOnDropHandle;

    use super::*;
    use crate::generate::people::tests::{people, scenario};

    /// Answers a stream with one event, after one with none; then with what it was asked to resume from.
    async fn answer(tries: Arc<AtomicU64>, headers: HeaderMap) -> String {
        let event = |id: &str| format!("event: post\nid: {id}\ndata: {{}}\n\n");
        match tries.fetch_add(1, Ordering::Relaxed) {
            0 => String::new(),
            1 => event("7"),
            _ => event(headers["Last-Event-ID"].to_str().unwrap()),
        }
    }

    #[tokio::test]
    async fn a_stream_that_broke_off_is_resumed_from_the_first_event_on() {
        let tries = Arc::new(AtomicU64::new(0));
        let answer = {
            let tries = Arc::clone(&tries);
            move |headers| answer(Arc::clone(&tries), headers)
        };
        let (url, _server) = serve(Router::new().route("/v1/stream", get(answer))).await;
        let scenario = scenario();
        let people = people(&scenario).unwrap();
        people
            .regulars
            .iter()
            .for_each(|user| people.set_warm(*user));
        let api = Api::new(&url, "token").unwrap();
        let streams = Streams::open(&api, &Arc::new(people), 1);
        while tries.load(Ordering::Relaxed) < 4 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let streamed = streams.end().await;
        let spans = streamed.readers.values().next().unwrap();
        assert_eq!(spans.are_closed(), [true, false]);
        assert!(streamed.arrivals.iter().all(|arrival| arrival.post == 7));
        assert!(!streamed.repeated().is_empty());
    }

    #[tokio::test]
    async fn nobody_reads_where_streams_are_not_offered() {
        let (url, _server) = serve(Router::new()).await;
        let people = people(&scenario()).unwrap();
        people
            .regulars
            .iter()
            .for_each(|user| people.set_warm(*user));
        let api = Api::new(&url, "token").unwrap();
        let streams = Streams::open(&api, &Arc::new(people), 3);
        while streams.is_offered.load(Ordering::Relaxed) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert!(streams.end().await.readers.is_empty());
    }

    async fn serve(router: Router) -> (String, AbortOnDropHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        (url, AbortOnDropHandle::new(serving))
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
