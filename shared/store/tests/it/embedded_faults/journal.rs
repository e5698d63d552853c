//! Damage of the journal: a half-written end is cut off, and any loss of what was acknowledged is
//! noticed.

use std::{
    fs,
    ops::Range,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use ripple_domain::PostId;
use ripple_store::{Store, embedded::OpenError};
use tempfile::TempDir;

use super::{assert_whole, author, filled, open, open_with_loss, post};
use crate::harness::copy_folder;

/// The journal that is written to.
fn newest_journal(folder: &Path) -> PathBuf {
    let entries = fs::read_dir(folder.join("store")).unwrap();
    let journals = entries.map(|entry| entry.unwrap().path());
    let number = |path: &PathBuf| -> Option<u64> {
        let name = path.file_name()?.to_str()?;
        name.strip_suffix(".jnl")?.parse().ok()
    };
    journals
        .filter(|path| number(path).is_some())
        .max_by_key(number)
        .unwrap()
}

/// The part of a journal that is written: what follows is zeros.
fn written(journal: &Path) -> usize {
    let bytes = fs::read(journal).unwrap();
    bytes
        .iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |last| last + 1)
}

/// A copy with other bytes at a place of its newest journal.
fn damaged(folder: &Path, at: usize, bytes: &[u8]) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    copy_folder(folder, copy.path());
    let journal = fs::File::options()
        .write(true)
        .open(newest_journal(copy.path()))
        .unwrap();
    journal.write_all_at(bytes, at as u64).unwrap();
    copy
}

/// A folder whose process was killed: ten acknowledged posts, and then one of which nobody was told,
/// in these bytes of the journal.
async fn killed_in_the_middle_of_a_commit() -> (TempDir, Vec<(PostId, String)>, Range<usize>) {
    let folder = tempfile::tempdir().unwrap();
    let posts = filled(folder.path(), 10).await;
    let mark = fs::read(folder.path().join("commit.mark")).unwrap();
    let start = written(&newest_journal(folder.path()));
    let store = open(folder.path()).await.unwrap();
    // Long enough that a hole may lie in the text alone, too short to be compressed, and spread.
    let spread = |n: u64| format!("{:016x}", n.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let text: String = (1..=200).map(spread).collect();
    post(store.as_ref(), &text).await.unwrap();
    store.close().await;
    drop(store);
    fs::write(folder.path().join("commit.mark"), mark).unwrap();
    let end = written(&newest_journal(folder.path()));
    assert!(start < end);
    (folder, posts, start..end)
}

/// A folder comes back with all of these posts, takes new ones, and comes back with those.
async fn assert_recovers(folder: &Path, posts: &[(PostId, String)], what: &str) {
    let store = match open(folder).await {
        Ok(store) => store,
        Err(error) => panic!("{what}: {error}"),
    };
    assert_whole(store.as_ref(), posts).await;
    let mut posts = posts.to_vec();
    posts.push((post(store.as_ref(), "after").await.unwrap(), "after".into()));
    store.close().await;
    drop(store);
    assert_whole(open(folder).await.unwrap().as_ref(), &posts).await;
}

#[tokio::test]
async fn a_half_written_end_is_cut_off() {
    let (folder, posts, last) = killed_in_the_middle_of_a_commit().await;
    let rest = |cut: usize| vec![0; last.end - cut];
    let in_the_records = (last.start..last.start + 200).step_by(11);
    let in_the_text = (last.start..last.end).step_by(last.len() / 12);
    for cut in in_the_records.chain(in_the_text) {
        let copy = damaged(folder.path(), cut, &rest(cut));
        assert_recovers(copy.path(), &posts, &format!("cut at {cut} of {last:?}")).await;
    }
}

/// Pages reach the disk in any order: the end of a commit may be there without its beginning.
#[tokio::test]
async fn an_end_with_a_hole_is_cut_off() {
    let (folder, posts, last) = killed_in_the_middle_of_a_commit().await;
    let quarter = last.len() / 4;
    for nth in 0..4 {
        let hole = last.start + nth * quarter;
        let copy = damaged(folder.path(), hole, &vec![0; quarter]);
        assert_recovers(copy.path(), &posts, &format!("hole at {hole} of {last:?}")).await;
    }
}

#[tokio::test]
async fn garbage_at_the_end_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let posts = filled(folder.path(), 10).await;
    let end = written(&newest_journal(folder.path()));
    for garbage in [vec![0xA5; 3], vec![0xFF; 5_000], (0..=255).collect()] {
        let copy = damaged(folder.path(), end, &garbage);
        assert_recovers(copy.path(), &posts, &format!("{} bytes", garbage.len())).await;
    }
}

/// A folder is not opened as if nothing were missing; it says what to do, and does it when asked.
async fn assert_refused_or_whole(folder: &Path, posts: &[(PostId, String)], what: &str) -> bool {
    let error = match open(folder).await {
        Ok(store) => {
            assert_whole(store.as_ref(), posts).await;
            return false;
        }
        Err(error) => error,
    };
    assert!(
        matches!(error, OpenError::Damaged { .. }),
        "{what}: {error:?}"
    );
    let text = error.to_string();
    for part in ["is damaged", "Restore it from a backup", "--accept-loss"] {
        assert!(text.contains(part), "{what}: {text}");
    }
    assert!(
        open(folder).await.is_err(),
        "{what}: refused once, and then not"
    );

    let store = match open_with_loss(folder).await {
        Ok(store) => store,
        Err(error) => panic!("{what}, with the loss accepted: {error}"),
    };
    author(store.as_ref()).await;
    let after = (
        post(store.as_ref(), "after").await.unwrap(),
        "after".to_owned(),
    );
    store.close().await;
    drop(store);
    let store = open(folder)
        .await
        .unwrap_or_else(|error| panic!("{what}, later: {error}"));
    assert_whole(store.as_ref(), &[after]).await;
    true
}

#[tokio::test]
async fn a_zeroed_page_in_the_middle_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let posts = filled(folder.path(), 60).await;
    let end = written(&newest_journal(folder.path()));
    assert!(end > 3 * 4_096, "{end} bytes");
    for page in [0, 1, end / 4_096 - 1] {
        let copy = damaged(folder.path(), page * 4_096, &[0; 4_096]);
        let what = format!("page {page}");
        assert!(
            assert_refused_or_whole(copy.path(), &posts, &what).await,
            "{what}"
        );
    }
}

#[tokio::test]
async fn a_lost_end_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let posts = filled(folder.path(), 10).await;
    let end = written(&newest_journal(folder.path()));
    for lost in [1, 40, 400, end] {
        let copy = damaged(folder.path(), end - lost, &vec![0; lost]);
        let what = format!("{lost} bytes");
        assert!(
            assert_refused_or_whole(copy.path(), &posts, &what).await,
            "{what}"
        );
    }
}

#[tokio::test]
async fn a_flipped_bit_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let posts = filled(folder.path(), 10).await;
    let journal = newest_journal(folder.path());
    let (bytes, end) = (fs::read(&journal).unwrap(), written(&journal));
    let mut refused = 0;
    let places: Vec<usize> = (0..end).step_by(end / 60).collect();
    for at in &places {
        let copy = damaged(folder.path(), *at, &[bytes[*at] ^ 0x10]);
        let what = format!("byte {at} of {end}");
        refused += usize::from(assert_refused_or_whole(copy.path(), &posts, &what).await);
    }
    assert!(refused > places.len() / 2, "{refused} of {}", places.len());
}
