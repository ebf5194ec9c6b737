//! The command line.

pub mod advice;
pub mod apply;
pub mod backup;
pub mod cluster;
pub mod crd;
pub mod custom_plugins;
pub mod decisions;
pub mod documents;
pub mod endpoints;
pub mod ends;
pub mod files;
pub mod kinds;
pub mod ledger;
pub mod output;
pub mod plan;
pub mod progress;
pub mod report;
pub mod result;
pub mod rollback;
pub mod run;
pub mod source;
pub mod stored;
pub mod wait;
pub mod workspace_migration;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

/// Moves self-managed Kong Gateway workspaces to Kong Konnect.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the operator.
    Run(Box<run::RunArgs>),
    /// Print the CustomResourceDefinitions as YAML.
    Crd(crd::CrdArgs),
    /// Show what a migration would do, without a cluster and without a write: exits 0 for no change, 2 for changes, 3 when blocked, 1 for errors.
    Plan(Box<plan::PlanArgs>),
    /// Migrate without a cluster: plan, write, verify. Exits 0 when all is written and verified, 3 when something waits for a person, 1 for errors and signals; running it again goes on.
    Apply(Box<apply::ApplyArgs>),
    /// Print how far a migration is and what stays behind, without a cluster and without a write; exits as plan does.
    Report(Box<report::ReportArgs>),
    /// Export what the operator saved of a control plane before a migration wrote to it. Holds secrets in clear.
    #[command(subcommand)]
    Backup(backup::BackupCommand),
    /// Show what undoing a WorkspaceMigration in a cluster would do, step by step; spec.rollback does it.
    #[command(subcommand)]
    Rollback(rollback::RollbackCommand),
    /// Say whose an entity of a control plane is where the list of what was written does not tell.
    #[command(subcommand)]
    Ledger(ledger::LedgerCommand),
    /// Wait for a WorkspaceMigration in a cluster: exits 0 when it is done, 2 when somebody has to decide something, 1 when it failed or the time is over.
    Wait(wait::WaitArgs),
}

impl Cli {
    /// Reads the command line. When there is nothing to run, help or the mistake is printed, and the exit status
    /// returned: never 2, which says something else here.
    ///
    /// # Errors
    /// The exit status.
    pub fn from_command_line() -> Result<Self, ExitCode> {
        let mut command = Self::command();
        if is_kubectl_plugin() {
            command = command.bin_name(PLUGIN);
        }
        let parsed = command
            .try_get_matches_from_mut(std::env::args_os())
            .and_then(|matches| Self::from_arg_matches(&matches));
        parsed.map_err(|error| {
            // Nobody is left to tell when that fails.
            let _ = error.print();
            match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
                _ => ExitCode::FAILURE,
            }
        })
    }

    /// Does what the command line says, and returns the exit status.
    ///
    /// # Errors
    /// When the command fails; the error is meant for the user.
    pub fn run(&self) -> Result<ExitCode, CliError> {
        match &self.command {
            Command::Run(args) => run::run(args)?,
            Command::Crd(args) => crd::run(args)?,
            Command::Plan(args) => return Ok(plan::run(args)?),
            Command::Apply(args) => return Ok(apply::run(args)?),
            Command::Report(args) => return Ok(report::run(args)?),
            Command::Backup(command) => command.run()?,
            Command::Rollback(command) => command.run()?,
            Command::Ledger(command) => command.run()?,
            Command::Wait(args) => return Ok(wait::run(args)?),
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// How the user calls the plugin: kubectl finds `kubectl-gateway_migration` on the PATH.
const PLUGIN: &str = "kubectl gateway-migration";

fn is_kubectl_plugin() -> bool {
    let name = std::env::args_os().next().map(PathBuf::from);
    name.as_deref()
        .and_then(Path::file_stem)
        .is_some_and(|name| name == "kubectl-gateway_migration")
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// `run`.
    #[error(transparent)]
    Run(#[from] run::RunError),
    /// `crd`.
    #[error(transparent)]
    Crd(#[from] crd::CrdError),
    /// `plan` and `report`.
    #[error(transparent)]
    Plan(#[from] plan::PlanError),
    /// `apply`.
    #[error(transparent)]
    Apply(#[from] apply::ApplyError),
    /// `backup`, `rollback`.
    #[error(transparent)]
    Stored(#[from] stored::StoredError),
    /// `ledger`.
    #[error(transparent)]
    Ledger(#[from] ledger::LedgerCommandError),
    /// `wait`.
    #[error(transparent)]
    Wait(#[from] wait::WaitError),
}
