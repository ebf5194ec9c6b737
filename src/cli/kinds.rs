//! The kinds of migrations that commands read from a cluster: one row each.

use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::{ApiResource, DynamicObject};
use serde::Deserialize;

use super::documents::{BackupPrinter, PlanDocument, RollbackDocument};
use super::workspace_migration;
use crate::api::refs::LocalRef;
use crate::api::workspace_migration::WorkspaceMigration;

/// One kind.
pub struct ClusterKind {
    /// As manifests name it.
    pub kind: &'static str,
    /// As `kubectl get` lists it.
    pub plural: &'static str,
    /// Group and version at the API server.
    pub resource: fn() -> ApiResource,
    /// Prints its stored plan.
    pub plan: &'static dyn PlanDocument,
    /// Prints its stored rollback; none when nothing can be undone.
    pub rollback: Option<&'static dyn RollbackDocument>,
    /// Prints its stored backup; none when nothing is saved.
    pub backup: Option<BackupPrinter>,
}

/// The kind that is meant where none is said.
pub static WORKSPACE_MIGRATION: ClusterKind = ClusterKind {
    kind: "WorkspaceMigration",
    plural: "workspacemigrations",
    resource: || ApiResource::erase::<WorkspaceMigration>(&()),
    plan: &workspace_migration::PLAN,
    rollback: Some(&workspace_migration::ROLLBACK),
    backup: Some(workspace_migration::backup),
};

/// All kinds.
pub static KINDS: &[&ClusterKind] = &[&WORKSPACE_MIGRATION];

impl ClusterKind {
    /// The kind that a word means: its name or its plural, in any case.
    ///
    /// # Errors
    /// Names those there are.
    pub fn parse(word: &str) -> Result<&'static Self, String> {
        let is_meant = |kind: &&&Self| {
            [kind.kind, kind.plural]
                .iter()
                .any(|name| name.eq_ignore_ascii_case(word))
        };
        KINDS.iter().find(is_meant).copied().ok_or_else(|| {
            let kinds: Vec<_> = KINDS.iter().map(|kind| kind.kind).collect();
            format!("name one of {}", kinds.join(", "))
        })
    }
}

impl fmt::Debug for ClusterKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind)
    }
}

/// What commands read of a migration's status. It is the same in every kind.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StatusExcerpt {
    /// All conditions.
    pub conditions: Vec<Condition>,
    /// How far it is.
    pub progress: Option<ProgressExcerpt>,
    /// The stored plan.
    pub plan: Option<StoredDocument>,
    /// The stored steps of a rollback.
    pub rollback: Option<StoredDocument>,
    /// The stored backup.
    pub backup: Option<StoredDocument>,
}

/// How far a migration is.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ProgressExcerpt {
    /// In one line; empty when there is nothing to tell.
    pub summary: String,
}

/// A part of status that tells of a document in Secrets.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StoredDocument {
    /// The first Secret.
    pub artefact_ref: Option<LocalRef>,
}

impl StatusExcerpt {
    /// The status of an object; an empty one when it has none.
    ///
    /// # Errors
    /// When it is no status of a migration.
    pub fn of(object: &DynamicObject) -> Result<Self, serde_json::Error> {
        match object.data.get("status") {
            Some(status) => Self::deserialize(status),
            None => Ok(Self::default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_row_is_as_the_api_server_knows_the_kind() {
        for row in KINDS {
            let resource = (row.resource)();
            assert_eq!((row.kind, row.plural), (&*resource.kind, &*resource.plural));
        }
    }

    #[test]
    fn a_kind_is_known_by_name_and_plural() {
        for word in ["WorkspaceMigration", "workspacemigration", "workspacemigrations"] {
            assert_eq!(ClusterKind::parse(word).unwrap().kind, "WorkspaceMigration");
        }
        let kinds: Vec<_> = KINDS.iter().map(|row| row.kind).collect();
        assert_eq!(
            ClusterKind::parse("pods").unwrap_err(),
            format!("name one of {}", kinds.join(", "))
        );
    }

    #[test]
    fn a_status_is_read_without_what_only_its_kind_has() {
        let read = |object| StatusExcerpt::of(&serde_json::from_value(object).unwrap());
        let status = read(json!({"metadata": {}, "status": {
            "phase": "Later", "plan": {"hash": "x", "artefactRef": {"name": "a-plan"}}, "progress": {"summary": "3/7"},
            "backup": {"entities": 3},
        }}))
        .unwrap();
        assert_eq!(status.plan.unwrap().artefact_ref.unwrap().name, "a-plan");
        assert_eq!(status.progress.unwrap().summary, "3/7");
        assert!(status.backup.unwrap().artefact_ref.is_none() && status.rollback.is_none());
        assert!(read(json!({"metadata": {}})).unwrap().conditions.is_empty());
        assert!(read(json!({"metadata": {}, "status": {"conditions": "none"}})).is_err());
    }
}
