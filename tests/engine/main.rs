//! The pipeline against both simulators, over real HTTP and TLS, without a cluster.

mod deletes;
#[path = "../shared/pipeline.rs"]
mod pipeline;
mod prune;
mod undo;

use anyhow::{Context, Result};
use gateway_migration_operator::kong::engine::Migration;
use gateway_migration_operator::kong::model::Snapshot;
use gateway_migration_operator::kong::plan::Planned;
use gateway_migration_operator::migration::plan::Action;
use gateway_migration_operator::migration::progress::Progress;
use gateway_migration_operator::migration::verification::Verification;
use serde_json::json;
use simulators::bed::Bed;
use simulators::konnect::Options;
use simulators::server::{Behaviour, Fault};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use self::pipeline::{apply, migration, plan};

async fn verify(migration: &Migration, planned: &Planned) -> Result<Verification> {
    Ok(migration
        .verify(
            planned,
            gateway_migration_operator::kong::model::KongVersion::parse("3.9.1"),
        )
        .await?)
}

fn writes(bed: &Bed) -> u64 {
    bed.konnect_server.stats().writes
}

#[tokio::test]
async fn every_workspace_moves_and_a_second_run_writes_nothing() -> Result<()> {
    let bed = Bed::start().await?;
    for (workspace, _) in Bed::WORKSPACES {
        let migration = migration(&bed, workspace).await?;
        let first = plan(&migration).await?;
        let applied = apply(&migration, &first).await;
        assert_eq!(applied.refused, [], "{workspace}");
        assert!(applied.interrupted.is_none(), "{:?}", applied.interrupted);
        let verification = verify(&migration, &first).await?;
        assert!(verification.holds(), "{workspace}: {verification:#?}");
        assert_eq!(verification.source_digest, first.plan.source_digest);

        let before = writes(&bed);
        let second = plan(&migration).await?;
        assert_eq!(
            second.plan.count(Action::Unchanged),
            first.desired.len(),
            "{workspace}"
        );
        apply(&migration, &second).await;
        assert_eq!(writes(&bed), before, "{workspace}: the second run wrote");
    }
    Ok(())
}

#[tokio::test]
async fn all_recorded_entities_are_accounted_for() -> Result<()> {
    let bed = Bed::start().await?;
    let migration = migration(&bed, "default").await?;
    let planned = plan(&migration).await?;
    assert_eq!(planned.plan.operations.len(), 128);
    assert_eq!(
        (
            planned.plan.count(Action::Create),
            planned.plan.count(Action::StaysBehind)
        ),
        (123, 5)
    );
    let applied = apply(&migration, &planned).await;
    assert_eq!((applied.created, applied.refused.len()), (123, 0));
    Ok(())
}

#[tokio::test]
async fn the_original_passwords_still_open_the_door() -> Result<()> {
    let bed = Bed::start().await?;
    for workspace in ["inventory", "sales"] {
        let migration = migration(&bed, workspace).await?;
        apply(&migration, &plan(&migration).await?).await;
        let control_plane = migration.control_plane.to_string();
        for (_, user, password) in simulators::kong_admin::BASIC_AUTH_PASSWORDS
            .iter()
            .filter(|p| p.0 == workspace)
        {
            assert!(
                bed.konnect.verify_basic_auth(&control_plane, user, password),
                "{workspace}: {user}"
            );
            assert!(
                !bed.konnect.verify_basic_auth(&control_plane, user, "another"),
                "{workspace}: {user}"
            );
        }
    }
    Ok(())
}

#[tokio::test]
async fn targets_are_posted_where_put_answers_404() -> Result<()> {
    let options = Options {
        tokens: vec![Bed::KONNECT_TOKEN.to_owned()],
        target_put_missing_is_404: true,
        ..Options::default()
    };
    let bed = Bed::start_with(options).await?;
    let migration = migration(&bed, "default").await?;
    let planned = plan(&migration).await?;
    let applied = apply(&migration, &planned).await;
    assert_eq!(applied.refused, []);
    assert!(verify(&migration, &planned).await?.holds());
    Ok(())
}

#[tokio::test]
async fn a_refused_entity_blocks_what_depends_on_it_and_nothing_else() -> Result<()> {
    let bed = Bed::start().await?;
    let migration = migration(&bed, "default").await?;
    let planned = plan(&migration).await?;
    let (key, _) = planned
        .desired
        .iter()
        .find(|(key, d)| key.kind == "services" && d.body()["name"] == json!("catalog"))
        .context("catalog")?;
    let refuse: Fault = format!("POST /services$=400;with={}", key.id).parse()?;
    bed.konnect_server.set_behaviour(Behaviour {
        faults: vec![refuse],
        ..Behaviour::default()
    });
    let applied = apply(&migration, &planned).await;
    let own: Vec<_> = applied
        .refused
        .iter()
        .filter(|refusal| !refusal.dependent)
        .collect();
    assert_eq!(own.len(), 1);
    assert_eq!(own[0].subject.key, *key);
    assert!(
        applied.refused.len() > 1
            && applied
                .refused
                .iter()
                .all(|r| r.dependent || r.subject.key == *key)
    );
    assert_eq!(applied.created + applied.refused.len(), 123);

    bed.konnect_server.set_behaviour(Behaviour::default());
    let again = plan(&migration).await?;
    assert_eq!(again.plan.count(Action::Create), applied.refused.len());
    assert_eq!(apply(&migration, &again).await.refused, []);
    assert!(verify(&migration, &again).await?.holds());
    Ok(())
}

/// Konnect's 400 for a foreign key that it does not see.
const UNSEEN: &str = r#"body={"code":3,"message":"data constraint error","details":[{"type":"ERROR_TYPE_REFERENCE","field":"service.id","messages":["service.id (type: foreign) constraint failed"]}]}"#;

#[tokio::test]
async fn a_reference_that_is_not_visible_yet_is_waited_for_and_one_that_never_is_refused() -> Result<()> {
    for (times, refused) in [("times=2;", false), ("", true)] {
        let bed = Bed::start().await?;
        let migration = migration(&bed, "inventory").await?;
        let planned = plan(&migration).await?;
        let route = planned
            .plan
            .operations
            .iter()
            .find(|operation| operation.action == Action::Create && operation.subject.key.kind == "routes")
            .context("no route to create")?;
        let fault = format!("POST /routes$=400;with={};{times}{UNSEEN}", route.subject.key.id);
        bed.konnect_server
            .set_behaviour(Behaviour::with_faults(&[&fault])?);
        let applied = apply(&migration, &planned).await;
        let direct: Vec<_> = applied
            .refused
            .iter()
            .filter(|refusal| !refusal.dependent)
            .collect();
        assert_eq!(direct.len(), usize::from(refused), "{:?}", applied.refused);
        assert!(applied.interrupted.is_none(), "{:?}", applied.interrupted);
        let answered = bed.konnect_server.stats().by_status;
        assert_eq!(answered.get(&400), Some(if refused { &5 } else { &3 }));
    }
    Ok(())
}

#[tokio::test]
async fn an_outage_in_the_middle_ends_the_run_and_the_next_one_goes_on() -> Result<()> {
    let bed = Bed::start().await?;
    let migration = migration(&bed, "default").await?;
    let first = plan(&migration).await?;
    let outage: Fault = "POST .*=401;skip=40".parse()?;
    bed.konnect_server.set_behaviour(Behaviour {
        faults: vec![outage],
        ..Behaviour::default()
    });
    let applied = apply(&migration, &first).await;
    assert!(applied.interrupted.is_some());
    assert_eq!(applied.refused, []);
    bed.konnect_server.set_behaviour(Behaviour::default());
    let second = plan(&migration).await?;
    assert_eq!(second.plan.count(Action::Unchanged), applied.created);
    apply(&migration, &second).await;
    assert!(verify(&migration, &second).await?.holds());
    Ok(())
}

#[tokio::test]
async fn a_cancelled_run_writes_nothing_more() -> Result<()> {
    let bed = Bed::start().await?;
    let migration = migration(&bed, "inventory").await?;
    let planned = plan(&migration).await?;
    let before = writes(&bed);
    let cancel = CancellationToken::new();
    cancel.cancel();
    let (progress, _) = watch::channel(Progress::before(&planned.plan));
    let applied = migration.apply(&planned, &cancel, &progress).await;
    assert_eq!((applied.created, writes(&bed)), (0, before));
    Ok(())
}

#[tokio::test]
async fn a_workspace_that_is_not_there_is_named_with_those_that_are() -> Result<()> {
    let bed = Bed::start().await?;
    let mut migration = migration(&bed, "default").await?;
    migration.workspace = "stock".to_owned();
    let error = migration
        .observe_source()
        .await
        .err()
        .context("an error")?
        .to_string();
    assert!(
        error.contains("no workspace stock") && error.contains("inventory"),
        "{error}"
    );
    Ok(())
}

#[tokio::test]
async fn a_kind_that_may_not_be_read_is_a_gap_and_never_empty() -> Result<()> {
    let bed = Bed::start().await?;
    bed.kong.forbid("/inventory/consumers");
    let migration = migration(&bed, "inventory").await?;
    let planned = plan(&migration).await?;
    assert_eq!(
        planned.plan.critical().map(|f| f.id.as_str()),
        Some("kind-unreadable")
    );
    Ok(())
}

#[tokio::test]
async fn foreign_entities_are_left_alone() -> Result<()> {
    let bed = Bed::start().await?;
    let migration = migration(&bed, "inventory").await?;
    let control_plane = migration.control_plane.to_string();
    let foreign = bed.konnect.seed(
        &control_plane,
        "services",
        &json!({"name": "foreign", "host": "h"}),
    )?;
    let planned = plan(&migration).await?;
    apply(&migration, &planned).await;
    let verification = verify(&migration, &planned).await?;
    assert!(verification.holds());
    assert_eq!(verification.extra, 1);
    assert!(
        bed.konnect
            .entities(&control_plane, "services")
            .contains(&foreign)
    );
    Ok(())
}

#[tokio::test]
async fn an_empty_control_plane_reads_as_an_empty_snapshot() -> Result<()> {
    let bed = Bed::start().await?;
    let migration = migration(&bed, "inventory").await?;
    let target = migration.observe_target().await?;
    assert!(target.is_empty() && target.gaps.is_empty());
    assert_eq!(Snapshot::default().counts(), target.counts());
    Ok(())
}
