//! What becomes of names by which entities refer to others.

use super::Planner;
use crate::kong::model::Entity;
use crate::kong::plan::named::named_entities;
use crate::kong::plan::planner_rules::{DRIFT_REMOVED_NAMED, TRANSFORM_DROPS_NAME};
use crate::kong::plan::preflight::facts::Facts;
use crate::kong::plan::preflight::references::NAMED_ENTITY_LEFT_BEHIND;
use crate::kong::plan::transform::transform;
use crate::migration::finding::Finding;

/// Names of other entities that the transforms took away, such as a host that was the name of an upstream.
pub(super) fn dropped_names(source: &Entity, changed: &Entity, facts: &Facts<'_>) -> Vec<Finding> {
    let still = named_entities(changed, &facts.names);
    let before = named_entities(source, &facts.names).into_iter();
    before
        .filter(|(_, named)| !still.iter().any(|(_, still)| still == named))
        .map(|(field, named)| {
            let observed = format!("{field} named {named} before the transforms");
            Finding::new(&TRANSFORM_DROPS_NAME, source.subject(), observed).at(field)
        })
        .collect()
}

impl Planner<'_> {
    /// What an entity that is written names and will not find.
    pub(super) fn tell_missing_names(&mut self) {
        if self.absent.is_empty() {
            return;
        }
        for key in self.desired.keys() {
            let Some(source) = self.input.source.get(key) else {
                continue;
            };
            let changed = transform(&source, &self.input.policy.transforms, self.input.version);
            let written = changed
                .as_ref()
                .map_or(&source, |changed| changed.entity.as_ref());
            for (field, named) in named_entities(written, &self.facts.names) {
                if self.absent.contains(&named) {
                    let observed = format!("{field} names {named}, which is not moved");
                    let rule = match self.left_to_drift.contains(&named) {
                        true => &DRIFT_REMOVED_NAMED,
                        false => &NAMED_ENTITY_LEFT_BEHIND,
                    };
                    let finding = Finding::new(rule, source.subject(), observed);
                    self.findings.push(finding.at(field));
                }
            }
        }
    }
}
