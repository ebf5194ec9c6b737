//! `rollback show`: what undoing a migration would do, as the operator stored it.

use clap::{Args, Subcommand};

use super::cluster::MigrationArgs;
use super::output::{OutputError, RollbackFormat, print, style};
use super::plan::{LOG, runtime};
use super::stored::{Stored, StoredError};
use crate::telemetry::tracing::{LogFormat, init};

/// Commands on a rollback.
#[derive(Debug, Subcommand)]
pub enum RollbackCommand {
    /// Show what spec.rollback of a WorkspaceMigration would undo, step by step, and what stays; nothing is written.
    Show(RollbackShowArgs),
}

/// Options of `rollback show`.
#[derive(Debug, Args)]
pub struct RollbackShowArgs {
    #[command(flatten)]
    migration: MigrationArgs,
    /// Form of the rollback.
    #[arg(long, short, value_enum, default_value_t)]
    output: RollbackFormat,
    /// List every step, and every subject of a finding.
    #[arg(long)]
    full: bool,
}

impl RollbackCommand {
    /// Reads and prints.
    ///
    /// # Errors
    /// When there is no cluster or no rollback.
    pub fn run(&self) -> Result<(), StoredError> {
        let Self::Show(args) = self;
        init(LOG, LogFormat::Text)?;
        let text = runtime()?.block_on(args.render())?;
        Ok(print(&text).map_err(OutputError::from)?)
    }
}

impl RollbackShowArgs {
    async fn render(&self) -> Result<String, StoredError> {
        let (kind, what) = (self.migration.kind(), "rollback");
        let printer = kind.rollback.ok_or(StoredError::NotOfKind { kind, what })?;
        let missing =
            "nothing to undo, or it is not stored yet; its condition RollbackReady says what is known";
        let rollback = Stored::fetch(&self.migration, (what, missing), |status| status.rollback).await?;
        rollback.text(|document| printer.text(document, self.output, style(self.full)))
    }
}
