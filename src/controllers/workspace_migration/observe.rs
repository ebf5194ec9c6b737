//! Finds and reads both ends of a migration, and says of each whether it could be read.

use kube::runtime::reflector::ObjectRef;

use super::config_maps::ConfigMaps;
use super::controller::WorkspaceMigrationController;
use super::error::{Error, report_failed_side};
use super::report::{report_source, report_target};
use super::{earlier, fetch, source};
use crate::api::conditions::{PLAN_READY, TARGET_READY, reason};
use crate::api::workspace_migration::{FailurePolicy, WorkspaceMigration};
use crate::controllers::konnect::session::Trust;
use crate::controllers::migration::interrupts::Interrupts;
use crate::controllers::runtime::error::ReconcileError;
use crate::controllers::runtime::labels::Unlabelled;
use crate::controllers::runtime::pass::Pass;
use crate::k8s::conditions::ConditionStatus::{False, Unknown};
use crate::kong::engine::{Migration, Observed, OnRefusal};
use crate::kong::plan::input::CustomPlugin;

impl WorkspaceMigrationController {
    /// Finds and reads both ends, and the schemas of custom plugins.
    pub(super) async fn observe(
        &self,
        object: &WorkspaceMigration,
        interrupts: &Interrupts,
        pass: &mut Pass<WorkspaceMigration>,
    ) -> Result<(Migration, Observed, Vec<CustomPlugin>), Error> {
        // Nothing tells a pass what former ones have done, so both sides are read whole: docs/decisions/0002-the-target-is-the-journal.md.
        let owner = ObjectRef::from_obj(object);
        let config_maps = ConfigMaps::fetch(&self.context, object).await?;
        self.config_maps
            .set(&self.context.client, &owner, &config_maps.versions());
        let secrets = source::SourceSecrets::fetch(&self.context, object).await?;
        let mut read = secrets.versions();
        self.secrets.set(&self.context.client, &owner, &read);
        let target = fetch::fetch_target(&self.context, object, Trust::Accepted).await?;
        read.extend(target.token_read);
        self.secrets.set(&self.context.client, &owner, &read);
        if target.is_deleting {
            let name = object.spec.target.control_plane_ref.name.clone();
            return Err(Error::ControlPlaneDeleting { name });
        }
        earlier::resolve(target.status, &mut pass.draft);
        // What was not there is there now, and reading takes a while.
        if std::mem::take(&mut pass.draft.status.checkpoint_mut().target_missing) {
            pass.draft.conditions.set(
                TARGET_READY,
                Unknown,
                reason::PENDING,
                "The control plane is being read.",
            );
            pass.publish_progress("Reading source and target.").await?;
        }
        let share = interrupts.throttle.share_of(target.client.budget());
        let mut unlabelled = Unlabelled::default();
        let source = source::build_source(&self.context, object, &secrets, &config_maps, &mut unlabelled);
        unlabelled.report(&mut pass.draft);
        let migration = Migration {
            source: source?,
            workspace: object.spec.source.workspace.clone(),
            target: target.client.with_budget(share),
            control_plane: target.id,
            throttle: interrupts.throttle.clone(),
            on_refusal: on_refusal(object.spec.failure_policy),
        };
        let (source, target) = tokio::join!(migration.observe_source(), migration.observe_target());
        let draft = &mut pass.draft;
        // Both verdicts are told, also when a side fails.
        match &target {
            Ok(target) => report_target(target.len(), self.context.config.konnect_kinds, draft),
            Err(error) => report_failed_side(&Error::Engine(error.clone()), draft),
        }
        let source = source?;
        report_source(&source, &migration.workspace, draft);
        let target = target?;
        let custom_plugins = config_maps.custom_plugins(&object.spec).inspect_err(|error| {
            draft
                .conditions
                .set(PLAN_READY, False, error.reason(), error.to_string());
        })?;
        Ok((migration, Observed { source, target }, custom_plugins))
    }
}

/// What a refused entity does to the rest of a run.
const fn on_refusal(choice: FailurePolicy) -> OnRefusal {
    match choice {
        FailurePolicy::ContinueIndependent => OnRefusal::GoOn,
        FailurePolicy::Stop | FailurePolicy::RollbackOnFailure => OnRefusal::Stop,
    }
}
