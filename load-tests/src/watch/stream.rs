//! Readers who hold a stream open and see posts arrive.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use reqwest::{
    Method, StatusCode,
    header::{ACCEPT, HeaderValue},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

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

/// Open streams.
pub(crate) struct Streams {
    /// Who reads.
    readers: Vec<u32>,
    arrivals: Arc<Mutex<Vec<Arrival>>>,
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
            readers,
            arrivals: Arc::default(),
            is_offered: Arc::new(AtomicBool::new(true)),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        };
        for reader in &streams.readers {
            let Some(token) = people.token(*reader) else {
                continue;
            };
            let stream = Stream {
                api: api.clone(),
                token: token.clone(),
                reader: *reader,
                arrivals: Arc::clone(&streams.arrivals),
                is_offered: Arc::clone(&streams.is_offered),
            };
            let stop = streams.stop.clone();
            streams.tasks.spawn(async move {
                stop.run_until_cancelled(stream.read()).await;
            });
        }
        streams
    }

    /// Ends them; who read, and what arrived. Nobody where the server offers no streams.
    pub(crate) async fn end(self) -> (Vec<u32>, Vec<Arrival>) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        let mut arrivals = self.arrivals.lock().unwrap_or_else(PoisonError::into_inner);
        match self.is_offered.load(Ordering::Relaxed) {
            true => (self.readers, std::mem::take(&mut arrivals)),
            false => (Vec::new(), Vec::new()),
        }
    }
}

struct Stream {
    api: Api,
    token: HeaderValue,
    reader: u32,
    arrivals: Arc<Mutex<Vec<Arrival>>>,
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
                    self.follow(answer, &mut last).await;
                }
                Ok(answer) if answer.status() == StatusCode::NOT_FOUND => {
                    self.is_offered.store(false, Ordering::Relaxed);
                    return;
                }
                Ok(_) | Err(_) => {}
            }
            tokio::time::sleep(RECONNECT).await;
        }
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
                let mut arrivals = self.arrivals.lock().unwrap_or_else(PoisonError::into_inner);
                arrivals.push(arrival);
            }
        }
    }
}

/// The posts in a stream of server-sent events, as far as they are told by `event` and `id`.
#[derive(Debug, Default)]
struct Events {
    rest: Vec<u8>,
    id: Option<u64>,
    is_post: bool,
}

impl Events {
    fn feed(&mut self, bytes: &[u8]) -> Vec<u64> {
        self.rest.extend_from_slice(bytes);
        let mut posts = Vec::new();
        let Some(end) = self.rest.iter().rposition(|byte| *byte == b'\n') else {
            return posts;
        };
        let rest = self.rest.split_off(end + 1);
        let lines = std::mem::replace(&mut self.rest, rest);
        for line in String::from_utf8_lossy(&lines).lines() {
            if line.is_empty() {
                posts.extend(self.id.take().filter(|_| self.is_post));
                self.is_post = false;
            } else if let Some(id) = line.strip_prefix("id:") {
                self.id = id.trim().parse().ok();
            } else if let Some(event) = line.strip_prefix("event:") {
                self.is_post = event.trim() == "post";
            }
        }
        posts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn posts_are_found_however_the_stream_is_cut() {
        let stream = b": hello\n\nid: 7\nevent: post\ndata: {\"text\":\"a\"}\n\n\
                       event: delete\nid: 8\ndata: {}\n\nevent: post\nid: 9\ndata: {}\n\n";
        for cut in 1..stream.len() {
            let mut events = Events::default();
            let mut posts = events.feed(&stream[..cut]);
            posts.extend(events.feed(&stream[cut..]));
            assert_eq!(posts, [7, 9], "{cut}");
        }
    }
}
