//! The command line.

pub mod crd;
pub mod run;

use clap::{Parser, Subcommand};

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
    Run(run::RunArgs),
    /// Print the CustomResourceDefinitions as YAML.
    Crd(crd::CrdArgs),
}

impl Cli {
    /// Does what the command line says.
    ///
    /// # Errors
    /// When the command fails; the error is meant for the user.
    pub fn run(&self) -> Result<(), CliError> {
        match &self.command {
            Command::Run(args) => Ok(run::run(args)?),
            Command::Crd(args) => Ok(crd::run(args)?),
        }
    }
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
}
