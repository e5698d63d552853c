//! Ripple's load generator: `ripple-load-tests run steady`.

use std::{error::Error, fs, io, path::Path, process::ExitCode, time::Duration};

use clap::Parser;
use ripple_load_tests::{
    cli::{Cli, Command, RunArgs},
    report::{Style, compare, html, model::Report, table},
    run::{RunOptions, run},
    scenario,
};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

/// Something was broken or went wrong; clap uses 2 for a wrong command line.
const FAILED: u8 = 1;
/// The run was broken off; as shells say it of a program that SIGINT has ended.
const BROKEN_OFF: u8 = 130;

/// How long threads that still measure are waited for when the run was broken off.
const THREADS_WAIT: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    let command = Cli::parse().command;
    let runtime = match Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: cannot start: {error}");
            return ExitCode::from(FAILED);
        }
    };
    let status = runtime.block_on(status(command));
    // What still runs is dropped, and with it what was started for it.
    runtime.shutdown_timeout(THREADS_WAIT);
    status
}

async fn status(command: Command) -> ExitCode {
    let stop = CancellationToken::new();
    let done = match command {
        Command::Run(args) => tokio::select! {
            done = run_scenario(&args, stop.clone()) => done,
            () = broken_off(stop) => {
                eprintln!("broken off: there is no report");
                return ExitCode::from(BROKEN_OFF);
            }
        },
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
async fn run_scenario(args: &RunArgs, stop: CancellationToken) -> Result<bool, Box<dyn Error>> {
    let scenario = args.scenario()?;
    // A run of an hour is not lost for a folder that cannot be written to.
    if let Some(folder) = &args.out {
        prepare(folder)?;
    }
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

/// Ends the run at the first SIGINT or SIGTERM, with a report; returns at the second. No process is left
/// behind either way.
async fn broken_off(stop: CancellationToken) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    ) else {
        return std::future::pending().await;
    };
    loop {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        if stop.is_cancelled() {
            return;
        }
        eprintln!("ending the run; the report follows (once more to break it off)");
        stop.cancel();
    }
}

/// Makes the folder of a report, and tries whether a file can be written to it.
fn prepare(folder: &Path) -> Result<(), String> {
    let cannot = |source| format!("cannot write to {}: {source}", folder.display());
    fs::create_dir_all(folder).map_err(cannot)?;
    tempfile::tempfile_in(folder).map_err(cannot)?;
    Ok(())
}

fn show(report: &Report) {
    print!("{}", table::render(report, &Style::of_stdout()));
}

fn write(report: &Report, folder: &Path) -> Result<(), Box<dyn Error>> {
    let cannot =
        |source: io::Error| format!("cannot write the report to {}: {source}", folder.display());
    report
        .write_json(folder.join("report.json"))
        .map_err(cannot)?;
    let page = folder.join("report.html");
    fs::write(&page, html::render(report)?).map_err(cannot)?;
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
        print!("{}", scenario::text(name)?);
        return Ok(true);
    }
    for name in scenario::NAMES {
        println!("{name:16} {}", scenario::find(name)?.description);
    }
    Ok(true)
}
