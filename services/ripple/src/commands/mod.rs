//! The commands that work on a stopped data folder or through a running server.

mod export;
mod import;
mod progress;
mod server;
mod target;

use std::io::{self, Write};

use ripple_domain::Handle;
use ripple_store::transfer::{Rebuild, rebuild};

use crate::cli::{Command, RebuildArgs, TokenArgs};
use target::Target;

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// Runs a command other than `serve`.
pub(crate) async fn run(command: Command) -> Outcome {
    match command {
        // The server is run by `main`, which sets it up otherwise.
        Command::Serve(_) => Ok(()),
        Command::Import(args) => import::run(args).await,
        Command::Export(args) => export::run(args).await,
        Command::Rebuild(args) => run_rebuild(args).await,
        Command::Token(args) => run_token(args).await,
        Command::Health(args) => Ok(server::ready(&args.url).await?),
    }
}

/// There is no user with this handle.
#[derive(Debug, thiserror::Error)]
#[error("there is no user {0}")]
struct NoSuchUser(Handle);

async fn run_rebuild(args: RebuildArgs) -> Outcome {
    let what = args.what;
    let (jobs, is_offline) = match Target::open(&args.target).await? {
        Target::Store(store) => {
            let jobs = rebuild(&*store, what).await;
            store.close().await;
            (jobs?, true)
        }
        Target::Server(server) => (server.rebuild(what).await?, false),
    };
    let mut out = io::stdout().lock();
    match what {
        Rebuild::Home => writeln!(out, "home timelines are rebuilt with their next read")?,
        Rebuild::Feeds => writeln!(out, "feed documents are rendered anew with their next read")?,
        Rebuild::Topics => writeln!(out, "{jobs} posts go through the public tier again")?,
    }
    if is_offline && jobs > 0 {
        writeln!(out, "{JOBS_WAIT}")?;
    }
    Ok(())
}

/// What is left to do after a command on a stopped data folder.
const JOBS_WAIT: &str = "the jobs wait in the queue; the next `ripple serve` does them";

async fn run_token(args: TokenArgs) -> Outcome {
    let token = match Target::open(&args.target).await? {
        Target::Store(store) => {
            let user = store.user_by_handle(&args.handle).await?;
            let user = user.ok_or_else(|| NoSuchUser(args.handle.clone()))?;
            let token = ripple_api::random_token()?;
            store
                .add_token(user.id, ripple_api::token_hash(&token))
                .await?;
            store.close().await;
            token
        }
        Target::Server(server) => server.token(&args.handle).await?,
    };
    Ok(writeln!(io::stdout(), "{token}")?)
}
