//! The command line. Every option can also stand in the environment.

use std::{net::SocketAddr, path::PathBuf};

use bytesize::ByteSize;
use clap::{
    Args, Parser, Subcommand, ValueEnum,
    builder::{BoolishValueParser, NonEmptyStringValueParser},
};
use ripple_domain::{Handle, Tier};
use ripple_store::transfer::Rebuild;

use crate::store::{StoreAddress, StoreParser};

/// Ripple: a self-hosted timeline service.
///
/// An app posts through its web API; followers see the post within seconds, public pages and feeds
/// within a minute, and nothing that was accepted is lost. Without a command, `serve` is run.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true, term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub serve: ServeArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve the API, the feeds and the web pages, and carry posts to their readers (the default)
    Serve(ServeArgs),
    /// Read follows or posts from a file; a second run adds nothing twice
    Import(ImportArgs),
    /// Write all follows or posts to the standard output, as `import` reads them
    Export(ExportArgs),
    /// Derive read models anew from the facts
    Rebuild(RebuildArgs),
    /// Print a new token of a user; his other tokens stay valid
    Token(TokenArgs),
    /// Ask a running server whether it is ready: exit status 0 if so, else 1
    Health(HealthArgs),
}

#[derive(Args, Debug)]
pub(crate) struct ServeArgs {
    /// Address to listen on; port 0 takes a free one
    #[arg(long, env = "RIPPLE_LISTEN", default_value = "127.0.0.1:8080", value_parser = listen_address)]
    pub listen: String,

    #[command(flatten)]
    pub store: StoreArgs,

    /// What this process does: answer requests (`api`), do jobs (`worker`; it listens too, for
    /// health and metrics alone), or `all`. Several processes need a Redis store
    #[arg(long, env = "RIPPLE_ROLE", default_value = "all")]
    pub role: Role,

    /// The tiers whose jobs this process does: `followers`, `public`, or both with a comma between
    #[arg(
        long,
        env = "RIPPLE_TIERS",
        default_value = "followers,public",
        value_delimiter = ','
    )]
    pub tiers: Vec<Tier>,

    /// Most followers to whose home timelines posts are pushed: those of an author with more are merged
    /// when his followers read, which costs each of these readings a little. `none`: push to all, however
    /// many they are [default: none on the embedded store, 100000 on Redis]
    #[arg(long, env = "RIPPLE_PUSH_FOLLOWERS_MAX", value_name = "FOLLOWERS", value_parser = push_limit)]
    pub push_followers_max: Option<PushLimit>,

    /// Whether anybody may create a user, or only who has the admin token [default: open on a
    /// loopback address, else closed]
    #[arg(long, env = "RIPPLE_REGISTRATION")]
    pub registration: Option<Registration>,

    /// Whether requests are limited per user and address
    #[arg(long, env = "RIPPLE_RATE_LIMIT", default_value = "on")]
    pub rate_limit: Switch,

    /// Form of the log, which goes to the standard error; RUST_LOG chooses what is logged
    #[arg(long, env = "RIPPLE_LOG", default_value = "pretty")]
    pub log: LogForm,

    /// Address at which readers reach this server, for links in pages and feeds [default:
    /// the address that it listens on]
    #[arg(long, env = "RIPPLE_PUBLIC_URL", value_name = "URL", value_parser = public_url)]
    pub public_url: Option<String>,

    /// Memory for home timelines, such as 512MiB; past it those that were not read for longest are
    /// dropped and rebuilt when they are read [default: a quarter of the memory]
    #[arg(long, env = "RIPPLE_HOME_MEMORY", value_name = "BYTES")]
    pub home_memory: Option<ByteSize>,

    /// Longest time to finish requests and jobs after SIGTERM, in seconds
    #[arg(long, env = "RIPPLE_DRAIN_TIMEOUT", value_name = "SECONDS", default_value_t = 10,
        value_parser = clap::value_parser!(u64).range(..=3_600))]
    pub drain_timeout: u64,

    /// Admin token, in place of the one in `admin.token` in the data folder; at least 16 characters
    #[arg(long, env = "RIPPLE_ADMIN_TOKEN", hide_env_values = true, value_name = "TOKEN",
        value_parser = admin_token)]
    pub admin_token: Option<String>,
}

/// Which store, and where.
#[derive(Args, Clone, Debug)]
pub(crate) struct StoreArgs {
    /// Folder that holds everything; made where it does not exist
    #[arg(
        long,
        env = "RIPPLE_DATA",
        value_name = "FOLDER",
        default_value = "./data"
    )]
    pub data: PathBuf,

    /// Where facts, jobs and read models are kept: `embedded` (in the data folder),
    /// `redis://[user:password@]host[:port]`, or `redis+cluster://host[:port],host[:port]…` with some
    /// nodes of a cluster; `rediss` in place of `redis` for TLS
    #[arg(
        long,
        env = "RIPPLE_STORE",
        hide_env_values = true,
        value_parser = StoreParser,
        default_value = "embedded",
        value_name = "STORE"
    )]
    pub store: StoreAddress,

    /// Replicas that must have a commit before it is acknowledged, on a Redis store; while fewer can
    /// be reached, posts are answered with 503
    #[arg(
        long,
        env = "RIPPLE_REDIS_WAIT",
        value_name = "REPLICAS",
        default_value_t = 0
    )]
    pub redis_wait: u32,

    /// Start although damage to the journal has cost acknowledged commits: what can be read is
    /// kept, the rest is given up
    #[arg(long, env = "RIPPLE_ACCEPT_LOSS", value_parser = BoolishValueParser::new())]
    pub accept_loss: bool,
}

/// A stopped data folder, or a running server.
#[derive(Args, Debug)]
pub(crate) struct TargetArgs {
    #[command(flatten)]
    pub store: StoreArgs,

    /// Address of a running server to work through, in place of a stopped data folder
    #[arg(long, env = "RIPPLE_URL", value_parser = public_url)]
    pub url: Option<String>,

    /// Admin token of that server [default: the one in the data folder]
    #[arg(long, env = "RIPPLE_ADMIN_TOKEN", hide_env_values = true, value_name = "TOKEN",
        value_parser = NonEmptyStringValueParser::new())]
    pub admin_token: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct ImportArgs {
    /// What the file holds. Follows: `follower followee` a line. Posts: a JSON object a line, with
    /// `author`, `text` and, where wanted, `created_at`, `visibility`, `recipients`, `link`,
    /// `language`, an `id`, by which the post is known when the file is read again, and `reply_to`
    /// or `repost_of` with the `id` of an earlier post
    pub what: Records,
    /// The file; `-` is the standard input
    pub file: PathBuf,
    #[command(flatten)]
    pub target: TargetArgs,
}

#[derive(Args, Debug)]
pub(crate) struct ExportArgs {
    /// What to write
    pub what: Records,
    #[command(flatten)]
    pub target: TargetArgs,
}

#[derive(Args, Debug)]
pub(crate) struct RebuildArgs {
    /// `home`: timelines, each with its next read. `topics`: the public page, tag and keyword pages,
    /// by jobs of the public tier. `feeds`: feed documents, each with its next read
    #[arg(value_name = "home|topics|feeds")]
    pub what: Rebuild,
    #[command(flatten)]
    pub target: TargetArgs,
}

#[derive(Args, Debug)]
pub(crate) struct TokenArgs {
    /// The user's handle
    pub handle: Handle,
    #[command(flatten)]
    pub target: TargetArgs,
}

#[derive(Args, Debug)]
pub(crate) struct HealthArgs {
    /// Address of the server
    #[arg(
        long,
        env = "RIPPLE_URL",
        default_value = "http://127.0.0.1:8080",
        value_parser = public_url
    )]
    pub url: String,
}

/// To how many followers posts are pushed; `None`: to all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PushLimit(pub Option<u64>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Records {
    Follows,
    Posts,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    All,
    Api,
    Worker,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Registration {
    Open,
    Closed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Switch {
    On,
    Off,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogForm {
    Pretty,
    Json,
}

impl Records {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Follows => "follows",
            Self::Posts => "posts",
        }
    }
}

fn listen_address(text: &str) -> Result<String, String> {
    let is_name_and_port = || {
        let (host, port) = text.rsplit_once(':')?;
        (!host.is_empty() && !host.contains(':')).then_some(())?;
        port.parse::<u16>().ok()
    };
    if text.parse::<SocketAddr>().is_ok() || is_name_and_port().is_some() {
        Ok(text.to_owned())
    } else {
        Err("an address and a port, such as 127.0.0.1:8080, [::]:8080 or localhost:8080".to_owned())
    }
}

fn push_limit(text: &str) -> Result<PushLimit, String> {
    if text == "none" {
        return Ok(PushLimit(None));
    }
    let limit = text.parse().map(|max| PushLimit(Some(max)));
    limit.map_err(|_| "a number of followers, or `none`".to_owned())
}

fn public_url(text: &str) -> Result<String, String> {
    let fault = || "an http or https address, such as https://ripple.example".to_owned();
    let url = reqwest::Url::parse(text).map_err(|_| fault())?;
    let is_base = matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.query().is_none()
        && url.fragment().is_none();
    is_base
        .then(|| url.as_str().trim_end_matches('/').to_owned())
        .ok_or_else(fault)
}

fn admin_token(text: &str) -> Result<String, String> {
    const CHARS_MIN: usize = 16;
    let is_token = text.bytes().all(|b| b.is_ascii_graphic());
    if is_token && text.len() >= CHARS_MIN {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "at least {CHARS_MIN} printable characters of ASCII"
        ))
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn serve_is_the_command_when_none_is_given() {
        let cli = Cli::try_parse_from(["ripple", "--listen", "[::1]:0"]).unwrap();
        assert!(cli.command.is_none());
        assert_eq!(cli.serve.listen, "[::1]:0");
        assert_eq!(cli.serve.tiers, Tier::ALL);
    }

    #[test]
    fn a_limit_of_pushes_is_a_number_or_none() {
        assert_eq!(push_limit("none"), Ok(PushLimit(None)));
        assert_eq!(push_limit("5"), Ok(PushLimit(Some(5))));
        for text in ["", "-1", "all", "1e6", "5 "] {
            assert!(push_limit(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "8080",
            ":8080",
            "localhost",
            "localhost:x",
            "::1:80",
            "1.2.3.4:70000",
        ] {
            assert!(listen_address(text).is_err(), "{text}");
        }
        for text in [
            "",
            "ripple.example",
            "ftp://ripple.example",
            "http://a/?q",
            "http://a/#f",
        ] {
            assert!(public_url(text).is_err(), "{text}");
        }
        assert_eq!(
            public_url("https://A.example/base/"),
            Ok("https://a.example/base".to_owned())
        );
    }
}
