//! `backup export`: what the operator saved of a control plane before a migration wrote to it.

use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::cluster::{Address, ClusterError, MigrationArgs, MigrationName};
use super::documents::{DocumentError, ProductError};
use super::files::private_file;
use super::kinds::ClusterKind;
use super::output::{BackupFormat, OutputError, print};
use super::plan::{LOG, runtime};
use crate::k8s::artefacts::{self, ArtefactError};
use crate::telemetry::tracing::{LogError, LogFormat, init};

/// Commands on a backup.
#[derive(Debug, Subcommand)]
pub enum BackupCommand {
    /// Export the backup of a WorkspaceMigration: what the control plane held before the first write.
    Export(BackupExportArgs),
}

/// Options of `backup export`. One of the two places has to be named, because the backup holds secrets in clear.
#[derive(Debug, Args)]
pub struct BackupExportArgs {
    #[command(flatten)]
    migration: MigrationArgs,
    /// The first Secret of the backup, for a migration that is gone and has left backups of several control planes.
    #[arg(long, value_name = "NAME")]
    secret: Option<String>,
    /// Form of the export.
    #[arg(long, short, value_enum, default_value_t)]
    output: BackupFormat,
    #[command(flatten)]
    place: BackupPlace,
}

/// Where the export goes.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct BackupPlace {
    /// A new file, which only its owner can read.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Standard output.
    #[arg(long)]
    stdout: bool,
}

/// Why a backup could not be exported.
#[derive(Debug, thiserror::Error)]
pub enum BackupCommandError {
    /// No cluster, or no such migration.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// Migrations of the kind have none.
    #[error("a migration of the kind {} has no stored backup", .0.kind)]
    NotOfKind(&'static ClusterKind),
    /// There is none.
    #[error("{0} has no full backup: nothing is written yet, or spec.backupPolicy is BeforeImages")]
    NoBackup(MigrationName),
    /// Neither object nor backup.
    #[error(
        "there is no {0}, and no Secret with a backup of one of that name; kubectl get secrets -A -l gatewaymigration.dev/artefact=backup lists all there are"
    )]
    Nothing(MigrationName),
    /// The object is gone, and there are several.
    #[error("{name} has left backups of several control planes; choose one with --secret: {}", secrets.join(", "))]
    Several {
        /// Which migration.
        name: MigrationName,
        /// The first Secret of each.
        secrets: Vec<String>,
    },
    /// The document.
    #[error(transparent)]
    Artefact(#[from] ArtefactError),
    /// Its content.
    #[error("Secret {secret}: {source}")]
    Content {
        /// The first Secret that holds it.
        secret: String,
        /// What is wrong with it.
        source: ProductError,
    },
    /// Its form.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// The file, or standard output.
    #[error("cannot write the backup to {place}: {source}")]
    Write {
        /// Where to.
        place: String,
        /// Why.
        source: io::Error,
    },
    /// The threads of the command.
    #[error("cannot start: {0}")]
    Runtime(#[from] io::Error),
    /// Logging.
    #[error(transparent)]
    Log(#[from] LogError),
}

impl BackupCommand {
    /// Reads the backup and writes it where it was asked for.
    ///
    /// # Errors
    /// When there is no cluster or no backup, or the file exists.
    pub fn run(&self) -> Result<(), BackupCommandError> {
        let Self::Export(args) = self;
        init(LOG, LogFormat::Text)?;
        let text = runtime()?.block_on(args.render())?;
        args.place.write(&text)
    }
}

impl BackupExportArgs {
    async fn render(&self) -> Result<String, BackupCommandError> {
        let kind = self.migration.kind();
        let printer = kind.backup.ok_or(BackupCommandError::NotOfKind(kind))?;
        let address = self.migration.address().await?;
        let (client, namespace) = (address.client.clone(), address.name.namespace.clone());
        let secret = match &self.secret {
            Some(secret) => secret.clone(),
            None => find(address).await?,
        };
        let document = artefacts::load(&client, &namespace, &secret).await?;
        printer(&document, self.output).map_err(|error| match error {
            DocumentError::Content(source) => BackupCommandError::Content { secret, source },
            DocumentError::Output(error) => error.into(),
        })
    }
}

/// The first Secret of a migration's backup: the one that its status names, else whatever bears its name. The object may be gone: after
/// a cluster was restored, the Secrets are what is left.
async fn find(address: Address) -> Result<String, BackupCommandError> {
    let (client, name) = (address.client.clone(), address.name.clone());
    let none = match address.fetch().await {
        Ok(found) => {
            if let Some(artefact) = found.status.backup.and_then(|backup| backup.artefact_ref) {
                return Ok(artefact.name);
            }
            BackupCommandError::NoBackup(name.clone())
        }
        Err(ClusterError::NotFound(_) | ClusterError::NotInstalled(_)) => {
            BackupCommandError::Nothing(name.clone())
        }
        Err(error) => return Err(error.into()),
    };
    let mut secrets = artefacts::find_about(&client, &name.namespace, "backup", &name.name).await?;
    match (secrets.pop(), secrets.is_empty()) {
        (None, _) => Err(none),
        (Some(secret), true) => Ok(secret),
        (Some(last), false) => {
            secrets.push(last);
            Err(BackupCommandError::Several { name, secrets })
        }
    }
}

impl BackupPlace {
    fn write(&self, text: &str) -> Result<(), BackupCommandError> {
        let (place, written) = match &self.file {
            Some(path) => {
                let written = private_file(path).and_then(|mut file| {
                    file.write_all(text.as_bytes())?;
                    file.flush()?;
                    file.get_ref().sync_all()
                });
                (path.display().to_string(), written)
            }
            None => ("standard output".to_owned(), print(text)),
        };
        written.map_err(|source| BackupCommandError::Write { place, source })
    }
}
