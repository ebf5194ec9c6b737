//! The command line.

pub mod crd;

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
    /// Print the CustomResourceDefinitions as YAML.
    Crd(crd::CrdArgs),
}

impl Cli {
    /// Does what the command line says.
    ///
    /// # Errors
    /// When the command fails; the error is meant for the user.
    pub fn run(&self) -> Result<(), crd::CrdError> {
        match &self.command {
            Command::Crd(args) => crd::run(args),
        }
    }
}
