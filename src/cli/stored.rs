//! `plan show`, `plan diff` and `plan export`: the plan that the operator stored.

use clap::{Args, Subcommand};
use serde_json::Value;

use super::cluster::{ClusterError, MigrationArgs, MigrationName};
use super::documents::{DocumentError, ProductError};
use super::output::{Output, OutputError, print, style};
use crate::k8s::artefacts::{self, ArtefactError};
use crate::migration::render::{diff, json};

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
        source: ProductError,
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
        let text = match self {
            Self::Show(args) => {
                let plan = StoredPlan::fetch(&args.migration).await?;
                plan.text(args.output, args.full)?
            }
            Self::Diff(args) => StoredPlan::fetch(args).await?.diff()?,
            Self::Export(args) => {
                let plan = StoredPlan::fetch(&args.migration).await?;
                plan.text(args.output, true)?
            }
        };
        Ok(print(&text).map_err(OutputError::from)?)
    }
}

/// The stored plan of a migration.
struct StoredPlan {
    name: MigrationName,
    /// The first Secret that holds it.
    secret: String,
    document: Vec<u8>,
}

impl StoredPlan {
    async fn fetch(args: &MigrationArgs) -> Result<Self, StoredError> {
        let found = args.fetch().await?;
        let plan = found.status.plan.and_then(|plan| plan.artefact_ref);
        let artefact = plan.ok_or_else(|| StoredError::NoPlan(found.name.clone()))?;
        let document = artefacts::load(&found.client, &found.name.namespace, &artefact.name).await?;
        Ok(Self {
            name: found.name,
            secret: artefact.name,
            document,
        })
    }

    fn text(self, form: Output, full: bool) -> Result<String, StoredError> {
        let printer = self.name.kind.plan;
        let text = printer.text(&self.document, form, style(full));
        text.map_err(|error| match error {
            DocumentError::Content(source) => self.malformed(source),
            DocumentError::Output(error) => error.into(),
        })
    }

    /// A diff shows no end: it is the same for every product.
    fn diff(self) -> Result<String, StoredError> {
        match json::read::<Value>(&self.document) {
            Ok(report) => Ok(diff::render(&report)),
            Err(error) => Err(self.malformed(error.into())),
        }
    }

    fn malformed(self, source: ProductError) -> StoredError {
        StoredError::Content {
            name: self.name,
            secret: self.secret,
            source,
        }
    }
}
