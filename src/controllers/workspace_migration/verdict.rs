//! How a pass ends that finds all written before: what is equal still, and what differs by now. Pure.

use super::drift::change_since;
use crate::api::conditions::{DRIFTED, reason};
use crate::api::workspace_migration::{Phase, WorkspaceMigrationStatus};
use crate::controllers::migration::verdict::LOOK_AGAIN;
use crate::controllers::runtime::draft::Draft;
use crate::controllers::runtime::outcome::Outcome;
use crate::controllers::runtime::words::counted;
use crate::k8s::conditions::ConditionStatus::True;
use crate::kong::model::entity_kind::Role;
use crate::kong::model::entity_kinds::of_role;
use crate::kong::plan::Planned;
use crate::migration::plan::{Action, Plan};

/// After completion nothing is written in mode Apply; a difference is told.
pub(super) fn watch(planned: &Planned, draft: &mut Draft<WorkspaceMigrationStatus>) -> Outcome {
    draft.status.phase = Some(Phase::Completed);
    let message = match change_since(planned) {
        Some((reason, words)) => {
            let message = format!("{words}. Change the spec, for example spec.throttle, to apply again.");
            draft.conditions.set(DRIFTED, True, reason, message.clone());
            message
        }
        None => {
            draft.conditions.remove(DRIFTED);
            equal(planned)
        }
    };
    Outcome::done(reason::COMPLETED, message).again_after(LOOK_AGAIN)
}

/// Mode Sync, and nothing has to be written: reading both sides has proven that they are equal.
pub(super) fn steady(planned: &Planned) -> Outcome {
    Outcome::done(reason::IN_SYNC, equal(planned))
}

/// How much is equal, and what stays behind.
fn equal(planned: &Planned) -> String {
    let plan = &planned.plan;
    let rest = match plan.count(Action::StaysBehind) {
        0 => String::new(),
        behind => format!(" {} behind.", counted(behind, "stays", "stay")),
    };
    format!(
        "{} of {} entities moved and verified.{rest}",
        plan.count(Action::Unchanged),
        plan.entities()
    )
}

/// True when the plan replaces a schema that the migration wrote: its ConfigMap, a part of the manifest, has changed since.
pub(super) fn has_new_schemas(plan: &Plan) -> bool {
    let Some(schemas) = of_role(Role::PluginSchema) else {
        return false;
    };
    let mut operations = plan.operations.iter();
    operations
        .any(|operation| operation.action == Action::Update && operation.subject.key.kind == schemas.name)
}

#[cfg(test)]
mod tests;
