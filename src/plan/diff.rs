//! Decides what happens to each source entity.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::catalogue::Catalogue;
use super::compare::{canonical, differences, equal, project};
use super::digest::Digest;
use super::document::{Action, Desired, Operation, Plan, Planned};
use super::finding::{
    BACKUP_REQUIRED, BLOCKED_BY_DEPENDENCY, DRIFT_UNKNOWN, Finding, NAME_TAKEN, REFERENCE_MISSING, Rule,
};
use super::inventory;
use super::preflight::judge;
use super::translate::translate;
use super::{added, mask};
use crate::domain::entity::reference;
use crate::domain::entity_kinds::PLUGIN_SCOPE;
use crate::domain::{Entity, EntityKey, KongVersion, Snapshot, Subject};

/// Everything a plan depends on.
#[derive(Debug)]
pub struct PlanInput<'a> {
    /// The source as read.
    pub source: &'a Snapshot,
    /// The target as read.
    pub target: &'a Snapshot,
    /// Version of the source; none when it did not tell.
    pub version: Option<KongVersion>,
    /// Custom plugins whose schema the control plane has.
    pub uploaded: &'a BTreeSet<String>,
    /// Facts about Konnect.
    pub catalogue: &'a Catalogue,
}

/// The oldest version that plugin defaults are known for (published schemas).
const OLDEST: KongVersion = KongVersion { major: 3, minor: 4 };

/// Makes the plan. Every source entity gets exactly one operation.
#[must_use]
pub fn build_plan(input: &PlanInput<'_>) -> Planned {
    let mut planner = Planner::new(input);
    let mut entities: Vec<&Entity> = input.source.entities.values().collect();
    entities.sort_by_key(|entity| (entity.kind.level, entity.key()));
    for entity in entities {
        planner.place(entity);
    }
    planner.finish()
}

struct Planner<'a> {
    input: &'a PlanInput<'a>,
    version: KongVersion,
    taken: BTreeMap<UniqueKey, EntityKey>,
    absent: BTreeSet<EntityKey>,
    operations: Vec<Operation>,
    findings: Vec<Finding>,
    desired: BTreeMap<EntityKey, Desired>,
}

/// Kind, fields and values of a unique group.
type UniqueKey = (&'static str, &'static [&'static str], String);

impl<'a> Planner<'a> {
    fn new(input: &'a PlanInput<'a>) -> Self {
        let mut findings = inventory::judge(input.source);
        if input.version.is_none() {
            let subject = Subject {
                key: EntityKey {
                    kind: "plugins".into(),
                    id: "*".into(),
                },
                name: None,
            };
            findings.push(Finding::new(
                &DRIFT_UNKNOWN,
                subject,
                "no version in the answer of the Admin API",
            ));
        }
        let holders = input.target.entities.values();
        let taken = holders
            .flat_map(|entity| unique_keys(entity).map(|key| (key, entity.key())))
            .collect();
        Self {
            input,
            version: input.version.unwrap_or(OLDEST),
            taken,
            absent: BTreeSet::new(),
            operations: Vec::new(),
            findings,
            desired: BTreeMap::new(),
        }
    }

    fn place(&mut self, source: &Entity) {
        let verdict = judge(source, self.input.uploaded, self.input.catalogue);
        let reason = verdict
            .findings
            .first()
            .map_or_else(String::new, |finding| finding.observed.clone());
        self.findings.extend(verdict.findings);
        if !verdict.moves {
            return self.record(source, Action::StaysBehind, reason);
        }
        if let Some((rule, observed)) = self.missing_reference(source) {
            return self.block(source, rule, observed);
        }
        let translated = translate(source, self.input.catalogue);
        self.findings.extend(translated.findings);
        let entity = Entity {
            body: translated.body,
            ..source.clone()
        };
        match self.input.target.entities.get(&source.key()) {
            Some(actual) if equal(entity.kind, &entity.body, &actual.body) => {
                self.findings.extend(added::observe(
                    source,
                    &entity.body,
                    &actual.body,
                    self.version,
                    self.input.catalogue,
                ));
                self.desired.insert(
                    source.key(),
                    Desired {
                        entity,
                        source: source.clone(),
                    },
                );
                self.record(source, Action::Unchanged, String::new());
            }
            Some(actual) => {
                let changes = differences(entity.kind, &entity.body, &actual.body);
                let fields: Vec<_> = changes.iter().map(|change| change.field.as_str()).collect();
                let observed = format!("differs in {}", fields.join(", "));
                self.findings
                    .push(Finding::new(&BACKUP_REQUIRED, source.subject(), observed.clone()));
                self.push(source, Action::Update, observed, changes);
            }
            None => self.create(source, entity),
        }
    }

    fn create(&mut self, source: &Entity, entity: Entity) {
        let clash =
            unique_keys(&entity).find_map(|key| self.taken.get(&key).map(|holder| (key.1, holder.clone())));
        if let Some((fields, holder)) = clash {
            let shown: Vec<_> = fields
                .iter()
                .filter_map(|field| {
                    Some(format!(
                        "{field} {}",
                        mask::shown(entity.kind, None, field, entity.body.get(*field)?)
                    ))
                })
                .collect();
            return self.block(
                source,
                &NAME_TAKEN,
                format!("{} is held by {holder}", shown.join(", ")),
            );
        }
        self.findings.extend(added::foresee(
            source,
            &entity.body,
            self.version,
            self.input.catalogue,
        ));
        self.desired.insert(
            source.key(),
            Desired {
                entity,
                source: source.clone(),
            },
        );
        self.record(source, Action::Create, String::new());
    }

    /// The first reference that will not be in the target.
    fn missing_reference(&self, source: &Entity) -> Option<(&'static Rule, String)> {
        source.references().into_iter().find_map(|key| {
            if self.absent.contains(&key) {
                Some((
                    &BLOCKED_BY_DEPENDENCY,
                    format!("refers to {key}, which is not moved"),
                ))
            } else if self.input.source.entities.contains_key(&key) {
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
        self.findings
            .push(Finding::new(rule, source.subject(), observed.clone()));
        self.record(source, Action::Blocked, observed);
    }

    fn record(&mut self, source: &Entity, action: Action, reason: String) {
        self.push(source, action, reason, Vec::new());
    }

    fn push(
        &mut self,
        source: &Entity,
        action: Action,
        reason: String,
        changes: Vec<super::compare::FieldChange>,
    ) {
        if matches!(action, Action::Blocked | Action::StaysBehind) {
            self.absent.insert(source.key());
        }
        self.operations.push(Operation {
            wave: source.kind.level,
            action,
            subject: source.subject(),
            reason,
            changes,
        });
    }

    fn finish(mut self) -> Planned {
        self.findings.sort_by(|a, b| a.rank().cmp(&b.rank()));
        self.findings.dedup();
        let mut plan = Plan {
            hash: String::new(),
            source_digest: digest_desired(self.desired.values()),
            target_digest: digest_all(self.input.target),
            operations: self.operations,
            findings: self.findings,
        };
        let mut digest = Digest::default();
        digest.add(&json!(plan));
        plan.hash = digest.finish();
        Planned {
            plan,
            desired: self.desired,
        }
    }
}

/// Digest over translated entities, sorted by kind and id as the map holds them.
pub(super) fn digest_desired<'a>(desired: impl Iterator<Item = &'a Desired>) -> String {
    let mut digest = Digest::default();
    for desired in desired {
        digest.add(&json!([
            desired.entity.key(),
            canonical(desired.entity.kind, desired.body())
        ]));
    }
    digest.finish()
}

/// Digest over what the target holds of each translated entity, in the same form.
pub(super) fn digest_actual<'a>(pairs: impl Iterator<Item = (&'a Desired, &'a Entity)>) -> String {
    let mut digest = Digest::default();
    for (desired, actual) in pairs {
        let body = project(desired.body(), &actual.body);
        digest.add(&json!([actual.key(), canonical(actual.kind, &body)]));
    }
    digest.finish()
}

fn digest_all(snapshot: &Snapshot) -> String {
    let mut digest = Digest::default();
    for entity in snapshot.entities.values() {
        digest.add(&json!([entity.key(), canonical(entity.kind, &entity.body)]));
    }
    digest.finish()
}

/// The unique groups that bind an entity: those without a null, and a plugin's scope always.
fn unique_keys(entity: &Entity) -> impl Iterator<Item = UniqueKey> + use<'_> {
    entity.kind.unique.iter().filter_map(|fields| {
        let value = |field: &&str| match reference(&entity.body, field) {
            Some(id) => json!(id),
            None => entity.body.get(*field).cloned().unwrap_or(Value::Null),
        };
        let values: Vec<Value> = fields.iter().map(value).collect();
        let bound = *fields == PLUGIN_SCOPE || values.iter().all(|value| !value.is_null());
        bound.then(|| (entity.kind.name, *fields, json!(values).to_string()))
    })
}

#[cfg(test)]
mod tests;
