//! The sample workspaces, migrated by the engine between both simulators.

use std::collections::BTreeSet;

use anyhow::Result;
use gateway_migration_operator::kong::engine::{DeclarativeFile, Migration, Source};
use gateway_migration_operator::kong::model::KongVersion;
use gateway_migration_operator::kong::plan::Planned;
use gateway_migration_operator::kong::plan::document::{PlanEnds, plan_report};
use gateway_migration_operator::kong::plan::render::deck;
use gateway_migration_operator::migration::plan::Action;
use gateway_migration_operator::migration::report::Secrets;
use gateway_migration_operator::migration::subject::Subject;
use secrecy::SecretString;
use simulators::bed::Bed;

use super::pipeline::{apply, migration, plan};

/// Migrates a workspace, and returns the plan and the file that was exported from it.
async fn migrated(migration: &Migration) -> Result<(Planned, String)> {
    let planned = plan(migration).await?;
    let applied = apply(migration, &planned).await;
    assert_eq!(
        (applied.created, applied.refused),
        (planned.desired.len(), vec![])
    );
    let ends = PlanEnds {
        workspace: migration.workspace.clone(),
        control_plane: migration.control_plane.clone(),
        control_plane_name: Some(migration.workspace.clone()),
        ..PlanEnds::default()
    };
    let file = deck::render(&plan_report(&planned, ends, Secrets::Included))?;
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
    let file = deck::render(&plan_report(&planned, PlanEnds::default(), Secrets::Masked))?;
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
