//! The data folder: one process at a time, and no format from the future.

use std::fs;

use ripple_store::{Store, embedded::OpenError};

use super::{assert_whole, filled, open};

#[tokio::test]
async fn a_folder_is_of_one_process_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await.unwrap();
    for _ in 0..2 {
        let Err(error) = open(folder.path()).await else {
            panic!("opened twice");
        };
        assert!(matches!(error, OpenError::InUse { .. }), "{error:?}");
        let text = error.to_string();
        assert!(text.contains(&*folder.path().to_string_lossy()), "{text}");
        assert!(text.contains("in use by another process"), "{text}");
    }
    store.close().await;
    drop(store);
    open(folder.path()).await.unwrap();
}

#[tokio::test]
async fn a_folder_of_a_newer_version_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let posts = filled(folder.path(), 3).await;
    let format = folder.path().join("FORMAT");
    let own = fs::read_to_string(&format).unwrap();
    let number: u32 = own.trim().parse().unwrap();
    fs::write(&format, format!("{}\n", number + 1)).unwrap();
    let Err(error) = open(folder.path()).await else {
        panic!("opened");
    };
    assert!(matches!(error, OpenError::NewerVersion { .. }), "{error:?}");
    let text = error.to_string();
    assert!(
        text.contains("use the version that wrote it, or a newer one"),
        "{text}"
    );

    fs::write(&format, own).unwrap();
    assert_whole(open(folder.path()).await.unwrap().as_ref(), &posts).await;
}

#[tokio::test]
async fn a_folder_without_a_legible_format_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path(), 1).await;
    fs::write(folder.path().join("FORMAT"), "one").unwrap();
    let Err(error) = open(folder.path()).await else {
        panic!("opened");
    };
    assert!(matches!(error, OpenError::Damaged { .. }), "{error:?}");
    assert!(
        error.to_string().contains("FORMAT holds no number"),
        "{error}"
    );
}
