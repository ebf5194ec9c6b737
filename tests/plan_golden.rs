//! Plans of whole workspaces, as golden files: a change of a rule shows as a change of a plan.
//!
//! `cargo insta review`, or `INSTA_UPDATE=always cargo test --test plan_golden`, accepts new ones.

#[path = "shared/outline.rs"]
mod outline;

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use gateway_migration_operator::kong::model::entity_kind::{Listing, Write};
use gateway_migration_operator::kong::model::entity_kinds::ENTITY_KINDS;
use gateway_migration_operator::kong::model::{Entity, EntityKind, KongVersion, Snapshot};
use gateway_migration_operator::kong::plan::{
    Catalogue, Circumstances, PlanInput, Planned, Policy, build_plan, verify,
};
use outline::outline;
use serde_json::{Map, Value, json};
use simulators::bed::Bed;

/// Reads a dump: entities by list path, as the Admin API returns them.
fn snapshot(workspace: &str) -> Result<Snapshot> {
    let (_, text) = Bed::WORKSPACES
        .iter()
        .find(|(name, _)| *name == workspace)
        .context("no such sample")?;
    let lists: BTreeMap<String, Vec<Map<String, Value>>> = serde_json::from_str(text)?;
    let mut snapshot = Snapshot::default();
    for (path, bodies) in lists {
        let Some((kind, parent)) = kind_of(&path) else {
            continue;
        };
        for body in bodies {
            let body = match (&kind.write, parent) {
                (Write::Member, Some(group)) => {
                    let ends = json!({"consumer_group": {"id": group}, "consumer": {"id": body["id"]}});
                    ends.as_object().cloned().unwrap_or_default()
                }
                _ => body,
            };
            snapshot.insert(&Entity::from_body(kind, body).context("an entity without id")?);
        }
    }
    Ok(snapshot)
}

fn kind_of(path: &str) -> Option<(&'static EntityKind, Option<&str>)> {
    let parts: Vec<_> = path.trim_matches('/').split('/').collect();
    ENTITY_KINDS
        .iter()
        .find_map(|kind| match (kind.source, parts.as_slice()) {
            (Listing::Flat(name), [only]) if name == *only => Some((kind, None)),
            (Listing::Below { parent, path }, [first, id, last]) if parent == *first && path == *last => {
                Some((kind, Some(*id)))
            }
            _ => None,
        })
}

fn plan(source: &Snapshot, target: &Snapshot) -> Planned {
    build_plan(&PlanInput {
        notes: &[],
        source,
        target,
        ledger: &Default::default(),
        version: KongVersion::parse("3.9.1"),
        policy: &Policy::default(),
        catalogue: Catalogue::bundled(),
        circumstances: &Circumstances::default(),
    })
}

fn check(workspace: &str) -> Result<Planned> {
    let source = snapshot(workspace)?;
    let planned = plan(&source, &Snapshot::default());
    insta::with_settings!({snapshot_path => "plan_golden", prepend_module_to_snapshot => false}, {
        insta::assert_snapshot!(workspace, outline(&planned));
    });
    let target: Snapshot = planned
        .desired
        .values()
        .map(|desired| desired.entity.unpack())
        .collect();
    assert!(
        verify(
            &planned,
            &target,
            KongVersion::parse("3.9.1"),
            Catalogue::bundled()
        )
        .holds()
    );
    Ok(planned)
}

#[test]
fn the_recorded_workspace() -> Result<()> {
    let planned = check("default")?;
    assert_eq!(planned.plan.operations.len(), 128);
    assert_eq!(planned.desired.len(), 123);
    Ok(())
}

#[test]
fn the_inventory_workspace() -> Result<()> {
    check("inventory").map(|_| ())
}

#[test]
fn the_sales_workspace() -> Result<()> {
    check("sales").map(|_| ())
}
