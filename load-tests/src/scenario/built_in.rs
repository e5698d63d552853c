//! The scenarios that come with the tool.

use std::{borrow::Cow, io};

use super::{Scenario, check::CheckError};

/// A scenario cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// There is none of this name, and no such file.
    #[error("there is no scenario `{name}`, and no file of this name; built in are: {known}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// The built-in ones.
        known: String,
    },
    /// The file cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: String,
        /// Why not.
        source: std::io::Error,
    },
    /// It is no scenario.
    #[error("{name} is no scenario: {source}")]
    Parse {
        /// The scenario or its file.
        name: String,
        /// What is wrong, and where.
        source: toml::de::Error,
    },
    /// It is one that cannot be run.
    #[error("{name}: {source}")]
    Check {
        /// The scenario or its file.
        name: String,
        /// What is wrong.
        source: CheckError,
    },
}

macro_rules! built_in {
    ($($name:literal)+) => {
        /// The names of the built-in scenarios.
        pub const NAMES: &[&str] = &[$($name),+];

        /// The text of the built-in scenario of this name.
        pub fn text(name: &str) -> Option<&'static str> {
            match name {
                $($name => Some(include_str!(concat!("../../scenarios/", $name, ".toml"))),)+
                _ => None,
            }
        }
    };
}

built_in! {
    "smoke" "steady" "burst" "celebrity" "thundering-herd" "soak" "saturate" "crash"
}

/// The built-in scenario of this name, or the one in the file at this path.
pub fn find(name: &str) -> Result<Scenario, ScenarioError> {
    let text = read(name)?;
    let scenario: Scenario = toml::from_str(&text).map_err(|source| ScenarioError::Parse {
        name: name.to_owned(),
        source,
    })?;
    scenario.checked(name)
}

fn read(name: &str) -> Result<Cow<'static, str>, ScenarioError> {
    if let Some(text) = text(name) {
        return Ok(text.into());
    }
    std::fs::read_to_string(name)
        .map(Cow::Owned)
        .map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => ScenarioError::Unknown {
                name: name.to_owned(),
                known: NAMES.join(", "),
            },
            _ => ScenarioError::Read {
                path: name.to_owned(),
                source,
            },
        })
}

impl Scenario {
    /// The scenario if it can be run; `name` is how it was asked for.
    pub fn checked(self, name: &str) -> Result<Self, ScenarioError> {
        self.check().map_err(|source| ScenarioError::Check {
            name: name.to_owned(),
            source,
        })?;
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::scenario::Operation;

    #[test]
    fn every_built_in_scenario_can_be_run_and_has_its_name() {
        for name in NAMES {
            let scenario = find(name).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(scenario.name, *name);
        }
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones() {
        let error = find("stedy").unwrap_err().to_string();
        assert!(error.contains("smoke, steady"), "{error}");
    }

    #[test]
    fn a_file_is_run_as_it_is_also_when_it_has_a_built_in_name() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let own = text("smoke").unwrap().replace("post = 100", "post = 101");
        file.write_all(own.as_bytes()).unwrap();
        let path = file.path().to_str().unwrap();
        let scenario = find(path).unwrap();
        assert_eq!(
            (&*scenario.name, scenario.rates[&Operation::Post]),
            ("smoke", 101.0)
        );
    }

    #[test]
    fn a_wrong_field_is_named_with_its_place() {
        let misspelt = text("smoke").unwrap().replace("duration_s", "duration");
        let error = toml::from_str::<Scenario>(&misspelt)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("duration") && error.contains("line"),
            "{error}"
        );
    }
}
