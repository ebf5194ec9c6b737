//! `rollback show`: what undoing a migration would do, as the operator stored it.

use std::io;

use clap::{Args, Subcommand, ValueEnum};

use super::cluster::{ClusterError, MigrationArgs, MigrationName};
use super::output::{OutputError, colour, print};
use super::plan::{LOG, runtime};
use crate::k8s::artefacts::{self, ArtefactError};
use crate::kong::plan::render::text;
use crate::kong::plan::rollback::report::RollbackEnds;
use crate::migration::render::json::ReadError;
use crate::migration::render::rollback;
use crate::migration::render::terminal::Style;
use crate::migration::rollback::RollbackReport;
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

/// A form of a rollback.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum RollbackFormat {
    /// For a person.
    #[default]
    Terminal,
    /// For programs.
    Json,
}

/// Why a rollback could not be shown.
#[derive(Debug, thiserror::Error)]
pub enum RollbackCommandError {
    /// No cluster, or no such migration.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
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
        source: ReadError,
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
        let report = runtime()?.block_on(fetch(&args.migration))?;
        let style = Style {
            colour: colour(),
            full: args.full,
        };
        let text = match args.output {
            RollbackFormat::Terminal => text::rollback(&report, style),
            RollbackFormat::Json => rollback::json(&report).map_err(OutputError::from)?,
        };
        Ok(print(&text).map_err(OutputError::from)?)
    }
}

/// The stored rollback of a migration.
async fn fetch(args: &MigrationArgs) -> Result<RollbackReport<RollbackEnds>, RollbackCommandError> {
    let found = args.fetch().await?;
    let told = found.status.rollback.and_then(|told| told.artefact_ref);
    let artefact = told.ok_or_else(|| RollbackCommandError::None(found.name.clone()))?;
    let document = artefacts::load(&found.client, &found.name.namespace, &artefact.name).await?;
    rollback::read(&document).map_err(|source| RollbackCommandError::Content {
        name: found.name,
        secret: artefact.name,
        source,
    })
}
