//! `ledger claim`: a person says whose an entity is, where the list of what was written does not tell.

use std::io;

use clap::{Args, Subcommand};
use kube::ResourceExt as _;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use super::cluster::{ClusterError, MigrationArgs, MigrationName};
use super::output::print;
use super::plan::{LOG, runtime};
use crate::api::annotations::CLAIM;
use crate::controllers::runtime::error::chain;
use crate::kong::model::entity_kinds::named;
use crate::telemetry::tracing::{LogError, LogFormat, init};

/// Commands on the list of what a migration has written.
#[derive(Debug, Subcommand)]
pub enum LedgerCommand {
    /// Have entities of the control plane count as written by a WorkspaceMigration: for the findings ownership-unknown, prune-ownership-unknown and rollback-ownership-unknown, after you looked at them in Konnect. They follow the source, and undoing the migration undoes them.
    Claim(LedgerClaimArgs),
}

/// Options of `ledger claim`.
#[derive(Debug, Args)]
pub struct LedgerClaimArgs {
    #[command(flatten)]
    migration: MigrationArgs,
    /// An entity of the control plane, as the finding names it: services/51de6f12-d9f9-445d-8534-5c5457870a35. May be repeated.
    #[arg(long = "subject", value_name = "KIND/ID", required = true, value_parser = subject)]
    subjects: Vec<String>,
}

fn subject(text: &str) -> Result<String, String> {
    let (kind, id) = text
        .split_once('/')
        .ok_or("write the kind and the id, as services/ID")?;
    if named(kind).is_none() {
        return Err(format!(
            "there is no kind {kind:?}; findings name kinds, such as services"
        ));
    }
    if id.is_empty() || id.contains(',') {
        return Err("write the id of one entity after the kind".to_owned());
    }
    Ok(text.to_owned())
}

/// Why a claim could not be made.
#[derive(Debug, thiserror::Error)]
pub enum LedgerCommandError {
    /// No cluster, or no such migration.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The API server refused.
    #[error("cannot annotate {name}: {}; nothing is claimed, try again", chain(source))]
    Annotate {
        /// Which migration.
        name: MigrationName,
        /// What the API server said.
        source: Box<kube::Error>,
    },
    /// The threads of the command, or printing.
    #[error("cannot start: {0}")]
    Io(#[from] io::Error),
    /// Logging.
    #[error(transparent)]
    Log(#[from] LogError),
}

impl LedgerCommand {
    /// Annotates the migration; the operator does the rest.
    ///
    /// # Errors
    /// When there is no cluster, no such migration, or no right to change it.
    pub fn run(&self) -> Result<(), LedgerCommandError> {
        let Self::Claim(args) = self;
        init(LOG, LogFormat::Text)?;
        let text = runtime()?.block_on(args.claim())?;
        Ok(print(&text)?)
    }
}

impl LedgerClaimArgs {
    async fn claim(&self) -> Result<String, LedgerCommandError> {
        let found = self.migration.fetch().await?;
        let refused = |source| LedgerCommandError::Annotate {
            name: found.name.clone(),
            source: Box::new(source),
        };
        let object = found.api.get_metadata(&found.name.name).await.map_err(refused)?;
        let before = object.annotations().get(CLAIM).map(String::as_str);
        let mut claimed: Vec<&str> = before.into_iter().flat_map(|text| text.split(',')).collect();
        for subject in &self.subjects {
            if !claimed.contains(&subject.as_str()) {
                claimed.push(subject);
            }
        }
        // The resource version guards a claim that somebody else makes at this moment.
        let patch = Patch::Merge(json!({"metadata": {
            "resourceVersion": object.resource_version(),
            "annotations": {CLAIM: claimed.join(",")},
        }}));
        let params = PatchParams::default();
        let patched = found.api.patch_metadata(&found.name.name, &params, &patch);
        patched.await.map_err(refused)?;
        Ok(format!(
            "Claimed for {}: {}.\nThe operator takes it over with its next pass, and an event of the migration (OwnershipClaimed or ClaimRefused) tells what came of it.\n",
            found.name,
            self.subjects.join(", ")
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_a_known_kind_and_an_id() {
        let known = "services/51de6f12-d9f9-445d-8534-5c5457870a35";
        assert_eq!(subject(known).as_deref(), Ok(known));
        assert!(subject("consumer_group_members/a/b").is_ok());
        for wrong in ["services", "services/", "service/a", "services/a,b", "/a"] {
            assert!(subject(wrong).is_err(), "{wrong}");
        }
    }
}
