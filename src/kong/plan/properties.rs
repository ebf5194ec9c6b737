//! Properties that hold for any source.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::strategy::Union;
use serde_json::{Map, Value, json};

use super::catalogue::Catalogue;
use super::diff::build_plan;
use super::document::Planned;
use super::generated::body;
use super::input::{
    Circumstances, ConflictPolicy, Conflicts, Exclusion, IdPolicy, PlanInput, Policy, PruneLimit, Selection,
};
use super::ledger::{Ledger, Origin};
use super::test_support::entity;
use super::verify::verify;
use crate::kong::model::entity_kinds::ENTITY_KINDS;
use crate::kong::model::{Entity, EntityKind, Gap, GapCause, KongVersion, Snapshot};
use crate::migration::plan::Action;

const VERSION: KongVersion = KongVersion { major: 3, minor: 9 };

fn plan(source: &Snapshot, target: &Snapshot) -> Planned {
    plan_with(source, target, &Policy::default())
}

pub(super) fn plan_with(source: &Snapshot, target: &Snapshot, policy: &Policy) -> Planned {
    plan_after(source, target, policy, &Ledger::default())
}

pub(super) fn plan_after(source: &Snapshot, target: &Snapshot, policy: &Policy, ledger: &Ledger) -> Planned {
    build_plan(&PlanInput {
        notes: &[],
        source,
        target,
        ledger,
        version: Some(VERSION),
        policy,
        catalogue: Catalogue::bundled(),
        circumstances: &Circumstances::default(),
    })
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0..99u32).prop_map(Value::from),
        "[a-z]{1,6}".prop_map(Value::from)
    ]
}

fn field() -> impl Strategy<Value = (String, Value)> {
    let name = prop_oneof![
        Just("name".to_owned()),
        Just("tags".to_owned()),
        Just("config".to_owned()),
        "[a-z_]{2,9}"
    ];
    let value = prop_oneof![
        4 => scalar(),
        1 => prop::collection::vec(scalar(), 0..3).prop_map(Value::from),
        1 => prop::collection::btree_map("[a-z]{2,5}", scalar(), 0..3).prop_map(|m| Value::Object(m.into_iter().collect())),
    ];
    (name, value)
}

/// An entity of a kind, with fields of its schema and any others, that refers to others by small numbers, so that some references
/// hit and some dangle.
fn any_entity(kind: &'static EntityKind) -> BoxedStrategy<Option<Entity>> {
    let extra = prop::collection::vec(field(), 0..4);
    let references = prop::collection::vec(0..6u8, 5);
    (0..6u8, body(kind), extra, references, any::<u8>())
        .prop_map(move |(id, mut body, extra, references, mask)| {
            body.extend(extra);
            for (at, foreign) in kind.foreign_keys.iter().enumerate() {
                let set = kind.name == "consumer_group_members" || mask & (1 << at) != 0;
                body.insert(
                    foreign.field.into(),
                    if set {
                        json!({"id": references[at].to_string()})
                    } else {
                        Value::Null
                    },
                );
            }
            body.insert(kind.id_field.into(), json!(id.to_string()));
            Entity::from_body(kind, body)
        })
        .boxed()
}

/// Entities of any kind.
pub(super) fn snapshot() -> impl Strategy<Value = Snapshot> {
    let entity = Union::new(ENTITY_KINDS.iter().map(any_entity));
    prop::collection::vec(entity, 0..16).prop_map(|entities| entities.into_iter().flatten().collect())
}

/// Any decision that a user may take.
pub(super) fn policy() -> impl Strategy<Value = Policy> {
    let conflict = prop_oneof![
        Just(ConflictPolicy::Fail),
        Just(ConflictPolicy::Adopt),
        Just(ConflictPolicy::Overwrite),
        Just(ConflictPolicy::Skip)
    ];
    let ids = prop_oneof![
        Just(IdPolicy::Preserve),
        Just(IdPolicy::Derive {
            control_plane: "cp".into()
        })
    ];
    let kinds = prop_oneof![
        2 => Just(Vec::new()),
        1 => prop::collection::vec((0..ENTITY_KINDS.len()).prop_map(|kind| ENTITY_KINDS[kind].name.to_owned()), 1..4)
    ];
    (conflict, ids, kinds, prop::option::of(0..ENTITY_KINDS.len())).prop_map(
        |(default, ids, kinds, exclude)| Policy {
            ids,
            conflicts: Conflicts {
                default,
                ..Conflicts::default()
            },
            select: Selection {
                kinds,
                exclude: exclude
                    .map(|kind| Exclusion {
                        kind: ENTITY_KINDS[kind].name.to_owned(),
                        name: None,
                    })
                    .into_iter()
                    .collect(),
                ..Selection::default()
            },
            ..Policy::default()
        },
    )
}

/// How much may be deleted: mostly anything, so that something is.
fn prune_limit() -> impl Strategy<Value = PruneLimit> {
    prop_oneof![
        2 => Just(PruneLimit::Percent(100)),
        1 => Just(PruneLimit::Usual),
        1 => (0..6usize).prop_map(PruneLimit::Count),
        1 => (0..100u8).prop_map(PruneLimit::Percent)
    ]
}

/// What the target holds after all creations, as a server would return it: with fields of its own.
pub(super) fn applied(planned: &Planned, target: &Snapshot) -> Snapshot {
    let mut after = target.clone();
    for desired in planned.desired.values() {
        let mut entity = desired.entity.unpack();
        entity.body.insert("created_at".into(), json!(1));
        entity.body.entry("added_by_target").or_insert(Value::Null);
        if entity.kind.name != "consumer_group_members" {
            entity.body.insert("id".into(), json!(&*entity.id));
        }
        after.insert(&entity);
    }
    after
}

proptest! {
    #[test]
    fn every_source_entity_has_exactly_one_fate(source in snapshot(), target in snapshot(), policy in policy()) {
        let planned = plan_with(&source, &target, &policy);
        let keys: Vec<_> = planned.plan.operations.iter().map(|o| o.subject.key.clone()).collect();
        let unique: BTreeSet<_> = keys.iter().cloned().collect();
        prop_assert_eq!(keys.len(), unique.len());
        prop_assert_eq!(unique, source.keys().cloned().collect());
    }

    #[test]
    fn every_fate_but_creation_and_equality_has_a_finding(source in snapshot(), target in snapshot(), policy in policy()) {
        let planned = plan_with(&source, &target, &policy);
        let named: BTreeSet<_> = planned.plan.findings.iter().map(|f| &f.subject.key).collect();
        for operation in &planned.plan.operations {
            let silent = matches!(operation.action, Action::Create | Action::Unchanged | Action::NotSelected);
            prop_assert!(silent || named.contains(&operation.subject.key), "{} is {:?} without a finding", operation.subject, operation.action);
        }
    }

    #[test]
    fn every_field_with_a_value_is_carried_or_named(source in snapshot()) {
        let planned = plan(&source, &Snapshot::default());
        let mut named: BTreeMap<_, BTreeSet<&str>> = BTreeMap::new();
        for finding in &planned.plan.findings {
            named.entry(&finding.subject.key).or_default().extend(finding.field.as_deref());
        }
        for (key, desired) in &planned.desired {
            let body = desired.entity.unpack().body;
            for (field, value) in &source.get(key).unwrap().body {
                let server_made = desired.entity.kind.read_only.contains(&field.as_str());
                let inert = desired.entity.kind.inert.iter().any(|(name, meaningless)| name == field && meaningless.is(value));
                let carried = body.contains_key(field);
                let told = named.get(key).is_some_and(|fields| fields.contains(field.as_str()));
                prop_assert!(value.is_null() || server_made || inert || carried || told, "{key}: {field} is lost");
            }
        }
    }

    #[test]
    fn every_configuration_field_of_a_plugin_is_carried_or_named(
        name in prop_oneof![Just("cors"), Just("http-log"), Just("openid-connect"), Just("our-own")],
        config in prop::collection::btree_map("[a-z]{2,7}", scalar(), 0..6),
    ) {
        let config: Map<String, Value> = config.into_iter().collect();
        let body = json!({"id": "p", "name": name, "config": config.clone()});
        let source: Snapshot = [entity("plugins", body)].into_iter().collect();
        let planned = plan(&source, &Snapshot::default());
        let Some(desired) = planned.desired.values().next() else {
            prop_assert!(!planned.plan.findings.is_empty());
            return Ok(());
        };
        let body = desired.entity.unpack().body;
        for (field, value) in &config {
            let carried = body["config"].get(field) == Some(value);
            let path = format!("config.{field}");
            let told = planned.plan.findings.iter().any(|finding| finding.field.as_ref() == Some(&path));
            prop_assert!(value.is_null() || carried || told, "{name}: {path} is lost");
        }
    }

    #[test]
    fn a_creation_depends_on_earlier_waves_only(source in snapshot(), target in snapshot()) {
        let planned = plan(&source, &target);
        let mut there: BTreeSet<_> = target.keys().cloned().collect();
        let mut wave = 0;
        for operation in &planned.plan.operations {
            prop_assert!(operation.wave >= wave);
            wave = operation.wave;
            if operation.action == Action::Create {
                for reference in source.get(&operation.subject.key).unwrap().references() {
                    prop_assert!(there.contains(&reference), "{} before {reference}", operation.subject);
                }
                there.insert(operation.subject.key.clone());
            }
        }
    }

    #[test]
    fn every_reference_points_to_an_earlier_wave_so_that_there_is_no_cycle(source in snapshot(), target in snapshot(), policy in policy()) {
        let planned = plan_with(&source, &target, &policy);
        let waves: BTreeMap<_, _> = planned.plan.operations.iter().map(|o| (&o.subject.key, o.wave)).collect();
        for (key, entity) in &source.entities {
            for reference in entity.unpack().references() {
                prop_assert!(waves.get(&reference).is_none_or(|wave| *wave < waves[key]), "{key} is not after {reference}");
            }
        }
    }

    #[test]
    fn in_reverse_order_nothing_goes_before_what_refers_to_it(source in snapshot(), target in snapshot(), policy in policy()) {
        let planned = plan_with(&source, &target, &policy);
        let written = |key| planned.desired.get(key);
        let mut left: BTreeSet<_> = planned.desired.values().map(|desired| desired.entity.key()).collect();
        for desired in planned.plan.operations.iter().rev().filter_map(|operation| written(&operation.subject.key)) {
            let gone = desired.entity.key();
            left.remove(&gone);
            let still = planned.desired.values().filter(|other| left.contains(&other.entity.key()));
            for other in still {
                prop_assert!(!other.entity.unpack().references().contains(&gone), "{} refers to {gone}", other.entity.key());
            }
        }
        prop_assert!(left.is_empty());
    }

    #[test]
    fn a_plan_against_what_it_makes_is_empty(source in snapshot()) {
        let first = plan(&source, &Snapshot::default());
        let made: Snapshot = first.desired.values().map(|desired| desired.entity.unpack()).collect();
        let second = plan(&source, &made);
        prop_assert_eq!(second.plan.count(Action::Create) + second.plan.count(Action::Update), 0);
        prop_assert_eq!(second.plan.count(Action::Unchanged), first.desired.len());
        prop_assert!(second.plan.operations.iter().all(|operation| operation.changes.is_empty()));
    }

    #[test]
    fn after_the_writes_a_second_plan_creates_nothing_and_the_digests_are_equal(source in snapshot(), target in snapshot(), policy in policy()) {
        let first = plan_with(&source, &target, &policy);
        let mut ledger = Ledger::default();
        ledger.intend(&first, &target, jiff::Timestamp::UNIX_EPOCH);
        let after = applied(&first, &target);
        let second = plan_after(&source, &after, &policy, &ledger);
        prop_assert_eq!(second.plan.writes(), 0);
        prop_assert_eq!(&second.plan.hash, &first.plan.hash, "an approval must outlive the plan's own progress");
        let verification = verify(&first, &after, Some(VERSION), Catalogue::bundled());
        prop_assert!(verification.holds(), "{verification:?}");
        prop_assert_eq!(verification.matched, first.desired.len());
    }

    #[test]
    fn only_what_was_created_and_is_gone_is_deleted_and_never_with_a_gap(
        before in snapshot(), after in snapshot(), target in snapshot(), policy in policy(), limit in prune_limit(),
        gap in prop::option::of(0..ENTITY_KINDS.len()),
    ) {
        let policy = Policy { prune: true, prune_limit: limit, ..policy };
        let mut ledger = Ledger::default();
        let first = plan_after(&before, &target, &policy, &ledger);
        ledger.intend(&first, &target, jiff::Timestamp::UNIX_EPOCH);
        let held = applied(&first, &target);
        ledger.settle(&first, &held, jiff::Timestamp::UNIX_EPOCH);
        let second = plan_after(&after, &held, &policy, &ledger);
        let created = ledger.iter().filter(|(kind, id, entry)| entry.origin == Origin::Created && held.contains(&kind.key(id)));
        let most = limit.most_of(created.count());
        prop_assert!(second.deletions.len() <= most, "{} are deleted, and {most} may be", second.deletions.len());
        for (key, deletion) in &second.deletions {
            let entry = ledger.get(&key.kind, &key.id);
            prop_assert!(entry.is_some_and(|entry| entry.origin == Origin::Created), "{key}");
            prop_assert!(!target.contains(key), "{key} was there before");
            let there = entry.and_then(|entry| entry.source.as_deref()).unwrap_or(&key.id);
            prop_assert!(!after.contains(&deletion.entity.kind.key(there)), "the source has {key}");
            prop_assert!(second.desired.values().all(|desired| desired.entity.key() != *key), "{key} is wanted");
        }
        let mut rest = held.clone();
        for key in second.deletions.keys() {
            rest.remove(key);
        }
        let last = applied(&second, &rest);
        for entity in last.iter() {
            for named in entity.references() {
                let dangles = second.deletions.contains_key(&named);
                prop_assert!(!dangles, "{} refers to {named}, which is deleted", entity.key());
            }
        }
        ledger.intend(&second, &held, jiff::Timestamp::UNIX_EPOCH);
        let third = plan_after(&after, &last, &policy, &ledger);
        prop_assert_eq!(third.plan.count(Action::Delete), 0);
        prop_assert_eq!(&third.plan.hash, &second.plan.hash, "an approval must outlive the plan's own progress");
        if let Some(kind) = gap {
            let mut unread = after.clone();
            unread.gaps.push(Gap { kind: &ENTITY_KINDS[kind], cause: GapCause::Forbidden });
            prop_assert!(plan_after(&unread, &held, &policy, &ledger).deletions.is_empty());
        }
    }

    #[test]
    fn the_same_inputs_give_the_same_bytes(source in snapshot(), target in snapshot(), policy in policy()) {
        let bytes = || serde_json::to_vec(&plan_with(&source, &target, &policy).plan).unwrap();
        prop_assert_eq!(bytes(), bytes());
    }
}
