//! The `ripple` binary: the command line, the wiring of store, workers and API, and telemetry.

mod cli;
mod commands;
mod credentials;
mod data_folder;
mod drain;
mod listen;
mod memory;
mod serve;
mod store;
mod telemetry;

use std::process::ExitCode;

use clap::Parser;
use cli::{Cli, Command, LogForm};
use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error),
    };
    let outcome = match cli.command.unwrap_or(Command::Serve(cli.serve)) {
        Command::Serve(args) => {
            let options = serve::ServeOptions::parse(args).unwrap_or_else(|error| error.exit());
            runtime.block_on(serve::serve(options))
        }
        command => {
            telemetry::start_log(LogForm::Pretty, "warn");
            runtime.block_on(commands::run(command))
        }
    };
    // What is left runs on threads that may block for long; nobody waits for them.
    runtime.shutdown_background();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        // Who reads the output has had enough: `ripple export follows | head`.
        Err(error) if is_broken_pipe(&*error) => ExitCode::SUCCESS,
        Err(error) => failed(&*error),
    }
}

fn is_broken_pipe(error: &(dyn std::error::Error + 'static)) -> bool {
    let error = error.downcast_ref::<std::io::Error>();
    error.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

/// Says why the command failed, with what caused it, and gives the exit status for that.
fn failed(error: &dyn std::error::Error) -> ExitCode {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let cause = error.to_string();
        // Some errors tell their cause in their own words already.
        if !text.contains(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
        source = error.source();
    }
    eprintln!("error: {text}");
    ExitCode::FAILURE
}
