//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::{
    deployment::{DeploymentError, DeploymentSpec, Store, find_ripple},
    run::Target,
    scenario::{self, Operation, Scenario, ScenarioError},
};

/// Measures a Ripple from outside, and holds it to its promises.
#[derive(Debug, Parser)]
#[command(name = "ripple-load-tests", version)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs a scenario. The exit status is 1 when a promise was broken.
    Run(Box<RunArgs>),
    /// Compares two reports.
    Compare {
        /// The report from before.
        before: PathBuf,
        /// The report from after.
        after: PathBuf,
    },
    /// Lists the built-in scenarios, or prints one as a beginning for one's own.
    Scenarios {
        /// The one to be printed.
        name: Option<String>,
    },
}

/// How a scenario is run.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// A built-in scenario, or the path of a TOML file.
    pub scenario: String,
    /// The server to be measured; where it is left out, one is started for the run.
    #[arg(long, env = "RIPPLE_URL", requires = "admin_token", value_parser = server_url)]
    pub url: Option<String>,
    /// Its admin token.
    #[arg(long, env = "RIPPLE_ADMIN_TOKEN", hide_env_values = true)]
    pub admin_token: Option<String>,
    /// The store of a server that is started for the run.
    #[arg(long, value_enum, default_value = "embedded", conflicts_with = "url")]
    pub store: Store,
    /// Gives requests and each tier a process of their own, which needs a Redis store.
    #[arg(long, conflicts_with = "url")]
    pub split_roles: bool,
    /// The `ripple` program that is started; that beside this program where it is left out.
    #[arg(long, conflicts_with = "url")]
    pub ripple: Option<PathBuf>,
    /// Posts a second, in place of the scenario's; other rates change in the same proportion.
    #[arg(long)]
    pub rate: Option<f64>,
    /// For how long load is sent, in seconds, in place of the scenario's.
    #[arg(long, value_name = "SECONDS")]
    pub duration: Option<f64>,
    /// How many users there are, in place of the scenario's.
    #[arg(long)]
    pub users: Option<u32>,
    /// The seed of all that is drawn by lot, in place of the scenario's.
    #[arg(long)]
    pub seed: Option<u64>,
    /// Which pages are verified at the end.
    #[arg(long, value_enum)]
    pub verify: Option<Verify>,
    /// A folder for `report.json` and `report.html`.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Shows no progress.
    #[arg(long)]
    pub quiet: bool,
    /// Further options of the server that is started for the run, behind `--`.
    #[arg(last = true, value_name = "OPTIONS", conflicts_with = "url")]
    pub options: Vec<String>,
}

/// Which pages are verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Verify {
    /// A sample.
    Sampled,
    /// All.
    All,
}

impl RunArgs {
    /// The server to be measured.
    pub fn target(&self) -> Result<Target, DeploymentError> {
        if let (Some(url), Some(admin_token)) = (&self.url, &self.admin_token) {
            return Ok(Target::Given {
                url: url.clone(),
                admin_token: admin_token.clone(),
            });
        }
        let ripple = find_ripple(self.ripple.as_deref())?;
        let mut spec = DeploymentSpec::new(self.store, ripple);
        spec.options.clone_from(&self.options);
        spec.split_roles = self.split_roles;
        Ok(Target::Own(spec))
    }

    /// The scenario with what the command line says otherwise.
    pub fn scenario(&self) -> Result<Scenario, ScenarioError> {
        let mut scenario = scenario::find(&self.scenario)?;
        if let Some(rate) = self.rate {
            let posts = scenario.rates.get(&Operation::Post).copied();
            match posts.filter(|posts| *posts > 0.0) {
                Some(posts) => {
                    scenario
                        .rates
                        .values_mut()
                        .for_each(|other| *other *= rate / posts);
                }
                None => {
                    scenario.rates.insert(Operation::Post, rate);
                }
            }
            if let Some(search) = &mut scenario.saturate {
                search.from = rate;
                search.to = search.to.max(rate);
            }
        }
        if let Some(duration_s) = self.duration {
            scenario.duration_s = duration_s;
            // What lies behind the end does not happen.
            scenario.herds.retain(|herd| herd.at_s < duration_s);
            scenario.faults.retain(|fault| fault.at_s < duration_s);
        }
        if let Some(users) = self.users {
            scenario.world.users = users;
        }
        if let Some(seed) = self.seed {
            scenario.seed = seed;
        }
        if let Some(verify) = self.verify {
            scenario.verify.all = verify == Verify::All;
        }
        scenario.checked(&self.scenario)
    }
}

/// The address of a server, as `https://ripple.example`.
fn server_url(text: &str) -> Result<String, String> {
    let url = reqwest::Url::parse(text).map_err(|error| error.to_string())?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err("it must begin with http:// or https:// and a host".into());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("it must end with the host, a port or a path".into());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use clap::error::ErrorKind;

    use super::*;

    fn args(line: &str) -> RunArgs {
        let words = ["ripple-load-tests", "run"]
            .into_iter()
            .chain(line.split(' '));
        match Cli::try_parse_from(words).unwrap().command {
            Command::Run(args) => *args,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_command_line_says_what_is_other_than_in_the_scenario() {
        let given = args("smoke --rate 200 --duration 5 --seed 9 --users 50 --verify all");
        let scenario = given.scenario().unwrap();
        let smoke = scenario::find("smoke").unwrap();
        assert_eq!(scenario.rates[&Operation::Post], 200.0);
        let home = smoke.rates[&Operation::Home] * 2.0;
        assert_eq!(scenario.rates[&Operation::Home], home);
        assert_eq!((scenario.duration_s, scenario.seed), (5.0, 9));
        assert!(scenario.world.users == 50 && scenario.verify.all);
    }

    #[test]
    fn an_address_that_is_none_is_refused_by_its_name() {
        for wrong in [
            "nope",
            "ftp://ripple.example",
            "localhost:8080",
            "http://a/?b",
        ] {
            let words = [
                "ripple-load-tests",
                "run",
                "smoke",
                "--admin-token",
                "x",
                "--url",
            ];
            let error = Cli::try_parse_from(words.into_iter().chain([wrong])).unwrap_err();
            assert!(error.to_string().contains(&format!("'{wrong}'")), "{error}");
        }
        let given = args("smoke --admin-token x --url http://127.0.0.1:8080/");
        assert_eq!(given.url.as_deref(), Some("http://127.0.0.1:8080/"));
    }

    #[test]
    fn what_is_said_of_a_server_to_be_started_is_refused_for_a_given_one() {
        let given = "run smoke --admin-token x --url http://127.0.0.1:8080";
        for further in ["--store redis", "--split-roles", "--ripple x", "-- --help"] {
            let line = format!("ripple-load-tests {given} {further}");
            let error = Cli::try_parse_from(line.split(' ')).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ArgumentConflict, "{error}");
        }
    }

    #[test]
    fn a_scenario_that_the_command_line_spoils_is_refused() {
        let error = args("smoke --duration 0")
            .scenario()
            .unwrap_err()
            .to_string();
        assert!(error.contains("duration_s"), "{error}");
    }
}
