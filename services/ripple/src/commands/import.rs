//! `ripple import`: a thread reads and checks lines while the batch before is committed.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Write},
    path::{Path, PathBuf},
};

use ripple_store::{
    CommitError, FollowLine, ImportCounts,
    transfer::{
        BadLine, Batch, Batches, FOLLOWS_A_BATCH, FollowFormat, Format, POSTS_A_BATCH, PostFormat,
        PostLine,
    },
};
use tokio::{sync::mpsc, task::spawn_blocking};

use super::{
    JOBS_WAIT, Outcome,
    progress::Progress,
    server::{Server, ServerError},
    target::Target,
};
use crate::cli::{ImportArgs, Records};

/// Batches that are read ahead.
const BATCHES_AHEAD: usize = 2;

/// An import ended before its end. What was committed stays; it can be started again.
#[derive(Debug, thiserror::Error)]
enum ImportError {
    #[error("{}", path.display())]
    Open { path: PathBuf, source: io::Error },
    #[error("{}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("the import ended early, start it again to go on: a batch was not committed")]
    Commit(#[from] CommitError),
    #[error("the import ended early, start it again to go on")]
    Server(#[from] ServerError),
    #[error("none of the lines could be used")]
    AllBad,
}

pub(super) async fn run(args: ImportArgs) -> Outcome {
    let ImportArgs { what, file, target } = args;
    // A file that is not there is noticed before anything is opened.
    let (reader, bytes) = open(&file)?;
    let target = Target::open_or_create(&target).await?;
    let now = match &target {
        Target::Store(store) => store.clock().now(),
        Target::Server(_) => ripple_store::Clock::system().now(),
    };
    let progress = Progress::begin(&file, bytes);
    let import = Import {
        file,
        reader,
        progress,
    };
    let imported = match what {
        Records::Follows => {
            let commit = async |batch| import_follows(&target, batch).await;
            import.run(FollowFormat, FOLLOWS_A_BATCH, commit).await
        }
        Records::Posts => {
            let commit = async |batch| import_posts(&target, batch).await;
            import
                .run(PostFormat::new(now), POSTS_A_BATCH, commit)
                .await
        }
    };
    let is_offline = match target {
        Target::Store(store) => {
            store.close().await;
            true
        }
        Target::Server(_) => false,
    };
    let summary = imported?.finish();
    let mut out = io::stdout().lock();
    writeln!(out, "{summary}")?;
    if is_offline && what == Records::Posts && summary.added_any() {
        writeln!(out, "{JOBS_WAIT}")?;
    }
    if summary.is_all_bad() {
        return Err(ImportError::AllBad.into());
    }
    Ok(())
}

type Reader = Box<dyn BufRead + Send>;

fn open(path: &Path) -> Result<(Reader, Option<u64>), ImportError> {
    if path == Path::new("-") {
        return Ok((Box::new(BufReader::new(io::stdin())), None));
    }
    let opened = File::open(path).and_then(|file| Ok((file.metadata()?, file)));
    let (metadata, file) = opened.map_err(|source| ImportError::Open {
        path: path.to_owned(),
        source,
    })?;
    let bytes = metadata.is_file().then_some(metadata.len());
    Ok((Box::new(BufReader::with_capacity(1 << 20, file)), bytes))
}

/// A batch as it came out of the file, and what its committing says of it.
type Committed = (ImportCounts, Vec<BadLine>);

struct Import {
    file: PathBuf,
    reader: Reader,
    progress: Progress,
}

impl Import {
    async fn run<F>(
        mut self,
        format: F,
        items_max: usize,
        commit: impl AsyncFn(Vec<(u64, F::Item)>) -> Result<Committed, ImportError>,
    ) -> Result<Progress, ImportError>
    where
        F: Format<Item: Send> + Send + 'static,
    {
        let (send, mut batches) = mpsc::channel::<io::Result<Batch<F::Item>>>(BATCHES_AHEAD);
        let reader = self.reader;
        spawn_blocking(move || {
            for batch in Batches::new(reader, format, items_max) {
                if send.blocking_send(batch).is_err() {
                    // The import has failed and wants no more.
                    return;
                }
            }
        });
        while let Some(batch) = batches.recv().await {
            let mut batch = batch.map_err(|source| ImportError::Read {
                path: self.file.clone(),
                source,
            })?;
            let (counts, refused) = match batch.items.is_empty() {
                true => Default::default(),
                false => commit(batch.items).await?,
            };
            batch.bad.extend(refused);
            batch.bad.sort_by_key(|line| line.number);
            self.progress
                .batch(batch.lines, batch.bytes, counts, &batch.bad);
        }
        Ok(self.progress)
    }
}

async fn import_follows(
    target: &Target,
    items: Vec<(u64, FollowLine)>,
) -> Result<Committed, ImportError> {
    match target {
        Target::Store(store) => {
            let lines = items.into_iter().map(|(_, line)| line).collect();
            Ok((store.import_follows(lines).await?, Vec::new()))
        }
        Target::Server(server) => {
            let line = |line: &FollowLine| format!("{} {}\n", line.follower, line.followee);
            send(server, Records::Follows, &items, line).await
        }
    }
}

async fn import_posts(
    target: &Target,
    items: Vec<(u64, PostLine)>,
) -> Result<Committed, ImportError> {
    match target {
        Target::Store(store) => {
            let posts = items.into_iter().map(|(_, line)| line.post).collect();
            Ok((store.import_posts(posts).await?, Vec::new()))
        }
        Target::Server(server) => {
            let line = |line: &PostLine| format!("{}\n", line.named);
            send(server, Records::Posts, &items, line).await
        }
    }
}

async fn send<T>(
    server: &Server,
    what: Records,
    items: &[(u64, T)],
    line: impl Fn(&T) -> String,
) -> Result<Committed, ImportError> {
    let body = items.iter().map(|(_, item)| line(item)).collect();
    let imported = server.import(what, body).await?;
    let counts = imported.counts();
    // The server counts the lines of what it was sent.
    let bad = imported.bad_lines.into_iter().filter_map(|refused| {
        let (number, _) = items.get(refused.line.checked_sub(1)?)?;
        Some(BadLine {
            number: *number,
            reason: refused.reason,
        })
    });
    Ok((counts, bad.collect()))
}
