//! `plan show`, `plan diff` and `plan export`: the plan that the operator stored.

use clap::{Args, Subcommand};

use super::cluster::{ClusterError, MigrationArgs, MigrationName};
use super::output::{Output, OutputError, print};
use crate::k8s::artefacts::{self, ArtefactError};
use crate::kong::plan::report::PlanEnds;
use crate::migration::render::{diff, json};
use crate::migration::report::PlanReport;

/// Commands on a stored plan.
#[derive(Debug, Subcommand)]
pub enum StoredCommand {
    /// Show the plan of a WorkspaceMigration.
    Show(PlanShowArgs),
    /// Show what the plan of a WorkspaceMigration changes, field by field; secrets are masked.
    Diff(MigrationArgs),
    /// Print the planned target of a WorkspaceMigration for other tools.
    Export(PlanExportArgs),
}

/// Options of `plan show`.
#[derive(Debug, Args)]
pub struct PlanShowArgs {
    #[command(flatten)]
    migration: MigrationArgs,
    /// Form of the plan.
    #[arg(long, short, value_enum, default_value_t)]
    output: Output,
    /// List every entity, and every subject of a finding.
    #[arg(long)]
    full: bool,
}

/// Options of `plan export`. A stored plan holds no secrets; `plan --include-secrets` prints a file with them.
#[derive(Debug, Args)]
pub struct PlanExportArgs {
    #[command(flatten)]
    migration: MigrationArgs,
    /// Form of the export.
    #[arg(long, short, value_enum, default_value_t = Output::Deck)]
    output: Output,
}

/// Why a stored plan could not be printed.
#[derive(Debug, thiserror::Error)]
pub enum StoredError {
    /// No cluster, or no such migration.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// It has no plan yet.
    #[error("{0} has no stored plan yet; its conditions say what it waits for")]
    NoPlan(MigrationName),
    /// The document.
    #[error(transparent)]
    Artefact(#[from] ArtefactError),
    /// Its content.
    #[error("the stored plan of {name} (Secret {secret}): {source}")]
    Content {
        /// Which migration.
        name: MigrationName,
        /// The first Secret that holds it.
        secret: String,
        /// What is wrong with it.
        source: json::ReadError,
    },
    /// Printing.
    #[error(transparent)]
    Output(#[from] OutputError),
}

impl StoredCommand {
    /// Reads and prints.
    ///
    /// # Errors
    /// When there is no cluster or no plan.
    pub async fn run(&self) -> Result<(), StoredError> {
        match self {
            Self::Show(args) => {
                let report = fetch(&args.migration).await?;
                Ok(args.output.print(&report, args.full)?)
            }
            Self::Diff(args) => {
                let text = diff::render(&fetch(args).await?);
                Ok(print(&text).map_err(OutputError::from)?)
            }
            Self::Export(args) => {
                let report = fetch(&args.migration).await?;
                Ok(args.output.print(&report, true)?)
            }
        }
    }
}

/// The stored plan of a migration.
async fn fetch(args: &MigrationArgs) -> Result<PlanReport<PlanEnds>, StoredError> {
    let found = args.fetch().await?;
    let plan = found.status.plan.and_then(|plan| plan.artefact_ref);
    let artefact = plan.ok_or_else(|| StoredError::NoPlan(found.name.clone()))?;
    let document = artefacts::load(&found.client, &found.name.namespace, &artefact.name).await?;
    json::read(&document).map_err(|source| StoredError::Content {
        name: found.name,
        secret: artefact.name,
        source,
    })
}
