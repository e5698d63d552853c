//! Where programs are.

use std::{
    env,
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

use super::DeploymentError;

/// The programs that can be a Redis store, the first ones first.
const REDIS: [&str; 2] = ["redis-server", "valkey-server"];

/// The `ripple` binary: as given; else, under `cargo run`, built anew in the profile of this program, so that
/// it is never an old one; else beside this program.
pub fn find_ripple(given: Option<&Path>) -> Result<PathBuf, DeploymentError> {
    if let Some(path) = given {
        return match path.is_file() {
            true => Ok(path.to_owned()),
            false => Err(DeploymentError::NotFound(format!(
                "there is no {}",
                path.display()
            ))),
        };
    }
    let own = env::current_exe().map_err(DeploymentError::Prepare)?;
    if let Some(cargo) = env::var_os("CARGO") {
        return build_ripple(&cargo, &own);
    }
    let beside = own.with_file_name("ripple");
    match beside.is_file() {
        true => Ok(beside),
        false => Err(DeploymentError::NotFound(format!(
            "there is no {}: say where the program is by --ripple PATH",
            beside.display()
        ))),
    }
}

/// Builds it and shows what Cargo says of it.
fn build_ripple(cargo: &OsStr, own: &Path) -> Result<PathBuf, DeploymentError> {
    let mut command = Command::new(cargo);
    command.args(["build", "--package", "ripple", "--bin", "ripple"]);
    command.args(["--message-format", "json-render-diagnostics"]);
    command.args(["--profile", profile_of(own)]);
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    command.stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = command.output().map_err(|source| DeploymentError::Run {
        program: cargo.display().to_string(),
        source,
    })?;
    let failed = || DeploymentError::NotFound("ripple cannot be built".to_owned());
    if !output.status.success() {
        return Err(failed());
    }
    let messages = String::from_utf8_lossy(&output.stdout);
    let executable = |line: &str| {
        let message: Value = serde_json::from_str(line).ok()?;
        let is_ripple = message["target"]["name"] == "ripple";
        let path = message["executable"].as_str().filter(|_| is_ripple)?;
        Some(PathBuf::from(path))
    };
    messages.lines().find_map(executable).ok_or_else(failed)
}

/// The profile that a program was built in, by its place: `target/release/name`, or
/// `target/debug/deps/name-hash` for tests and `target/debug/examples/name` for examples.
fn profile_of(program: &Path) -> &str {
    let folders = program.ancestors().skip(1).filter_map(Path::file_name);
    let folder = folders
        .filter_map(OsStr::to_str)
        .find(|name| *name != "deps");
    match folder {
        None | Some("debug") => "dev",
        Some(folder) => folder,
    }
}

/// A server program for a Redis store: as given, else in the search path, else where `./test` puts it.
pub(super) fn find_redis(given: Option<&Path>) -> Result<PathBuf, DeploymentError> {
    if let Some(path) = given {
        return Ok(path.to_owned());
    }
    let searched = env::var_os("PATH").unwrap_or_default();
    let servers = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/servers");
    let folders: Vec<PathBuf> = env::split_paths(&searched).chain([servers]).collect();
    let places = REDIS
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    let not_found = "neither redis-server nor valkey-server is in the search path: \
                     install one (on Debian: apt-get install redis-server)";
    places
        .into_iter()
        .find(|path| path.is_file())
        .ok_or_else(|| DeploymentError::NotFound(not_found.to_owned()))
}

/// A program's name.
pub(super) fn name(program: &Path) -> String {
    let name = program.file_name().unwrap_or(program.as_os_str());
    name.to_string_lossy().into_owned()
}

/// What a program says of its version: the first word with a digit, without `v=`.
pub(super) fn version(program: &Path) -> Result<String, DeploymentError> {
    let output = Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .output();
    let output = output.map_err(|source| DeploymentError::Run {
        program: program.display().to_string(),
        source,
    })?;
    let said = String::from_utf8_lossy(&output.stdout);
    Ok(version_in(&said).to_owned())
}

fn version_in(said: &str) -> &str {
    let words = said.split_whitespace();
    let numbers = words.map(|word| word.trim_start_matches("v=").trim_start_matches('v'));
    let mut versions = numbers.filter(|word| word.starts_with(|c: char| c.is_ascii_digit()));
    versions.next().unwrap_or("unknown")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_what_programs_say() {
        assert_eq!(version_in("ripple 0.1.0\n"), "0.1.0");
        let redis = "Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64";
        assert_eq!(version_in(redis), "7.0.15");
        assert_eq!(version_in("Valkey server v=9.1.2 sha=0"), "9.1.2");
        assert_eq!(version_in("none"), "unknown");
    }

    #[test]
    fn a_profile_is_known_by_the_folder() {
        assert_eq!(profile_of(Path::new("/a/target/release/tool")), "release");
        assert_eq!(profile_of(Path::new("/a/target/debug/deps/it-12")), "dev");
        assert_eq!(profile_of(Path::new("/a/target/bench/tool")), "bench");
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let error = find_ripple(Some(Path::new("/nowhere/ripple"))).unwrap_err();
        assert_eq!(error.to_string(), "there is no /nowhere/ripple");
    }
}
