//! What the target says of an entity that could move: it has one that is equal or differs, another one stands in the way, or somebody
//! removed what was there.

use std::sync::Arc;

use super::Planner;
use super::attribution::class_of_difference;
use super::prepare::{Counterpart, SourceEntity};
use crate::kong::model::{Entity, EntityKind};
use crate::kong::plan::added;
use crate::kong::plan::compare::{differences, equal};
use crate::kong::plan::document::Desired;
use crate::kong::plan::drift::DriftClass;
use crate::kong::plan::input::{ConflictPolicy, DriftPolicy, Policy};
use crate::kong::plan::ledger::Standing;
use crate::kong::plan::planner_rules::{
    ADOPT_DIFFERS, BLOCKED_BY_DEPENDENCY, BLOCKED_BY_DRIFT, DRIFT_CORRECTED, DRIFT_LEFT, DRIFT_REMOVED,
    NAME_TAKEN, NAME_WAITS_FOR_UPDATE, OWNERSHIP_UNKNOWN, SKIPPED_BY_POLICY, TARGET_CHANGED, TARGET_DIFFERS,
    TARGET_OVERWRITTEN,
};
use crate::kong::plan::sighting::Sighting;
use crate::kong::plan::translate::translate;
use crate::kong::plan::unique::{Clash, Taken};
use crate::migration::finding::{Finding, Rule};
use crate::migration::plan::{Action, FieldChange};
use crate::migration::subject::EntityKey;

impl Planner<'_> {
    /// The target has the counterpart.
    pub(super) fn compare(&mut self, source: &SourceEntity, entity: &Entity, actual: &Entity) {
        let desired = Desired::new(source.subject.clone(), entity);
        let found = Counterpart::find(self.input, self.version, (desired, entity), actual);
        if let Some(counterpart) = found {
            return self.keep(source, counterpart);
        }
        let changes = differences(entity.kind, &entity.body, &actual.body);
        let fields: Vec<_> = changes.iter().map(|change| change.field.as_str()).collect();
        let standing = self.input.ledger.standing(actual, &entity.body);
        let mut observed = format!("differs in {}", fields.join(", "));
        if standing == Standing::Unknown {
            // By this name it is claimed.
            observed = format!("{} {observed}", actual.key());
        }
        let finding = |rule| Finding::new(rule, source.subject.clone(), observed.clone());
        if let Some(class) = class_of_difference(self.input.ledger, standing, entity, actual) {
            self.drift.add(class, 1);
        }
        match resolution(standing, self.input.policy, entity.kind) {
            Resolution::Follow => {
                let reason = format!("the source changed: {observed}");
                self.update(source, (entity, actual), reason, changes);
            }
            Resolution::Overwrite(rule) => {
                self.findings.push(finding(rule));
                let reason = format!("overwrites what the target has: {observed}");
                self.update(source, (entity, actual), reason, changes);
            }
            Resolution::Skip => {
                self.findings.push(finding(&SKIPPED_BY_POLICY));
                self.push(source, Action::Skipped, observed, changes);
            }
            Resolution::Leave(rule) => {
                self.findings.push(finding(rule));
                self.drift.left.push(source.subject.clone());
                self.push(source, Action::Skipped, observed, changes);
            }
            // It stays in the target as it is, so what refers to it goes on.
            Resolution::Block(rule) => {
                self.findings.push(finding(rule));
                self.push(source, Action::Blocked, observed, changes);
            }
        }
    }

    fn update(
        &mut self,
        source: &SourceEntity,
        (entity, actual): (&Entity, &Entity),
        reason: String,
        changes: Vec<FieldChange>,
    ) {
        if !self.gone.is_empty() {
            // Its new name may be that of an entity that is gone.
            let taken = self.taken.get_or_init(|| Taken::by(self.input.target));
            let _ = taken.clash_after(entity, |holder| self.gone.make_room(holder));
        }
        self.preview(source, entity);
        self.desire(source, entity);
        self.seen.insert(source.key().clone(), Sighting::of(actual));
        self.push(source, Action::Update, reason, changes);
    }

    pub(super) fn create(&mut self, source: &SourceEntity, entity: &Entity) {
        let taken = self.taken.get_or_init(|| Taken::by(self.input.target));
        if let Some(clash) = taken.clash_after(entity, |holder| self.gone.make_room(holder)) {
            return self.resolve(source, entity, &clash);
        }
        self.create_unclashed(source, entity);
    }

    /// Tells what the target will fill in.
    fn preview(&mut self, source: &SourceEntity, entity: &Entity) {
        let (version, catalogue) = (self.version, self.input.catalogue);
        self.findings
            .extend(added::preview(&source.subject, entity, version, catalogue));
    }

    fn create_unclashed(&mut self, source: &SourceEntity, entity: &Entity) {
        self.note_absence(source, entity);
        self.preview(source, entity);
        self.desire(source, entity);
        self.push(source, Action::Create, String::new(), Vec::new());
    }

    /// Another entity holds a unique value: the conflict policy decides.
    fn resolve(&mut self, source: &SourceEntity, entity: &Entity, clash: &Clash) {
        let observed = format!("{} is held by {}", clash.shown, clash.holder);
        // The source has the holder too, under another name by now.
        if let Some(holder) = self.identities.source_of(&clash.holder, self.input.source) {
            return match self.resolve_holder(&holder, &clash.holder) {
                Some(Resolution::Follow | Resolution::Overwrite(_)) => self.create_unclashed(source, entity),
                Some(Resolution::Leave(_)) => self.block(source, &BLOCKED_BY_DRIFT, observed),
                Some(Resolution::Skip | Resolution::Block(_)) | None => {
                    self.block(source, &NAME_WAITS_FOR_UPDATE, observed)
                }
            };
        }
        let policy = self.input.policy.conflicts.of(entity.kind.name);
        let holder = self
            .input
            .target
            .get(&clash.holder)
            .filter(|holder| holder.kind == entity.kind);
        let (Some(holder), ConflictPolicy::Adopt | ConflictPolicy::Overwrite) = (holder, policy) else {
            if policy == ConflictPolicy::Skip {
                self.findings.push(Finding::new(
                    &SKIPPED_BY_POLICY,
                    source.subject.clone(),
                    observed.clone(),
                ));
                return self.leave(source, Action::Skipped, observed);
            }
            return self.block(source, &NAME_TAKEN, observed);
        };
        let adopted = Entity {
            id: Arc::clone(&holder.id),
            ..entity.clone()
        };
        if policy == ConflictPolicy::Adopt && !equal(adopted.kind, &adopted.body, &holder.body) {
            return self.block(source, &ADOPT_DIFFERS, observed);
        }
        self.identities.adopt(source.key().clone(), &holder.id);
        self.gone.keep(&clash.holder);
        self.compare(source, &adopted, &holder);
    }

    /// What happens to the holder of a unique value. Where it is written, that is before whoever wants the value, which is then free.
    fn resolve_holder(&self, holder: &EntityKey, target: &EntityKey) -> Option<Resolution> {
        let source = self.input.source.get(holder)?;
        let actual = self.input.target.get(target)?;
        if !self.selected.contains(holder) {
            return None;
        }
        let entity = self
            .identities
            .relink(translate(source, self.input.catalogue).entity);
        let standing = self.input.ledger.standing(&actual, &entity.body);
        Some(resolution(standing, self.input.policy, entity.kind))
    }

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
    fn note_absence(&mut self, source: &SourceEntity, entity: &Entity) {
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

/// What happens to an entity that the target has and that differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Resolution {
    /// The source changed since this migration wrote the entity: write it again.
    Follow,
    /// Replace what the target has; its before-image is kept. With a finding.
    Overwrite(&'static Rule),
    /// Leave both.
    Skip,
    /// Leave what somebody else changed. With a finding.
    Leave(&'static Rule),
    /// Leave it until somebody decides. With a finding.
    Block(&'static Rule),
}

/// Decides for an entity of a kind that differs: whose it is, by the ledger, decides where that speaks, else the policy.
fn resolution(standing: Standing, policy: &Policy, kind: &EntityKind) -> Resolution {
    match (standing, policy.drift, policy.conflicts.of(kind.name)) {
        (Standing::Ours, _, _) => Resolution::Follow,
        (Standing::Changed, DriftPolicy::Report, _) => Resolution::Leave(&DRIFT_LEFT),
        (Standing::Changed, DriftPolicy::Correct, _) => Resolution::Overwrite(&DRIFT_CORRECTED),
        (_, _, ConflictPolicy::Overwrite) => Resolution::Overwrite(&TARGET_OVERWRITTEN),
        (_, _, ConflictPolicy::Skip) => Resolution::Skip,
        (Standing::Changed, DriftPolicy::AsConflict, ConflictPolicy::Fail | ConflictPolicy::Adopt) => {
            Resolution::Block(&TARGET_CHANGED)
        }
        (Standing::Foreign, _, ConflictPolicy::Fail | ConflictPolicy::Adopt) => {
            Resolution::Block(&TARGET_DIFFERS)
        }
        (Standing::Unknown, _, ConflictPolicy::Fail | ConflictPolicy::Adopt) => {
            Resolution::Block(&OWNERSHIP_UNKNOWN)
        }
    }
}
