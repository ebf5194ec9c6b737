//! A plan as it is handed over: with the names of both ends and the bodies of the planned target. Stored, shown and exported
//! from this one form.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::plan::{Action, Plan};
use super::subject::EntityKey;

/// Name and version of the form. A reader refuses any other; fields may be added without a new version.
pub const FORMAT: &str = "gatewaymigration.dev/plan/v1";

/// Whether secrets are in clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Secrets {
    /// Replaced by a mask.
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

/// A plan with everything a reader needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanReport<E> {
    /// [`FORMAT`].
    pub format: String,
    /// Source and target, as the product tells them.
    pub ends: E,
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

impl<E> PlanReport<E> {
    /// The plan alone, for those who do not export.
    #[must_use]
    pub fn without_entities(plan: &Plan, ends: E, secrets: Secrets) -> Self {
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
}
