//! A report as a JSON file.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use thiserror::Error;

use super::model::{LAYOUT, Report};

/// Why a report could not be read.
#[derive(Debug, Error)]
pub enum Unreadable {
    /// There is no such file.
    #[error("there is no report at {0}")]
    Absent(PathBuf),
    /// The file is there and cannot be read.
    #[error("cannot read {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file holds something else.
    #[error("{path} is not a report of a load test: {source}")]
    Other {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The report was written by another version of this program.
    #[error(
        "{path} is a report in layout {layout}, and this program reads layout {LAYOUT}: \
         read it with the version that wrote it, or run the scenario again"
    )]
    Layout {
        /// The file.
        path: PathBuf,
        /// The layout that it has.
        layout: u32,
    },
}

/// What every layout has.
#[derive(Deserialize)]
struct OfAnyLayout {
    layout: u32,
}

impl Report {
    /// Writes the report. A file that is there is replaced.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn write_json(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let mut json = serde_json::to_vec_pretty(self)?;
        json.push(b'\n');
        fs::write(path, json)
    }

    /// Reads a report that [`Report::write_json`] wrote.
    ///
    /// # Errors
    ///
    /// When there is none, or something else.
    pub fn read_json(path: impl AsRef<Path>) -> Result<Self, Unreadable> {
        let path = path.as_ref();
        let json = fs::read(path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => Unreadable::Absent(path.into()),
            _ => Unreadable::File {
                path: path.into(),
                source,
            },
        })?;
        let other = |source| Unreadable::Other {
            path: path.into(),
            source,
        };
        // The layout first: another one may have other fields.
        let OfAnyLayout { layout } = serde_json::from_slice(&json).map_err(other)?;
        if layout != LAYOUT {
            return Err(Unreadable::Layout {
                path: path.into(),
                layout,
            });
        }
        serde_json::from_slice(&json).map_err(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::sample;

    #[test]
    fn a_report_read_back_is_the_one_that_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.json");
        sample().write_json(&path).unwrap();
        let read = Report::read_json(&path).unwrap();
        assert!(read == sample(), "a figure changed on the way");
    }

    #[test]
    fn what_is_no_report_is_refused_with_the_reason() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.json");
        let refusal = |content: &str| {
            fs::write(&path, content).unwrap();
            let refusal = Report::read_json(&path).unwrap_err().to_string();
            refusal.replace(&path.display().to_string(), "FILE")
        };
        insta::assert_snapshot!(
            refusal("no JSON"),
            @"FILE is not a report of a load test: expected ident at line 1 column 2"
        );
        insta::assert_snapshot!(
            refusal("{\"name\": \"x\"}"),
            @"FILE is not a report of a load test: missing field `layout` at line 1 column 13"
        );
        insta::assert_snapshot!(
            refusal("{\"layout\": 1}"),
            @"FILE is not a report of a load test: missing field `scenario` at line 1 column 13"
        );
        insta::assert_snapshot!(
            refusal("{\"layout\": 2, \"new\": true}"),
            @"FILE is a report in layout 2, and this program reads layout 1: read it with the version that wrote it, or run the scenario again"
        );

        let absent = Report::read_json(folder.path().join("absent")).unwrap_err();
        assert!(matches!(absent, Unreadable::Absent(_)), "{absent}");
        let refused = Report::read_json(folder.path()).unwrap_err();
        assert!(matches!(refused, Unreadable::File { .. }), "{refused}");
    }
}
