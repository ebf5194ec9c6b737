//! Decides what happens to each source entity.

mod attribution;
mod hash;
mod in_target;
mod names;
mod prepare;

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use self::attribution::{missing_in_source, removed_from_target};
use self::hash::hash;
use self::prepare::{Comparison, Counterpart, Judged, Known, Prepared, SourceEntity, Transforms};
use super::digest::Held;
use super::document::{Desired, DesiredEntities, Planned};
use super::drift::{Drift, DriftClass};
use super::identity::Identities;
use super::input::{CustomPlugin, PlanInput};
use super::planner_rules::{
    BLOCKED_BY_DRIFT, DEPENDENCY_EXCLUDED, PASSWORD_NOT_MOVABLE, REFERENCE_MISSING, TRANSFORM_FAILED,
    TRANSFORM_UNUSED, TRANSFORMED,
};
use super::preflight::consumers::tell_passwords;
use super::preflight::custom_plugins::SCHEMA_UNUSED;
use super::preflight::facts::Facts;
use super::preflight::judge_workspace;
use super::prune::Gone;
use super::rule_families::RULE_FAMILIES;
use super::select::{Selected, select};
use super::sighting::Sighting;
use super::unique::Taken;
use crate::kong::model::entity_kind::Role;
use crate::kong::model::{Entity, KongVersion, Packed};
use crate::migration::digest::Digest;
use crate::migration::finding::{Finding, Rule};
use crate::migration::plan::{Action, FieldChange, Operation, Plan};
use crate::migration::subject::{EntityKey, Subject};
use crate::migration::{parallel, waivers};

/// The oldest version that plugin defaults are known for (published schemas).
const OLDEST: KongVersion = KongVersion { major: 3, minor: 4 };

/// Entities that are held unpacked at a time.
const AT_ONCE: usize = 256;

/// Makes the plan. Every source entity gets exactly one operation, and so does every entity that is deleted.
#[must_use]
pub fn build_plan(input: &PlanInput<'_>) -> Planned {
    let mut planner = Planner::new(input);
    let given: Vec<Packed> = input
        .policy
        .custom_plugins
        .iter()
        .filter_map(CustomPlugin::entity)
        .map(|entity| Packed::from(&entity))
        .collect();
    let mut entities: Vec<&Packed> = input.source.packed().chain(&given).collect();
    entities.sort_by_key(|packed| (packed.kind.level, packed.key()));
    planner.operations.reserve_exact(entities.len());
    for part in entities.chunks(AT_ONCE) {
        for (packed, prepared) in part.iter().zip(planner.prepare(part)) {
            planner.place(packed, prepared);
        }
    }
    planner.finish()
}

struct Planner<'a> {
    input: &'a PlanInput<'a>,
    facts: Facts<'a>,
    version: KongVersion,
    selected: Selected,
    identities: Identities,
    /// What the target has.
    held: Held<'a>,
    /// Looked at for creations alone, so it is made for the first one.
    taken: OnceCell<Taken>,
    absent: BTreeSet<EntityKey>,
    /// What somebody else removed from the target, by its key there.
    removed: BTreeSet<EntityKey>,
    /// What is absent because of that, by its key in the source.
    left_to_drift: BTreeSet<EntityKey>,
    drift: Drift,
    used_transforms: BTreeSet<usize>,
    operations: Vec<Operation>,
    findings: Vec<Finding>,
    desired: DesiredEntities,
    /// How what is overwritten looks, by the key in the source.
    seen: BTreeMap<EntityKey, Sighting>,
    gone: Gone<'a>,
}

impl<'a> Planner<'a> {
    fn new(input: &'a PlanInput<'a>) -> Self {
        let facts = Facts::new(input);
        let mut findings = judge_workspace(&facts);
        findings.extend_from_slice(input.notes);
        let mut identities = Identities::new(input.source, &input.policy.ids);
        for (source, target_id) in adopted_before(input) {
            if *identities.target_id(&source) != target_id {
                identities.adopt(source, &target_id);
            }
        }
        let selected = select(input.source, input.policy, input.version, &facts.names);
        let gone = Gone::find(input, &identities);
        Self {
            input,
            facts,
            version: input.version.unwrap_or(OLDEST),
            selected,
            held: Held::by(input.target),
            identities,
            taken: OnceCell::new(),
            absent: BTreeSet::new(),
            removed: removed_from_target(input).collect(),
            seen: BTreeMap::new(),
            left_to_drift: BTreeSet::new(),
            drift: Drift::default(),
            used_transforms: BTreeSet::new(),
            operations: Vec::new(),
            findings,
            desired: BTreeMap::new(),
            gone,
        }
    }

    fn known(&self) -> Known<'_> {
        Known {
            input: self.input,
            facts: &self.facts,
            selected: &self.selected,
            identities: &self.identities,
            held: &self.held,
            version: self.version,
        }
    }

    /// Looks at some entities, each for itself.
    fn prepare(&self, part: &[&Packed]) -> Vec<Prepared> {
        let known = self.known();
        parallel::map(part, |packed| known.prepare(packed))
    }

    fn place(&mut self, packed: &Packed, prepared: Prepared) {
        match prepared {
            Prepared::Aside(source) => {
                let reason = if self.selected.is_excluded(source.key()) {
                    "excluded"
                } else {
                    "not selected"
                };
                self.leave(&source, Action::NotSelected, reason.to_owned());
            }
            Prepared::Judged(judged)
                if judged.origin.kind.presence.given && !self.is_needed(&judged.origin) =>
            {
                let observed = "no plugin that takes part has this name";
                self.tell(&SCHEMA_UNUSED, &judged.origin, observed.to_owned());
                self.leave(&judged.origin, Action::NotSelected, observed.to_owned());
            }
            Prepared::Spoilt(source, error) => {
                self.used_transforms.insert(error.index);
                self.block(&source, &TRANSFORM_FAILED, error.to_string());
            }
            Prepared::Judged(judged) => self.place_judged(packed, *judged),
        }
    }

    fn place_judged(&mut self, packed: &Packed, judged: Judged) {
        let source = &judged.origin;
        self.note_transforms(source, judged.transforms);
        let first = judged.verdict.findings.first();
        let reason = first.map_or_else(String::new, |finding| finding.observed.clone());
        self.findings.extend(judged.verdict.findings);
        if !judged.verdict.moves {
            return self.leave(source, Action::StaysBehind, reason);
        }
        if source.kind.role == Role::HashedPassword && self.loses_password(source) {
            let observed = "the stored hash is salted with the consumer's id, which changes";
            self.tell(&PASSWORD_NOT_MOVABLE, source, observed.to_owned());
            return self.leave(source, Action::StaysBehind, observed.to_owned());
        }
        if self.stays_removed(source) {
            return self.leave_removed(source);
        }
        if let Some((rule, observed)) = self.missing_reference(source) {
            return self.block(source, rule, observed);
        }
        self.findings.extend(judged.misfits);
        let unmoved = judged.identities == self.identities.changes();
        let entity = match judged.outcome {
            Comparison::Equal(counterpart) if unmoved => return self.keep(source, counterpart),
            Comparison::Apart(entity) if unmoved => entity,
            // Ids that it refers to have changed since.
            Comparison::Equal(_) | Comparison::Apart(_) => match self.known().translate(packed) {
                Ok(entity) => entity,
                Err(error) => return self.block(source, &TRANSFORM_FAILED, error.to_string()),
            },
        };
        match self.input.target.get(&entity.key()) {
            Some(actual) => self.compare(source, &entity, &actual),
            None => self.create(source, &entity),
        }
    }

    /// The target has it, and it is equal.
    fn keep(&mut self, source: &SourceEntity, counterpart: Counterpart) {
        self.findings.extend(counterpart.added);
        self.desired.insert(source.key().clone(), counterpart.desired);
        self.push(source, Action::Unchanged, String::new(), Vec::new());
    }

    /// Records what transforms did.
    fn note_transforms(&mut self, source: &SourceEntity, transforms: Transforms) {
        self.findings.extend(transforms.dropped);
        for index in transforms.applied {
            self.used_transforms.insert(index);
            if let Some(transform) = self.input.policy.transforms.get(index) {
                self.tell(&TRANSFORMED, source, transform.reason.clone());
            }
        }
    }

    /// True when the consumer, whose id the stored hash is salted with, gets another one.
    fn loses_password(&self, source: &SourceEntity) -> bool {
        let mut consumers = source.references.iter();
        consumers.any(|consumer| self.identities.is_moved(consumer))
    }

    /// Kind and id in the target.
    fn target_key(&self, source: &SourceEntity) -> EntityKey {
        let id = self.other_id(source).unwrap_or_else(|| Arc::clone(source.id()));
        EntityKey::new(source.kind.name, id)
    }

    fn other_id(&self, source: &SourceEntity) -> Option<Arc<str>> {
        self.identities
            .other_id(source.kind, source.key(), &source.references)
    }

    /// True when a plugin that takes part needs this schema.
    fn is_needed(&self, schema: &SourceEntity) -> bool {
        let mut plugins = self.input.source.of_role(Role::Plugin);
        plugins.any(|plugin| {
            plugin.word("name").as_deref() == Some(&**schema.id()) && self.selected.contains(&plugin.key())
        })
    }

    /// The first reference that will not be in the target.
    fn missing_reference(&self, source: &SourceEntity) -> Option<(&'static Rule, String)> {
        let absent = source
            .schema
            .as_ref()
            .filter(|schema| self.absent.contains(schema));
        if let Some(schema) = absent {
            return Some((
                self.why_absent(schema),
                format!("needs {schema}, which is not uploaded"),
            ));
        }
        source.references.iter().find_map(|key| {
            if self.selected.is_excluded(key) {
                Some((
                    &DEPENDENCY_EXCLUDED,
                    format!("refers to {key}, which spec.source.select excludes"),
                ))
            } else if self.absent.contains(key) {
                Some((
                    self.why_absent(key),
                    format!("refers to {key}, which is not moved"),
                ))
            } else if self.input.source.contains(key) {
                None
            } else {
                Some((
                    &REFERENCE_MISSING,
                    format!("refers to {key}, which the source did not list"),
                ))
            }
        })
    }

    fn tell(&mut self, rule: &Rule, source: &SourceEntity, observed: String) {
        self.findings
            .push(Finding::new(rule, source.subject.clone(), observed));
    }

    fn block(&mut self, source: &SourceEntity, rule: &Rule, observed: String) {
        if rule.id == BLOCKED_BY_DRIFT.id {
            self.left_to_drift.insert(source.key().clone());
        }
        self.tell(rule, source, observed.clone());
        self.leave(source, Action::Blocked, observed);
    }

    /// The entity will not be in the target, so nothing that refers to it can be.
    fn leave(&mut self, source: &SourceEntity, action: Action, reason: String) {
        self.absent.insert(source.key().clone());
        self.push(source, action, reason, Vec::new());
    }

    fn desire(&mut self, source: &SourceEntity, entity: &Entity) {
        let desired = Desired::new(source.subject.clone(), entity);
        self.desired.insert(source.key().clone(), Box::new(desired));
    }

    fn push(&mut self, source: &SourceEntity, action: Action, reason: String, changes: Vec<FieldChange>) {
        let target_id = self.other_id(source);
        self.operations.push(Operation {
            wave: source.kind.level,
            action,
            subject: source.subject.clone(),
            target_id,
            reason,
            changes,
        });
    }

    fn finish(mut self) -> Planned {
        for (index, transform) in self.input.policy.transforms.iter().enumerate() {
            if !self.used_transforms.contains(&index) {
                let observed = format!("transform {:?} selects nothing", transform.reason);
                self.findings.push(Finding::new(
                    &TRANSFORM_UNUSED,
                    Subject::whole_kind(transform.kind.clone()),
                    observed,
                ));
            }
        }
        self.tell_missing_names();
        self.drift.add(
            DriftClass::MissingInSource,
            missing_in_source(self.input, &self.identities),
        );
        self.findings.extend(tell_passwords(self.desired.keys()));
        let pruned = self.gone.decide(&self.desired, &self.selected);
        self.operations.extend(pruned.operations);
        self.findings.extend(pruned.findings);
        waivers::apply(
            &mut self.findings,
            &self.input.circumstances.waivers,
            self.input.circumstances.now,
            RULE_FAMILIES,
        );
        self.findings.sort_by(|a, b| a.rank().cmp(&b.rank()));
        self.findings.dedup();
        let mut plan = Plan {
            hash: String::new(),
            source_digest: digest_of(&self.desired),
            target_digest: self.held.total(),
            operations: self.operations,
            findings: self.findings,
        };
        plan.hash = hash(
            &plan,
            (&self.desired, &pruned.deletions),
            (self.input, &self.held),
        );
        Planned {
            plan,
            desired: self.desired,
            seen: self.seen,
            drift: self.drift,
            deletions: pruned.deletions,
        }
    }
}

/// Source entities that were found under another id in an earlier run, with that id.
fn adopted_before<'a>(input: &PlanInput<'a>) -> impl Iterator<Item = (EntityKey, Arc<str>)> + use<'a> {
    let (ledger, source_side, target) = (input.ledger, input.source, input.target);
    let adopted = move |is_there: bool| {
        ledger.iter().filter_map(move |(kind, id, entry)| {
            let source = kind.key(entry.source.as_deref()?);
            let found = target.contains(&kind.key(id)) == is_there && (is_there || entry.is_settled());
            let counts = found && source_side.contains(&source) && !target.contains(&source);
            counts.then(|| (source, id.into()))
        })
    };
    // What somebody removed keeps its place, unless another one has taken it.
    adopted(false).chain(adopted(true))
}

/// Digest over translated entities.
fn digest_of(desired: &DesiredEntities) -> String {
    let mut digest = Digest::default();
    for desired in desired.values() {
        digest.add_entity(&desired.entity.key(), &desired.digest);
    }
    digest.finish()
}

#[cfg(test)]
mod custom_plugin_tests;
#[cfg(test)]
mod tests;
