//! A plan as it is handed over: with the names of both ends and the bodies of the planned target. Stored, shown and exported
//! from this one form.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::document::{Action, Plan, Planned};
use super::mask;
use crate::kong::model::{EntityKey, EntityKind, entity_kinds};

/// Name and version of the form. A reader refuses any other; fields may be added without a new version.
pub const FORMAT: &str = "gatewaymigration.dev/plan/v1";

/// What a plan is about: the same facts whether it was made by the operator or on the command line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ends {
    /// Name of the workspace.
    pub workspace: String,
    /// Version that the source reported, for example 3.9.1.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub source_version: String,
    /// Id of the control plane.
    pub control_plane: String,
    /// Its name, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control_plane_name: Option<String>,
    /// Name of the Kubernetes object that stands for it, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control_plane_ref: Option<String>,
}

/// Whether secrets are in clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Secrets {
    /// Replaced by [`mask::MASK`].
    Masked,
    /// In clear, because somebody asked for it.
    Included,
}

/// An entity of the planned target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlannedEntity {
    /// Kind and id.
    #[serde(flatten)]
    pub key: EntityKey,
    /// The fields to write.
    pub body: Map<String, Value>,
}

impl PlannedEntity {
    /// Its row in the table of kinds; none for a kind of another version of this program.
    #[must_use]
    pub fn kind(&self) -> Option<&'static EntityKind> {
        entity_kinds::named(&self.key.kind)
    }
}

/// A plan with everything a reader needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// [`FORMAT`].
    pub format: String,
    /// Source and target.
    pub ends: Ends,
    /// The counts in one line.
    pub summary: String,
    /// Operations by action.
    pub counts: BTreeMap<Action, usize>,
    /// The plan.
    pub plan: Plan,
    /// Whether `entities` shows secrets.
    pub secrets: Secrets,
    /// Entities of the planned target, by kind and id; empty where only the plan matters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entities: Vec<PlannedEntity>,
}

impl Report {
    /// Everything about a plan.
    #[must_use]
    pub fn new(planned: &Planned, ends: Ends, secrets: Secrets) -> Self {
        let entities = planned.desired.values().map(|desired| PlannedEntity {
            key: desired.entity.key(),
            body: match (secrets, desired.entity.unpack().body) {
                (Secrets::Masked, body) => mask::masked(desired.entity.kind, &body),
                (Secrets::Included, body) => body,
            },
        });
        Self {
            entities: entities.collect(),
            ..Self::without_entities(&planned.plan, ends, secrets)
        }
    }

    /// The plan alone, for those who do not export.
    #[must_use]
    pub fn without_entities(plan: &Plan, ends: Ends, secrets: Secrets) -> Self {
        let mut counts = BTreeMap::new();
        for operation in &plan.operations {
            *counts.entry(operation.action).or_insert(0) += 1;
        }
        Self {
            format: FORMAT.to_owned(),
            ends,
            summary: plan.summary(),
            counts,
            plan: plan.clone(),
            secrets,
            entities: Vec::new(),
        }
    }

    /// Number of operations with an action.
    #[must_use]
    pub fn count(&self, action: Action) -> usize {
        self.counts.get(&action).copied().unwrap_or(0)
    }

    /// The control plane as a person knows it.
    #[must_use]
    pub fn control_plane(&self) -> &str {
        let ends = &self.ends;
        let name = ends
            .control_plane_name
            .as_ref()
            .or(ends.control_plane_ref.as_ref());
        name.unwrap_or(&ends.control_plane)
    }
}
