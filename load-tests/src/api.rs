//! Ripple's web API, as the generator calls it.

use std::time::Duration;

use reqwest::{
    Client, Method, RequestBuilder, StatusCode,
    header::{AUTHORIZATION, HeaderValue, InvalidHeaderValue},
};
use serde_json::Value;

/// Connections are kept for so long while nobody uses them. Shorter than the server's own patience, so
/// that a request seldom meets a connection that is just being closed.
const IDLE_TIME_MAX: Duration = Duration::from_secs(5);
const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);
/// After this time a request counts as not answered.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(60);

/// A request failed, or its answer cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The token has characters that a header cannot carry.
    #[error("the token cannot be sent: {0}")]
    Token(#[from] InvalidHeaderValue),
    /// There was no answer.
    #[error("the server does not answer: {0}")]
    Transport(#[from] reqwest::Error),
    /// The answer is not what this call is answered with.
    #[error("the answer cannot be understood: {0}")]
    Answer(#[from] serde_json::Error),
    /// The server refused.
    #[error("{path} answers {status}: {body}")]
    Refused {
        /// What was called.
        path: String,
        /// The answer's status.
        status: StatusCode,
        /// Its body.
        body: String,
    },
}

/// A server's API. Clones share connections.
#[derive(Clone, Debug)]
pub struct Api {
    client: Client,
    url: String,
    admin: HeaderValue,
}

impl Api {
    /// The API of the server at `url`, with its admin token.
    pub fn new(url: &str, admin_token: &str) -> Result<Self, ApiError> {
        Ok(Self {
            client: client()?,
            url: url.trim_end_matches('/').to_owned(),
            admin: bearer(admin_token)?,
        })
    }

    /// The same with connections of its own: for others than those who use these.
    pub fn apart(&self) -> Result<Self, ApiError> {
        Ok(Self {
            client: client()?,
            ..self.clone()
        })
    }

    /// The server's address, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A request without a token.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client
            .request(method, format!("{}{path}", self.url))
            .timeout(REQUEST_TIME_MAX)
    }

    /// A request of the user with this `Authorization`.
    pub fn of(&self, user: &HeaderValue, method: Method, path: &str) -> RequestBuilder {
        self.request(method, path)
            .header(AUTHORIZATION, user.clone())
    }

    /// A request of the admin.
    pub fn of_admin(&self, method: Method, path: &str) -> RequestBuilder {
        self.of(&self.admin, method, path)
    }
}

fn client() -> reqwest::Result<Client> {
    Client::builder()
        .tcp_nodelay(true)
        .no_proxy()
        .connect_timeout(CONNECT_TIME_MAX)
        .pool_idle_timeout(IDLE_TIME_MAX)
        .build()
}

/// The value of `Authorization` for a token.
pub fn bearer(token: &str) -> Result<HeaderValue, InvalidHeaderValue> {
    let mut value = HeaderValue::from_str(&format!("Bearer {token}"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// Sends a request and reads its answer as JSON; anything but success is an error.
pub async fn json(request: RequestBuilder) -> Result<Value, ApiError> {
    let answer = request.send().await?;
    let status = answer.status();
    if !status.is_success() {
        return Err(ApiError::Refused {
            path: answer.url().path().to_owned(),
            status,
            body: answer.text().await.unwrap_or_default(),
        });
    }
    Ok(answer.json().await?)
}
