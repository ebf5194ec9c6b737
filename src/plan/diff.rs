//! Decides what happens to each source entity.

mod hash;
mod names;
mod prepare;
mod removed;

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use self::hash::hash;
use self::prepare::{Counterpart, Judged, Known, Prepared, Transforms};
use super::added;
use super::catalogue::Catalogue;
use super::compare::{FieldChange, differences, equal};
use super::conflict::{self, Resolution};
use super::digest::{Digest, Held};
use super::document::{Action, Desired, Operation, Plan, Planned};
use super::drift::{Class, Drift, class_of_difference, missing_in_source, removed_from_target};
use super::finding::{
    ADOPT_DIFFERS, BLOCKED_BY_DRIFT, DEPENDENCY_EXCLUDED, Finding, NAME_TAKEN, NAME_WAITS_FOR_UPDATE,
    PASSWORD_NOT_MOVABLE, REFERENCE_MISSING, Rule, SKIPPED_BY_POLICY, TRANSFORM_FAILED, TRANSFORM_UNUSED,
    TRANSFORMED,
};
use super::identity::Identities;
use super::ledger::Ledger;
use super::policy::{ConflictPolicy, CustomPlugin, Policy};
use super::preflight::consumers::tell_passwords;
use super::preflight::custom_plugins::SCHEMA_UNUSED;
use super::preflight::{Facts, judge_workspace};
use super::prune::Gone;
use super::select::{Selected, select};
use super::translate::translate;
use super::unique::{Clash, Taken};
use super::{Circumstances, parallel, waivers};
use crate::domain::{Entity, EntityKey, KongVersion, Packed, Snapshot, Subject};

/// Everything a plan depends on.
#[derive(Debug)]
pub struct PlanInput<'a> {
    /// The source as read.
    pub source: &'a Snapshot,
    /// What reading the source brought to light.
    pub notes: &'a [Finding],
    /// The target as read.
    pub target: &'a Snapshot,
    /// What this migration has written to the target.
    pub ledger: &'a Ledger,
    /// Version of the source; none when it did not tell.
    pub version: Option<KongVersion>,
    /// What the user decided.
    pub policy: &'a Policy,
    /// Facts about Konnect.
    pub catalogue: &'a Catalogue,
    /// The time, the nodes' settings, and what the user has accepted.
    pub circumstances: &'a Circumstances,
}

/// The oldest version that plugin defaults are known for (published schemas).
const OLDEST: KongVersion = KongVersion { major: 3, minor: 4 };

/// Entities that are held unpacked at a time.
const AT_ONCE: usize = 512;

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
        for prepared in planner.prepare(part) {
            planner.place(prepared);
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
    desired: BTreeMap<EntityKey, Desired>,
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
            identities,
            taken: OnceCell::new(),
            absent: BTreeSet::new(),
            removed: removed_from_target(input).collect(),
            left_to_drift: BTreeSet::new(),
            drift: Drift::default(),
            used_transforms: BTreeSet::new(),
            operations: Vec::new(),
            findings,
            desired: BTreeMap::new(),
            gone,
        }
    }

    /// Looks at some entities, each for itself.
    fn prepare(&self, part: &[&Packed]) -> Vec<Prepared> {
        let known = Known {
            input: self.input,
            facts: &self.facts,
            selected: &self.selected,
            identities: &self.identities,
            version: self.version,
        };
        parallel::map(part, |packed| known.prepare(packed))
    }

    fn place(&mut self, prepared: Prepared) {
        match prepared {
            Prepared::Aside(source) => {
                let reason = if self.selected.is_excluded(&source.key()) {
                    "excluded"
                } else {
                    "not selected"
                };
                self.leave(&source, Action::NotSelected, reason.to_owned());
            }
            Prepared::Judged(judged)
                if judged.source.kind.presence.given && !self.is_needed(&judged.source) =>
            {
                let observed = "no plugin that takes part has this name";
                self.findings
                    .push(Finding::new(&SCHEMA_UNUSED, judged.source.subject(), observed));
                self.leave(&judged.source, Action::NotSelected, observed.to_owned());
            }
            Prepared::Spoilt(source, error) => {
                self.used_transforms.insert(error.index);
                self.block(&source, &TRANSFORM_FAILED, error.to_string());
            }
            Prepared::Judged(judged) => self.place_judged(*judged),
        }
    }

    fn place_judged(&mut self, judged: Judged) {
        let source = &judged.source;
        self.note_transforms(source, &judged.transforms);
        let first = judged.verdict.findings.first();
        let reason = first.map_or_else(String::new, |finding| finding.observed.clone());
        self.findings.extend(judged.verdict.findings);
        if !judged.verdict.moves {
            return self.leave(source, Action::StaysBehind, reason);
        }
        if source.kind.name == "basic-auths" && self.loses_password(source) {
            let observed = "the stored hash is salted with the consumer's id, which changes";
            self.findings
                .push(Finding::new(&PASSWORD_NOT_MOVABLE, source.subject(), observed));
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
        if let (true, Some(counterpart)) = (unmoved, judged.counterpart) {
            return self.keep(source, counterpart);
        }
        let entity = if unmoved {
            judged.entity
        } else {
            self.identities.relink(Entity {
                body: translate(source, self.input.catalogue).body,
                kind: source.kind,
                id: source.id.clone(),
            })
        };
        match self.input.target.get(&entity.key()) {
            Some(actual) => self.compare(source, &entity, &actual),
            None => self.create(source, &entity),
        }
    }

    /// The target has it, and it is equal.
    fn keep(&mut self, source: &Entity, counterpart: Counterpart) {
        self.findings.extend(counterpart.added);
        let subject = counterpart.desired.subject.clone();
        self.desired.insert(source.key(), counterpart.desired);
        self.push_of(source, subject, Action::Unchanged, (String::new(), Vec::new()));
    }

    /// The target has the counterpart.
    fn compare(&mut self, source: &Entity, entity: &Entity, actual: &Entity) {
        let found = Counterpart::find(self.input, self.version, (source, entity, actual));
        if let Some(counterpart) = found {
            return self.keep(source, counterpart);
        }
        let changes = differences(entity.kind, &entity.body, &actual.body);
        let fields: Vec<_> = changes.iter().map(|change| change.field.as_str()).collect();
        let observed = format!("differs in {}", fields.join(", "));
        let finding = |rule| Finding::new(rule, source.subject(), observed.clone());
        let standing = self.input.ledger.standing(actual, &entity.body);
        if let Some(class) = class_of_difference(self.input.ledger, standing, entity, actual) {
            self.drift.add(class, 1);
        }
        match conflict::resolve(standing, self.input.policy, entity.kind) {
            Resolution::Follow => {
                let reason = format!("the source changed: {observed}");
                self.update(source, entity, reason, changes);
            }
            Resolution::Overwrite(rule) => {
                self.findings.push(finding(rule));
                let reason = format!("overwrites what the target has: {observed}");
                self.update(source, entity, reason, changes);
            }
            Resolution::Skip => {
                self.findings.push(finding(&SKIPPED_BY_POLICY));
                self.push(source, Action::Skipped, observed, changes);
            }
            Resolution::Leave(rule) => {
                self.findings.push(finding(rule));
                self.drift.left.push(source.subject());
                self.push(source, Action::Skipped, observed, changes);
            }
            // It stays in the target as it is, so what refers to it goes on.
            Resolution::Block(rule) => {
                self.findings.push(finding(rule));
                self.push(source, Action::Blocked, observed, changes);
            }
        }
    }

    fn update(&mut self, source: &Entity, entity: &Entity, reason: String, changes: Vec<FieldChange>) {
        if !self.gone.is_empty() {
            // Its new name may be that of an entity that is gone.
            let taken = self.taken.get_or_init(|| Taken::by(self.input.target));
            let _ = taken.clash_after(entity, |holder| self.gone.make_room(holder));
        }
        self.findings.extend(added::foresee(
            &source.subject(),
            entity,
            self.version,
            self.input.catalogue,
        ));
        self.desired
            .insert(source.key(), Desired::new(source.subject(), entity));
        self.push(source, Action::Update, reason, changes);
    }

    fn create(&mut self, source: &Entity, entity: &Entity) {
        let taken = self.taken.get_or_init(|| Taken::by(self.input.target));
        if let Some(clash) = taken.clash_after(entity, |holder| self.gone.make_room(holder)) {
            return self.resolve(source, entity, &clash);
        }
        self.create_unclashed(source, entity);
    }

    fn create_unclashed(&mut self, source: &Entity, entity: &Entity) {
        self.note_absence(source, entity);
        self.findings.extend(added::foresee(
            &source.subject(),
            entity,
            self.version,
            self.input.catalogue,
        ));
        self.desire(source, entity, Action::Create);
    }

    /// Another entity holds a unique value: the conflict policy decides.
    fn resolve(&mut self, source: &Entity, entity: &Entity, clash: &Clash) {
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
                    source.subject(),
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
        self.identities.adopt(source.key(), &holder.id);
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
        let entity = self.identities.relink(Entity {
            body: translate(&source, self.input.catalogue).body,
            kind: source.kind,
            id: source.id.clone(),
        });
        let standing = self.input.ledger.standing(&actual, &entity.body);
        Some(conflict::resolve(standing, self.input.policy, entity.kind))
    }

    /// Records what transforms did.
    fn note_transforms(&mut self, source: &Entity, transforms: &Transforms) {
        if let Some(read) = &transforms.read {
            self.tell_dropped_names(read, source);
        }
        for index in &transforms.applied {
            self.used_transforms.insert(*index);
            if let Some(transform) = self.input.policy.transforms.get(*index) {
                self.findings.push(Finding::new(
                    &TRANSFORMED,
                    source.subject(),
                    transform.reason.clone(),
                ));
            }
        }
    }

    /// A password's hash is salted with the consumer's id (Kong 3.9, `kong/plugins/basic-auth/crypto.lua`).
    fn loses_password(&self, source: &Entity) -> bool {
        source
            .references()
            .iter()
            .any(|consumer| self.identities.is_moved(consumer))
    }

    /// True when a plugin that takes part needs this schema.
    fn is_needed(&self, schema: &Entity) -> bool {
        let mut plugins = self.input.source.of_kind("plugins");
        plugins.any(|plugin| {
            plugin.word("name").as_deref() == Some(&*schema.id) && self.selected.contains(&plugin.key())
        })
    }

    /// The first reference that will not be in the target.
    fn missing_reference(&self, source: &Entity) -> Option<(&'static Rule, String)> {
        if let Some(schema) = source
            .plugin_schema()
            .filter(|schema| self.absent.contains(schema))
        {
            return Some((
                self.why_absent(&schema),
                format!("needs {schema}, which is not uploaded"),
            ));
        }
        source.references().into_iter().find_map(|key| {
            if self.selected.is_excluded(&key) {
                Some((
                    &DEPENDENCY_EXCLUDED,
                    format!("refers to {key}, which spec.source.select excludes"),
                ))
            } else if self.absent.contains(&key) {
                Some((
                    self.why_absent(&key),
                    format!("refers to {key}, which is not moved"),
                ))
            } else if self.input.source.contains(&key) {
                None
            } else {
                Some((
                    &REFERENCE_MISSING,
                    format!("refers to {key}, which the source did not list"),
                ))
            }
        })
    }

    fn block(&mut self, source: &Entity, rule: &Rule, observed: String) {
        if rule.id == BLOCKED_BY_DRIFT.id {
            self.left_to_drift.insert(source.key());
        }
        self.findings
            .push(Finding::new(rule, source.subject(), observed.clone()));
        self.leave(source, Action::Blocked, observed);
    }

    /// The entity will not be in the target, so nothing that refers to it can be.
    fn leave(&mut self, source: &Entity, action: Action, reason: String) {
        self.absent.insert(source.key());
        self.push(source, action, reason, Vec::new());
    }

    fn desire(&mut self, source: &Entity, entity: &Entity, action: Action) {
        let subject = source.subject();
        self.desired
            .insert(source.key(), Desired::new(subject.clone(), entity));
        self.push_of(source, subject, action, (String::new(), Vec::new()));
    }

    fn push(&mut self, source: &Entity, action: Action, reason: String, changes: Vec<FieldChange>) {
        self.push_of(source, source.subject(), action, (reason, changes));
    }

    fn push_of(
        &mut self,
        source: &Entity,
        subject: Subject,
        action: Action,
        (reason, changes): (String, Vec<FieldChange>),
    ) {
        let target_id = self.identities.other_id(source);
        self.operations.push(Operation {
            wave: source.kind.level,
            action,
            subject,
            target_id,
            reason,
            changes,
        });
    }

    fn finish(mut self) -> Planned {
        for (index, transform) in self.input.policy.transforms.iter().enumerate() {
            if !self.used_transforms.contains(&index) {
                let observed = format!("transform {:?} selects nothing", transform.reason);
                self.findings
                    .push(Finding::new(&TRANSFORM_UNUSED, all_of(&transform.kind), observed));
            }
        }
        self.tell_missing_names();
        self.drift
            .add(Class::MissingInSource, missing_in_source(self.input));
        self.findings.extend(tell_passwords(self.desired.keys()));
        let pruned = self.gone.decide(&self.desired, &self.selected);
        self.operations.extend(pruned.operations);
        self.findings.extend(pruned.findings);
        waivers::apply(
            &mut self.findings,
            &self.input.circumstances.waivers,
            self.input.circumstances.now,
        );
        self.findings.sort_by(|a, b| a.rank().cmp(&b.rank()));
        self.findings.dedup();
        let held = Held::by(self.input.target);
        let mut plan = Plan {
            hash: String::new(),
            source_digest: digest_of(&self.desired),
            target_digest: held.total(),
            operations: self.operations,
            findings: self.findings,
        };
        plan.hash = hash(&plan, (&self.desired, &pruned.deletions), (self.input, &held));
        Planned {
            plan,
            desired: self.desired,
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

/// A subject that stands for all entities of a kind.
fn all_of(kind: &str) -> Subject {
    Subject {
        key: EntityKey::new(kind.to_owned(), "*"),
        name: None,
    }
}

/// Digest over translated entities.
fn digest_of(desired: &BTreeMap<EntityKey, Desired>) -> String {
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
