//! What a handed-over plan says of a workspace and a control plane.

use serde::{Deserialize, Serialize};

use super::document::Planned;
use super::mask;
use crate::migration::report::{PlanReport, PlannedEntity, Secrets};

/// What a plan is about: the same facts whether it was made by the operator or on the command line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanEnds {
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

impl PlanEnds {
    /// The control plane as a person knows it.
    #[must_use]
    pub fn control_plane_shown(&self) -> &str {
        let name = self
            .control_plane_name
            .as_ref()
            .or(self.control_plane_ref.as_ref());
        name.unwrap_or(&self.control_plane)
    }
}

/// Everything about a plan, with the bodies of the planned target.
#[must_use]
pub fn plan_report(planned: &Planned, ends: PlanEnds, secrets: Secrets) -> PlanReport<PlanEnds> {
    let entities = planned.desired.values().map(|desired| PlannedEntity {
        key: desired.entity.key(),
        body: match (secrets, desired.entity.unpack().body) {
            (Secrets::Masked, body) => mask::masked(desired.entity.kind, &body),
            (Secrets::Included, body) => body,
        },
    });
    PlanReport {
        entities: entities.collect(),
        ..PlanReport::without_entities(&planned.plan, ends, secrets)
    }
}
