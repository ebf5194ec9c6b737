//! What a user decides about a migration: a manifest, and flags for what is decided most often, which win over it.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::custom_plugins;
use super::files::{self, FileError};
use crate::api::refs::LocalRef;
use crate::api::workspace_migration::{
    AdminApi, ConflictPolicySpec, FailurePolicy, IdPolicySpec, Repair, SourceSpec, TargetSpec, WaiverSpec,
    WorkspaceMigrationSpec,
};
use crate::kong::plan::input::CustomPlugin;
use crate::manifest::{self, InvalidManifest};

/// Flags for decisions.
#[derive(Debug, Args)]
pub struct DecisionArgs {
    /// Manifest of a WorkspaceMigration: its source, selection, policies, transforms and waivers hold unless a flag says otherwise. Secrets it names are in a cluster: give them by flags.
    #[arg(long, value_name = "FILE")]
    spec: Option<PathBuf>,
    /// Move only entities with this tag; with all of them when given several times.
    #[arg(long = "select-tag", value_name = "TAG")]
    select_tags: Vec<String>,
    /// What to do when the control plane has an entity of the same name that this migration did not write.
    #[arg(long, value_enum, ignore_case = true)]
    conflict_policy: Option<ConflictFlag>,
    /// Whether entities keep their ids, or get new ones derived from control plane and id.
    #[arg(long, value_enum, ignore_case = true)]
    id_policy: Option<IdFlag>,
    /// Accept all findings of an id, with a reason, as id=reason; an error that nobody accepted keeps apply from writing.
    #[arg(long = "waive", value_name = "ID=REASON", value_parser = waiver)]
    waivers: Vec<WaiverSpec>,
    /// Upload the schema of a custom plugin before the first plugin that needs it, as name=path/schema.lua.
    #[arg(long = "custom-plugin", value_name = "NAME=FILE", value_parser = custom_plugins::named)]
    custom_plugins: Vec<custom_plugins::Named>,
}

/// `spec.conflictPolicy`.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum ConflictFlag {
    /// Block the entity and what depends on it.
    Fail,
    /// Take it as the copy when it is equal.
    Adopt,
    /// Replace it.
    Overwrite,
    /// Leave it, and the source's entity too.
    Skip,
}

/// `spec.idPolicy`.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum IdFlag {
    /// Those of the source.
    Preserve,
    /// New ones.
    Derive,
}

/// Reads `id=reason`.
fn waiver(text: &str) -> Result<WaiverSpec, String> {
    match text.split_once('=') {
        Some((id, reason)) if !id.is_empty() && !reason.trim().is_empty() => Ok(WaiverSpec {
            id: id.to_owned(),
            subject: None,
            reason: reason.trim().to_owned(),
            expires: None,
        }),
        _ => Err(
            "write the id of the finding and why it is accepted, as plugin-unsupported=replaced by OIDC"
                .to_owned(),
        ),
    }
}

/// Why the decisions cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DecisionError {
    /// The manifest cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The manifest is none.
    #[error("{path} (--spec): {source}")]
    Manifest {
        /// The file.
        path: String,
        /// What is wrong with it.
        source: InvalidManifest,
    },
    /// Two flags for one plugin.
    #[error("--custom-plugin gives two schemas for {name}; leave one out")]
    TwoSchemas {
        /// Name of the plugin.
        name: String,
    },
    /// The manifest names a schema in a cluster.
    #[error(
        "the manifest (--spec) reads the schema of {name} from a ConfigMap, which is in a cluster: give it with --custom-plugin {name}=FILE"
    )]
    SchemaInCluster {
        /// Name of the plugin.
        name: String,
    },
    /// The manifest asks for something that only the operator does.
    #[error(
        "{path} (--spec) sets {field}, which only the operator does: leave it out, or apply the manifest to a cluster"
    )]
    OperatorOnly {
        /// The file.
        path: String,
        /// The setting.
        field: &'static str,
    },
}

impl DecisionArgs {
    /// The spec of the manifest, else one with every setting at its default and no source, under what the flags say.
    ///
    /// # Errors
    /// When the manifest cannot be read, or asks for what a command cannot do.
    pub fn spec(&self) -> Result<WorkspaceMigrationSpec, DecisionError> {
        let mut spec = self.manifest()?.unwrap_or_else(nothing_said);
        if !self.select_tags.is_empty() {
            let select = spec.source.select.get_or_insert_default();
            select.tags.clone_from(&self.select_tags);
        }
        match self.conflict_policy {
            None => {}
            Some(ConflictFlag::Fail) => spec.conflict_policy = ConflictPolicySpec::Fail,
            Some(ConflictFlag::Adopt) => spec.conflict_policy = ConflictPolicySpec::Adopt,
            Some(ConflictFlag::Overwrite) => spec.conflict_policy = ConflictPolicySpec::Overwrite,
            Some(ConflictFlag::Skip) => spec.conflict_policy = ConflictPolicySpec::Skip,
        }
        match self.id_policy {
            None => {}
            Some(IdFlag::Preserve) => spec.id_policy = IdPolicySpec::Preserve,
            Some(IdFlag::Derive) => spec.id_policy = IdPolicySpec::Derive,
        }
        spec.waivers.extend(self.waivers.iter().cloned());
        Ok(spec)
    }

    /// The custom plugins that the flags give; the spec may not name others.
    ///
    /// # Errors
    /// When a schema cannot be read, or is missing.
    pub fn custom_plugins(&self, spec: &WorkspaceMigrationSpec) -> Result<Vec<CustomPlugin>, DecisionError> {
        let plugins = custom_plugins::read(&self.custom_plugins)?;
        let missing = spec
            .custom_plugins
            .iter()
            .find(|wanted| plugins.iter().all(|given| given.name != wanted.name));
        match missing {
            Some(plugin) => Err(DecisionError::SchemaInCluster {
                name: plugin.name.clone(),
            }),
            None => Ok(plugins),
        }
    }

    fn manifest(&self) -> Result<Option<WorkspaceMigrationSpec>, DecisionError> {
        let Some(path) = &self.spec else {
            return Ok(None);
        };
        let text = files::text("--spec", path)?;
        let path = path.display().to_string();
        let spec = manifest::read(&text).map_err(|source| DecisionError::Manifest {
            path: path.clone(),
            source,
        })?;
        match operator_only(&spec) {
            Some(field) => Err(DecisionError::OperatorOnly { path, field }),
            None => Ok(Some(spec)),
        }
    }
}

/// A setting that would change what is written, and that a command does not know how to follow.
fn operator_only(spec: &WorkspaceMigrationSpec) -> Option<&'static str> {
    let settings = [
        ("spec.rollback", spec.rollback),
        ("spec.suspend", spec.suspend),
        // It deletes from the list of what was written, which only the operator keeps.
        ("spec.prune", spec.prune),
        ("spec.cutover", spec.cutover.is_some()),
        (
            "spec.verification.repair: Once",
            (spec.verification.as_ref()).is_some_and(|policy| policy.repair == Repair::Once),
        ),
        (
            "spec.failurePolicy: RollbackOnFailure",
            spec.failure_policy == FailurePolicy::RollbackOnFailure,
        ),
    ];
    settings.into_iter().find(|(_, set)| *set).map(|(field, _)| field)
}

/// Every setting at its default. Source and target have no default, and are named by flags then.
fn nothing_said() -> WorkspaceMigrationSpec {
    let source = SourceSpec {
        admin_api: None::<AdminApi>,
        declarative_config: None,
        workspace: String::new(),
        select: None,
    };
    let target = TargetSpec {
        control_plane_ref: LocalRef { name: String::new() },
    };
    WorkspaceMigrationSpec::new(source, target)
}
