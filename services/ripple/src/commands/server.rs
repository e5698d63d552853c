use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, header};
use ripple_domain::Handle;
use ripple_store::{ImportCounts, transfer::Rebuild};
use serde::{Deserialize, de::DeserializeOwned};

use crate::cli::Records;

/// A running server, spoken to as its admin.
pub(super) struct Server {
    client: Client,
    base: String,
    token: String,
}

/// The server could not be reached, or did not do as asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum ServerError {
    #[error("this build speaks http only: give the server's own address, not that of a TLS proxy")]
    Https,
    #[error("the server cannot be reached or broke off")]
    Unreachable(#[from] reqwest::Error),
    #[error("the server answered {status}: {detail}")]
    Refused { status: StatusCode, detail: String },
}

/// What became of the lines that were sent.
#[derive(Debug, Deserialize)]
pub(super) struct Imported {
    added: u64,
    known: u64,
    left_out: u64,
    users_created: u64,
    /// Lines that the server refused.
    pub(super) bad_lines: Vec<RefusedLine>,
}

/// A line that the server refused.
#[derive(Debug, Deserialize)]
pub(super) struct RefusedLine {
    /// Counted from 1 in what was sent.
    pub(super) line: usize,
    pub(super) reason: String,
}

impl Imported {
    pub(super) fn counts(&self) -> ImportCounts {
        ImportCounts {
            added: self.added,
            known: self.known,
            left_out: self.left_out,
            users_created: self.users_created,
        }
    }
}

/// Tries at a request that the server is too busy for.
const BUSY_TRIES_MAX: u32 = 100;
/// How long to wait for a busy server that does not say.
const RETRY_AFTER_S: u64 = 1;
/// The longest wait that a busy server is granted.
const RETRY_AFTER_S_MAX: u64 = 30;
const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);
/// The longest that a server may take to tell how it is.
const HEALTH_TIME_MAX: Duration = Duration::from_secs(5);

/// Whether a server is ready; the error says why not.
pub(super) async fn ready(base: &str) -> Result<(), ServerError> {
    if base.starts_with("https:") {
        return Err(ServerError::Https);
    }
    let client = Client::builder().timeout(HEALTH_TIME_MAX).build()?;
    let answer = client.get(format!("{base}/readyz")).send().await?;
    match answer.status() {
        StatusCode::OK => Ok(()),
        status => Err(ServerError::Refused {
            status,
            detail: answer.text().await?,
        }),
    }
}

impl Server {
    pub(super) fn new(base: &str, token: String) -> Result<Self, ServerError> {
        if base.starts_with("https:") {
            return Err(ServerError::Https);
        }
        let client = Client::builder()
            .connect_timeout(CONNECT_TIME_MAX)
            .build()?;
        Ok(Self {
            client,
            base: base.to_owned(),
            token,
        })
    }

    /// Sends lines to be imported. To do so again after a failure is safe.
    pub(super) async fn import(
        &self,
        what: Records,
        lines: String,
    ) -> Result<Imported, ServerError> {
        let path = format!("/v1/admin/import/{}", what.name());
        let content_type = match what {
            Records::Follows => "text/plain; charset=utf-8",
            Records::Posts => "application/x-ndjson",
        };
        let mut tries = 1;
        loop {
            let request = self.request(Method::POST, &path);
            let request = request.header(header::CONTENT_TYPE, content_type);
            let answer = request.body(lines.clone()).send().await?;
            if !is_busy(answer.status()) || tries == BUSY_TRIES_MAX {
                return json(answer).await;
            }
            tries += 1;
            tokio::time::sleep(Duration::from_secs(retry_after_s(&answer))).await;
        }
    }

    /// All follows or posts, as a stream of bytes.
    pub(super) async fn export(&self, what: Records) -> Result<Response, ServerError> {
        let path = format!("/v1/admin/export/{}", what.name());
        accepted(self.request(Method::GET, &path).send().await?).await
    }

    /// Rebuilds read models, and returns how many jobs do so.
    pub(super) async fn rebuild(&self, what: Rebuild) -> Result<u64, ServerError> {
        #[derive(Deserialize)]
        struct Answer {
            jobs: u64,
        }
        let path = format!("/v1/admin/rebuild/{what}");
        let answer: Answer = json(self.request(Method::POST, &path).send().await?).await?;
        Ok(answer.jobs)
    }

    /// A new token of a user.
    pub(super) async fn token(&self, handle: &Handle) -> Result<String, ServerError> {
        #[derive(Deserialize)]
        struct Answer {
            token: String,
        }
        let path = format!("/v1/admin/users/{handle}/tokens");
        let answer: Answer = json(self.request(Method::POST, &path).send().await?).await?;
        Ok(answer.token)
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.base);
        self.client.request(method, url).bearer_auth(&self.token)
    }
}

fn is_busy(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS
    )
}

fn retry_after_s(answer: &Response) -> u64 {
    let header = answer.headers().get(header::RETRY_AFTER);
    let seconds = header.and_then(|value| value.to_str().ok()?.parse().ok());
    seconds.unwrap_or(RETRY_AFTER_S).min(RETRY_AFTER_S_MAX)
}

async fn json<T: DeserializeOwned>(answer: Response) -> Result<T, ServerError> {
    Ok(accepted(answer).await?.json().await?)
}

/// The answer, or the problem that it tells.
async fn accepted(answer: Response) -> Result<Response, ServerError> {
    #[derive(Deserialize)]
    struct Problem {
        detail: String,
    }
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let problem = answer.json::<Problem>().await;
    let detail = problem.map_or_else(|_| "no reason given".to_owned(), |problem| problem.detail);
    Err(ServerError::Refused { status, detail })
}
