//! `WorkspaceMigration`: one workspace of a self-managed Kong into one control plane in Konnect.
//!
//! `source` and `fetch` find both ends, `observe` has [`crate::kong::engine`] read them, [`super::migration::decide`] chooses the next step from the plan, `execute` writes
//! and verifies, `verdict` ends the pass; `rollback` and `deletion` go the other way; `report` and `status` put it into words. The target is the journal: every
//! pass begins by reading both sides.

mod age;
mod backup;
mod checkpoint;
mod claims;
mod config_maps;
mod controller;
mod deletion;
mod drift;
mod earlier;
mod ending;
mod error;
mod execute;
mod fetch;
mod findings;
mod interrupted;
mod observe;
mod repair;
mod report;
mod rollback;
mod run;
mod source;
mod status;
mod sync;
#[cfg(test)]
mod test_support;
mod verdict;

use kube::ResourceExt;
use kube::api::DynamicObject;
use kube::runtime::reflector::ObjectRef;

use self::checkpoint::{forget_completed, is_completed, is_settled};
use self::controller::WorkspaceMigrationController;
use self::drift::{report_drift, tell_left};
use self::error::{Error, mark_unchecked, report_failed_side};
use self::interrupted::{end_early, pause};
use self::report::report_plan;
use self::rollback::{Cause, refused_before, undone_before};
use self::run::MigrationRun;
use self::status::known_entities;
use self::sync::Before;
use self::verdict::{has_new_schemas, steady, watch};
use super::migration::artefacts::keep_plan;
use super::migration::decide::{NextStep, next_step};
use super::migration::interrupts::Interrupts;
use super::migration::queue::{self, Permit, Queue};
use super::migration::verdict::{await_approval, halt, leave_mode_plan, report_only};
use super::runtime::context::Context;
use super::runtime::draft::Draft;
use super::runtime::outcome::Outcome;
use super::runtime::pass::Pass;
use super::runtime::runner::{Reconciler, Runner};
use crate::api::konnect_gateway_control_plane::KonnectGatewayControlPlane;
use crate::api::names::finalizers;
use crate::api::workspace_migration::{Mode, WorkspaceMigration, WorkspaceMigrationStatus};
use crate::k8s::config_maps::ConfigMapWatches;
use crate::k8s::secrets::SecretWatches;
use crate::kong::plan::document::plan_report;
use crate::kong::plan::planner_rules::BLOCKED_BY_DEPENDENCY;
use crate::kong::plan::{Ledger, Policy};
use crate::manifest::{accepted, policy};
use crate::migration::admission_queue::Priority;
use crate::migration::report::Secrets;

/// Passes beside those that are admitted: they queue, pause, or let go, which takes a moment.
const SHORT_PASSES: u16 = 16;

/// Runs the controller until the context stops. The queue is that of all kinds of migrations.
pub async fn run(context: Context, queue: Queue) {
    let (secrets, secret_changed) = SecretWatches::new();
    let (config_maps, config_map_changed) = ConfigMapWatches::new();
    let at_once = context.config.max_concurrent_migrations;
    let called = queue.called();
    let controller = WorkspaceMigrationController {
        context: context.clone(),
        secrets,
        config_maps,
        queue,
    };
    Runner::new(context, controller)
        .at_once(at_once.saturating_add(SHORT_PASSES))
        .rerun_for(called)
        .rerun_on(
            |migration: &WorkspaceMigration, control_plane: &KonnectGatewayControlPlane| {
                migration.namespace() == control_plane.namespace()
                    && migration.spec.target.control_plane_ref.name == control_plane.name_any()
            },
        )
        .rerun_for(secret_changed)
        .rerun_for(config_map_changed)
        .run()
        .await;
}

impl Reconciler for WorkspaceMigrationController {
    const NAME: &'static str = "workspace-migration";
    type Object = WorkspaceMigration;
    type Error = Error;
    const FINALIZER: Option<&'static str> = Some(finalizers::WORKSPACE_MIGRATION);
    const LEAVES: &'static str = "what was migrated stays in the control plane, and the Secrets with backup and ledger, which hold \
         credentials (label gatewaymigration.dev/artefact), stay in this namespace";
    const LEAVES_OUTSIDE: &'static str = "what was migrated stays in the control plane";

    async fn reconcile(
        &self,
        object: &WorkspaceMigration,
        pass: &mut Pass<WorkspaceMigration>,
    ) -> Result<Outcome, Error> {
        checkpoint::fill(&mut pass.draft);
        if object.spec.mode != Mode::Plan {
            leave_mode_plan(&mut pass.draft);
        }
        if object.metadata.deletion_timestamp.is_some() {
            return self.release(object, pass).await;
        }
        let before = Before::of(&pass.draft, self.context.clock.now());
        let result = self.migrate(object, pass).await;
        let draft = &mut pass.draft;
        let result = sync::follow_up(object, &before, result, self.context.clock.now(), draft);
        if let Err(error) = &result {
            report_failed_side(error, draft);
            age::mark_stale(&object.spec, self.context.clock.now(), draft);
        }
        result
    }

    fn leaves_all(stored: &DynamicObject) -> bool {
        deletion::leaves_all(stored)
    }

    fn forget(&self, object: &ObjectRef<WorkspaceMigration>) {
        self.unwatch(object);
    }
}

impl WorkspaceMigrationController {
    async fn migrate(
        &self,
        object: &WorkspaceMigration,
        pass: &mut Pass<WorkspaceMigration>,
    ) -> Result<Outcome, Error> {
        let key = ObjectRef::from_obj(object);
        if object.spec.suspend {
            self.queue.leave(&key);
            return Ok(pause(&mut pass.draft));
        }
        if !object.spec.rollback
            && let Some(undone) = undone_before(&pass.draft)
        {
            self.queue.leave(&key);
            return Ok(undone);
        }
        let priority = priority(&pass.draft);
        let permit = match self.queue.admit(&key, priority, known_entities(&pass.draft)) {
            Ok(permit) => permit,
            Err(position) => return Ok(queue::wait(&position, priority, &mut pass.draft)),
        };
        if let Some(progress) = &mut pass.draft.status.progress {
            progress.waiting_for = None;
        }
        let interrupts = Interrupts::watch(&self.context, object);
        let asked = object.spec.rollback.then_some(Cause::Asked);
        if let Some(cause) = asked.or_else(|| refused_before(&pass.draft)) {
            return self.roll_back(object, &interrupts, &cause, pass).await;
        }
        let control_planes = self
            .context
            .namespaced::<KonnectGatewayControlPlane>(&object.namespace().unwrap_or_default());
        let name = object.spec.target.control_plane_ref.name.clone();
        let interrupts = interrupts.watch_target(control_planes, name);
        self.go_forward(object, &interrupts, &permit, pass).await
    }

    /// Reads both sides, plans, and takes the next step.
    async fn go_forward(
        &self,
        object: &WorkspaceMigration,
        interrupts: &Interrupts,
        permit: &Permit,
        pass: &mut Pass<WorkspaceMigration>,
    ) -> Result<Outcome, Error> {
        let read = match interrupts
            .unless_ended(self.observe(object, interrupts, pass))
            .await
        {
            Ok(read) => read.inspect_err(|error| mark_unchecked(error, &mut pass.draft))?,
            Err(ended) => return end_early(ended, &mut pass.draft),
        };
        let (migration, observed, custom_plugins) = read;
        permit.holds(observed.source.snapshot.entities.len());
        let policy = Policy {
            custom_plugins,
            ..policy(&object.spec, &migration.control_plane)?
        };
        let draft = &mut pass.draft;
        let mut ledger = self.load_ledger(object, &migration.control_plane, draft).await?;
        let both = (object, migration.control_plane.as_str());
        self.take_claims(both, &mut ledger, &observed.target, draft)
            .await?;
        self.leave_rollback(both, &mut ledger, &observed.target, draft)
            .await?;
        let waivers: Vec<_> = object.spec.waivers.iter().map(accepted).collect();
        let planned = observed.plan(&policy, self.context.clock.now(), &waivers, &ledger);
        let run = MigrationRun {
            object,
            migration: &migration,
            observed: &observed,
            planned: &planned,
            interrupts,
        };
        let step = self.choose(&run, &mut ledger, draft).await?;
        self.take(step, &run, &mut ledger, pass).await
    }

    /// Tells and keeps the plan, and chooses what to do about it.
    async fn choose(
        &self,
        run: &MigrationRun<'_>,
        ledger: &mut Ledger,
        draft: &mut Draft<WorkspaceMigrationStatus>,
    ) -> Result<NextStep, Error> {
        let (spec, planned) = (&run.object.spec, run.planned);
        let completed = is_completed(draft) && !has_new_schemas(&planned.plan);
        let before = draft.status.plan.as_ref();
        let is_new = before.is_none_or(|before| before.hash != planned.plan.hash);
        report_plan(run.object, run.observed, planned, draft);
        report_drift(spec.mode, &planned.drift, draft);
        let report = || plan_report(planned, run.ends(), Secrets::Masked);
        keep_plan(&self.context.client, run.object, report, draft).await;
        let step = next_step(
            spec.mode,
            spec.approval.as_ref(),
            completed,
            (&planned.plan, Some(&BLOCKED_BY_DEPENDENCY)),
        );
        match step {
            NextStep::Watch | NextStep::Steady => {
                age::renew(run.observed, planned, self.context.clock.now(), draft);
            }
            NextStep::Halt(_) | NextStep::AwaitApproval { .. } => {
                age::mark_differing(planned, draft);
            }
            // They say themselves what becomes of the verification.
            NextStep::Report | NextStep::Apply => {}
        }
        if step == NextStep::Steady && is_new {
            self.settle(run, ledger, draft).await?;
        }
        Ok(step)
    }

    /// Takes the step. All but the last one only tell; what could be undone is told with it.
    async fn take(
        &self,
        step: NextStep,
        run: &MigrationRun<'_>,
        ledger: &mut Ledger,
        pass: &mut Pass<WorkspaceMigration>,
    ) -> Result<Outcome, Error> {
        let (object, planned, draft) = (run.object, run.planned, &mut pass.draft);
        forget_completed(&step, draft);
        if step != NextStep::Apply {
            self.report_preview(run, ledger, draft).await;
        }
        match step {
            NextStep::Halt(finding) => Ok(halt(&planned.plan, &finding, draft)),
            NextStep::Report => Ok(report_only(&planned.plan, draft)),
            NextStep::Watch => Ok(watch(planned, draft)),
            NextStep::Steady => Ok(steady(planned)),
            NextStep::AwaitApproval { stale } => Ok(await_approval(object, &planned.plan, stale, draft)),
            NextStep::Apply => {
                tell_left(&planned.drift, draft);
                self.execute(run, ledger, pass).await
            }
        }
    }
}

/// A look when this generation has come to an end before, good or bad.
fn priority(draft: &Draft<WorkspaceMigrationStatus>) -> Priority {
    if is_settled(draft) {
        Priority::Look
    } else {
        Priority::Work
    }
}
