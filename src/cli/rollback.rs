//! `rollback show`: what undoing a migration would do, as the operator stored it.

use std::io;

use clap::{Args, Subcommand};

use super::cluster::{ClusterError, MigrationArgs, MigrationName};
use super::documents::{DocumentError, ProductError};
use super::kinds::ClusterKind;
use super::output::{OutputError, RollbackFormat, print, style};
use super::plan::{LOG, runtime};
use crate::k8s::artefacts::{self, ArtefactError};
use crate::telemetry::tracing::{LogError, LogFormat, init};

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

/// Why a rollback could not be shown.
#[derive(Debug, thiserror::Error)]
pub enum RollbackCommandError {
    /// No cluster, or no such migration.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// Migrations of the kind have none.
    #[error("a migration of the kind {} has no stored rollback", .0.kind)]
    NotOfKind(&'static ClusterKind),
    /// There is none.
    #[error(
        "{0} has nothing to undo, or it is not stored yet; its condition RollbackReady says what is known"
    )]
    None(MigrationName),
    /// The document.
    #[error(transparent)]
    Artefact(#[from] ArtefactError),
    /// Its content.
    #[error("the stored rollback of {name} (Secret {secret}): {source}")]
    Content {
        /// Which migration.
        name: MigrationName,
        /// The first Secret that holds it.
        secret: String,
        /// What is wrong with it.
        source: ProductError,
    },
    /// Printing.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// The threads of the command.
    #[error("cannot start: {0}")]
    Runtime(#[from] io::Error),
    /// Logging.
    #[error(transparent)]
    Log(#[from] LogError),
}

impl RollbackCommand {
    /// Reads and prints.
    ///
    /// # Errors
    /// When there is no cluster or no rollback.
    pub fn run(&self) -> Result<(), RollbackCommandError> {
        let Self::Show(args) = self;
        init(LOG, LogFormat::Text)?;
        let text = runtime()?.block_on(args.render())?;
        Ok(print(&text).map_err(OutputError::from)?)
    }
}

impl RollbackShowArgs {
    async fn render(&self) -> Result<String, RollbackCommandError> {
        let kind = self.migration.kind();
        let printer = kind.rollback.ok_or(RollbackCommandError::NotOfKind(kind))?;
        let found = self.migration.fetch().await?;
        let told = found.status.rollback.and_then(|told| told.artefact_ref);
        let artefact = told.ok_or_else(|| RollbackCommandError::None(found.name.clone()))?;
        let document = artefacts::load(&found.client, &found.name.namespace, &artefact.name).await?;
        let text = printer.text(&document, self.output, style(self.full));
        text.map_err(|error| match error {
            DocumentError::Content(source) => RollbackCommandError::Content {
                name: found.name,
                secret: artefact.name,
                source,
            },
            DocumentError::Output(error) => error.into(),
        })
    }
}
