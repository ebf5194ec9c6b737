//! A plan with what is written and deleted to carry it out, which holds secrets and stays in memory; and the same plan as it is handed
//! over, of a workspace and a control plane.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::digest::digest_body;
use super::drift::Drift;
use super::mask;
use super::sighting::Sighting;
use crate::kong::model::{Entity, Packed};
use crate::migration::digest::BodyDigest;
use crate::migration::plan::Plan;
use crate::migration::report::{PlanReport, PlannedEntity, Secrets};
use crate::migration::subject::{EntityKey, Subject};

/// A plan with the bodies to write. The bodies hold secrets and stay in memory.
#[derive(Debug)]
pub struct Planned {
    /// What is shown.
    pub plan: Plan,
    /// Translated entities of all operations that create or update, or have done so.
    pub desired: DesiredEntities,
    /// How what is overwritten looked in the target, by the key in the source. Of an update that is not here, whatever is there is
    /// written over.
    pub seen: BTreeMap<EntityKey, Sighting>,
    /// How both sides differ from what the migration left.
    pub drift: Drift,
    /// What is deleted, by its key in the target.
    pub deletions: BTreeMap<EntityKey, Deletion>,
}

/// Translated entities by their key in the source. Boxed: a map that grows keeps nearly half of its space free.
pub type DesiredEntities = BTreeMap<EntityKey, Box<Desired>>;

/// A translated entity.
#[derive(Clone, Debug)]
pub struct Desired {
    /// What it is in the source.
    pub subject: Subject,
    /// The entity with the body that the target takes.
    pub entity: Packed,
    /// Of that body.
    pub digest: BodyDigest,
}

impl Desired {
    /// What a source entity is to become.
    #[must_use]
    pub fn new(subject: Subject, entity: &Entity) -> Self {
        Self {
            subject,
            digest: digest_body(entity.kind, &entity.body),
            entity: entity.into(),
        }
    }

    /// The body to write. Made anew each time.
    #[must_use]
    pub fn body(&self) -> Map<String, Value> {
        self.entity.unpack().body
    }
}

/// An entity to delete.
#[derive(Clone, Debug)]
pub struct Deletion {
    /// Key and name in the target.
    pub subject: Subject,
    /// The entity as the target holds it.
    pub entity: Packed,
    /// True when it goes before the writes, because one of them needs a unique value that it holds.
    pub makes_room: bool,
    /// Entities of the target that refer to it and that the run points elsewhere. Where one was not written, a delete would fail or
    /// take it along.
    pub released_by: Vec<EntityKey>,
    /// What the source called it, to be asked for once more before it is deleted; none where the source has no say.
    pub source: Option<InSource>,
}

/// Where the source had an entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InSource {
    /// Its id there.
    pub id: Arc<str>,
    /// The id of the entity below which it is listed, for a kind that has no list of its own; for a plugin, of its consumer group.
    pub parent: Option<Arc<str>>,
}

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
