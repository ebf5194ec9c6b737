//! `WorkspaceMigration`: one workspace of a self-managed Kong into one control plane in Konnect.
//!
//! `source` and `fetch` find both ends, [`crate::engine`] reads them and makes the plan, `decide` chooses the next step, `execute` writes and
//! verifies, `status` puts it into words. The target is the journal: every pass begins by reading both sides.

mod artefact;
mod decide;
mod error;
mod execute;
mod fetch;
mod policy;
mod source;
mod status;

use std::time::Duration;

use kube::ResourceExt;
use kube::runtime::reflector::ObjectRef;

use self::decide::{Step, drift, next_step};
use self::error::Error;
use self::execute::{Run, is_completed};
use self::status::{findings_status, plan_status, progress_status, source_status};
use super::context::Context;
use super::draft::Draft;
use super::error::ReconcileError;
use super::outcome::Outcome;
use super::runner::{Reconciler, Runner};
use crate::api::conditions::{
    APPLIED, APPROVED, BACKED_UP, DRIFTED, PLAN_READY, PREFLIGHT_PASSED, SOURCE_READY, TARGET_READY,
    VERIFIED, reason,
};
use crate::api::konnect_gateway_control_plane::KonnectGatewayControlPlane;
use crate::api::names::finalizers;
use crate::api::workspace_migration::{self as api, Approval, ApprovalPolicy, Phase, WorkspaceMigration};
use crate::config::KonnectKinds;
use crate::engine::apply::initial_progress;
use crate::engine::error::Side;
use crate::engine::{Migration, Observed, ObservedSource};
use crate::k8s::conditions::ConditionStatus::{False, True, Unknown};
use crate::k8s::config_maps::ConfigMapWatches;
use crate::k8s::secrets::{Read, SecretWatches};
use crate::k8s::{events::Note, finalizer};
use crate::plan::{Action, Finding, Planned, Severity, Waiver};

/// Source and target change outside the cluster, where no event tells.
const LOOK_AGAIN: Duration = Duration::from_secs(600);

/// Reconciles migrations.
pub struct WorkspaceMigrationController {
    context: Context,
    secrets: SecretWatches<WorkspaceMigration>,
    config_maps: ConfigMapWatches<WorkspaceMigration>,
}

/// Runs the controller until the context stops.
pub async fn run(context: Context) {
    let (secrets, secret_changed) = SecretWatches::new();
    let (config_maps, config_map_changed) = ConfigMapWatches::new();
    let controller = WorkspaceMigrationController {
        context: context.clone(),
        secrets,
        config_maps,
    };
    Runner::new(context, controller)
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

    async fn reconcile(
        &self,
        object: &WorkspaceMigration,
        draft: &mut Draft<WorkspaceMigration>,
    ) -> Result<Outcome, Error> {
        if object.metadata.deletion_timestamp.is_some() {
            return self.release(object).await;
        }
        let result = self.migrate(object, draft).await;
        if let Err(error) = &result {
            blame(error, draft);
        }
        result
    }

    fn forget(&self, object: &ObjectRef<WorkspaceMigration>) {
        self.unwatch(object);
    }
}

impl WorkspaceMigrationController {
    async fn migrate(
        &self,
        object: &WorkspaceMigration,
        draft: &mut Draft<WorkspaceMigration>,
    ) -> Result<Outcome, Error> {
        let (migration, observed) = match self.observe(object, draft).await {
            Ok(both) => both,
            Err(error) => {
                // What was found before is not known to hold any more.
                let message = "Source and target could not both be read.";
                draft
                    .conditions
                    .set(PREFLIGHT_PASSED, Unknown, reason::NOT_CHECKED, message);
                return Err(error);
            }
        };
        let waivers: Vec<_> = object.spec.waivers.iter().map(accepted).collect();
        let policy = policy::policy(&object.spec, &migration.control_plane)?;
        let planned = observed.plan(&policy, self.context.clock.now(), &waivers);
        let completed = is_completed(draft, object.spec.mode);
        let before = draft.status.plan.clone();
        report_plan(&observed, &planned, object.spec.approval.as_ref(), draft);
        self.keep_plan(object, (&migration, &observed, &planned), before, draft)
            .await;
        match next_step(
            object.spec.mode,
            object.spec.approval.as_ref(),
            completed,
            &planned.plan,
        ) {
            Step::Halt(finding) => {
                let message = blocked_by(&planned, &finding);
                draft.status.phase = Some(Phase::Failed);
                Ok(Outcome::blocked(reason::BLOCKING_FINDINGS, message).again_after(LOOK_AGAIN))
            }
            Step::Report => Ok(report_only(&planned, draft)),
            Step::Watch => Ok(watch(&planned, draft)),
            Step::AwaitApproval { stale } => Ok(await_approval(object, &planned, stale, draft)),
            Step::Apply => {
                draft.conditions.remove(DRIFTED);
                let run = Run {
                    object,
                    migration: &migration,
                    observed: &observed,
                    planned: &planned,
                };
                self.execute(&run, draft).await
            }
        }
    }

    /// Finds and reads both ends.
    async fn observe(
        &self,
        object: &WorkspaceMigration,
        draft: &mut Draft<WorkspaceMigration>,
    ) -> Result<(Migration, Observed), Error> {
        let owner = ObjectRef::from_obj(object);
        let file = source::FileConfigMap::fetch(&self.context, object).await?;
        self.config_maps
            .set(&self.context.client, &owner, &file.version());
        let secrets = source::SourceSecrets::fetch(&self.context, object).await?;
        let mut read = secrets.versions();
        self.secrets.set(&self.context.client, &owner, &read);
        let target = fetch::fetch_target(&self.context, object).await?;
        read.extend(target.token_read);
        self.secrets.set(&self.context.client, &owner, &read);
        draft.status.target = Some(target.status);
        let migration = Migration {
            source: source::build_source(&self.context, object, &secrets, &file)?,
            workspace: object.spec.source.workspace.clone(),
            target: target.client,
            control_plane: target.id,
            in_flight: usize::try_from(object.spec.max_in_flight()).unwrap_or(usize::MAX),
        };
        let (source, target) = tokio::join!(migration.observe_source(), migration.observe_target());
        // Both verdicts are told, also when a side fails.
        match &target {
            Ok((target, _)) => {
                let whose = match self.context.config.konnect_kinds {
                    KonnectKinds::Own => "",
                    KonnectKinds::ReadOnly => {
                        " Its object is left to Kong's operator (--konnect-kinds=read-only)."
                    }
                };
                let message = format!(
                    "The control plane holds {} entities.{whose}",
                    target.entities.len()
                );
                draft
                    .conditions
                    .set(TARGET_READY, True, reason::CONTROL_PLANE_READY, message);
            }
            Err(error) => blame(&Error::Engine(error.clone()), draft),
        }
        let source = source?;
        report_source(&source, &migration.workspace, draft);
        let (target, uploaded) = target?;
        Ok((
            migration,
            Observed {
                source,
                target,
                uploaded,
            },
        ))
    }

    fn unwatch(&self, object: &ObjectRef<WorkspaceMigration>) {
        self.secrets.set(&self.context.client, object, &Read::new());
        self.config_maps.set(&self.context.client, object, &Read::new());
    }

    /// Deletion policy Orphan, the only one yet: the target keeps everything.
    async fn release(&self, object: &WorkspaceMigration) -> Result<Outcome, Error> {
        self.unwatch(&ObjectRef::from_obj(object));
        let api = self.context.namespaced(&object.namespace().unwrap_or_default());
        finalizer::remove(&api, object, finalizers::WORKSPACE_MIGRATION).await?;
        Ok(Outcome::Gone)
    }
}

/// What was read from the source, into its condition.
fn report_source(source: &ObservedSource, workspace: &str, draft: &mut Draft<WorkspaceMigration>) {
    let count = source.snapshot.entities.len();
    let version = source.version_text().map(|version| format!("Kong {version}, "));
    let (reason, of) = match &source.node {
        Some(_) => (reason::SOURCE_REACHABLE, ""),
        None => (reason::SOURCE_READ, "Declarative file of "),
    };
    let message = format!(
        "{of}{}workspace {workspace}, {count} entities.",
        version.unwrap_or_default()
    );
    draft.conditions.set(SOURCE_READY, True, reason, message);
}

/// A waiver of the spec in the words of the planner.
fn accepted(waiver: &api::Waiver) -> Waiver {
    Waiver {
        id: waiver.id.clone(),
        subject: waiver.subject.clone(),
        reason: waiver.reason.clone(),
        expires: waiver.expires.as_ref().map(|time| time.0),
    }
}

/// Turns the condition of the side that failed.
fn blame(error: &Error, draft: &mut Draft<WorkspaceMigration>) {
    let type_ = match error.side() {
        Some(Side::Source) => SOURCE_READY,
        Some(Side::Target) => TARGET_READY,
        None => return,
    };
    draft
        .conditions
        .set(type_, False, error.reason(), error.to_string());
    if draft.status.phase.is_none() {
        draft.status.phase = Some(Phase::Pending);
    }
}

/// What the plan says, into status and conditions.
fn report_plan(
    observed: &Observed,
    planned: &Planned,
    approval: Option<&Approval>,
    draft: &mut Draft<WorkspaceMigration>,
) {
    let plan = &planned.plan;
    let is_new = draft.status.plan.as_ref().is_none_or(|old| old.hash != plan.hash);
    if is_new {
        draft.note(Note::normal("Planned", "Plan", plan.summary()));
    }
    draft.status.source = Some(source_status(&observed.source, plan));
    draft.status.plan = Some(plan_status(plan));
    draft.status.findings = Some(findings_status(&plan.findings));
    draft.status.progress = Some(progress_status(&initial_progress(plan), None));
    draft
        .conditions
        .set(PLAN_READY, True, reason::PLANNED, plan.summary());
    report_preflight(planned, draft);
    let (reason, message) = match approval.map(|approval| approval.policy) {
        Some(ApprovalPolicy::Required) => (reason::APPROVED, "This plan is approved."),
        Some(ApprovalPolicy::Automatic) | None => (
            reason::APPROVED_AUTOMATICALLY,
            "The approval policy is Automatic.",
        ),
    };
    draft.conditions.set(APPROVED, True, reason, message);
    match plan.count(Action::Update) {
        0 => draft.conditions.set(
            BACKED_UP,
            True,
            reason::BACKUP_NOT_NEEDED,
            "Nothing is overwritten or deleted.",
        ),
        updates => {
            let message = format!(
                "{updates} entities differ in the target; they are not overwritten before backups exist."
            );
            draft
                .conditions
                .set(BACKED_UP, False, reason::BACKUP_REQUIRED, message);
        }
    }
}

/// Whether a finding forbids the writes, which mode Plan tells too.
fn report_preflight(planned: &Planned, draft: &mut Draft<WorkspaceMigration>) {
    match planned.plan.blocking().next() {
        Some(finding) => draft.conditions.set(
            PREFLIGHT_PASSED,
            False,
            reason::BLOCKING_FINDINGS,
            blocked_by(planned, finding),
        ),
        None => draft.conditions.set(
            PREFLIGHT_PASSED,
            True,
            reason::NO_BLOCKING_FINDINGS,
            "No finding forbids the migration.",
        ),
    }
}

/// What forbids the writes, and what to do.
fn blocked_by(planned: &Planned, finding: &Finding) -> String {
    let accept = match finding.severity {
        Severity::Critical => "",
        Severity::Error | Severity::Warning | Severity::Info => {
            " Or accept it in spec.waivers, with a reason."
        }
    };
    format!(
        "{} findings forbid the writes. {} {}: {}. {}{accept}",
        planned.plan.blocking().count(),
        finding.id,
        finding.subject,
        finding.observed.trim_end_matches('.'),
        finding.remedy
    )
}

fn report_only(planned: &Planned, draft: &mut Draft<WorkspaceMigration>) -> Outcome {
    let next = "Set spec.mode to Apply to write it.";
    draft.conditions.set(
        APPLIED,
        False,
        reason::PLAN_ONLY,
        format!("The mode is Plan: nothing is written. {next}"),
    );
    draft.conditions.set(
        VERIFIED,
        Unknown,
        reason::PLAN_ONLY,
        "There is nothing to verify before the first write.",
    );
    draft.status.phase = Some(Phase::Planned);
    Outcome::done(
        reason::PLANNED,
        format!("The plan: {}. {next}", planned.plan.summary()),
    )
    .again_after(LOOK_AGAIN)
}

/// Waits for a person, and says how to approve.
fn await_approval(
    object: &WorkspaceMigration,
    planned: &Planned,
    stale: bool,
    draft: &mut Draft<WorkspaceMigration>,
) -> Outcome {
    let (name, namespace) = (object.name_any(), object.namespace().unwrap_or_default());
    let why = if stale {
        "The approved hash is of another plan: source or target changed since. "
    } else {
        ""
    };
    let message = format!(
        "{why}The plan: {}. To approve it: kubectl -n {namespace} patch workspacemigration {name} --type merge \
         -p '{{\"spec\":{{\"approval\":{{\"planHash\":\"{}\"}}}}}}'",
        planned.plan.summary(),
        planned.plan.hash
    );
    draft
        .conditions
        .set(APPROVED, False, reason::AWAITING_APPROVAL, message.clone());
    draft.conditions.set(
        APPLIED,
        False,
        reason::AWAITING_APPROVAL,
        "Nothing is written before the plan is approved.",
    );
    draft.status.phase = Some(Phase::AwaitingApproval);
    Outcome::held(reason::AWAITING_APPROVAL, message).again_after(LOOK_AGAIN)
}

/// After completion nothing is written in mode Apply; a difference is told.
fn watch(planned: &Planned, draft: &mut Draft<WorkspaceMigration>) -> Outcome {
    draft.status.phase = Some(Phase::Completed);
    let plan = &planned.plan;
    let message = match drift(plan) {
        Some(words) => {
            let message = format!("{words}. Change the spec, for example spec.throttle, to apply again.");
            // At completion both sides had one digest; whichever has another now has changed.
            let verified = draft.status.verification.as_ref();
            let reason = match verified.and_then(|verification| verification.digest.as_ref()) {
                Some(digest) if *digest == plan.source_digest => reason::TARGET_CHANGED,
                Some(_) | None => reason::SOURCE_CHANGED,
            };
            draft.conditions.set(DRIFTED, True, reason, message.clone());
            message
        }
        None => {
            draft.conditions.remove(DRIFTED);
            let behind = plan.count(Action::StaysBehind);
            let rest = if behind == 0 {
                String::new()
            } else {
                format!(" {behind} stay behind.")
            };
            format!(
                "{} of {} entities moved and verified.{rest}",
                plan.count(Action::Unchanged),
                plan.operations.len()
            )
        }
    };
    Outcome::done(reason::COMPLETED, message).again_after(LOOK_AGAIN)
}
