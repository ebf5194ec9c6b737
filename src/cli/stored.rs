//! What the operator stored of a migration; and of that `plan show`, `plan diff` and `plan export`.

use std::io;

use clap::{Args, Subcommand};
use serde_json::Value;

use super::cluster::{ClusterError, MigrationArgs, MigrationName};
use super::documents::{DocumentError, ProductError, content};
use super::kinds::{ClusterKind, StatusExcerpt, StoredDocument};
use super::output::{Output, OutputError, print, style};
use crate::k8s::artefacts::{self, ArtefactError};
use crate::migration::render::{diff, json};
use crate::telemetry::tracing::LogError;

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

/// Why a stored document could not be printed.
#[derive(Debug, thiserror::Error)]
pub enum StoredError {
    /// No cluster, or no such migration.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// Migrations of the kind have none.
    #[error("a migration of the kind {} has no stored {what}", kind.kind)]
    NotOfKind {
        /// The kind.
        kind: &'static ClusterKind,
        /// What it has none of.
        what: &'static str,
    },
    /// There is none.
    #[error("{name} has {why}")]
    None {
        /// Which migration.
        name: MigrationName,
        /// What there is not, and why, or where that is told.
        why: &'static str,
    },
    /// Neither a migration nor anything that one of this name has left.
    #[error(
        "there is no {0}, and no Secret with a backup of one of that name; kubectl get secrets -A -l gatewaymigration.dev/artefact=backup lists all there are"
    )]
    Nothing(MigrationName),
    /// A migration that is gone has left backups of several control planes.
    #[error("{name} has left backups of several control planes; choose one with --secret: {}", secrets.join(", "))]
    Several {
        /// Which migration.
        name: MigrationName,
        /// Names of the Secrets.
        secrets: Vec<String>,
    },
    /// The document.
    #[error(transparent)]
    Artefact(#[from] ArtefactError),
    /// Its content.
    #[error("{what}: {source}")]
    Content {
        /// Which document.
        what: String,
        /// What is wrong with it.
        source: ProductError,
    },
    /// Printing.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// A document that goes into a file.
    #[error("cannot write the backup to {place}: {source}")]
    Write {
        /// Where to.
        place: String,
        /// Why not.
        source: io::Error,
    },
    /// The threads of the command.
    #[error("cannot start: {0}")]
    Runtime(#[from] io::Error),
    /// Logging.
    #[error(transparent)]
    Log(#[from] LogError),
}

/// A document as it is stored.
pub struct Stored {
    /// What to call it.
    pub what: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl Stored {
    /// Reads the document that a migration's status names with `of`; `missing` tells what there is not, and why.
    ///
    /// # Errors
    /// When there is no cluster, no migration or no document.
    pub async fn fetch(
        args: &MigrationArgs,
        (what, missing): (&'static str, &'static str),
        of: fn(StatusExcerpt) -> Option<StoredDocument>,
    ) -> Result<Self, StoredError> {
        let found = args.fetch().await?;
        let Some(artefact) = of(found.status).and_then(|told| told.artefact_ref) else {
            return Err(StoredError::None {
                name: found.name,
                why: missing,
            });
        };
        let bytes = artefacts::load(&found.client, &found.name.namespace, &artefact.name).await?;
        let what = format!("the stored {what} of {} (Secret {})", found.name, artefact.name);
        Ok(Self { what, bytes })
    }

    /// As text.
    ///
    /// # Errors
    /// When it is not what it should be, or cannot be printed so.
    pub fn text(
        self,
        print: impl FnOnce(&[u8]) -> Result<String, DocumentError>,
    ) -> Result<String, StoredError> {
        let Self { what, bytes } = self;
        print(&bytes).map_err(|error| match error {
            DocumentError::Content(source) => StoredError::Content { what, source },
            DocumentError::Output(error) => error.into(),
        })
    }
}

impl StoredCommand {
    /// Reads and prints.
    ///
    /// # Errors
    /// When there is no cluster or no plan.
    pub async fn run(&self) -> Result<(), StoredError> {
        let (migration, form, full) = match self {
            Self::Show(args) => (&args.migration, Some(args.output), args.full),
            Self::Diff(args) => (args, None, false),
            Self::Export(args) => (&args.migration, Some(args.output), true),
        };
        let words = ("plan", "no stored plan yet; its conditions say what it waits for");
        let plan = Stored::fetch(migration, words, |status| status.plan).await?;
        let text = plan.text(|document| match form {
            Some(form) => migration.kind().plan.text(document, form, style(full)),
            // A diff shows no end: it is the same for every product.
            None => Ok(diff::render(&json::read::<Value>(document).map_err(content)?)),
        })?;
        Ok(print(&text).map_err(OutputError::from)?)
    }
}
