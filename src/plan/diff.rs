//! Decides what happens to each source entity.

mod hash;
mod names;
mod removed;

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use self::hash::hash;
use super::added;
use super::catalogue::Catalogue;
use super::compare::{FieldChange, canonical, differences, equal, held};
use super::conflict::{self, Resolution};
use super::digest::Digest;
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
use super::preflight::{Facts, judge, judge_workspace};
use super::prune::Gone;
use super::select::{Selected, select};
use super::transform::{Transformed, transform};
use super::translate::translate;
use super::unique::{Clash, Taken};
use super::{Circumstances, waivers};
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
    for packed in entities {
        planner.place(&packed.unpack());
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

    fn place(&mut self, source: &Entity) {
        if source.kind.presence.given {
            if !self.is_needed(source) {
                let observed = "no plugin that takes part has this name";
                self.findings
                    .push(Finding::new(&SCHEMA_UNUSED, source.subject(), observed));
                return self.leave(source, Action::NotSelected, observed.to_owned());
            }
        } else if !self.selected.contains(&source.key()) {
            let reason = if self.selected.is_excluded(&source.key()) {
                "excluded"
            } else {
                "not selected"
            };
            return self.leave(source, Action::NotSelected, reason.to_owned());
        }
        let source = match transform(source, &self.input.policy.transforms, self.input.version) {
            Ok(changed) => self.note_transforms(source, changed),
            Err(error) => {
                self.used_transforms.insert(error.index);
                return self.block(source, &TRANSFORM_FAILED, error.to_string());
            }
        };
        let source = source.as_ref();
        let verdict = judge(source, &self.facts);
        let reason = verdict
            .findings
            .first()
            .map_or_else(String::new, |finding| finding.observed.clone());
        self.findings.extend(verdict.findings);
        if !verdict.moves {
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
        let translated = translate(source, self.input.catalogue);
        self.findings.extend(translated.findings);
        let entity = self.identities.relink(Entity {
            body: translated.body,
            kind: source.kind,
            id: source.id.clone(),
        });
        match self.input.target.get(&entity.key()) {
            Some(actual) => self.compare(source, &entity, &actual),
            None => self.create(source, &entity),
        }
    }

    /// The target has the counterpart.
    fn compare(&mut self, source: &Entity, entity: &Entity, actual: &Entity) {
        if equal(entity.kind, &entity.body, &actual.body) {
            let seen = added::observe(
                &source.subject(),
                entity,
                &actual.body,
                self.version,
                self.input.catalogue,
            );
            self.findings.extend(seen);
            return self.desire(source, entity, Action::Unchanged);
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
        self.desired.insert(
            source.key(),
            Desired {
                subject: source.subject(),
                entity: entity.into(),
            },
        );
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

    /// Records what a transform did, and returns the changed entity.
    fn note_transforms<'e>(&mut self, source: &Entity, changed: Transformed<'e>) -> Cow<'e, Entity> {
        if !changed.applied.is_empty() {
            self.tell_dropped_names(source, &changed.entity);
        }
        for index in &changed.applied {
            self.used_transforms.insert(*index);
            if let Some(transform) = self.input.policy.transforms.get(*index) {
                let finding = Finding::new(&TRANSFORMED, changed.entity.subject(), transform.reason.clone());
                self.findings.push(finding);
            }
        }
        changed.entity
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
        self.desired.insert(
            source.key(),
            Desired {
                subject: source.subject(),
                entity: entity.into(),
            },
        );
        self.push(source, action, String::new(), Vec::new());
    }

    fn push(&mut self, source: &Entity, action: Action, reason: String, changes: Vec<FieldChange>) {
        let target_id = self.identities.other_id(source);
        self.operations.push(Operation {
            wave: source.kind.level,
            action,
            subject: source.subject(),
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
        let mut plan = Plan {
            hash: String::new(),
            source_digest: digest_desired(self.desired.values()),
            target_digest: digest_all(self.input.target),
            operations: self.operations,
            findings: self.findings,
        };
        plan.hash = hash(&plan, &self.desired, &pruned.deletions, self.input);
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

/// Digest over translated entities, sorted by kind and id as the map holds them.
pub(super) fn digest_desired<'a>(desired: impl Iterator<Item = &'a Desired>) -> String {
    let mut digest = Digest::default();
    for desired in desired {
        digest.add_entity(
            &desired.entity.key(),
            &canonical(desired.entity.kind, &desired.body()),
        );
    }
    digest.finish()
}

/// Digest over what the target holds of each translated entity, in the same form.
pub(super) fn digest_actual<'a>(pairs: impl Iterator<Item = (&'a Desired, Entity)>) -> String {
    let mut digest = Digest::default();
    for (desired, actual) in pairs {
        let held = held(actual.kind, &desired.entity.unpack().body, &actual.body);
        digest.add_entity(&actual.key(), &held);
    }
    digest.finish()
}

fn digest_all(snapshot: &Snapshot) -> String {
    let mut digest = Digest::default();
    for entity in snapshot.iter() {
        digest.add_entity(&entity.key(), &canonical(entity.kind, &entity.body));
    }
    digest.finish()
}

#[cfg(test)]
mod custom_plugin_tests;
#[cfg(test)]
mod tests;
