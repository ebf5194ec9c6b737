//! The engine deletes.

use anyhow::{Context, Result};
use gateway_migration_operator::kong::engine::apply::Executor;
use gateway_migration_operator::kong::engine::{Applied, Migration, OnRefusal};
use gateway_migration_operator::kong::model::Snapshot;
use gateway_migration_operator::kong::plan::document::Deletion;
use gateway_migration_operator::migration::progress::Progress;
use serde_json::{Value, json};
use simulators::bed::Bed;
use simulators::server::Behaviour;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{apply, migration, plan};

/// Everything of a snapshot, to be deleted.
fn all(target: &Snapshot) -> Vec<Deletion> {
    let deletion = |packed: &gateway_migration_operator::kong::model::Packed| Deletion {
        subject: packed.unpack().subject(),
        entity: packed.clone(),
        makes_room: false,
        released_by: Vec::new(),
        source: None,
    };
    target.packed().map(deletion).collect()
}

async fn delete(migration: &Migration, deletions: &[Deletion], on_refusal: OnRefusal) -> Applied {
    let (cancel, (progress, _)) = (CancellationToken::new(), watch::channel(Progress::default()));
    let executor = Executor {
        client: &migration.target,
        control_plane: &migration.control_plane,
        throttle: &migration.throttle,
        on_refusal,
        cancel: &cancel,
        progress: &progress,
    };
    let mut run = executor.begin();
    run.delete(deletions).await;
    run.end()
}

/// A control plane with every recorded entity of a workspace.
async fn migrated(bed: &Bed, workspace: &str) -> Result<(Migration, Snapshot)> {
    let migration = migration(bed, workspace).await?;
    let applied = apply(&migration, &plan(&migration).await?).await;
    assert_eq!(applied.refused, []);
    let target = migration.observe_target().await?;
    Ok((migration, target))
}

#[tokio::test]
async fn all_that_was_written_is_deleted_and_what_is_gone_counts_as_deleted() -> Result<()> {
    let bed = Bed::start().await?;
    for (workspace, _) in Bed::WORKSPACES {
        let (migration, target) = migrated(&bed, workspace).await?;
        for _ in 0..2 {
            let applied = delete(&migration, &all(&target), OnRefusal::GoOn).await;
            assert_eq!((applied.deleted, applied.refused), (target.len(), Vec::new()));
            assert!(applied.interrupted.is_none(), "{:?}", applied.interrupted);
            assert!(migration.observe_target().await?.is_empty(), "{workspace}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn what_somebody_refers_to_is_kept_and_named_and_the_rest_goes() -> Result<()> {
    let bed = Bed::start().await?;
    let (migration, target) = migrated(&bed, "inventory").await?;
    let control_plane = &migration.control_plane;
    let mut services = target.of_kind("services");
    let service = services
        .find(|service| service.unpack().references().is_empty())
        .context("a service")?;
    let route = json!({"name": "theirs", "paths": ["/theirs"], "service": {"id": &*service.id}});
    bed.konnect.seed(control_plane, "routes", &route)?;
    let applied = delete(&migration, &all(&target), OnRefusal::GoOn).await;
    assert_eq!(applied.refused, []);
    let findings: Vec<_> = applied.findings().collect();
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(findings[0].id, "prune-still-referenced");
    assert_eq!(findings[0].subject.key, service.key());
    assert!(findings[0].observed.contains("routes/"), "{findings:?}");
    assert_eq!(applied.deleted, target.len() - 1);
    Ok(())
}

#[tokio::test]
async fn a_refusal_that_passes_is_tried_again_and_a_last_one_stops_the_run_if_told() -> Result<()> {
    const HELD: &str = r#"body={"code":3,"message":"data constraint error","details":[{"type":"ERROR_TYPE_ENTITY","messages":["an existing entity references this entity"]}]}"#;
    for (times, refused) in [("times=1;", 0), ("", 1)] {
        let bed = Bed::start().await?;
        let (migration, target) = migrated(&bed, "inventory").await?;
        let consumer = target.of_kind("consumers").next().context("a consumer")?;
        let fault = format!(
            "DELETE core-entities/consumers/{}$=400;{times}{HELD}",
            consumer.id
        );
        bed.konnect_server
            .set_behaviour(Behaviour::with_faults(&[&fault])?);
        let applied = delete(&migration, &all(&target), OnRefusal::Stop).await;
        assert_eq!(applied.refused.len(), refused);
        assert_eq!(applied.deleted, target.len() - refused);
    }
    Ok(())
}

#[tokio::test]
async fn an_outage_in_the_middle_of_the_deletes_ends_the_run_and_the_next_one_goes_on() -> Result<()> {
    let bed = Bed::start().await?;
    let (migration, target) = migrated(&bed, "default").await?;
    bed.konnect_server
        .set_behaviour(Behaviour::with_faults(&["DELETE .*=401;skip=20"])?);
    let applied = delete(&migration, &all(&target), OnRefusal::GoOn).await;
    assert!(applied.interrupted.is_some());
    bed.konnect_server.set_behaviour(Behaviour::default());
    let left = migration.observe_target().await?;
    assert!(left.len() < target.len() && !left.is_empty());
    let applied = delete(&migration, &all(&left), OnRefusal::GoOn).await;
    assert_eq!((applied.deleted, applied.refused), (left.len(), Vec::new()));
    let rest: Vec<Value> = bed.konnect.entities(&migration.control_plane, "services");
    assert!(rest.is_empty());
    Ok(())
}
