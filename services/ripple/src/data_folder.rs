//! What the binary itself keeps in the data folder: the admin token and the server's secret. Only
//! the owner can read them.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

const ADMIN_TOKEN_FILE: &str = "admin.token";
const SECRET_FILE: &str = "secret";

/// Bytes of the server's secret.
pub(crate) const SECRET_BYTES: usize = 32;

/// Makes the data folder, where there is none.
pub(crate) fn make(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Where the admin token is.
pub(crate) fn admin_token_path(folder: &Path) -> PathBuf {
    folder.join(ADMIN_TOKEN_FILE)
}

/// Where the secret is.
pub(crate) fn secret_path(folder: &Path) -> PathBuf {
    folder.join(SECRET_FILE)
}

/// The admin token, made at the first call. To be called by the process that holds the store.
pub(crate) fn admin_token(folder: &Path) -> io::Result<String> {
    if let Some(token) = read_admin_token(folder)? {
        return Ok(token);
    }
    let token = format!("rpl_{}", BASE64_URL_SAFE_NO_PAD.encode(random()?));
    write_private(&admin_token_path(folder), format!("{token}\n").as_bytes())?;
    Ok(token)
}

/// The admin token; `None` where none was made.
pub(crate) fn read_admin_token(folder: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(admin_token_path(folder)) {
        Ok(text) if text.trim().is_empty() => Err(io::Error::other("the file is empty")),
        Ok(text) => Ok(Some(text.trim().to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The secret from which the server derives tokens, made at the first call. To be called by the
/// process that holds the store.
pub(crate) fn secret(folder: &Path) -> io::Result<[u8; SECRET_BYTES]> {
    let path = secret_path(folder);
    match fs::read(&path) {
        Ok(bytes) => bytes
            .try_into()
            .map_err(|_| io::Error::other(format!("the file has not {SECRET_BYTES} bytes"))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let secret = random()?;
            write_private(&path, &secret)?;
            Ok(secret)
        }
        Err(error) => Err(error),
    }
}

/// Bytes that nobody can guess.
pub(crate) fn random() -> io::Result<[u8; SECRET_BYTES]> {
    let mut bytes = [0; SECRET_BYTES];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(bytes)
}

/// Writes a file that is there whole or not at all, whatever happens meanwhile.
fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let unfinished = path.with_added_extension("new");
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_was_made_once_stays_and_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("a/b");
        make(&folder).unwrap();
        assert_eq!(read_admin_token(&folder).unwrap(), None);
        let token = admin_token(&folder).unwrap();
        assert!(token.starts_with("rpl_") && token.len() == 47, "{token}");
        let secret_bytes = secret(&folder).unwrap();

        make(&folder).unwrap();
        assert_eq!(admin_token(&folder).unwrap(), token);
        assert_eq!(read_admin_token(&folder).unwrap(), Some(token));
        assert_eq!(secret(&folder).unwrap(), secret_bytes);
        for (name, mode) in [("", 0o700), (ADMIN_TOKEN_FILE, 0o600), (SECRET_FILE, 0o600)] {
            let found = fs::metadata(folder.join(name))
                .unwrap()
                .permissions()
                .mode();
            assert_eq!(found & 0o777, mode, "{name}");
        }
    }

    #[test]
    fn a_damaged_file_is_refused_and_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(SECRET_FILE), b"short").unwrap();
        fs::write(folder.path().join(ADMIN_TOKEN_FILE), b"\n").unwrap();
        assert!(secret(folder.path()).is_err());
        assert!(admin_token(folder.path()).is_err());
    }
}
