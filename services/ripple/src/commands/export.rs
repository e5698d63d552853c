//! `ripple export`.

use std::io::{self, BufWriter, Write};

use ripple_store::transfer::{ExportFollows, ExportPosts};

use super::{Outcome, target::Target};
use crate::cli::{ExportArgs, Records};

pub(super) async fn run(args: ExportArgs) -> Outcome {
    let mut out = BufWriter::with_capacity(1 << 20, io::stdout());
    match Target::open(&args.target).await? {
        Target::Store(store) => {
            match args.what {
                Records::Follows => {
                    let mut export = ExportFollows::new(store.clone());
                    while let Some(lines) = export.next().await? {
                        out.write_all(lines.as_bytes())?;
                    }
                }
                Records::Posts => {
                    let mut export = ExportPosts::new(store.clone());
                    while let Some(lines) = export.next().await? {
                        out.write_all(lines.as_bytes())?;
                    }
                }
            }
            store.close().await;
        }
        Target::Server(server) => {
            let mut answer = server.export(args.what).await?;
            while let Some(bytes) = answer.chunk().await? {
                out.write_all(&bytes)?;
            }
        }
    }
    Ok(out.flush()?)
}
