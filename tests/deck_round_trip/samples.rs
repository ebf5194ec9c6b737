//! The sample workspaces, migrated by the engine between both simulators.

use std::collections::BTreeSet;

use anyhow::Result;
use gateway_migration_operator::domain::{KongVersion, Subject};
use gateway_migration_operator::engine::apply::initial_progress;
use gateway_migration_operator::engine::{DeclarativeFile, Migration, Observed, OnRefusal, Source, Throttle};
use gateway_migration_operator::http::{Budget, EndpointMap, TlsOptions, Transport, TransportOptions};
use gateway_migration_operator::plan::render::deck;
use gateway_migration_operator::plan::report::{Ends, Secrets};
use gateway_migration_operator::plan::{Action, Planned, Policy, Report};
use gateway_migration_operator::{kong_admin, konnect};
use jiff::Timestamp;
use secrecy::SecretString;
use simulators::bed::Bed;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

async fn migration(bed: &Bed, workspace: &str) -> Result<Migration> {
    let transport = Transport::new(TransportOptions {
        extra_roots: vec![("the bed's CA".to_owned(), bed.ca_pem.clone().into_bytes())],
        endpoints: EndpointMap::parse([format!("us.api.konghq.com={}", bed.konnect_server.url())])?,
        ..TransportOptions::default()
    })?;
    let trusted = TlsOptions {
        ca_pem: Some(bed.ca_pem.clone()),
        ..TlsOptions::default()
    };
    let source = kong_admin::Client::new(
        &transport.with_tls(&trusted)?,
        &bed.kong_server.url(),
        Some(&SecretString::from(Bed::KONG_TOKEN)),
    )?;
    let target = konnect::Client::new(
        &transport,
        &konnect::ServerUrl::parse("us.api.konghq.com")?,
        &SecretString::from(Bed::KONNECT_TOKEN),
        Budget::new(16).into(),
    )?;
    let wanted = konnect::CreateControlPlane {
        name: workspace.to_owned(),
        ..Default::default()
    };
    let control_plane = target.create_control_plane(&wanted).await?.id;
    Ok(Migration {
        source: source.into(),
        workspace: workspace.to_owned(),
        target,
        control_plane,
        throttle: Throttle::new(16),
        on_refusal: OnRefusal::GoOn,
    })
}

async fn plan(migration: &Migration) -> Result<Planned> {
    let source = migration.observe_source().await?;
    let target = migration.observe_target().await?;
    let observed = Observed { source, target };
    Ok(observed.plan(
        &Policy::default(),
        Timestamp::UNIX_EPOCH,
        &[],
        &Default::default(),
    ))
}

/// Migrates a workspace, and returns the plan and the file that was exported from it.
async fn migrated(migration: &Migration) -> Result<(Planned, String)> {
    let planned = plan(migration).await?;
    let (progress, _) = watch::channel(initial_progress(&planned.plan));
    let applied = migration
        .apply(&planned, &CancellationToken::new(), &progress)
        .await;
    assert_eq!(
        (applied.created, applied.refused),
        (planned.desired.len(), vec![])
    );
    let ends = Ends {
        workspace: migration.workspace.clone(),
        control_plane: migration.control_plane.clone(),
        control_plane_name: Some(migration.workspace.clone()),
        ..Ends::default()
    };
    let file = deck::render(&Report::new(&planned, ends, Secrets::Included))?;
    Ok((planned, file))
}

fn with(planned: &Planned, action: Action) -> BTreeSet<Subject> {
    let operations = planned.plan.operations.iter();
    let chosen = operations.filter(|operation| operation.action == action);
    chosen.map(|operation| operation.subject.clone()).collect()
}

#[tokio::test]
async fn an_export_without_secrets_is_refused_as_a_source() -> Result<()> {
    let bed = Bed::start().await?;
    let planned = plan(&migration(&bed, "inventory").await?).await?;
    let file = deck::render(&Report::new(&planned, Ends::default(), Secrets::Masked))?;
    let refused = DeclarativeFile::new(SecretString::from(file), None).observe("inventory");
    let error = refused.err().map(|error| error.to_string()).unwrap_or_default();
    assert!(error.contains("a variable of decK"), "{error}");
    Ok(())
}

#[tokio::test]
async fn the_export_of_every_sample_plans_to_nothing_against_the_migrated_target() -> Result<()> {
    let bed = Bed::start().await?;
    for (workspace, _) in Bed::WORKSPACES {
        let mut migration = migration(&bed, workspace).await?;
        let (first, file) = migrated(&migration).await?;
        let moved: BTreeSet<_> = first
            .desired
            .values()
            .map(|desired| desired.entity.key())
            .collect();
        migration.source = Source::Declarative(DeclarativeFile::new(
            SecretString::from(file),
            KongVersion::parse("3.9.1"),
        ));
        let again = plan(&migration).await?;
        for action in [
            Action::Create,
            Action::Update,
            Action::Blocked,
            Action::StaysBehind,
        ] {
            assert_eq!(with(&again, action), BTreeSet::new(), "{workspace}: {action:?}");
        }
        let unchanged: BTreeSet<_> = with(&again, Action::Unchanged)
            .into_iter()
            .map(|subject| subject.key)
            .collect();
        assert_eq!(unchanged, moved, "{workspace}");
        let before: BTreeSet<_> = first.plan.blocking().map(|finding| finding.id.as_str()).collect();
        let new: Vec<_> = again
            .plan
            .blocking()
            .filter(|finding| !before.contains(finding.id.as_str()))
            .collect();
        assert!(new.is_empty(), "{workspace}: {new:#?}");
    }
    Ok(())
}
