//! Ripple's load generator: `ripple-load-tests run steady`.

use std::{error::Error, fs, path::Path, process::ExitCode};

use clap::Parser;
use ripple_load_tests::{
    cli::{Cli, Command, RunArgs},
    report::{Style, compare, html, model::Report, table},
    run::{RunOptions, run},
    scenario,
};
use tokio_util::sync::CancellationToken;

/// Something was broken or went wrong; clap uses 2 for a wrong command line.
const FAILED: u8 = 1;

#[tokio::main]
async fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Run(args) => run_scenario(&args).await,
        Command::Compare { before, after } => compare_runs(&before, &after),
        Command::Scenarios { name } => scenarios(name.as_deref()),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(FAILED),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(FAILED)
        }
    }
}

/// Whether all promises held.
async fn run_scenario(args: &RunArgs) -> Result<bool, Box<dyn Error>> {
    let scenario = args.scenario()?;
    let stop = CancellationToken::new();
    tokio::spawn(stop_when_told(stop.clone()));
    let options = RunOptions {
        target: args.target()?,
        is_quiet: args.quiet,
        stop,
    };
    // On the heap: it holds all that a run needs.
    let report = Box::pin(run(&scenario, &options)).await?;
    show(&report);
    if let Some(folder) = &args.out {
        write(&report, folder)?;
    }
    Ok(report.holds())
}

/// Ends the run at the first SIGINT or SIGTERM: with a report, and no process left behind.
async fn stop_when_told(stop: CancellationToken) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    ) else {
        return;
    };
    loop {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        if !stop.is_cancelled() {
            eprintln!("ending the run; the report follows");
        }
        stop.cancel();
    }
}

fn show(report: &Report) {
    print!("{}", table::render(report, &Style::of_stdout()));
}

fn write(report: &Report, folder: &Path) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(folder)?;
    report.write_json(folder.join("report.json"))?;
    let page = folder.join("report.html");
    fs::write(&page, html::render(report)?)?;
    eprintln!("the report with charts: {}", page.display());
    Ok(())
}

/// Whether no promise is broken that was kept before.
fn compare_runs(before: &Path, after: &Path) -> Result<bool, Box<dyn Error>> {
    let comparison = compare::compare(&Report::read_json(before)?, &Report::read_json(after)?);
    print!("{}", compare::render(&comparison, &Style::of_stdout()));
    Ok(!comparison.breaks_a_promise())
}

fn scenarios(name: Option<&str>) -> Result<bool, Box<dyn Error>> {
    if let Some(name) = name {
        let found = scenario::find(name)?;
        println!("{}", scenario::text(&found.name).unwrap_or_default());
        return Ok(true);
    }
    for name in scenario::NAMES {
        println!("{name:16} {}", scenario::find(name)?.description);
    }
    Ok(true)
}
