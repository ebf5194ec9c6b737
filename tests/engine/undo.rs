//! The engine undoes: every kind of entity, restored, deleted and made again as Konnect had it.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use gateway_migration_operator::kong::engine::undo::plan_rollback;
use gateway_migration_operator::kong::engine::{Applied, Migration, Observed, Target};
use gateway_migration_operator::kong::model::entity_kind::Write;
use gateway_migration_operator::kong::model::{Entity, Snapshot};
use gateway_migration_operator::kong::plan::canonical::canonical;
use gateway_migration_operator::kong::plan::input::{ConflictPolicy, Conflicts};
use gateway_migration_operator::kong::plan::{Ledger, Planned, Policy, RollbackInput};
use gateway_migration_operator::migration::progress::Progress;
use gateway_migration_operator::migration::rollback::{ChangedSince, Extent, Rollback, Undo};
use gateway_migration_operator::migration::subject::EntityKey;
use serde_json::{Value, json};
use simulators::bed::Bed;
use simulators::server::Behaviour;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{apply, migration};

const NOW: jiff::Timestamp = jiff::Timestamp::UNIX_EPOCH;

/// One run with its ledger. `change` turns the source into another one.
async fn run(
    migration: &Migration,
    ledger: &mut Ledger,
    change: impl FnMut(&mut Entity),
) -> Result<(Planned, Applied)> {
    let mut source = migration.observe_source().await?;
    source.snapshot.change(change);
    let target = migration.observe_target().await?;
    let observed = Observed { source, target };
    let policy = Policy {
        conflicts: Conflicts {
            default: ConflictPolicy::Overwrite,
            ..Conflicts::default()
        },
        ..Policy::default()
    };
    let planned = observed.plan(&policy, NOW, &[], ledger);
    ledger.intend(&planned, &observed.target, NOW);
    let applied = apply(migration, &planned).await;
    assert_eq!(applied.refused, []);
    ledger.settle(&planned, &migration.observe_target().await?, NOW);
    Ok((planned, applied))
}

/// Gives every entity that takes tags another set of them.
fn tag(entity: &mut Entity) {
    if entity.body.contains_key("tags") {
        entity.body.insert("tags".to_owned(), json!(["theirs"]));
    }
}

fn target_of(migration: &Migration) -> Target {
    Target {
        client: migration.target.clone(),
        control_plane: migration.control_plane.clone(),
        throttle: migration.throttle.clone(),
    }
}

fn rollback(ledger: &Ledger, held: &Snapshot) -> Rollback {
    plan_rollback(&RollbackInput {
        ledger,
        target: held,
        extent: Extent::Everything,
        changed: ChangedSince::Keep,
    })
}

async fn undo(target: &Target, ledger: &Ledger, held: &Snapshot) -> (Rollback, Applied) {
    let rollback = rollback(ledger, held);
    let (progress, seen) = watch::channel(Progress::before_undoing(&rollback));
    let applied = target
        .undo(&rollback, (ledger, held), &CancellationToken::new(), &progress)
        .await;
    let sum = seen.borrow().sum();
    assert_eq!(
        (sum.completed, sum.failed, sum.total),
        (applied.written(), applied.refused.len(), rollback.steps.len())
    );
    (rollback, applied)
}

fn contents(held: &Snapshot) -> BTreeMap<EntityKey, Value> {
    let content = |entity: Entity| (entity.key(), canonical(entity.kind, &entity.body));
    held.iter().map(content).collect()
}

#[tokio::test]
async fn every_kind_is_restored_deleted_and_made_again() -> Result<()> {
    let bed = Bed::start().await?;
    for (workspace, _) in Bed::WORKSPACES {
        let migration = migration(&bed, workspace).await?;
        // Somebody else has filled the control plane with other versions of the same entities.
        let (theirs, _) = run(&migration, &mut Ledger::default(), tag).await?;
        // What has no tags is equal, and adopted; of each kind the first is not there, and so created.
        let held = migration.observe_target().await?;
        let mut removed = Vec::new();
        for kind in ["plugins", "routes", "targets", "key-auths", "snis", "acls"] {
            let first = held.of_kind(kind).next().map(|packed| packed.unpack());
            removed.extend(first.map(|entity| (entity.key(), entity)));
        }
        for (key, entity) in &removed {
            let path = match entity.kind.write {
                Write::PutBelow { parent, field, path } => {
                    let above = entity.body[field]["id"].as_str().context("a parent")?;
                    format!("{parent}/{above}/{path}/{}", key.id)
                }
                _ => key.to_string(),
            };
            bed.konnect.remove(&migration.control_plane, &path)?;
        }
        let before = contents(&migration.observe_target().await?);

        let mut ledger = Ledger::default();
        let (planned, applied) = run(&migration, &mut ledger, |_| ()).await?;
        assert!(
            applied.created >= removed.len() && applied.updated > 20,
            "{applied:?}"
        );
        assert_eq!(theirs.desired.len(), planned.desired.len());
        // Somebody removes some of what was overwritten, with all that hangs on it.
        let upstream = bed.konnect.entities(&migration.control_plane, "upstreams").pop();
        let upstream = upstream.context("an upstream")?;
        let path = format!("upstreams/{}", upstream["id"].as_str().context("an id")?);
        bed.konnect.remove(&migration.control_plane, &path)?;
        let held = migration.observe_target().await?;

        let target = target_of(&migration);
        let (plan, undone) = undo(&target, &ledger, &held).await;
        assert_eq!(plan.kept, 0, "{:?}", plan.findings);
        assert_eq!(undone.refused, [], "{workspace}");
        assert_eq!(undone.updated, plan.count(Undo::Restore));
        assert!(undone.created > 1 && undone.created == plan.count(Undo::Recreate));
        let back = target.observe().await?;
        assert_eq!(contents(&back), before, "{workspace}");
        assert!(rollback(&ledger, &back).is_done());
    }
    Ok(())
}

#[tokio::test]
async fn nothing_is_deleted_under_what_could_not_be_undone() -> Result<()> {
    let bed = Bed::start().await?;
    let migration = migration(&bed, "inventory").await?;
    let mut ledger = Ledger::default();
    run(&migration, &mut ledger, |_| ()).await?;
    let target = target_of(&migration);
    let held = target.observe().await?;
    let refuse = r#"DELETE /plugins/=400;body={"code":3,"message":"validation error","details":[]}"#;
    bed.konnect_server
        .set_behaviour(Behaviour::with_faults(&[refuse])?);
    let (_, undone) = undo(&target, &ledger, &held).await;
    let left = target.observe().await?;
    let (plugins, refused) = (held.of_kind("plugins").count(), undone.refused.len());
    assert_eq!(
        left.of_kind("plugins").count(),
        plugins,
        "a plugin went with what it is on"
    );
    assert_eq!(refused, left.len());
    let waiting: Vec<_> = undone
        .refused
        .iter()
        .filter(|refusal| refusal.dependent)
        .collect();
    assert_eq!(waiting.len(), refused - plugins);
    // Konnect takes it by now.
    bed.konnect_server.set_behaviour(Behaviour::default());
    undo(&target, &ledger, &left).await;
    assert!(target.observe().await?.is_empty());
    Ok(())
}
