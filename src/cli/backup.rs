//! `backup export`: what the operator saved of a control plane before a migration wrote to it.

use std::io::Write as _;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::cluster::{Address, ClusterError, MigrationArgs};
use super::files::private_file;
use super::output::{BackupFormat, print};
use super::plan::{LOG, runtime};
use super::stored::{Stored, StoredError};
use crate::k8s::artefacts;
use crate::telemetry::tracing::{LogFormat, init};

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

impl BackupCommand {
    /// Reads the backup and writes it where it was asked for.
    ///
    /// # Errors
    /// When there is no cluster or no backup, or the file exists.
    pub fn run(&self) -> Result<(), StoredError> {
        let Self::Export(args) = self;
        init(LOG, LogFormat::Text)?;
        let text = runtime()?.block_on(args.render())?;
        args.place.write(&text)
    }
}

impl BackupExportArgs {
    async fn render(&self) -> Result<String, StoredError> {
        let (kind, what) = (self.migration.kind(), "backup");
        let printer = kind.backup.ok_or(StoredError::NotOfKind { kind, what })?;
        let address = self.migration.address().await?;
        let (client, namespace) = (address.client.clone(), address.name.namespace.clone());
        let secret = match &self.secret {
            Some(secret) => secret.clone(),
            None => find(address).await?,
        };
        let backup = Stored {
            bytes: artefacts::load(&client, &namespace, &secret).await?,
            what: format!("Secret {secret}"),
        };
        backup.text(|document| printer(document, self.output))
    }
}

/// The first Secret of a migration's backup: the one that its status names, else whatever bears its name. The object may be gone: after
/// a cluster was restored, the Secrets are what is left.
async fn find(address: Address) -> Result<String, StoredError> {
    let (client, name) = (address.client.clone(), address.name.clone());
    let none = match address.fetch().await {
        Ok(found) => {
            if let Some(artefact) = found.status.backup.and_then(|backup| backup.artefact_ref) {
                return Ok(artefact.name);
            }
            StoredError::None {
                name: name.clone(),
                why: "no full backup: nothing is written yet, or spec.backupPolicy is BeforeImages",
            }
        }
        Err(ClusterError::NotFound(_) | ClusterError::NotInstalled(_)) => StoredError::Nothing(name.clone()),
        Err(error) => return Err(error.into()),
    };
    let mut secrets = artefacts::find_about(&client, &name.namespace, "backup", &name.name).await?;
    match (secrets.pop(), secrets.is_empty()) {
        (None, _) => Err(none),
        (Some(secret), true) => Ok(secret),
        (Some(last), false) => {
            secrets.push(last);
            Err(StoredError::Several { name, secrets })
        }
    }
}

impl BackupPlace {
    fn write(&self, text: &str) -> Result<(), StoredError> {
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
        written.map_err(|source| StoredError::Write { place, source })
    }
}
