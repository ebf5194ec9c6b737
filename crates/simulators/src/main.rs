//! `simulators`: the test bed from the command line.

mod commands;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Test doubles of the Kong Admin API and of Konnect, and a real Kubernetes control plane, to try a migration (or any
/// other client) without an account.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    KongAdmin(commands::kong_admin::Arguments),
    Konnect(commands::konnect::Arguments),
    Cluster(commands::cluster::Arguments),
}

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    let outcome = match Arguments::parse().command {
        Command::KongAdmin(arguments) => commands::kong_admin::run(arguments).await,
        Command::Konnect(arguments) => commands::konnect::run(arguments).await,
        Command::Cluster(arguments) => commands::cluster::run(arguments).await,
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // In one line: a backtrace would not help a user.
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
