//! `plan show`, `plan diff` and `plan export`: the plan that the operator stored.

use clap::{Args, Subcommand};
use kube::{Api, Client};

use super::output::{Output, OutputError, print};
use crate::api::workspace_migration::WorkspaceMigration;
use crate::k8s::artefacts::{self, ArtefactError};
use crate::plan::Report;
use crate::plan::render::{diff, json};

/// Commands on a stored plan.
#[derive(Debug, Subcommand)]
pub enum StoredCommand {
    /// Show the plan of a WorkspaceMigration.
    Show(ShowArgs),
    /// Show what the plan of a WorkspaceMigration changes, field by field; secrets are masked.
    Diff(MigrationArgs),
    /// Print the planned target of a WorkspaceMigration for other tools.
    Export(ExportArgs),
}

/// Which plan.
#[derive(Debug, Args)]
pub struct MigrationArgs {
    /// The WorkspaceMigration; the namespace of the kubeconfig is taken when left out.
    #[arg(value_name = "[NAMESPACE/]NAME")]
    migration: String,
}

/// Options of `plan show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
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
pub struct ExportArgs {
    #[command(flatten)]
    migration: MigrationArgs,
    /// Form of the export.
    #[arg(long, short, value_enum, default_value_t = Output::Deck)]
    output: Output,
}

/// Why a stored plan could not be printed.
#[derive(Debug, thiserror::Error)]
pub enum StoredError {
    /// No cluster.
    #[error("cannot connect to Kubernetes: {0}; set KUBECONFIG")]
    Connect(Box<kube::Error>),
    /// The migration could not be read.
    #[error("cannot read WorkspaceMigration {name}: {source}")]
    Read {
        /// Namespace and name.
        name: String,
        /// What the API server said.
        source: Box<kube::Error>,
    },
    /// There is none of that name.
    #[error("there is no WorkspaceMigration {0}; kubectl get workspacemigrations -A lists them")]
    NotFound(String),
    /// It has no plan yet.
    #[error("WorkspaceMigration {0} has no stored plan yet; its conditions say what it waits for")]
    NoPlan(String),
    /// The document.
    #[error(transparent)]
    Artefact(#[from] ArtefactError),
    /// Its content.
    #[error(transparent)]
    Content(#[from] json::ReadError),
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
                let report = args.migration.fetch().await?;
                Ok(args.output.print(&report, args.full)?)
            }
            Self::Diff(args) => {
                let text = diff::render(&args.fetch().await?);
                Ok(print(&text).map_err(OutputError::from)?)
            }
            Self::Export(args) => {
                let report = args.migration.fetch().await?;
                Ok(args.output.print(&report, true)?)
            }
        }
    }
}

impl MigrationArgs {
    async fn fetch(&self) -> Result<Report, StoredError> {
        let client = Client::try_default()
            .await
            .map_err(|error| StoredError::Connect(Box::new(error)))?;
        let (namespace, name) = match self.migration.split_once('/') {
            Some((namespace, name)) => (namespace.to_owned(), name),
            None => (client.default_namespace().to_owned(), self.migration.as_str()),
        };
        let full = format!("{namespace}/{name}");
        let api: Api<WorkspaceMigration> = Api::namespaced(client.clone(), &namespace);
        let found = api.get_opt(name).await.map_err(|source| StoredError::Read {
            name: full.clone(),
            source: Box::new(source),
        })?;
        let migration = found.ok_or_else(|| StoredError::NotFound(full.clone()))?;
        let plan = migration.status.and_then(|status| status.plan);
        let artefact = plan
            .and_then(|plan| plan.artefact_ref)
            .ok_or(StoredError::NoPlan(full))?;
        let document = artefacts::load(&client, &namespace, &artefact.name).await?;
        Ok(json::read(&document)?)
    }
}
