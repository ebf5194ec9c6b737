//! What somebody else removed from the target: left so, or made again.

use super::Planner;
use super::source_entity::SourceEntity;
use crate::kong::model::Entity;
use crate::kong::plan::drift::DriftClass;
use crate::kong::plan::planner_rules::{
    BLOCKED_BY_DEPENDENCY, BLOCKED_BY_DRIFT, DRIFT_CORRECTED, DRIFT_REMOVED,
};
use crate::kong::plan::policy::DriftPolicy;
use crate::migration::finding::Finding;
use crate::migration::plan::Action;
use crate::migration::rule::Rule;
use crate::migration::subject::EntityKey;

impl Planner<'_> {
    /// True for what somebody else removed from the target and nobody wants back.
    pub(super) fn stays_removed(&self, source: &SourceEntity) -> bool {
        self.input.policy.drift == DriftPolicy::Report
            && !self.removed.is_empty()
            && self.removed.contains(&self.target_key(source))
    }

    pub(super) fn leave_removed(&mut self, source: &SourceEntity) {
        let observed = "this migration wrote it, and the target has it no more";
        self.findings
            .push(Finding::new(&DRIFT_REMOVED, source.subject.clone(), observed));
        self.drift.add(DriftClass::RemovedFromTarget, 1);
        self.drift.left.push(source.subject.clone());
        self.left_to_drift.insert(source.key().clone());
        self.leave(source, Action::Skipped, observed.to_owned());
    }

    /// Tells whether it is new, or was removed from the target.
    pub(super) fn note_absence(&mut self, source: &SourceEntity, entity: &Entity) {
        if !self.removed.contains(&entity.key()) {
            return self.drift.add(DriftClass::NewInSource, 1);
        }
        self.drift.add(DriftClass::RemovedFromTarget, 1);
        if self.input.policy.drift == DriftPolicy::Correct {
            let observed = "somebody removed it from the target; it is made again";
            self.findings
                .push(Finding::new(&DRIFT_CORRECTED, source.subject.clone(), observed));
        }
    }

    /// Why an entity waits that refers to an absent one.
    pub(super) fn why_absent(&self, key: &EntityKey) -> &'static Rule {
        match self.left_to_drift.contains(key) {
            true => &BLOCKED_BY_DRIFT,
            false => &BLOCKED_BY_DEPENDENCY,
        }
    }
}
